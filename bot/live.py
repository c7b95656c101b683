"""What is known of one request only while it is being made: events, previews, the frames of its development.

Lives from a request's start to its end and is lost with the process; the database knows what must not be. Knows nothing
of engines and platforms: it is told.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.cards import State
from engine.domain import Event, Loading, Progress, Raster, Waiting
from storage.records import JobRow, PictureRow, RequestRow

LATE_S, LATE_SHARE = 5.0, 0.25  # an estimate is not called wrong for being out by this much
_FINISHING = "Drawn; it is being finished."
MAX_FRAMES = 24  # of a development: two seconds at twelve frames a second; a 64 x 64 preview is 12 KB


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Where a request is, put together from its jobs. Times are Unix seconds, `fraction` is in [0, 1]."""

    state: State
    sentence: str = ""
    position: int | None = None
    wait_s: float | None = None
    told_at_s: float = 0.0
    fraction: float | None = None
    is_overdue: bool = False


class Live:
    """One request while its jobs run. `changed` is called whenever there is news; `clock` gives Unix seconds."""

    def __init__(
        self,
        request: RequestRow,
        jobs: tuple[JobRow, ...],
        pictures: tuple[PictureRow, ...],
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.request = request
        self.jobs = jobs
        self.pictures = pictures
        self.trouble = ""  # why it waits that was begun already: the disk
        self._changed = changed
        self._clock = clock
        self._events: dict[str, Event] = {}
        self._began_s: dict[str, float] = {}
        self._heard_at_s = clock()
        self._promised_s: float | None = None  # when its turn should have come, by what was told last
        self._is_overdue = False
        self._finishing: set[str] = set()  # jobs that the engine, or nobody, has any more: their files are being made
        self._over: set[str] = set()
        self._previews: dict[tuple[str, int], Raster] = {}  # the newest: an event has those alone that are new in it
        self._frames: dict[tuple[str, int], list[Raster]] = {}
        self._strides: dict[tuple[str, int], tuple[int, int]] = {}  # keep every n-th preview; how many were skipped

    def hear(self, job_id: str, event: Event) -> None:
        """Take in what the engine says of a job."""
        self._events[job_id] = event
        self._heard_at_s = self._clock()
        if isinstance(event, Progress):
            self._began_s.setdefault(job_id, self._heard_at_s)
            for index, preview in event.previews.items():
                self._previews[job_id, index] = preview
                self._keep_frame((job_id, index), preview)
        self._promise()
        self._changed()

    def add(self, pictures: tuple[PictureRow, ...]) -> None:
        """These are there now."""
        self.pictures = (*self.pictures, *pictures)
        self._changed()

    def lost(self, job_id: str) -> None:
        """A worker had this job and has it no longer; it waits again."""
        self._events.pop(job_id, None)
        self._began_s.pop(job_id, None)
        self._previews = {which: preview for which, preview in self._previews.items() if which[0] != job_id}
        self._changed()

    @contextmanager
    def finishing(self, job_id: str) -> Iterator[None]:
        """While files are made of what a job gave. No news by itself: its end is near, and would wait for that edit."""
        self._finishing.add(job_id)
        try:
            yield
        finally:
            self._finishing.discard(job_id)
            self._over.add(job_id)

    @property
    def n_finishing(self) -> int:
        """Its jobs of which files are being made."""
        return len(self._finishing)

    @property
    def is_drawn(self) -> bool:
        """Whether all of it is drawn, and the files of some are still being made."""
        drawn = {job.id for job in self.jobs if job.id in self._finishing and not job.treatment}
        there = {picture.job for picture in self.pictures} | self._over
        return bool(drawn) and all(job.id in drawn or job.id in there for job in self.jobs)

    def waited_s(self, job_id: str) -> float | None:
        """Seconds from asking until a worker took the job; None if none has."""
        began_s = self._began_s.get(job_id)
        return None if began_s is None else max(0.0, began_s - self.request.created_s)

    def begun(self) -> frozenset[str]:
        """The jobs of which something has been drawn."""
        events = self._events.items()
        return frozenset(job_id for job_id, event in events if isinstance(event, Progress) and event.step > 0)

    @property
    def has_begun(self) -> bool:
        """Whether a worker has any of it."""
        return bool(self._began_s)

    def look_at_the_clock(self) -> None:
        """Notice that the wait which was told last has run out."""
        is_overdue = self._promised_s is not None and self._clock() > self._promised_s
        if is_overdue != self._is_overdue:
            self._is_overdue = is_overdue
            self._changed()

    def _promise(self) -> None:
        wait_s = min(
            (
                event.wait_s
                for event in self._events.values()
                if isinstance(event, Waiting) and event.wait_s is not None
            ),
            default=None,
        )
        self._promised_s = None
        if wait_s is not None and not self._began_s:
            self._promised_s = self._heard_at_s + wait_s * (1 + LATE_SHARE) + LATE_S
        self._is_overdue = False

    def frames(self, job_id: str, index: int) -> tuple[Raster, ...]:
        """The development of a picture as far as it was seen, noise first; at most MAX_FRAMES."""
        return tuple(self._frames.get((job_id, index), ()))

    def preview(self, job_id: str, index: int) -> Raster | None:
        """How a picture looks now."""
        return self._previews.get((job_id, index)) if isinstance(self._events.get(job_id), Progress) else None

    def told(self) -> Told:
        """Where the whole request is: drawing if any of it is, else loading, else waiting as its first job does."""
        running = [event for event in self._events.values() if isinstance(event, Progress)]
        if running:
            sentence = _FINISHING if self.is_drawn else ""
            told_at_s = self._heard_at_s
            return Told(state=State.DRAWING, sentence=sentence, fraction=self._fraction(), told_at_s=told_at_s)
        for event in self._events.values():
            if isinstance(event, Loading):
                sentence = f"Loading {event.model}: {event.doing}"
                return Told(state=State.LOADING, sentence=sentence, fraction=event.fraction, told_at_s=self._heard_at_s)
        waiting = [event for event in self._events.values() if isinstance(event, Waiting)]
        first = min(waiting, key=lambda event: event.position, default=None)
        return Told(
            state=State.DRAWING if self.pictures else State.WAITING,
            position=first.position if first else None,
            wait_s=first.wait_s if first and not self._is_overdue else None,
            is_overdue=self._is_overdue,
            fraction=self._fraction() if self.pictures else None,
            told_at_s=self._heard_at_s,
        )

    def _fraction(self) -> float:
        """Of all pictures: those that are there, and the steps of those that are being drawn."""
        n_pictures = sum(job.n_pictures for job in self.jobs)
        done = float(len(self.pictures))
        there = {picture.job for picture in self.pictures}
        for job in self.jobs:
            event = self._events.get(job.id)
            if job.id not in there and isinstance(event, Progress) and event.n_steps:
                done += job.n_pictures * event.step / event.n_steps
        return min(1.0, done / max(1, n_pictures))

    def _keep_frame(self, which: tuple[str, int], preview: Raster) -> None:
        """Every preview at first, then every second, fourth …, so that the whole way is seen in few frames."""
        frames = self._frames.setdefault(which, [])
        stride, skipped = self._strides.get(which, (1, 0))
        if frames and frames[-1] == preview:
            return
        if skipped + 1 < stride:
            self._strides[which] = (stride, skipped + 1)
            return
        frames.append(preview)
        if len(frames) > MAX_FRAMES:
            del frames[1::2]
            stride *= 2
        self._strides[which] = (stride, 0)

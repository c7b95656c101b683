"""The jobs that wait, and how each gets from there into a worker when its turn comes.

FairQueue says who is next and the Crew which worker may have more. A source picture is read now and not before, so
that ten thousand who wait hold no pixels. A job that is to be drawn alone takes a worker's place for itself at its
turn: nothing enters behind it, and it is sent when what was there before it has ended. Knows nothing of watchers, of
pauses, or of what becomes of a job.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from engine.cost import cost_of
from engine.crew import Crew, keep
from engine.domain import Failed, Job, Raster
from engine.errors import DarkroomError, UserError
from engine.fairness import FairQueue
from engine.messages import Draw
from engine.post import Post, Running
from engine.track import Track

ReadSource = Callable[[], Awaitable[Raster]]

_SOURCE_BROKE = "Something broke on our side while the source picture was read."


class Feeder:
    """Feeds the crew while `is_open`. `moved()` is told that the queue has; `failed` of a job that cannot be sent."""

    def __init__(
        self,
        crew: Crew,
        hang_grace_s: float,
        *,
        moved: Callable[[], None],
        failed: Callable[[Running, Failed], None],
    ) -> None:
        self.is_open = True
        self.queue = FairQueue()
        self.waiting: dict[str, Track] = {}
        self._crew = crew
        self._hang_grace_s = hang_grace_s
        self._moved = moved
        self._failed = failed
        self._sources: dict[str, ReadSource] = {}
        self._alone: set[str] = set()  # of those that wait
        self._held: list[tuple[Post, Running, ReadSource | None]] = []  # to be alone in a worker that still has others
        self._readings: set[asyncio.Task[None]] = set()

    def put_in(self, job: Job, source: ReadSource | None = None, *, alone: bool = False) -> None:
        """Let a job wait, behind the others of its owner; `alone`: no worker may have it beside another."""
        self.waiting[job.id] = Track(job)
        if source and job.lacks_source:
            self._sources[job.id] = source
        if alone:
            self._alone.add(job.id)
        self.queue.push(job.id, job.owner, cost_of(job.recipe, job.n_pictures))

    def take_out(self, job_id: str) -> Track:
        """Let it wait no more."""
        self.queue.remove(job_id)
        self._sources.pop(job_id, None)
        self._alone.discard(job_id)
        return self.waiting.pop(job_id)

    def feed(self) -> None:
        """Give jobs to workers while they may have more."""
        if self.is_open:
            self._release()
        while self.is_open and self.queue and (post_and_job := self._next()):
            self._give(*post_and_job)
            self._moved()

    def take_back(self) -> list[Running]:
        """Those that workers were to have and have not heard of: a source is being read, or others are to end first."""
        taken: list[Running] = []
        for post in self._crew.posts:
            unsent = [running for running in post.jobs.values() if not running.is_sent]
            for running in unsent:
                del post.jobs[running.job.id]
            taken += unsent
        return taken

    async def close(self) -> None:
        """Wait until no source is read any more; whoever closes has cancelled the readings."""
        await asyncio.gather(*self._readings, return_exceptions=True)

    def _next(self) -> tuple[Post, str] | None:
        """The next job and the worker for it.

        A newcomer enters also past full windows: a worker shares its steps between owners, so the newcomer waits for
        steps, and not for the jobs of whoever filled the windows.
        """
        with_turn = self._crew.with_a_turn()
        posts = with_turn or self._crew.with_a_seat()
        if not posts:
            return None
        job_id = self.queue.pop(outside=frozenset() if with_turn else self._crew.owners())
        return None if job_id is None else (self._crew.best(posts, self.waiting[job_id].job.recipe.model), job_id)

    def _give(self, post: Post, job_id: str) -> None:
        """Give a job to a worker; its place there is taken at once, also while its source is still to be read."""
        running = Running(self.waiting.pop(job_id), _nothing_to_disarm, is_alone=job_id in self._alone)
        self._alone.discard(job_id)
        self._crew.take(post, running)
        source = self._sources.pop(job_id, None)
        if running.is_alone and len(post.jobs) > 1:
            self._held.append((post, running, source))
        else:
            self._begin(post, running, source)

    def _release(self) -> None:
        """Begin with those that have a worker for themselves by now; forget those that left it, or that it left."""
        held, self._held = self._held, []
        for post, running, source in held:
            if post.jobs.get(running.job.id) is not running:
                continue
            if len(post.jobs) > 1:
                self._held.append((post, running, source))
            else:
                self._begin(post, running, source)

    def _begin(self, post: Post, running: Running, source: ReadSource | None) -> None:
        """Send it, once its source is read."""
        if source is None:
            self._send(post, running, running.job)
            return
        reading = keep(self._read(post, running, source), f"source of {running.job.id}")
        running.disarm = reading.cancel
        self._readings.add(reading)
        reading.add_done_callback(self._readings.discard)

    async def _read(self, post: Post, running: Running, source: ReadSource) -> None:
        failed = Failed(sentence=_SOURCE_BROKE, their_fault=False)
        try:
            self._send(post, running, replace(running.job, source=await source()))
        except DarkroomError as exc:
            failed = Failed(sentence=str(exc), their_fault=isinstance(exc, UserError))
        finally:
            if not running.is_sent and post.jobs.get(running.job.id) is running:  # neither cancelled nor lost meanwhile
                del post.jobs[running.job.id]
                self._failed(running, failed)

    def _send(self, post: Post, running: Running, job: Job) -> None:
        after_s = job.deadline_s + self._hang_grace_s
        cause = f"The worker hangs: it had not answered about job {job.id} after {after_s:g} seconds."
        timer = asyncio.get_running_loop().call_later(after_s, self._crew.kill, post, cause)
        running.is_sent, running.disarm = True, timer.cancel
        self._crew.send(post, Draw(job=job))


def _nothing_to_disarm() -> None:
    """A job that neither is read nor was sent."""

"""One worker as the engine sees it: what it is, which jobs it has, and whether it may have more.

Bookkeeping only: knows nothing of pipes, processes or the queue.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

import structlog

from engine.cost import SpeedBook, cost_of
from engine.domain import Cancelled, Done, Failed, Job, Loading, Outcome, Picture, Progress
from engine.errors import ProtocolError
from engine.forecast import Load
from engine.messages import (
    Broke,
    Drawn,
    Drew,
    Finished,
    FromWorker,
    Heartbeat,
    Loaded,
    LoadFailed,
    LoadingModel,
    Ready,
    Ticked,
    WasCancelled,
)
from engine.pulse import Pulse
from engine.track import Track

_MIN_WINDOW_ROWS = 4  # two guided pictures: one that runs and one that is there when it ends

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class WorkerState(StrEnum):
    """Where a worker is in its life."""

    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(slots=True)
class Running:
    """A job that a worker has, or will have once its source is read (`is_sent`).

    `disarm` stops whatever goes on outside for its sake: that reading, or the clock that would declare the worker hung.
    `is_alone`: the worker may have nothing else while it has this one.
    """

    track: Track
    disarm: Callable[[], object]
    is_alone: bool = False
    is_sent: bool = False
    step: int = 0
    cancel_asked: bool = False
    pictures: dict[int, Picture] = field(default_factory=dict)

    @property
    def job(self) -> Job:
        """The job as it was submitted."""
        return self.track.job

    @property
    def n_steps(self) -> int:
        """Steps over all pictures, as told to the person before the worker counts them itself."""
        return self.job.recipe.evaluations_at_most * self.job.n_pictures

    @property
    def share_left(self) -> float:
        """How much of it is still to do, from 1 down to 0."""
        latest = self.track.latest
        n_steps = latest.n_steps if isinstance(latest, Progress) else self.n_steps
        return max(0.0, 1 - self.step / max(1, n_steps))

    def take(self, drawn: Drawn) -> None:
        """Keep a finished picture. Raises: ProtocolError if the job asked for no such picture."""
        job, raster = self.job, drawn.raster
        size = (job.recipe.width_px, job.recipe.height_px)
        if drawn.index not in range(job.n_pictures) or drawn.index in self.pictures:
            raise ProtocolError(f"It drew picture {drawn.index} of job {job.id}, which was not asked for.")
        if (raster.width_px, raster.height_px) != size:
            raise ProtocolError(
                f"It drew job {job.id} at {raster.width_px}x{raster.height_px}, not {size[0]}x{size[1]}."
            )
        self.pictures[drawn.index] = Picture(index=drawn.index, recipe=job.recipe_of(drawn.index), raster=raster)

    def finished_pictures(self) -> tuple[Picture, ...]:
        """All pictures in order. Raises: ProtocolError if one is missing."""
        if len(self.pictures) != self.job.n_pictures:
            raise ProtocolError(
                f"It finished job {self.job.id} with {len(self.pictures)} of {self.job.n_pictures} pictures."
            )
        return tuple(self.pictures[index] for index in sorted(self.pictures))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """A worker at one moment, for people who look after it. What only a ready worker knows is None or empty before."""

    asked_device: str
    state: WorkerState
    ready: Ready | None
    heartbeat: Heartbeat | None
    models: tuple[str, ...]
    n_jobs: int
    n_rows: int
    window_rows: int
    row_cap: int | None
    n_losses: int
    last_loss: str
    pause_s: float | None


class Post:
    """A worker's place in the engine; it outlives the processes that fill it, one after the other.

    A window of rows bounds how far ahead a worker is fed: enough for the batch that runs and the one behind it, so that
    the device never waits, and little enough that the order is decided as late as possible.
    """

    def __init__(self, asked_device: str, first_window_rows: int, pulse: Pulse) -> None:
        self.asked_device = asked_device
        self.pulse = pulse
        self.jobs: dict[str, Running] = {}
        self.state = WorkerState.STARTING
        self.ready: Ready | None = None
        self.heartbeat: Heartbeat | None = None
        self.models: dict[str, float] = {}  # what it loaded and the seconds that took, newest last
        self.row_cap: int | None = None
        self.n_losses = 0
        self.last_loss = ""
        self.pause_s: float | None = None
        self._first_window_rows = first_window_rows

    @property
    def window_rows(self) -> int:
        """Rows it may have before it gets no more: the running batch and one behind it."""
        return self._first_window_rows if self.row_cap is None else max(2 * self.row_cap, _MIN_WINDOW_ROWS)

    @property
    def n_rows(self) -> int:
        """Rows of the jobs that it has."""
        return sum(running.job.recipe.n_rows * running.job.n_pictures for running in self.jobs.values())

    @property
    def is_ready(self) -> bool:
        """Whether there is a process that takes jobs."""
        return self.state is WorkerState.READY

    @property
    def is_coming(self) -> bool:
        """Whether there will be one, unasked."""
        return self.state in (WorkerState.STARTING, WorkerState.RESTARTING)

    @property
    def is_reserved(self) -> bool:
        """Whether one of its jobs, sent or still to be sent, is to be drawn alone."""
        return any(running.is_alone for running in self.jobs.values())

    @property
    def owners(self) -> frozenset[str]:
        """Whose jobs it has."""
        return frozenset(running.job.owner for running in self.jobs.values())

    @property
    def rest_cost(self) -> float:
        """The cost that it still has to work off."""
        return sum(cost_of(has.job.recipe, has.job.n_pictures) * has.share_left for has in self.jobs.values())

    def rest_s(self, speeds: SpeedBook) -> float | None:
        """Seconds until it has worked that off, or None if nothing can be estimated."""
        loads = self.loads(speeds)
        return None if loads is None else sum(load.seconds for load in loads)

    def loads(self, speeds: SpeedBook) -> list[Load] | None:
        """What it has, oldest first, as a forecast sees it, or None if nothing can be estimated."""
        loads: list[Load] = []
        for has in self.jobs.values():
            seconds = speeds.expect_s(has.job.recipe, has.job.n_pictures)
            if seconds is None:
                return None
            loads.append(Load(has.job.owner, has.job.recipe.n_rows * has.job.n_pictures, seconds * has.share_left))
        return loads

    def hangs_after_s(self) -> float | None:
        """How long it may stand still with what it has, or None if that is not known."""
        return self.pulse.bound_s((running.job.recipe for running in self.jobs.values()), self.n_rows)

    def knows(self, model: str) -> bool:
        """Whether it has loaded this model, or will have for a job that it has."""
        return model in self.models or any(has.job.recipe.model == model for has in self.jobs.values())

    def take(self, running: Running) -> None:
        """Have one more job."""
        assert running.job.id not in self.jobs
        self.jobs[running.job.id] = running
        running.track.tell(Progress(step=0, n_steps=running.n_steps, previews={}))

    def hear(self, message: FromWorker) -> tuple[Running, Outcome] | None:
        """Take in what the worker said. Returns the job that has ended by it, if one has.

        Raises: ProtocolError if it cannot be true.
        """
        match message:
            case Ready():
                self.state, self.ready, self.pause_s = WorkerState.READY, message, None
            case Heartbeat():
                self.heartbeat = message
            case LoadingModel():
                self._tell_loading(message)
            case Loaded():
                self.models.pop(message.model, None)
                self.models[message.model] = message.seconds
                log.info("model loaded", model=message.model, seconds=message.seconds, device=self.asked_device)
            case LoadFailed():
                log.warning("model cannot be loaded", model=message.model, reason=message.sentence)
            case Ticked():
                self._take_step(message)
            case Drawn():
                self._job(message.job_id).take(message)
            case Finished():
                return self._finish(message)
            case _:
                assert_never(message)
        return None

    def vacated(self, state: WorkerState) -> list[Running]:
        """The process is gone, or is told to go: forget what it was. Returns the jobs that it had."""
        lost = list(self.jobs.values())
        self.jobs.clear()
        self.models.clear()
        self.ready = self.heartbeat = self.row_cap = self.pause_s = None
        self.state = state
        return lost

    def note_loss(self, reason: str, pause_s: float) -> None:
        """It was not meant to go, and comes back after a pause."""
        self.n_losses += 1
        self.last_loss = reason
        self.pause_s = pause_s

    def status(self) -> WorkerStatus:
        """What can be told about it now."""
        return WorkerStatus(
            asked_device=self.asked_device,
            state=self.state,
            ready=self.ready,
            heartbeat=self.heartbeat,
            models=tuple(self.models),
            n_jobs=len(self.jobs),
            n_rows=self.n_rows,
            window_rows=self.window_rows,
            row_cap=self.row_cap,
            n_losses=self.n_losses,
            last_loss=self.last_loss,
            pause_s=self.pause_s,
        )

    def _job(self, job_id: str) -> Running:
        if job_id not in self.jobs:
            raise ProtocolError(f"It spoke of job {job_id}, which it has not got.")
        return self.jobs[job_id]

    def _tell_loading(self, loading: LoadingModel) -> None:
        event = Loading(model=loading.model, fraction=loading.fraction, doing=loading.doing)
        for running in self.jobs.values():
            if running.job.recipe.model == loading.model and running.step == 0:
                running.track.tell(event)

    def _take_step(self, ticked: Ticked) -> None:
        self.row_cap = ticked.row_cap
        for step in ticked.jobs:
            running = self._job(step.job_id)
            running.step = step.step
            running.track.tell(Progress(step=step.step, n_steps=step.n_steps, previews=step.previews))

    def _finish(self, finished: Finished) -> tuple[Running, Outcome]:
        running = self._job(finished.job_id)
        outcome = _outcome(running, finished.result)
        running.disarm()
        del self.jobs[finished.job_id]
        if isinstance(outcome, Done):
            self.pulse.prove(running.job.recipe)
        return running, outcome


def _outcome(running: Running, result: Drew | WasCancelled | Broke) -> Outcome:
    match result:
        case Drew(gpu_s=gpu_s):
            return Done(pictures=running.finished_pictures(), gpu_s=gpu_s)
        case WasCancelled():
            return Cancelled()
        case Broke(sentence=sentence, their_fault=their_fault, detail=detail):
            log.info("job failed", job=running.job.id, sentence=sentence, their_fault=their_fault, detail=detail)
            return Failed(sentence=sentence, their_fault=their_fault)
        case _:
            assert_never(result)

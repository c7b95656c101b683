"""The engine: takes jobs, decides whose is next, has workers draw them, tells what happens, and learns what it costs.

The Feeder gets jobs from the queue to the Crew, a Track is what is told of one, Positions what those hear who wait,
SpeedBook how long it takes; here they meet. Reports every end of a job exactly once and retries nothing: that is
the desk's to decide. Knows nothing of chats, databases or torch.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog

from engine.cost import SpeedBook
from engine.crew import Crew, keep
from engine.domain import Cancelled, Done, Event, Job, Lost, Outcome, Recipe
from engine.errors import EngineError, UserError
from engine.feeder import Feeder, ReadSource
from engine.forecast import Desk, Load
from engine.messages import Cancel, Drawn, FromWorker, LoadingModel, Ready
from engine.positions import Positions
from engine.post import Post, Running, WorkerState, WorkerStatus
from engine.process import MakeProcess, WorkerProcess
from engine.settings import EngineSettings
from engine.track import Track

__all__ = ["Engine", "EngineSettings", "EngineStatus", "ReadSource"]

_CLOSED = "The engine was closed."
_PAUSED = "The engine was paused."
_HELD_BACK = "The engine feeds no more."
_NEWCOMER = "\0newcomer"  # no job's id

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """The engine at one moment. `waiting_cost` is in standard pictures."""

    n_waiting: int
    n_running: int
    waiting_cost: float
    workers: tuple[WorkerStatus, ...]
    is_paused: bool = False


class Engine:
    """Draws the jobs it is given. Use from one event loop: `start`, then the rest in any order, `close` in the end.

    `make_process`: a stand-in for worker processes, for a simulation on a clock of its own.
    """

    def __init__(
        self,
        settings: EngineSettings,
        speeds: SpeedBook | None = None,
        make_process: MakeProcess = WorkerProcess,
    ) -> None:
        self.speeds = SpeedBook() if speeds is None else speeds
        self._settings = settings
        self._finished: dict[str, Track] = {}  # outcomes that nobody has seen, oldest first
        self._crew = Crew(settings, self.speeds, make_process, said=self._hear, lost=self._lose)
        self._feeder = Feeder(self._crew, settings.hang_grace_s, moved=self._note_move, failed=self._account)
        self._positions = Positions(self._feeder.queue, self._feeder.waiting, self._desks, self._load_of)
        self._first_ready: asyncio.Future[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._is_closed = False
        self._is_paused = False
        self._gives_up = False  # if no worker ever was ready

    # Its life

    async def start(self, *, paused: bool = False) -> None:
        """Start the workers; returns when the first is ready. What is lost later is restarted in the background.

        If it is paused, returns at once, and the workers are started by `resume`.

        Raises: EngineError if every worker ended before one was ready; the engine is closed then.
        """
        self._gives_up = True
        self.begin(paused=paused)
        try:
            await self.ready()
        except EngineError:
            await self.close()
            raise

    def begin(self, *, paused: bool = False) -> None:
        """Start the workers, for whoever does not wait for them: one that ends is tried again, for ever.

        Raises: EngineError if no device is named.
        """
        if not self._settings.devices:
            raise EngineError("No device to draw on is named in the settings.")
        self._is_paused = self._is_paused or paused
        self._feeder.is_open = not self._is_paused
        self._first_ready = asyncio.get_running_loop().create_future()
        self._telling = keep(self._positions.keep_telling(), "positions")
        for device in self._settings.devices:
            self._crew.hire(device, paused=self._is_paused)
        if self._is_paused:
            self._first_ready.set_result(None)

    async def ready(self) -> None:
        """Wait until a worker was ready for the first time, or was not to be: since `begin`, or until a pause.

        Raises: EngineError if the engine is closed before, or gives up.
        """
        assert self._first_ready, "the engine was not begun"
        await asyncio.shield(self._first_ready)

    async def pause(self) -> None:
        """End the workers' processes and feed nothing until `resume`; returns when the devices are free.

        What they were drawing ends as Lost with `is_ours`. Jobs may still be submitted, and wait. Again does nothing.
        """
        self._is_paused, self._feeder.is_open = True, False
        if self._first_ready and not self._first_ready.done():
            self._first_ready.set_result(None)
        for post in self._crew.posts:
            if post.state is not WorkerState.CLOSED:
                self._end_all(post.vacated(WorkerState.PAUSED), Lost(reason=_PAUSED, is_ours=True))
        self._positions.moved()
        await self._crew.pause()

    def resume(self) -> None:
        """Start the workers again, without a back-off, and feed them; also ends `hold_back`. Again does nothing."""
        if self._is_closed:
            return
        self._is_paused, self._feeder.is_open = False, True
        self._crew.resume()
        self._feeder.feed()
        self._positions.moved()

    def hold_back(self) -> None:
        """Let the running jobs go on, and feed no more until `resume`.

        A job whose source is just being read is not in a worker yet: it ends as Lost with `is_ours`.
        """
        self._feeder.is_open = False
        self._end_all(self._feeder.take_back(), Lost(reason=_HELD_BACK, is_ours=True))
        self._positions.moved()

    @property
    def is_paused(self) -> bool:
        """Whether `pause` was asked for and `resume` was not."""
        return self._is_paused

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called, or no worker came up at the start: nothing is drawn here any more."""
        return self._is_closed

    async def close(self) -> None:
        """End all workers; jobs that are not finished end as Lost. Again does nothing more."""
        self._is_closed, self._feeder.is_open = True, False
        if self._telling:
            self._telling.cancel()
        if self._first_ready and not self._first_ready.done():
            self._fail_to_start(_CLOSED)
        for post in self._crew.posts:
            self._end_all(post.vacated(WorkerState.CLOSED), Lost(reason=_CLOSED, is_ours=True))
        for job_id in self._feeder.queue.order():
            self._end(self._feeder.take_out(job_id), Lost(reason=_CLOSED, is_ours=True))
        await self._crew.close()
        await self._feeder.close()
        if self._telling:
            await asyncio.wait([self._telling])

    # Jobs

    async def submit(self, job: Job, source: ReadSource | None = None, *, alone: bool = False) -> None:
        """Put a job into the queue. Its owner's jobs are drawn in the order in which they were submitted.

        `source` reads the pixels that the recipe names when the job's turn comes; if that fails, the job is Failed
        with the error's sentence. `alone`: a worker that has it has no other, so that what happens to the worker then
        is this job's doing.

        Raises: UserError if a job of this id is unfinished here, or lacks its pixels and a way to read them;
        EngineError if the engine is closed.
        """
        if self._is_closed:
            raise EngineError(_CLOSED)
        if job.id in self._feeder.waiting or self._crew.find(job.id):
            raise UserError(f"The job {job.id} is already here.")
        if job.lacks_source and source is None:
            raise UserError("A recipe with a source needs the source's pixels.")
        self._finished.pop(job.id, None)
        self._feeder.put_in(job, source, alone=alone)
        self._positions.moved()
        self._feeder.feed()

    def watch(self, job_id: str) -> AsyncIterator[Event]:
        """Tell about a job: its present state, each change, and last its one Outcome.

        States that a slow watcher misses are merged into the next one. `Waiting.wait_s` is until the job's turn comes;
        `Progress` at step 0 means that a worker has it. The outcome of a finished job is kept until one watcher has
        had it.

        Raises: UserError for an id that is not here.
        """
        return self._watch(self._find(job_id))

    def has(self, job_id: str) -> bool:
        """Whether this job waits here, or a worker has it."""
        return job_id in self._feeder.waiting or self._crew.find(job_id) is not None

    def present(self, job_id: str) -> Event | None:
        """Where a job is at this moment, without watching it; None for one that is not here.

        Takes up to some ms deep in a long queue: for somebody who asks, not for everybody.
        """
        if job_id in self._feeder.waiting:
            return self._positions.present(job_id)
        at = self._crew.find(job_id)
        return at[1].track.latest if at else None

    async def result(self, job_id: str) -> Outcome:
        """Wait for a job's end. Raises: UserError for an id that is not here."""
        track = self._find(job_id)
        outcome = await track.outcome()
        self._forget(track)
        return outcome

    async def cancel(self, job_id: str) -> bool:
        """Take a job back: at once while it waits, between two steps while it is drawn. False if it is not here.

        The outcome says what became of it: a job that was just being finished may still be Done.
        """
        if job_id in self._feeder.waiting:
            self._end(self._feeder.take_out(job_id), Cancelled())
            self._positions.moved()
            return True
        if at := self._crew.find(job_id):
            post, running = at
            if running.is_sent:
                running.cancel_asked = True
                self._crew.send(post, Cancel(job_id=job_id))
            else:
                running.disarm()
                del post.jobs[job_id]
                self._account(running, Cancelled())
            return True
        return False

    def wait_for_newcomer_s(self, owner: str, recipe: Recipe, n_pictures: int = 1) -> float | None:
        """Seconds until a worker would take this request if it were submitted now; None if nobody can know."""
        if not self._feeder.is_open:
            return None
        if self._crew.with_a_turn() or (self._crew.with_a_seat() and owner not in self._crew.owners()):
            return 0.0
        job = Job(id=_NEWCOMER, owner=owner, recipe=recipe, n_pictures=n_pictures)
        self._feeder.put_in(job)
        try:
            return self._positions.wait_s(job.id)
        finally:
            self._feeder.take_out(job.id)

    def status(self) -> EngineStatus:
        """The queue and the workers at this moment."""
        return EngineStatus(
            n_waiting=len(self._feeder.queue),
            n_running=self._crew.n_jobs,
            waiting_cost=self._feeder.queue.cost,
            workers=tuple(post.status() for post in self._crew.posts),
            is_paused=self._is_paused,
        )

    # Watching

    def _find(self, job_id: str) -> Track:
        if at := self._crew.find(job_id):
            return at[1].track
        track = self._feeder.waiting.get(job_id) or self._finished.get(job_id)
        if track is None:
            raise UserError(f"There is no job {job_id} here.")
        return track

    async def _watch(self, track: Track) -> AsyncIterator[Event]:
        if track.job.id in self._feeder.waiting:
            self._positions.want(track.job.id)
        async with aclosing(track.watch()) as events:
            async for event in events:
                if isinstance(event, Outcome):
                    self._forget(track)
                yield event

    def _forget(self, track: Track) -> None:
        if self._finished.get(track.job.id) is track:
            del self._finished[track.job.id]

    def _desks(self) -> list[Desk] | None:
        return self._crew.desks() if self._feeder.is_open else None

    def _note_move(self) -> None:
        self._positions.moved()  # the feeder is there before the positions are

    def _load_of(self, track: Track) -> Load | None:
        return self._crew.load(track.job.owner, track.job.recipe, track.job.n_pictures)

    # Endings

    def _end(self, track: Track, outcome: Outcome) -> None:
        """The one way in which a job ends."""
        track.tell(outcome)
        self._finished[track.job.id] = track
        while len(self._finished) > self._settings.kept_outcomes:  # they hold pixels
            del self._finished[next(iter(self._finished))]

    def _end_all(self, lost: list[Running], outcome: Lost) -> None:
        """A worker has gone. A job that was to be cancelled is cancelled; the others may be submitted again."""
        for running in lost:
            running.disarm()
            is_ours = outcome.is_ours or not running.is_sent
            self._end(running.track, Cancelled() if running.cancel_asked else replace(outcome, is_ours=is_ours))

    def _account(self, running: Running, outcome: Outcome) -> None:
        job = running.job
        if isinstance(outcome, Done):
            self.speeds.learn(job.recipe, job.n_pictures, outcome.gpu_s)
        self._end(running.track, outcome)
        if not self._crew.n_jobs:
            self._feeder.queue.forgive()
        self._positions.moved()
        self._feeder.feed()

    # What workers say

    def _hear(self, post: Post, message: FromWorker) -> None:
        """Take in what a worker said, in order. Raises: ProtocolError, upon which the worker is killed."""
        if self._is_closed:
            return
        ended = post.hear(message)
        if isinstance(message, Drawn | LoadingModel):
            return
        if ended:
            self._account(*ended)
        if isinstance(message, Ready):
            self._welcome(message)
        self._feeder.feed()  # also after a heartbeat: a full pipe may have room again

    def _welcome(self, ready: Ready) -> None:
        if self._settings.devices == ("auto",) and len(self._crew.posts) == 1:
            self._crew.hire_others(ready)
        assert self._first_ready
        if not self._first_ready.done():
            self._first_ready.set_result(None)

    def _lose(self, post: Post, reason: str, pause_s: float | None) -> None:
        """A worker has ended that was not asked to."""
        if pause_s is None or post.state in (WorkerState.CLOSED, WorkerState.PAUSED):
            return
        self._end_all(post.vacated(WorkerState.RESTARTING), Lost(reason=reason))
        post.note_loss(reason, pause_s)
        log.warning("worker lost", device=post.asked_device, reason=reason, restart_in_s=pause_s)
        assert self._first_ready
        if self._gives_up and not self._first_ready.done() and all(each.n_losses for each in self._crew.posts):
            self._fail_to_start(reason)
        self._positions.moved()

    def _fail_to_start(self, reason: str) -> None:
        assert self._first_ready
        self._first_ready.set_exception(EngineError(reason))
        self._first_ready.exception()  # that nobody waits for it is no error

"""The engine: takes jobs, decides whose is next, has workers draw them, tells what happens, and learns what it costs.

FairQueue says who is next, a Post which worker may have more, a Track what is told, SpeedBook how long it takes; here
they meet. Reports every end of a job exactly once and retries nothing: that is the desk's to decide. Knows nothing of
chats, databases or torch.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field

import structlog

from engine.cost import SpeedBook, cost_of
from engine.domain import Cancelled, Done, Event, Job, Lost, Outcome, Waiting
from engine.errors import EngineError, UserError
from engine.fairness import FairQueue
from engine.messages import Cancel, Draw, Drawn, FromWorker, Load, LoadingModel, Ready
from engine.post import Post, Running, WorkerState, WorkerStatus
from engine.process import ProcessSettings
from engine.supervisor import Backoff, Supervisor
from engine.track import Track

_POSITIONS_EVERY_S = 0.25  # chats take about one edit a second
_POSITIONS_AT_ONCE = (
    500  # telling one, and waking its watcher, takes about 25 us: the event loop stands still for 12 ms
)
_CLOSED = "The engine was closed."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How the engine runs. Seconds unless the name says otherwise.

    `worker_command` gets `--device` and `--idle-unload-s` appended; None is our own worker. `devices`: a worker each;
    "auto" alone means the best there is, and a worker for every card if it is cards. `idle_unload_s` 0 keeps models
    for ever. `hang_grace_s` comes on top of a job's own deadline before its worker counts as hung: one step of a large
    model on a CPU takes up to 20 s, and a worker looks at deadlines between steps.
    """

    worker_command: tuple[str, ...] | None = None
    devices: tuple[str, ...] = ("auto",)
    preload: str | None = None
    idle_unload_s: float = 900.0
    ready_deadline_s: float = 180.0
    heartbeat_timeout_s: float = 15.0
    close_grace_s: float = 2.0
    hang_grace_s: float = 120.0
    backoff: Backoff = field(default_factory=Backoff)
    first_window_rows: int = 16  # two batches of 8 rows, until the worker says what pays
    most_jobs_in_worker: int = 64
    kept_outcomes: int = 64

    def process(self, device: str) -> ProcessSettings:
        """How to run a worker for this device."""
        command = self.worker_command or (sys.executable, "-m", "engine.worker")
        return ProcessSettings(
            command=(*command, "--device", device, "--idle-unload-s", f"{self.idle_unload_s:g}"),
            ready_deadline_s=self.ready_deadline_s,
            heartbeat_timeout_s=self.heartbeat_timeout_s,
            close_grace_s=self.close_grace_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """The engine at one moment. `waiting_cost` is in standard pictures."""

    n_waiting: int
    n_running: int
    waiting_cost: float
    workers: tuple[WorkerStatus, ...]


class Engine:
    """Draws the jobs it is given. Use from one event loop: `start`, then the rest in any order, `close` in the end."""

    def __init__(self, settings: EngineSettings, speeds: SpeedBook | None = None) -> None:
        self.speeds = speeds or SpeedBook()
        self._settings = settings
        self._queue = FairQueue()
        self._waiting: dict[str, Track] = {}
        self._finished: dict[str, Track] = {}  # outcomes that nobody has seen, oldest first
        self._posts: list[Post] = []
        self._supervisors: dict[Post, Supervisor] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._first_ready: asyncio.Future[None] | None = None
        self._queue_moved = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        self._is_closed = False

    async def start(self) -> None:
        """Start the workers; returns when the first is ready. What is lost later is restarted in the background.

        Raises: EngineError if every worker ended before one was ready; the engine is closed then.
        """
        if not self._settings.devices:
            raise EngineError("No device to draw on is named in the settings.")
        self._first_ready = asyncio.get_running_loop().create_future()
        self._telling = self._keep(self._keep_telling_positions(), "positions")
        for device in self._settings.devices:
            self._hire(device)
        try:
            await self._first_ready
        except EngineError:
            await self.close()
            raise

    async def submit(self, job: Job) -> None:
        """Put a job into the queue. Its owner's jobs are drawn in the order in which they were submitted.

        Raises: UserError if a job of this id is unfinished here; EngineError if the engine is closed.
        """
        if self._is_closed:
            raise EngineError(_CLOSED)
        if job.id in self._waiting or self._running(job.id):
            raise UserError(f"The job {job.id} is already here.")
        self._finished.pop(job.id, None)
        self._waiting[job.id] = Track(job)
        self._queue.push(job.id, job.owner, cost_of(job.recipe, job.n_pictures))
        self._queue_moved.set()
        self._feed()

    def watch(self, job_id: str) -> AsyncIterator[Event]:
        """Tell about a job: its present state, each change, and last its one Outcome.

        States that a slow watcher misses are merged into the next one. `Waiting.wait_s` is until the job's turn comes;
        `Progress` at step 0 means that a worker has it. The outcome of a finished job is kept until one watcher has
        had it.

        Raises: UserError for an id that is not here.
        """
        return self._watch(self._find(job_id))

    async def result(self, job_id: str) -> Outcome:
        """Wait for a job's end. Raises: UserError for an id that is not here."""
        track, seen = self._find(job_id), 0
        while True:
            event, seen = await track.after(seen)
            if isinstance(event, Outcome):
                self._forget(track)
                return event

    async def cancel(self, job_id: str) -> bool:
        """Take a job back: at once while it waits, between two steps while it is drawn. False if it is not here.

        The outcome says what became of it: a job that was just being finished may still be Done.
        """
        if track := self._waiting.pop(job_id, None):
            self._queue.remove(job_id)
            self._end(track, Cancelled())
            self._queue_moved.set()
            return True
        if at := self._running(job_id):
            post, running = at
            running.cancel_asked = True
            self._supervisors[post].process.send(Cancel(job_id=job_id))
            return True
        return False

    async def close(self) -> None:
        """End all workers; jobs that are not finished end as Lost. Again does nothing more."""
        self._is_closed = True
        if self._telling:
            self._telling.cancel()
        if self._first_ready and not self._first_ready.done():
            self._first_ready.set_exception(EngineError(_CLOSED))
        for post, supervisor in self._supervisors.items():
            self._lose(post, _CLOSED, None)
            supervisor.close()
        for job_id in self._queue.order():
            self._queue.remove(job_id)
            self._end(self._waiting.pop(job_id), Lost(reason=_CLOSED))
        await asyncio.gather(*self._tasks, return_exceptions=True)  # their crashes were logged

    def status(self) -> EngineStatus:
        """The queue and the workers at this moment."""
        return EngineStatus(
            n_waiting=len(self._queue),
            n_running=sum(len(post.jobs) for post in self._posts),
            waiting_cost=sum(cost_of(track.job.recipe, track.job.n_pictures) for track in self._waiting.values()),
            workers=tuple(post.status() for post in self._posts),
        )

    # Watching

    def _find(self, job_id: str) -> Track:
        if at := self._running(job_id):
            return at[1].track
        track = self._waiting.get(job_id) or self._finished.get(job_id)
        if track is None:
            raise UserError(f"There is no job {job_id} here.")
        return track

    async def _watch(self, track: Track) -> AsyncIterator[Event]:
        seen = 0
        while True:
            event, seen = await track.after(seen)
            if isinstance(event, Outcome):
                self._forget(track)
                yield event
                return
            yield event

    def _forget(self, track: Track) -> None:
        if self._finished.get(track.job.id) is track:
            del self._finished[track.job.id]

    def _end(self, track: Track, outcome: Outcome) -> None:
        """The one way in which a job ends."""
        track.tell(outcome)
        self._finished[track.job.id] = track
        while len(self._finished) > self._settings.kept_outcomes:  # they hold pixels
            del self._finished[next(iter(self._finished))]

    # Feeding

    def _feed(self) -> None:
        """Send jobs to workers while they may have more."""
        while self._queue and (post_and_track := self._next()):
            self._send(*post_and_track)
            self._queue_moved.set()

    def _next(self) -> tuple[Post, Track] | None:
        """The next job and the worker for it.

        A newcomer enters also past full windows: a worker shares its steps between owners, so the newcomer waits for
        steps, and not for the jobs of whoever filled the windows.
        """
        with_seat = [post for post in self._posts if self._has_a_seat(post)]
        if not with_seat:
            return None
        with_room = [post for post in with_seat if post.n_rows < post.window_rows]
        inside = frozenset[str]() if with_room else frozenset().union(*(post.owners for post in self._posts))
        job_id = self._queue.pop(outside=inside)
        if job_id is None:
            return None
        track = self._waiting.pop(job_id)
        return self._best(with_room or with_seat, track.job.recipe.model), track

    def _best(self, posts: list[Post], model: str) -> Post:
        """The worker that is free first, the time to load the model included; by cost alone until times are known."""
        rests_s = {post: post.rest_s(self.speeds) for post in posts}
        are_known = None not in rests_s.values()
        loading_s = max(post.models.get(model, 0.0) for post in self._posts)

        def delay(post: Post) -> tuple[float, float, bool]:
            lacks = not post.knows(model)
            free_in_s = (rests_s[post] or 0.0) + lacks * loading_s if are_known else 0.0
            return free_in_s, post.rest_cost, lacks

        return min(posts, key=delay)

    def _has_a_seat(self, post: Post) -> bool:
        takes_more = post.is_ready and self._supervisors[post].process.takes_more
        return takes_more and len(post.jobs) < self._settings.most_jobs_in_worker

    def _send(self, post: Post, track: Track) -> None:
        job = track.job
        hung_after_s = job.deadline_s + self._settings.hang_grace_s
        timer = asyncio.get_running_loop().call_later(hung_after_s, self._declare_hung, post, job.id, hung_after_s)
        post.take(Running(track, timer.cancel))
        self._supervisors[post].process.send(Draw(job=job))

    def _declare_hung(self, post: Post, job_id: str, after_s: float) -> None:
        cause = f"The worker hangs: it had not answered about job {job_id} after {after_s:g} seconds."
        self._supervisors[post].process.kill(cause)

    # Positions

    async def _keep_telling_positions(self) -> None:
        """Whenever the queue has moved: at once after a quiet time, else a little later and in one go."""
        while True:
            await self._queue_moved.wait()
            self._queue_moved.clear()
            await self._tell_positions()
            await asyncio.sleep(_POSITIONS_EVERY_S)

    async def _tell_positions(self) -> None:
        n_workers = max(1, sum(post.is_ready for post in self._posts))
        ahead_s = self._rest_s()
        for position, job_id in enumerate(self._queue.order(), 1):
            if position % _POSITIONS_AT_ONCE == 0:
                await asyncio.sleep(0)
            track = self._waiting.get(job_id)
            if track is None:
                continue  # it left while others were told
            wait_s = None if ahead_s is None else round(ahead_s / n_workers, 1)
            track.tell(Waiting(position=position, wait_s=wait_s))
            own_s = self.speeds.estimate_s(track.job.recipe, track.job.n_pictures)
            ahead_s = None if ahead_s is None or own_s is None else ahead_s + own_s

    def _rest_s(self) -> float | None:
        """Seconds that the jobs in all workers still need, or None if one cannot be estimated."""
        rests_s = [post.rest_s(self.speeds) for post in self._posts]
        return sum(rest_s for rest_s in rests_s if rest_s is not None) if None not in rests_s else None

    # Workers

    def _hire(self, device: str) -> None:
        post = Post(device, self._settings.first_window_rows)
        self._posts.append(post)
        self._supervisors[post] = supervisor = Supervisor(
            self._settings.process(device),
            self._settings.backoff,
            said=lambda message: self._hear(post, message),
            ended=lambda reason, pause_s: self._lose(post, reason, pause_s),
        )
        self._keep(supervisor.run(), f"worker {device}")

    def _keep(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_report_a_crash)
        self._tasks.append(task)
        return task

    def _hear(self, post: Post, message: FromWorker) -> None:
        """Take in what a worker said, in order. Raises: ProtocolError, upon which the worker is killed."""
        if self._is_closed:
            return
        if isinstance(message, Drawn | LoadingModel):
            post.hear(message)
            return
        if ended := post.hear(message):
            self._account(*ended)
        if isinstance(message, Ready):
            self._welcome(post, message)
        self._feed()  # also after a heartbeat: a full pipe may have room again

    def _account(self, running: Running, outcome: Outcome) -> None:
        job = running.job
        if isinstance(outcome, Done):
            self.speeds.learn(job.recipe, job.n_pictures, outcome.gpu_s)
        self._end(running.track, outcome)
        if not any(post.jobs for post in self._posts):
            self._queue.forgive()
        self._queue_moved.set()

    def _welcome(self, post: Post, ready: Ready) -> None:
        log.info("worker ready", device=ready.device, device_name=ready.device_name, dtype=ready.dtype, pid=ready.pid)
        if self._settings.preload:
            self._supervisors[post].process.send(Load(model=self._settings.preload))
        if self._settings.devices == ("auto",) and len(self._posts) == 1:
            kind = ready.device.partition(":")[0]
            for index in range(1, ready.n_devices):
                self._hire(f"{kind}:{index}")
        assert self._first_ready
        if not self._first_ready.done():
            self._first_ready.set_result(None)

    def _lose(self, post: Post, reason: str, pause_s: float | None) -> None:
        """A worker has ended. A job that was to be cancelled is cancelled; the others may be submitted again."""
        if post.state is WorkerState.CLOSED:
            return
        for running in post.vacated(reason, pause_s):
            running.disarm()
            self._end(running.track, Cancelled() if running.cancel_asked else Lost(reason=reason))
        if pause_s is not None:
            log.warning("worker lost", device=post.asked_device, reason=reason, restart_in_s=pause_s)
        assert self._first_ready
        if not self._first_ready.done() and all(post.n_losses for post in self._posts):
            self._first_ready.set_exception(EngineError(reason))
        self._queue_moved.set()

    def _running(self, job_id: str) -> tuple[Post, Running] | None:
        return next(((post, post.jobs[job_id]) for post in self._posts if job_id in post.jobs), None)


def _report_a_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (exc := task.exception()):
        log.error("a task of the engine broke", task=task.get_name(), exc_info=exc)

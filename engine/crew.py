"""The workers: who is there, who may have more, what they have, and whether one hangs.

A Post keeps the books of a worker and a Supervisor its lives; here they are a crew. Knows nothing of the queue or of
what becomes of a job.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from engine import forecast
from engine.cost import SpeedBook
from engine.domain import Recipe
from engine.messages import (
    Drawn,
    Finished,
    FromWorker,
    Heartbeat,
    Load,
    Loaded,
    LoadFailed,
    LoadingModel,
    Ready,
    Ticked,
    ToWorker,
)
from engine.post import Post, Running, WorkerState
from engine.process import MakeProcess
from engine.pulse import Pulse
from engine.settings import EngineSettings
from engine.supervisor import Supervisor

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Crew:
    """All workers. `said(post, message)` gets what they say; `lost(post, reason, pause_s)` each end nobody asked for.

    `said` may raise ProtocolError, which ends the worker.
    """

    def __init__(
        self,
        settings: EngineSettings,
        speeds: SpeedBook,
        make_process: MakeProcess,
        *,
        said: Callable[[Post, FromWorker], None],
        lost: Callable[[Post, str, float | None], None],
    ) -> None:
        self.posts: list[Post] = []
        self._settings = settings
        self._speeds = speeds
        self._make_process = make_process
        self._said = said
        self._lost = lost
        self._supervisors: dict[Post, Supervisor] = {}
        self._lives: list[asyncio.Task[None]] = []

    # Their lives

    def hire(self, device: str, *, paused: bool) -> None:
        """One more worker, which begins at once, or when it is resumed."""
        post = Post(device, self._settings.first_window_rows, self._new_pulse())
        supervisor = Supervisor(
            self._settings.process(device),
            self._settings.backoff,
            said=lambda message: self._hear(post, message),
            ended=lambda reason, pause_s: self._lost(post, reason, pause_s),
            make_process=self._make_process,
            is_paused=paused,
        )
        self.posts.append(post)
        self._supervisors[post] = supervisor
        if paused:
            post.state = WorkerState.PAUSED
        self._lives.append(keep(supervisor.run(), f"worker {device}"))

    def hire_others(self, ready: Ready) -> None:
        """A worker for every other card of the kind that the first one found."""
        kind = ready.device.partition(":")[0]
        for index in range(1, ready.n_devices):
            self.hire(f"{kind}:{index}", paused=False)

    async def pause(self) -> None:
        """End their processes; returns when the devices are free. Their books were closed by whoever asks this."""
        for supervisor in self._supervisors.values():
            supervisor.pause()  # all at once, and before this waits: a resume may overtake it
        await asyncio.gather(*(supervisor.freed() for supervisor in self._supervisors.values()))

    def resume(self) -> None:
        """Have them begin again."""
        for post, supervisor in self._supervisors.items():
            if post.state is WorkerState.PAUSED:
                post.state = WorkerState.STARTING
                supervisor.resume()

    async def close(self) -> None:
        """End them for good."""
        for supervisor in self._supervisors.values():
            supervisor.close()
        await asyncio.gather(*self._lives, return_exceptions=True)  # their crashes were logged

    # What they have

    def find(self, job_id: str) -> tuple[Post, Running] | None:
        """The job and the worker that has it, if one has."""
        return next(((post, post.jobs[job_id]) for post in self.posts if job_id in post.jobs), None)

    @property
    def n_jobs(self) -> int:
        """Jobs of all of them."""
        return sum(len(post.jobs) for post in self.posts)

    def owners(self) -> frozenset[str]:
        """Whose jobs they have."""
        return frozenset[str]().union(*(post.owners for post in self.posts))

    # What they may have

    def with_a_seat(self) -> list[Post]:
        """Those who may take a job of somebody of whom nothing is in any of them."""
        return [post for post in self.posts if self._n_jobs_below(post, self._settings.most_jobs_in_worker)]

    def with_a_turn(self) -> list[Post]:
        """Those who may take the next job whoever's it is: their window has room, and there are seats to spare.

        Half of the seats are for those who come with nothing inside, or somebody's many small jobs would take them all.
        """
        return [
            post
            for post in self.posts
            if post.n_rows < post.window_rows and self._n_jobs_below(post, self._settings.jobs_in_turn)
        ]

    def best(self, posts: list[Post], model: str) -> Post:
        """The worker that is free first, the time to load the model included; by cost alone until times are known."""
        rests_s = {post: post.rest_s(self._speeds) for post in posts}
        are_known = None not in rests_s.values()
        loading_s = max(post.models.get(model, 0.0) for post in self.posts)

        def delay(post: Post) -> tuple[float, float, bool]:
            lacks = not post.knows(model)
            free_in_s = (rests_s[post] or 0.0) + lacks * loading_s if are_known else 0.0
            return free_in_s, post.rest_cost, lacks

        return min(posts, key=delay)

    def desks(self) -> list[forecast.Desk] | None:
        """The workers as a forecast sees them; None if nothing is known of their speed or none will come."""
        if not self._speeds:
            return None
        desks: list[forecast.Desk] = []
        posts = [post for post in self.posts if post.is_ready] or [post for post in self.posts if post.is_coming]
        for post in posts:
            loads = post.loads(self._speeds)
            if loads is None:
                return None
            desks.append(
                forecast.Desk(
                    window_rows=post.window_rows,
                    batch_rows=max(1, post.window_rows // 2),
                    turns=self._settings.jobs_in_turn,
                    seats=self._settings.most_jobs_in_worker,
                    has=loads,
                )
            )
        return desks or None

    def load(self, owner: str, recipe: Recipe, n_pictures: int) -> forecast.Load | None:
        """A job as a forecast sees it; None if nothing is known of any worker's speed."""
        seconds = self._speeds.expect_s(recipe, n_pictures)
        return None if seconds is None else forecast.Load(owner, recipe.n_rows * n_pictures, seconds)

    # What they are told, and say

    def take(self, post: Post, running: Running) -> None:
        """Note that a worker has a job, sent or not."""
        if not post.jobs:
            post.pulse.wake(_now_s())
        post.take(running)

    def send(self, post: Post, message: ToWorker) -> None:
        """Say something to a worker. Raises: ProtocolError for a message larger than a frame may be."""
        self._supervisors[post].process.send(message)

    def kill(self, post: Post, cause: str) -> None:
        """End the present life of a worker."""
        self._supervisors[post].process.kill(cause)

    def _hear(self, post: Post, message: FromWorker) -> None:
        self._feel_pulse(post, message)
        if isinstance(message, Ready):
            log.info(
                "worker ready",
                device=message.device,
                device_name=message.device_name,
                dtype=message.dtype,
                pid=message.pid,
            )
            if self._settings.preload:
                self.send(post, Load(model=self._settings.preload))
        self._said(post, message)

    def _feel_pulse(self, post: Post, message: FromWorker) -> None:
        now_s, pulse = _now_s(), post.pulse
        held = [running.job.recipe for running in post.jobs.values()]
        match message:
            case Ready():
                pulse.begin(now_s)
            case LoadingModel():
                pulse.excuse()
            case Ticked(rows=rows):
                pulse.sign(now_s, held, rows)
            case Loaded() | LoadFailed() | Drawn() | Finished():
                pulse.sign(now_s, held)
            case Heartbeat():
                self._feel_beat(post, message, held)

    def _feel_beat(self, post: Post, heartbeat: Heartbeat, held: list[Recipe]) -> None:
        if not any(running.is_sent for running in post.jobs.values()):
            post.pulse.wake(_now_s())
            return
        post.pulse.beat(_now_s(), heartbeat, held)
        after_s = post.hangs_after_s()
        if after_s is not None and post.pulse.still_s > after_s:
            self.kill(post, f"The worker hangs: it stood still for {after_s:.0f} seconds, longer than it ever took.")

    def _n_jobs_below(self, post: Post, most: int) -> bool:
        may_have_more = post.is_ready and not post.is_reserved and len(post.jobs) < most
        return may_have_more and self._supervisors[post].process.takes_more

    def _new_pulse(self) -> Pulse:
        return Pulse(self._settings.hang_floor_s, self._settings.hang_factor)


def keep(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run it beside; a crash is logged."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_report_a_crash)
    return task


def _report_a_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (exc := task.exception()):
        log.error("a task of the engine broke", task=task.get_name(), exc_info=exc)


def _now_s() -> float:
    return asyncio.get_running_loop().time()

"""Engines for tests: a real `Engine` with the torch-free drawer behind a real pipe."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from engine.domain import Event, Job, Outcome, Progress, Recipe, Sampler
from engine.engine import Engine, EngineSettings
from engine.post import WorkerState
from engine.supervisor import Backoff
from tests.fakes import drawer

RECIPE = Recipe(
    prompt="a lighthouse",
    model="gradient",
    seed=7,
    steps=8,
    guidance=5.0,
    sampler=Sampler.DDIM,
    width_px=64,
    height_px=64,
)
SLOW = ("--step-s", "60")  # a step that nobody waits for
_SETTINGS = EngineSettings(
    worker_command=drawer.COMMAND,
    ready_deadline_s=60.0,  # Python starts slowly beside a training on two cores
    backoff=Backoff(first_s=0.01, longest_s=0.05),
)


def job(job_id: str, *, owner: str = "ada", n_pictures: int = 1, deadline_s: float = 3_600.0, **recipe: Any) -> Job:
    """A small job; other words change its recipe."""
    return Job(id=job_id, owner=owner, recipe=replace(RECIPE, **recipe), n_pictures=n_pictures, deadline_s=deadline_s)


def settings(*options: str, **changes: Any) -> EngineSettings:
    """Settings with the drawer as worker; `options` are its command line."""
    return replace(_SETTINGS, **{"worker_command": (*drawer.COMMAND, *options), **changes})


@asynccontextmanager
async def running_engine(*options: str, **changes: Any) -> AsyncIterator[Engine]:
    """A started engine, closed in the end."""
    engine = Engine(settings(*options, **changes))
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has taken note of (a zombie) does not."""
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(status.stdout.strip()) and not status.stdout.startswith("Z")


async def until(condition: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Look again and again until something outside this program has happened; fails if it does not."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 # another process sets no Event of ours
            await asyncio.sleep(0.01)


def n_ready(engine: Engine) -> int:
    """How many workers take jobs."""
    return sum(worker.state is WorkerState.READY for worker in engine.status().workers)


async def watch_until(engine: Engine, job_id: str, step: int) -> Progress:
    """Wait until a job has done so many steps, over all its pictures."""
    async for event in engine.watch(job_id):
        if isinstance(event, Progress) and event.step >= step:
            return event
        assert not isinstance(event, Outcome), event
    raise AssertionError("a watch ends with an outcome")


async def events_of(engine: Engine, job_id: str) -> list[Event]:
    """Everything told about a job, to its end."""
    return [event async for event in engine.watch(job_id)]

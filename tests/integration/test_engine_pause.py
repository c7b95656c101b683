"""Pausing and holding back, through the real front and a real child process."""

import asyncio

import pytest

from engine.domain import Done, Lost, Progress, Waiting
from engine.engine import Engine
from tests.fakes.engines import SLOW, is_alive, job, running_engine, settings, until, watch_until

PAUSED = Lost(reason="The engine was paused.", is_ours=True)


def pid_of(engine: Engine) -> int:
    """The process id of the first worker."""
    ready = engine.status().workers[0].ready
    assert ready
    return ready.pid


async def test_a_pause_frees_the_device_and_a_resume_draws_on() -> None:
    """The process is gone when `pause` returns, its job is lost by our doing; the one that waited is drawn later."""
    async with running_engine("--step-s", "0.02", most_jobs_in_worker=1) as engine:
        await engine.submit(job("running", steps=150))
        await engine.submit(job("waiting", owner="bob"))
        await watch_until(engine, "running", 2)
        pid = pid_of(engine)
        await engine.pause()
        assert not is_alive(pid)
        assert await engine.result("running") == PAUSED
        status = engine.status()
        assert (engine.is_paused, status.is_paused, status.n_waiting, status.n_running) == (True, True, 1, 0)
        assert status.workers[0].state == "paused"
        engine.resume()
        assert isinstance(await engine.result("waiting"), Done)
        assert (engine.is_paused, engine.status().workers[0].n_losses) == (False, 0)


async def test_jobs_are_taken_in_while_paused() -> None:
    """They wait with a position and no promise of a time."""
    async with running_engine("--step-s", "0.02") as engine:
        await engine.submit(job("first"))
        await engine.result("first")
        await engine.pause()
        await engine.submit(job("j"))
        assert await anext(engine.watch("j")) == Waiting(position=1, wait_s=None)
        assert engine.wait_for_newcomer_s("ada", job("k").recipe) is None
        engine.resume()
        assert isinstance(await engine.result("j"), Done)


async def test_pausing_and_resuming_twice_is_once() -> None:
    """Also when a resume overtakes a pause that has not ended yet."""
    async with running_engine("--step-s", "0.02") as engine:
        await asyncio.gather(engine.pause(), engine.pause())
        await engine.pause()
        engine.resume()
        engine.resume()
        overtaken = asyncio.create_task(engine.pause())
        await asyncio.sleep(0)
        engine.resume()
        await engine.submit(job("j"))
        assert isinstance(await engine.result("j"), Done)
        await overtaken
        assert engine.status().workers[0].n_losses == 0


@pytest.mark.parametrize("is_told_before", [False, True])
async def test_an_engine_can_be_started_paused(is_told_before: bool) -> None:
    """No process is started before the resume, and `start` returns at once."""
    engine = Engine(settings())
    if is_told_before:
        await engine.pause()
    await engine.start(paused=not is_told_before)
    try:
        await engine.submit(job("j"))
        assert engine.status().workers[0].state == "paused"
        engine.resume()
        assert isinstance(await engine.result("j"), Done)
    finally:
        await engine.close()


async def test_a_pause_ends_a_start_that_waits() -> None:
    """A worker that is slow to come does not keep the start waiting once it is not wanted any more."""
    engine = Engine(settings("--misbehave", "mute"))
    starting = asyncio.create_task(engine.start())
    await asyncio.sleep(0)
    await engine.pause()
    await starting
    await engine.close()


async def test_a_paused_engine_closes() -> None:
    """With a job that waits, which ends as lost."""
    engine = Engine(settings())
    await engine.start(paused=True)
    await engine.submit(job("j"))
    ending = asyncio.create_task(engine.result("j"))
    await asyncio.sleep(0)
    await engine.close()
    assert await ending == Lost(reason="The engine was closed.", is_ours=True)


async def test_a_pause_ends_a_crash_loop() -> None:
    """A worker that waits out its back-off is not started again while paused, and at once when resumed."""
    async with running_engine("--step-s", "0.02") as engine:
        await engine.submit(job("j", prompt="die@2"))
        lost = await engine.result("j")
        assert isinstance(lost, Lost)
        assert not lost.is_ours
        await engine.pause()
        assert engine.status().workers[0].state == "paused"
        engine.resume()
        await until(lambda: engine.status().workers[0].state == "ready")


async def test_held_back_what_runs_goes_on_and_nothing_follows() -> None:
    """The running job ends as done, the waiting one stays, until a resume."""
    async with running_engine("--step-s", "0.02", most_jobs_in_worker=1) as engine:
        await engine.submit(job("running"))
        await engine.submit(job("waiting"))
        engine.hold_back()
        assert isinstance(await engine.result("running"), Done)
        assert (engine.status().n_waiting, engine.status().n_running) == (1, 0)
        engine.resume()
        assert isinstance(await engine.result("waiting"), Done)


async def test_a_paused_job_may_come_back_at_once() -> None:
    """The same id is taken again while the pause still ends the process, and is drawn after the resume."""
    async with running_engine(*SLOW) as engine:
        await engine.submit(job("j"))
        assert isinstance(await anext(engine.watch("j")), Progress)
        pausing = asyncio.create_task(engine.pause())
        assert await engine.result("j") == PAUSED
        await engine.submit(job("j"))
        await pausing
        engine.resume()
        await until(lambda: engine.status().n_running == 1)

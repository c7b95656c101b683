"""Workers that die, hang, fall silent, talk nonsense or never come: what becomes of them, and of everybody's jobs."""

import asyncio
import os
import signal
import sys

import pytest

from engine.domain import Cancelled, Done, Lost, Progress
from engine.engine import Engine
from engine.errors import EngineError
from engine.messages import FromWorker
from engine.process import ProcessSettings, WorkerProcess
from engine.supervisor import Backoff, Supervisor
from tests.fakes.drawer import COMMAND
from tests.fakes.engines import SLOW, is_alive, job, running_engine, settings, until, watch_until


def pid_of(engine: Engine) -> int:
    """The process id of the first worker."""
    ready = engine.status().workers[0].ready
    assert ready
    return ready.pid


async def test_a_killed_worker_loses_its_jobs_and_comes_back() -> None:
    """After kill -9 in a job, that job is lost, with the reason, and the one that waited is drawn by the next life."""
    async with running_engine("--step-s", "0.02", most_jobs_in_worker=1) as engine:
        await engine.submit(job("j", steps=150))
        await engine.submit(job("waiting"))
        await watch_until(engine, "j", 3)
        first = pid_of(engine)
        os.kill(first, signal.SIGKILL)
        lost = await engine.result("j")
        assert isinstance(lost, Lost)
        assert "SIGKILL" in lost.reason
        assert isinstance(await engine.result("waiting"), Done)
        assert pid_of(engine) != first
        assert engine.status().workers[0].n_losses == 1


async def test_a_lost_job_can_be_submitted_again() -> None:
    """The engine retries nothing; the same id may come back, and gives the picture."""
    async with running_engine("--step-s", "0.02") as engine:
        again = job("j", steps=20)
        await engine.submit(again)
        await watch_until(engine, "j", 3)
        os.kill(pid_of(engine), signal.SIGKILL)
        assert isinstance(await engine.result("j"), Lost)
        await engine.submit(again)
        assert isinstance(await engine.result("j"), Done)


async def test_a_job_that_was_to_be_cancelled_is_not_lost() -> None:
    """A worker dies before it obeys a cancel: the job is cancelled, so that nobody submits it again."""
    async with running_engine(*SLOW) as engine:
        await engine.submit(job("j"))
        await engine.cancel("j")
        os.kill(pid_of(engine), signal.SIGKILL)
        assert await engine.result("j") == Cancelled()


async def test_a_worker_that_hangs_in_a_step_is_killed() -> None:
    """Heartbeats alone do not keep a worker alive that gives no answer long after a job's deadline."""
    async with running_engine(hang_grace_s=0.2) as engine:
        await engine.submit(job("j", prompt="hang@2", deadline_s=1.0))
        lost = await engine.result("j")
        assert isinstance(lost, Lost)
        assert "hangs" in lost.reason
        await engine.submit(job("next"))
        assert isinstance(await engine.result("next"), Done)


async def test_a_worker_that_falls_silent_is_killed() -> None:
    """Without heartbeats a worker counts as dead, whatever it is doing."""
    async with running_engine(heartbeat_timeout_s=1.5) as engine:
        await engine.submit(job("j", prompt="silent@2"))
        lost = await engine.result("j")
        assert isinstance(lost, Lost)
        assert "said nothing for 1.5 seconds" in lost.reason


async def test_a_slow_worker_is_not_silent() -> None:
    """A step that takes longer than the heartbeat timeout is just a long step."""
    async with running_engine("--step-s", "3.5", heartbeat_timeout_s=2.5) as engine:
        await engine.submit(job("j", steps=1))
        assert isinstance(await engine.result("j"), Done)
        assert engine.status().workers[0].n_losses == 0


@pytest.mark.parametrize("prompt", ["garbage@2", "huge@2", "twice@8", "small@8"])
async def test_a_worker_that_breaks_the_protocol_is_killed(prompt: str) -> None:
    """Bytes, lengths, doubled answers and pictures that cannot be true end the worker, and its jobs are lost."""
    async with running_engine("--step-s", "0.02") as engine:
        await engine.submit(job("neighbour", owner="bob", steps=150))
        await engine.submit(job("j", prompt=prompt))
        lost = await engine.result("neighbour")
        assert isinstance(lost, Lost)
        assert "broke the protocol" in lost.reason
        assert isinstance(await engine.result("j"), Lost | Done)  # who says Finished twice has said it once
        await engine.submit(job("next"))
        assert isinstance(await engine.result("next"), Done)


async def test_a_stray_print_harms_nothing() -> None:
    """A library that prints to standard output, also past Python, does not corrupt the protocol."""
    async with running_engine() as engine:
        await engine.submit(job("j", prompt="print@2"))
        assert isinstance(await engine.result("j"), Done)
        assert engine.status().workers[0].n_losses == 0


async def test_the_last_words_of_a_worker_are_in_the_reason() -> None:
    """Its last line on standard error tells the operator more than a status does."""
    async with running_engine() as engine:
        await engine.submit(job("j", prompt="print@2 die@3"))
        lost = await engine.result("j")
    assert isinstance(lost, Lost)
    assert (
        lost.reason == "The worker ended. It was ended by SIGKILL. Its last words: And I go to the descriptor itself."
    )


@pytest.mark.parametrize(
    ("options", "changes", "sentence"),
    [
        (("--misbehave", "exit"), {}, "exited with status 1. Its last words: no brushes: I give up"),
        (("--misbehave", "mute"), {"ready_deadline_s": 1.0}, "not ready within 1 seconds"),
        (("--misbehave", "version"), {}, "parts of two releases"),
        (("--misbehave", "early"), {}, "Ticked at the wrong time"),
        ((), {"worker_command": ("/no/such/program",)}, "could not be started"),
        ((), {"devices": ("cpu", "cpu"), "worker_command": ("/no/such/program",)}, "could not be started"),
    ],
)
async def test_a_worker_that_never_gets_ready_is_a_sentence(
    options: tuple[str, ...], changes: dict[str, object], sentence: str
) -> None:
    """Start fails with the reason in words, and leaves nothing running."""
    engine = Engine(settings(*options, **changes))
    with pytest.raises(EngineError, match=sentence.replace(".", r"\.")):
        await engine.start()
    assert {worker.state for worker in engine.status().workers} == {"closed"}


async def test_closing_during_the_start_ends_it() -> None:
    """Whoever waits for the start is told, and no worker stays."""
    engine = Engine(settings("--misbehave", "mute"))
    starting = asyncio.create_task(engine.start())
    await asyncio.sleep(0)
    await engine.close()
    with pytest.raises(EngineError, match="closed"):
        await starting


async def test_a_crash_loop_backs_off() -> None:
    """Short lives in a row are followed by pauses that double up to the longest; close ends the loop in a pause."""
    pauses: list[float | None] = []
    four_deaths = asyncio.Event()

    def note(reason: str, pause_s: float | None) -> None:
        assert "SIGKILL" in reason
        pauses.append(pause_s)
        if len(pauses) == 4:
            four_deaths.set()

    command = (*COMMAND, "--misbehave", "die-ready")
    supervisor = Supervisor(
        ProcessSettings(command=command),
        Backoff(first_s=0.01, longest_s=0.03),
        said=lambda message: None,
        ended=note,
    )
    life = asyncio.create_task(supervisor.run())
    await four_deaths.wait()
    supervisor.close()
    await life
    assert pauses[:4] == [0.01, 0.02, 0.03, 0.03]


async def test_jobs_wait_out_a_restart() -> None:
    """A job submitted while no worker is there is drawn by the next one."""
    async with running_engine("--step-s", "0.02", backoff=Backoff(first_s=0.2)) as engine:
        await engine.submit(job("j", prompt="die@2"))
        assert isinstance(await engine.result("j"), Lost)
        assert engine.status().workers[0].state == "restarting"
        await engine.submit(job("next"))
        assert isinstance(await engine.result("next"), Done)


async def test_the_other_worker_goes_on() -> None:
    """With two workers, the death of one costs only the jobs that it had."""
    async with running_engine("--step-s", "0.02", devices=("cpu", "cpu")) as engine:
        await until(lambda: all(worker.ready for worker in engine.status().workers))
        await engine.submit(job("j", prompt="die@5"))
        await engine.submit(job("other", owner="bob", steps=30))
        assert isinstance(await engine.result("j"), Lost)
        assert isinstance(await engine.result("other"), Done)


async def test_what_may_be_drawn_beside_nothing_takes_nobody_with_it() -> None:
    """A job that is to be alone waits for those before it, lets nobody in behind it, and dies alone."""
    async with running_engine("--step-s", "0.02") as engine:
        await engine.submit(job("before", owner="ada", steps=30))
        await engine.submit(job("j", owner="bob", prompt="die@3"), alone=True)
        await engine.submit(job("behind", owner="cleo", steps=30))
        lost: object = None
        async for lost in engine.watch("j"):
            if isinstance(lost, Progress) and lost.step:
                assert engine.status().n_running == 1
        assert isinstance(lost, Lost)
        assert not lost.is_ours
        assert isinstance(await engine.result("before"), Done)
        assert isinstance(await engine.result("behind"), Done)
        assert engine.status().workers[0].n_losses == 1


async def test_one_that_waits_to_be_alone_can_be_taken_back() -> None:
    """Before a worker heard of it: by its owner at once, and by a pause as ours; the places it kept free are used."""
    async with running_engine(*SLOW) as engine:
        await engine.submit(job("before", owner="ada"))
        await engine.submit(job("j", owner="bob"), alone=True)
        await engine.submit(job("behind", owner="cleo"))
        assert (engine.status().n_running, engine.status().n_waiting) == (2, 1)
        await engine.cancel("j")
        assert await engine.result("j") == Cancelled()
        assert (engine.status().n_running, engine.status().n_waiting) == (2, 0)
        await engine.submit(job("again", owner="bob"), alone=True)
        engine.hold_back()
        lost = await engine.result("again")
        assert isinstance(lost, Lost)
        assert lost.is_ours


async def test_close_leaves_no_process() -> None:
    """Closing in the middle of a long step ends the worker at once."""
    async with running_engine(*SLOW) as engine:
        await engine.submit(job("j"))
        assert isinstance(await anext(engine.watch("j")), Progress)
        pid = pid_of(engine)
    assert not is_alive(pid)


async def test_a_worker_that_cannot_hear_close_is_killed() -> None:
    """A stopped process neither reads nor ends; after the grace it is killed."""
    async with running_engine(close_grace_s=0.2) as engine:
        pid = pid_of(engine)
        os.kill(pid, signal.SIGSTOP)
    assert not is_alive(pid)


async def test_cancelling_everything_leaves_no_process() -> None:
    """An event loop that is torn down without `close` takes its workers with it."""
    engine = Engine(settings(*SLOW))
    await engine.start()
    pid = pid_of(engine)
    for task in engine._crew._lives:
        task.cancel()
    await asyncio.gather(*engine._crew._lives, return_exceptions=True)
    await engine.close()
    await until(lambda: not is_alive(pid))


async def test_a_bug_of_ours_in_the_read_loop_leaves_no_worker_unheard() -> None:
    """If what a worker said cannot be dealt with, it is killed and the reason names the bug."""

    def stumble(message: FromWorker) -> None:
        raise ZeroDivisionError("a bug")

    process = WorkerProcess(ProcessSettings(command=COMMAND), stumble)
    assert "could not be dealt with: ZeroDivisionError('a bug')" in await process.live()
    assert process.pid is None


async def test_a_preload_that_fails_stops_nobody() -> None:
    """A model that cannot be loaded ahead is a line in the log; others are drawn with."""
    async with running_engine(preload="missing") as engine:
        await engine.submit(job("j"))
        assert isinstance(await engine.result("j"), Done)


async def test_a_step_that_never_ends_is_found_long_before_the_deadline() -> None:
    """From what the same kind of job took before: heartbeats go on, and the job could have taken another hour."""
    async with running_engine("--step-s", "0.02", hang_floor_s=1.5) as engine:
        await engine.submit(job("first"))
        assert isinstance(await engine.result("first"), Done)
        await engine.submit(job("j", prompt="hang@2"))
        async with asyncio.timeout(30.0):
            lost = await engine.result("j")
        assert isinstance(lost, Lost)
        assert not lost.is_ours
        assert "longer than it ever took" in lost.reason
        await engine.submit(job("next"))
        assert isinstance(await engine.result("next"), Done)


async def test_a_first_job_may_take_its_time() -> None:
    """A step twice as long as the floor, of a model that nobody has seen: only its own deadline ends it."""
    async with running_engine("--step-s", "3.0", hang_floor_s=0.5) as engine:
        await engine.submit(job("j", steps=1))
        assert isinstance(await engine.result("j"), Done)
        await engine.submit(job("k", steps=1))
        assert isinstance(await engine.result("k"), Done)
        assert engine.status().workers[0].n_losses == 0


async def test_loading_is_no_hanging() -> None:
    """Another model may take as long as it likes to be read."""
    async with running_engine("--load-s", "4.0", hang_floor_s=1.0) as engine:
        for number, model in enumerate(("gradient", "another", "gradient")):
            await engine.submit(job(f"{number}", model=model))
            assert isinstance(await engine.result(f"{number}"), Done)
        assert engine.status().workers[0].n_losses == 0


async def test_a_death_is_noticed_at_once() -> None:
    """Within a moment of kill -9 its job is lost, and the desk may act."""
    async with running_engine(*SLOW) as engine:
        await engine.submit(job("j"))
        assert isinstance(await anext(engine.watch("j")), Progress)
        began_s = asyncio.get_running_loop().time()
        os.kill(pid_of(engine), signal.SIGKILL)
        assert isinstance(await engine.result("j"), Lost)
        assert asyncio.get_running_loop().time() - began_s < 5.0  # 0.1 s; five on a machine that is busy


async def test_a_worker_never_sees_the_operators_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real child process finds no password of the page and no token of a chat, but the hub's: it fetches with it."""
    monkeypatch.setenv("DARKROOM_WEB_PASSWORD", "correct horse")
    monkeypatch.setenv("DARKROOM_DISCORD_TOKEN", "correct horse")
    monkeypatch.setenv("HF_TOKEN", "hf_correct")
    tells = "import os, sys; print(sorted(n for n, v in os.environ.items() if 'correct' in v), file=sys.stderr)"
    process = WorkerProcess(ProcessSettings(command=(sys.executable, "-c", tells)), lambda message: None)
    assert "Its last words: ['HF_TOKEN']" in await process.live()

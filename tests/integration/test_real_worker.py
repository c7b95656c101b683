"""The engine with its real worker: a child process with torch, on pocket and on a model whose steps are slow."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.domain import Cancelled, Done, Failed, Job, Loading, Lost, Mode, Progress, Recipe, Sampler
from engine.engine import Engine, EngineSettings
from engine.messages import Draw, Ticked, Unframer, frame, from_worker
from tests.fakes.engines import until, watch_until
from tests.fakes.tiny_models import Architecture, Size, build

pytestmark = [pytest.mark.torch, pytest.mark.timeout(180)]
# One step at 512 px takes about half a second on one thread: long enough to be caught in the middle.
SLOW = Size(channels=(64, 128, 128), layers=2, text_width=64, side=64, groups=8)


def recipe(model: str = "pocket", **changes: object) -> Recipe:
    """A picture that pocket draws at once."""
    values: dict[str, object] = {
        "prompt": "a red circle on a blue background",
        "model": model,
        "seed": 7,
        "steps": 4,
        "guidance": 4.0,
        "sampler": Sampler.DDIM,
        "width_px": 128,
        "height_px": 128,
    }
    return Recipe(**(values | changes))  # type: ignore[arg-type]  # the recipe checks itself


def job(job_id: str, wanted: Recipe, n_pictures: int = 1) -> Job:
    """A job of its own owner."""
    return Job(id=job_id, owner=job_id, recipe=wanted, n_pictures=n_pictures)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Engine]:
    """One engine for the module: torch takes seconds to import."""
    engine = Engine(EngineSettings(devices=("cpu",)))
    await engine.start()
    yield engine
    await engine.close()


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the slow model."""
    return str(build(tmp_path_factory.mktemp("slow"), Architecture.SD1, SLOW))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_picture_comes_out_of_words(engine: Engine) -> None:
    """Loading, progress with previews, and the finished pixels, through the real pipe."""
    # Thirty steps: a watcher is told the newest state, and may miss all of a run that is over within one read.
    await engine.submit(job("words", recipe(steps=30), n_pictures=2))
    events = [event async for event in engine.watch("words")]
    done = events[-1]
    assert isinstance(done, Done)
    assert [picture.recipe.seed for picture in done.pictures] == [7, 8]
    assert {(picture.raster.width_px, picture.raster.height_px) for picture in done.pictures} == {(128, 128)}
    assert any(isinstance(event, Progress) and event.previews for event in events)
    assert done.gpu_s > 0


@pytest.mark.asyncio(loop_scope="module")
async def test_the_same_seed_draws_the_same_pixels_in_any_company(engine: Engine) -> None:
    """Exact and stable pictures come out the same alone and while others are being drawn."""
    for mode in (Mode.EXACT, Mode.STABLE):
        wanted = recipe(mode=mode, sampler=Sampler.EULER_A)
        await engine.submit(job(f"{mode}-alone", wanted))
        alone = await engine.result(f"{mode}-alone")
        for i in range(4):
            await engine.submit(job(f"{mode}-beside-{i}", recipe(seed=i, steps=6, mode=Mode(list(Mode)[i % 3]))))
        await engine.submit(job(f"{mode}-again", wanted))
        again = await engine.result(f"{mode}-again")
        assert isinstance(alone, Done)
        assert isinstance(again, Done)
        assert alone.pictures[0].raster == again.pictures[0].raster


@pytest.mark.asyncio(loop_scope="module")
async def test_a_model_that_cannot_be_loaded_is_one_sentence_and_the_worker_lives(
    engine: Engine, tmp_path: Path
) -> None:
    """Missing, broken, and a weight file cut short: each is told, and the next picture is drawn."""
    broken = build(tmp_path / "broken", Architecture.SD1)
    weights = broken / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5_000])
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    for name in (str(broken), str(nothing), "no-such-model"):
        await engine.submit(job(f"job-{name}", recipe(name, width_px=64, height_px=64)))
        outcome = await engine.result(f"job-{name}")
        assert isinstance(outcome, Failed)
        assert name in outcome.sentence
        assert outcome.sentence.count("\n") == 0
        assert len(outcome.sentence) < 500
    await engine.submit(job("after", recipe()))
    assert isinstance(await engine.result("after"), Done)


@pytest.mark.asyncio(loop_scope="module")
async def test_loading_is_told_to_those_who_wait(engine: Engine, slow_model: str) -> None:
    """The first job of a model hears how far the model is; a running job can be taken back between two steps."""
    await engine.submit(job("loads", recipe(slow_model, width_px=512, height_px=512, steps=50)))
    kinds = set()
    async for event in engine.watch("loads"):
        kinds.add(type(event))
        if isinstance(event, Progress) and event.step > 0:
            break
    assert Loading in kinds
    assert await engine.cancel("loads")
    assert await engine.result("loads") == Cancelled()


async def test_a_worker_killed_in_the_middle_of_a_step_loses_its_jobs_and_comes_back(slow_model: str) -> None:
    """kill -9: the job is told lost, another worker starts, and the same job can be drawn."""
    engine = Engine(EngineSettings(devices=("cpu",)))
    await engine.start()
    try:
        await engine.submit(job("doomed", recipe(slow_model, width_px=512, height_px=512, steps=50)))
        await watch_until(engine, "doomed", step=1)
        ready = engine.status().workers[0].ready
        assert ready
        os.kill(ready.pid, signal.SIGKILL)
        assert isinstance(await engine.result("doomed"), Lost)
        await engine.submit(job("next", recipe()))
        assert isinstance(await engine.result("next"), Done)
    finally:
        await engine.close()


def test_the_worker_ends_in_the_middle_of_a_step_when_its_pipe_closes(slow_model: str) -> None:
    """No orphan keeps the memory: with the pipe gone the process ends, however long its step would still take."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "engine.worker", "--device", "cpu"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert worker.stdin
    assert worker.stdout
    with worker.stdout as said, worker.stdin as tell:
        tell.write(frame(Draw(job=job("long", recipe(slow_model, width_px=512, height_px=512, steps=50)))))
        tell.flush()
        unframer = Unframer()
        n_ticks = 0
        while not n_ticks:  # the next step has begun, or is about to
            n_ticks += sum(
                isinstance(from_worker(body), Ticked) for body in unframer.feed(os.read(said.fileno(), 2**16))
            )
        tell.close()
        assert worker.wait(timeout=10) == 0


async def test_two_devices_have_a_worker_each(tmp_path: Path) -> None:
    """Each device gets a process of its own; every job is drawn (how jobs are spread is tested with the drawer)."""
    engine = Engine(EngineSettings(devices=("cpu", "cpu")))
    await engine.start()
    try:
        await until(lambda: all(worker.ready for worker in engine.status().workers))
        jobs = [job(f"spread-{i}", recipe(seed=i, steps=20)) for i in range(6)]
        for each in jobs:
            await engine.submit(each)
        outcomes = await asyncio.gather(*[engine.result(each.id) for each in jobs])
        assert all(isinstance(outcome, Done) for outcome in outcomes)
        assert len({worker.ready.pid for worker in engine.status().workers if worker.ready}) == 2
    finally:
        await engine.close()

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from engine.domain import Picture, Raster, Recipe, Sampler
from engine.errors import BadPicture, JobError
from engine.finish import Cell, Figures, Finisher, recipe_from_png
from engine.lane import MAX_PROCESS_BYTES
from tests.fakes.seen import wait_for_file

RECIPE = Recipe(
    prompt="x",
    model="pocket",
    seed=7,
    steps=1,
    guidance=1.0,
    sampler=Sampler.DDIM,
    width_px=64,
    height_px=64,
)
PICTURE = Picture(index=0, recipe=RECIPE, raster=Raster(width_px=64, height_px=64, rgb=bytes(64 * 64 * 3)))


@pytest.fixture
async def finisher() -> AsyncIterator[Finisher]:
    finisher = Finisher(max_processes=1)
    yield finisher
    await finisher.close()


def pids(finisher: Finisher) -> list[int]:
    return [*finisher._finishing.pids, *finisher._waited_for.pids]


async def test_a_picture_is_encoded_and_read_in_another_process(finisher: Finisher) -> None:
    """What comes back has the recipe in it, and can be a source again."""
    done = await finisher.finish(PICTURE)
    assert recipe_from_png(done.png) == RECIPE
    assert await finisher.read_source(done.png, 64, 64) == PICTURE.raster
    assert os.getpid() not in pids(finisher)


async def test_everything_a_finisher_does_is_done_in_the_pool(finisher: Finisher) -> None:
    """Looking at an upload, enlarging, grids, animations, charts: what comes back has crossed between processes."""
    file = (await finisher.finish(PICTURE, treatment="resample 2")).png
    looked = await finisher.look(file)
    assert (looked.width_px, looked.height_px, looked.recipe) == (64, 64, RECIPE)
    assert (await finisher.resample(looked.png, 2)).width_px == 128
    assert (await finisher.grid((Cell(png=file, label="x"),), "y")).startswith(b"\x89PNG")
    assert (await finisher.plain_grid((file, file))).startswith(b"\x89PNG")
    assert (await finisher.animation((PICTURE.raster,), file)).startswith(b"RIFF")
    assert (await finisher.developing((PICTURE.raster, None))).startswith(b"RIFF")
    assert (await finisher.within(file, len(file))).file == file
    assert (await finisher.chart(Figures(title="x", days=(), people=()))).startswith(b"\x89PNG")


async def test_what_somebody_waits_for_waits_for_no_finishing(finisher: Finisher, tmp_path: Path) -> None:
    """An upload, a source, a sheet of previews and a chart are there while the finishing of others still goes on."""
    file = (await finisher.finish(PICTURE)).png
    go = tmp_path / "go"
    others = [asyncio.create_task(finisher._finishing.run(wait_for_file, go)) for _ in range(8)]
    try:
        assert (await finisher.look(file)).recipe == RECIPE
        assert await finisher.read_source(file, 64, 64) == PICTURE.raster
        assert (await finisher.developing((PICTURE.raster, None))).startswith(b"RIFF")
        assert (await finisher.chart(Figures(title="x", days=(), people=()))).startswith(b"\x89PNG")
        assert not any(other.done() for other in others)
    finally:
        go.touch()
        await asyncio.gather(*others)


async def test_a_large_photo_fits_a_chat_and_keeps_its_recipe(finisher: Finisher) -> None:
    """Twelve megabytes of grain as one; uploaded again it says how it was made."""
    side_px, chance = 2_048, random.Random(7)
    soft = Image.frombytes("RGB", (64, 64), chance.randbytes(64 * 64 * 3)).resize((side_px, side_px))
    grain = Image.frombytes("RGB", (side_px, side_px), chance.randbytes(side_px * side_px * 3))
    raster = Raster(width_px=side_px, height_px=side_px, rgb=Image.blend(soft, grain, 0.15).tobytes())
    png = (await finisher.finish(Picture(index=0, recipe=RECIPE, raster=raster))).png
    shrunk = await finisher.within(png, 1_000_000)
    assert len(png) > 6_000_000
    assert len(shrunk.file) <= 1_000_000
    assert shrunk.width_px == shrunk.height_px >= side_px // 2
    looked = await finisher.look(shrunk.file)
    assert (looked.width_px, looked.recipe) == (shrunk.width_px, RECIPE)


async def test_what_cannot_be_made_small_enough_is_a_sentence(finisher: Finisher) -> None:
    """It crosses between processes, and the pool goes on."""
    file = (await finisher.finish(PICTURE)).png
    with pytest.raises(JobError, match="small enough: a file may have 100 bytes"):
        await finisher.within(file, 100)
    assert (await finisher.within(file, 10**6, texts_kept=False)).suffix == ".png"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep to the limit")
async def test_a_process_of_the_pool_takes_no_more_than_its_memory(finisher: Finisher) -> None:
    """What would take more is an error there, and no trouble for the whole machine."""
    with pytest.raises(MemoryError):
        await finisher._finishing.run(bytes, MAX_PROCESS_BYTES)
    assert (await finisher.finish(PICTURE)).png


async def test_a_refusal_comes_through_as_it_was_raised(finisher: Finisher) -> None:
    """The other process's BadPicture is ours."""
    with pytest.raises(BadPicture, match="PNG, JPEG or WebP"):
        await finisher.read_source(b"no picture", 64, 64)


async def test_no_process_is_started_before_the_first_use() -> None:
    """An idle finisher costs nothing, and closing it twice neither."""
    finisher = Finisher()
    assert pids(finisher) == []
    await finisher.close()
    await finisher.close()
    with pytest.raises(JobError):
        await finisher.finish(PICTURE)


async def test_closing_waits_for_no_picture_that_is_being_made() -> None:
    """The largest animations take longer than a stop may; nobody waits for them any more."""
    finisher = Finisher(max_processes=1)
    await finisher.finish(PICTURE)
    [pid] = pids(finisher)
    for_ever = asyncio.ensure_future(finisher._finishing.run(time.sleep, 3_600.0))
    await asyncio.sleep(0)
    await finisher.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(JobError):
        await for_ever


async def test_a_dead_process_is_replaced_without_anybody_noticing(finisher: Finisher) -> None:
    """Several pictures that waited on it are all finished."""
    await finisher.finish(PICTURE)
    os.kill(pids(finisher)[0], signal.SIGKILL)
    files = await asyncio.gather(*(finisher.finish(PICTURE) for _ in range(4)))
    assert [recipe_from_png(done.png) for done in files] == [RECIPE] * 4


async def test_what_kills_the_process_twice_is_one_sentence(finisher: Finisher) -> None:
    """And the next picture is drawn all the same."""
    with pytest.raises(JobError, match="died twice"):
        await finisher._finishing.run(os._exit, 1)
    assert (await finisher.finish(PICTURE)).png


def test_the_pool_never_imports_torch_and_never_outlives_its_parent() -> None:
    """Killed with SIGKILL, the parent leaves no process behind."""
    program = textwrap.dedent("""
        import asyncio, sys
        from engine.finish import Finisher
        from tests.fakes.seen import modules_and_pid
        async def main():
            finisher = Finisher(1)
            names, pid = await finisher._finishing.run(modules_and_pid)
            print("torch" in names, pid, flush=True)
            await asyncio.sleep(60)
        if __name__ == "__main__":
            asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        has_torch, pid = parent.stdout.readline().split()
        parent.kill()
    assert has_torch == "False"
    deadline = time.monotonic() + 20
    while _lives(int(pid)):
        assert time.monotonic() < deadline, "the pool's process outlived its parent"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

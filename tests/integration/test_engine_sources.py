"""Source pictures that are read when a job's turn comes, through the real front and a real child process."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.domain import Cancelled, Done, Failed, Job, Lost, Raster, Source
from engine.errors import BadPicture, InvalidRecipe, StorageError, UserError
from engine.messages import Draw
from tests.fakes.engines import SLOW, job, running_engine

RASTER = Raster(width_px=64, height_px=64, rgb=bytes(64 * 64 * 3))
SOURCE = Source(sha256="0" * 64, strength=0.5)


def remix(job_id: str, owner: str = "ada") -> Job:
    """A job whose pixels are still to be read."""
    return job(job_id, owner=owner, source=SOURCE)


def reading(raster: Raster = RASTER) -> Callable[[], Awaitable[Raster]]:
    """A source that is there at once."""

    async def read() -> Raster:
        return raster

    return read


def failing(exc: Exception) -> Callable[[], Awaitable[Raster]]:
    """A source that is not."""

    async def read() -> Raster:
        raise exc

    return read


class Slow:
    """A source that is read when it is told to be; counts its readers."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.n_begun = 0

    async def read(self) -> Raster:
        """Wait to be told."""
        self.n_begun += 1
        self.begun.set()
        await self.may_end.wait()
        return RASTER


async def test_a_source_is_read_when_the_turn_comes() -> None:
    """Not while the job waits; then the job is drawn, and what its track holds has no pixels."""
    async with running_engine("--step-s", "0.02", most_jobs_in_worker=1) as engine:
        source = Slow()
        await engine.submit(job("first", steps=20))
        await engine.submit(remix("j"), source.read)
        assert source.n_begun == 0
        assert isinstance(await engine.result("first"), Done)
        await source.begun.wait()
        source.may_end.set()
        outcome = await engine.result("j")
    assert isinstance(outcome, Done)
    assert source.n_begun == 1


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        (
            failing(BadPicture("This file is no picture.")),
            Failed(sentence="This file is no picture.", their_fault=True),
        ),
        (failing(StorageError("The disk is ill.")), Failed(sentence="The disk is ill.", their_fault=False)),
        (
            reading(Raster(width_px=8, height_px=8, rgb=bytes(192))),
            Failed(sentence="The source picture must have the size that the recipe asks for.", their_fault=True),
        ),
    ],
)
async def test_a_source_that_cannot_be_read_fails_its_job(
    source: Callable[[], Awaitable[Raster]], outcome: Failed
) -> None:
    """With the error's own sentence; the next job of the owner is drawn."""
    async with running_engine(most_jobs_in_worker=1) as engine:
        await engine.submit(remix("j"), source)
        await engine.submit(job("next"))
        assert await engine.result("j") == outcome
        assert isinstance(await engine.result("next"), Done)


async def test_a_bug_in_reading_loses_no_job() -> None:
    """It is logged, and the person is told that it was us."""
    async with running_engine() as engine:
        await engine.submit(remix("j"), failing(ZeroDivisionError()))
        outcome = await engine.result("j")
    assert outcome == Failed(
        sentence="Something broke on our side while the source picture was read.", their_fault=False
    )


async def test_a_job_is_cancelled_while_its_source_is_read() -> None:
    """At once, and the next one goes on in its place."""
    async with running_engine("--step-s", "0.02", most_jobs_in_worker=1) as engine:
        source = Slow()
        await engine.submit(remix("j"), source.read)
        await engine.submit(job("next"))
        await source.begun.wait()
        assert await engine.cancel("j")
        assert await engine.result("j") == Cancelled()
        assert isinstance(await engine.result("next"), Done)


async def test_the_worker_draws_others_while_a_source_is_read() -> None:
    """A slow disk keeps only its own job waiting."""
    async with running_engine() as engine:
        source = Slow()
        await engine.submit(remix("j"), source.read)
        await engine.submit(job("other", owner="bob"))
        assert isinstance(await engine.result("other"), Done)
        source.may_end.set()
        assert isinstance(await engine.result("j"), Done)


@pytest.mark.parametrize("is_pause", [True, False])
async def test_a_job_being_read_goes_back_when_nothing_is_fed(is_pause: bool) -> None:
    """It was in no worker, so neither a pause nor a hold-back says anything about it."""
    async with running_engine(*SLOW) as engine:
        source = Slow()
        await engine.submit(remix("j"), source.read)
        await source.begun.wait()
        if is_pause:
            await engine.pause()
        else:
            engine.hold_back()
        lost = await engine.result("j")
        assert isinstance(lost, Lost)
        assert lost.is_ours


async def test_a_job_without_pixels_needs_a_way_to_them() -> None:
    """Neither the engine nor a worker takes a recipe with a source and nothing to read it from."""
    async with running_engine() as engine:
        with pytest.raises(UserError, match="pixels"):
            await engine.submit(remix("j"))
    with pytest.raises(InvalidRecipe, match="pixels"):
        Draw(job=remix("j"))

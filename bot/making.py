"""Makes one job: submit → watch → finish → keep, and writes down its end. And the labelled grid of a comparison.

Knows nothing of platforms: what it hears meanwhile it tells to the request's `Live`.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from typing import assert_never

import structlog

from bot.live import Live
from engine.domain import Cancelled, Done, Failed, Job, Lost, Outcome, Picture, Raster
from engine.engine import Engine
from engine.errors import DarkroomError, StorageError, UserError
from engine.finish import Cell, Finisher
from storage.records import JobRow, NewPicture, PictureRow, RequestRow
from storage.store import Store

# A job that was there when three workers died is refused, lest it kill them all. Since from the first of these on it is
# drawn alone, the others were its own doing, or the machine's: what was only beside it is drawn.
MOST_LOSSES = 3
_POISON = (
    "Drawing this has ended the worker three times, so I stopped trying. Ask for less: fewer steps or a smaller size."
)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Maker:
    """Makes jobs. `deadline_s` is for the worker, from the moment it takes one."""

    def __init__(self, store: Store, engine: Engine, finisher: Finisher, deadline_s: float) -> None:
        self._store = store
        self._engine = engine
        self._finisher = finisher
        self._deadline_s = deadline_s

    async def make(self, live: Live, job: JobRow) -> None:
        """Make one job and write down its end. Raises: StorageError only, when not even that can be written."""
        try:
            if job.treatment:
                with live.finishing(job.id):
                    await self._resample(live, job)
            else:
                await self._draw(live, job)
        except DarkroomError as exc:
            log.warning("a job failed", job=job.id, reason=str(exc))
            await self._store.requests.fail_job(job.id, str(exc))
        except Exception:  # the edge of a job: whatever it trips over, the others go on
            reference = secrets.token_hex(2)
            log.exception("a job broke", job=job.id, ref=reference)
            await self._store.requests.fail_job(job.id, f"Something broke on our side (ref {reference}).")

    async def _resample(self, live: Live, job: JobRow) -> None:
        assert job.treatment
        assert job.source_file
        file = await self._store.pictures.read(job.source_file)
        raster = await self._finisher.resample(file, int(job.treatment.split()[-1]))
        picture = Picture(index=0, recipe=job.recipe, raster=raster)
        await self._keep(live, job, (picture,), gpu_s=0.0)

    async def submit(self, live: Live, job: JobRow) -> None:
        """Put a job into the engine's queue, so that it has its position. What fails here, `make` says."""
        if job.treatment or job.n_losses >= MOST_LOSSES:
            return
        with contextlib.suppress(DarkroomError):  # a closed engine, or a job that is here already
            await self._submit(live, job, job.n_losses)

    def look(self, live: Live) -> None:
        """Take in where its jobs are at this moment: for the first thing that somebody reads."""
        for job in live.jobs:
            if event := self._engine.present(job.id):
                live.hear(job.id, event)
                return  # the first that waits speaks for all

    async def _draw(self, live: Live, job: JobRow) -> None:
        n_losses = job.n_losses
        while n_losses < MOST_LOSSES:
            outcome = await self._outcome(live, job, n_losses)
            match outcome:
                case Done():
                    with live.finishing(job.id):
                        await self._keep(live, job, outcome.pictures, outcome.gpu_s)
                    return
                case Failed():
                    is_ours = not outcome.their_fault or job.id not in live.begun()  # what cost nothing is given back
                    await self._store.requests.fail_job(job.id, outcome.sentence, is_ours=is_ours)
                    return
                case Cancelled():
                    await self._store.requests.cancel(live.request.id, live.begun())
                    return
                case Lost(is_ours=True):
                    live.lost(job.id)
                case Lost():
                    log.warning("a job lost its worker", job=job.id, reason=outcome.reason)
                    live.lost(job.id)
                    n_losses = await self._store.requests.note_loss(job.id)
                    if not n_losses:
                        return  # it no longer waits
                case _:
                    assert_never(outcome)
        await self._store.requests.fail_job(job.id, _POISON)

    async def _outcome(self, live: Live, job: JobRow, n_losses: int) -> Outcome:
        if (
            self._engine.is_closed
        ):  # nobody draws any more in this life; it waits for the next, and `close` lets go of it
            await asyncio.get_running_loop().create_future()
        if not self._engine.has(job.id):
            await self._submit(live, job, n_losses)
        async for event in self._engine.watch(job.id):
            if isinstance(event, Outcome):
                return event
            live.hear(job.id, event)
        raise AssertionError("a watch ends with an outcome")

    async def _submit(self, live: Live, job: JobRow, n_losses: int) -> None:
        """Into the queue; a suspect of having killed a worker is drawn alone."""
        await self._engine.submit(self._job(live, job), source=self._source_of(job), alone=n_losses > 0)

    def _job(self, live: Live, job: JobRow) -> Job:
        return Job(
            id=job.id,
            owner=live.request.owner,
            recipe=job.recipe,
            n_pictures=job.n_pictures,
            deadline_s=self._deadline_s,
        )

    def _source_of(self, job: JobRow) -> Callable[[], Awaitable[Raster]] | None:
        """How to read what it starts from, once its turn has come: those who wait hold no pixels."""
        return (lambda: self._source(job)) if job.recipe.source else None

    async def _source(self, job: JobRow) -> Raster:
        if job.source_file is None:
            raise UserError("The picture to start from is no longer kept; give it again with /remix.")
        file = await self._store.pictures.read(job.source_file)
        return await self._finisher.read_source(file, job.recipe.width_px, job.recipe.height_px)

    async def _keep(self, live: Live, job: JobRow, pictures: tuple[Picture, ...], gpu_s: float) -> None:
        """Files first, then one transaction; pictures of a job that was taken back meanwhile are nobody's."""
        put: set[str] = set()
        try:
            kept = [await self._keep_one(live, job, picture, gpu_s / len(pictures), put) for picture in pictures]
            is_kept = await self._store.requests.finish_job(job.id, tuple(kept), gpu_s, live.waited_s(job.id))
        except BaseException:  # also a cancellation: whoever is forgotten leaves no picture that was half kept
            with contextlib.suppress(StorageError):  # then it goes with what nobody came for
                await self._store.pictures.forget(put)  # what was finished after all is referred to, and stays
            raise
        if not is_kept:
            await self._store.pictures.forget(put)
            return
        rows = await self._store.history.pictures_of(live.request.id)
        live.add(tuple(row for row in rows if row.job == job.id))

    async def _keep_one(self, live: Live, job: JobRow, picture: Picture, gpu_s: float, hashes: set[str]) -> NewPicture:
        """A picture's files; those that are there are in `hashes`, also where it goes no further."""

        async def put(content: bytes, media_type: str) -> str:
            file_hash = await self._store.pictures.put(content, media_type, live.request.account)
            hashes.add(file_hash)
            return file_hash

        finished = await self._finisher.finish(picture, treatment=job.treatment)
        frames = live.frames(job.id, picture.index)
        animation = await self._finisher.animation(frames, finished.png) if len(frames) > 1 else None
        return NewPicture(
            number=job.first_number + picture.index,
            recipe=picture.recipe,
            label=job.label,
            treatment=job.treatment,
            pixel_hash=finished.pixel_hash,
            file_hash=await put(finished.png, "image/png"),
            thumbnail_hash=await put(finished.thumbnail, "image/webp"),
            animation_hash=await put(animation, "image/webp") if animation else None,
            width_px=picture.raster.width_px,
            height_px=picture.raster.height_px,
            gpu_s=gpu_s,
        )

    async def grid(self, request: RequestRow, pictures: tuple[PictureRow, ...]) -> str | None:
        """The hash of a comparison's grid, None where there is none to make. Raises: DarkroomError."""
        kept = [(picture, picture.file_hash) for picture in pictures if picture.file_hash]
        if request.kind != "compare" or len(kept) < 2:
            return None
        cells = [
            Cell(png=await self._store.pictures.read(file_hash), label=picture.label) for picture, file_hash in kept
        ]
        recipe = kept[0][0].recipe
        title = f"{recipe.prompt} · seed {recipe.seed}"
        grid = await self._finisher.grid(tuple(cells), title)
        return await self._store.pictures.put(grid, "image/png", request.account)

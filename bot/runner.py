"""Runs the jobs of requests that are committed: submit → watch → finish → keep → tell. One task a request.

Whatever happens to a job, its end is written down before anybody is told; what was not written down runs again after
the next start. Platforms are told in a task of their own, the newest card each time, and are never waited for.
"""

import asyncio
import secrets
import time
from dataclasses import replace
from typing import assert_never

import structlog

from bot.cards import Card, State
from bot.live import Live
from bot.showing import card_of
from bot.telling import Teller
from engine.domain import Cancelled, Done, Failed, Job, Lost, Outcome, Picture, Raster
from engine.engine import Engine
from engine.errors import DarkroomError, EngineError, UserError
from engine.finish import Cell, Finisher
from storage import records
from storage.records import JobRow, NewPicture, PictureRow, RequestRow
from storage.store import Store

MOST_LOSSES = 3  # a job that has killed three workers is refused, lest it kill them all
_POISON = (
    "Drawing this has ended the worker three times, so I stopped trying. Ask for less: fewer steps or a smaller size."
)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Runner:
    """Makes what was asked for. `close` leaves what is unfinished to the next start."""

    def __init__(self, store: Store, engine: Engine, finisher: Finisher, teller: Teller, deadline_s: float) -> None:
        self._store = store
        self._engine = engine
        self._finisher = finisher
        self._teller = teller
        self._deadline_s = deadline_s
        self._live: dict[str, Live] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_closed = False

    def start(self, request_id: str) -> None:
        """Run a request that waits; one that is running already goes on."""
        if self._is_closed or request_id in self._tasks:
            return
        task = asyncio.create_task(self._run(request_id), name=f"request {request_id}")
        self._tasks[request_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(request_id, None))

    def live(self, request_id: str) -> Live | None:
        """What is known of a request that is being made."""
        return self._live.get(request_id)

    def live_requests(self) -> tuple[Live, ...]:
        """All that are being made, oldest first."""
        return tuple(self._live.values())

    async def cancel(self, request_id: str) -> bool:
        """Take back what is not finished of a request; False if nothing was left. Raises: StorageError.

        It is over at once for whoever asked: a worker in the middle of a long step is not waited for.
        """
        if not await self._store.requests.cancel(request_id):
            return False
        live, task = self._live.get(request_id), self._tasks.get(request_id)
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for job in live.jobs if live else ():
            await self._engine.cancel(job.id)
        return True

    async def finished(self, request_id: str) -> None:
        """Wait until a request is no longer being made."""
        task = self._tasks.get(request_id)
        if task:
            await asyncio.wait([task])

    async def close(self) -> None:
        """Stop telling and writing; nothing is marked as ended that did not end."""
        self._is_closed = True
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # One request

    async def _run(self, request_id: str) -> None:
        request = await self._store.requests.find(request_id)
        if request is None or request.is_deleted:
            return
        jobs = await self._store.requests.jobs_of(request_id)
        live = Live(request, jobs, await self._store.history.pictures_of(request_id))
        self._live[request_id] = live
        telling = asyncio.create_task(self._keep_telling(live), name=f"telling {request_id}")
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    if job.state is records.State.WAITING:
                        group.create_task(self._job(live, job))
            ended = await self._end(live)
        except* DarkroomError as group_of:  # the disk is ill: what is not written down runs again after the next start
            for job in jobs:
                await self._engine.cancel(job.id)
            ended = _ill(live, group_of.exceptions[0])
            log.error("a request could not be ended", request=request_id, exc_info=group_of.exceptions[0])
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            self._live.pop(request_id, None)
        if ended:
            await self._teller.newest(request, ended)

    async def _end(self, live: Live) -> Card | None:
        """Write down how it ended; the card that says so, or None if it was deleted meanwhile."""
        request_id = live.request.id
        jobs = await self._store.requests.jobs_of(request_id)
        pictures = await self._store.history.pictures_of(request_id)
        grid_hash = await self._grid(live.request, pictures)
        failed = [job for job in jobs if job.state is records.State.FAILED]
        if pictures:
            state = records.State.DONE
            sentence = f"{len(failed)} of {len(jobs)} could not be drawn: {failed[0].sentence}" if failed else ""
        elif failed:
            state, sentence = records.State.FAILED, failed[0].sentence or ""
        else:
            state, sentence = records.State.CANCELLED, ""
        await self._store.requests.end(request_id, state, sentence, grid_hash=grid_hash)
        request = await self._store.requests.find(request_id)
        return card_of(request, jobs, pictures) if request and not request.is_deleted else None

    async def _grid(self, request: RequestRow, pictures: tuple[PictureRow, ...]) -> str | None:
        kept = [(picture, picture.file_hash) for picture in pictures if picture.file_hash]
        if request.kind != "compare" or len(kept) < 2:
            return None
        cells = [
            Cell(png=await self._store.pictures.read(file_hash), label=picture.label) for picture, file_hash in kept
        ]
        recipe = kept[0][0].recipe
        title = f"{recipe.prompt} · seed {recipe.seed}"
        grid = await self._finisher.grid(tuple(cells), title)
        return await self._store.pictures.put(grid, "image/png")

    # One job

    async def _job(self, live: Live, job: JobRow) -> None:
        """Make one job and write down its end. Raises: StorageError only, when not even that can be written."""
        try:
            if job.treatment:
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

    async def _draw(self, live: Live, job: JobRow) -> None:
        source = await self._source(job)
        n_losses = job.n_losses
        while n_losses < MOST_LOSSES:
            outcome = await self._outcome(live, job, source)
            match outcome:
                case Done():
                    await self._keep(live, job, outcome.pictures, outcome.gpu_s)
                    return
                case Failed():
                    await self._store.requests.fail_job(job.id, outcome.sentence)
                    return
                case Cancelled():
                    await self._store.requests.cancel(live.request.id)
                    return
                case Lost():
                    log.warning("a job lost its worker", job=job.id, reason=outcome.reason)
                    n_losses = await self._store.requests.note_loss(job.id)
                case _:
                    assert_never(outcome)
        await self._store.requests.fail_job(job.id, _POISON)

    async def _outcome(self, live: Live, job: JobRow, source: Raster | None) -> Outcome:
        owner = live.request.owner
        try:
            await self._engine.submit(
                Job(
                    id=job.id,
                    owner=owner,
                    recipe=job.recipe,
                    n_pictures=job.n_pictures,
                    source=source,
                    deadline_s=self._deadline_s,
                )
            )
        except EngineError:  # it is being closed: so are we, and the job waits for the next start
            await asyncio.Event().wait()
        async for event in self._engine.watch(job.id):
            if isinstance(event, Outcome):
                return event
            live.hear(job.id, event)
        raise AssertionError("a watch ends with an outcome")

    async def _source(self, job: JobRow) -> Raster | None:
        if job.recipe.source is None:
            return None
        if job.source_file is None:
            raise UserError("The picture to start from is no longer kept; give it again with /remix.")
        file = await self._store.pictures.read(job.source_file)
        return await self._finisher.read_source(file, job.recipe.width_px, job.recipe.height_px)

    async def _keep(self, live: Live, job: JobRow, pictures: tuple[Picture, ...], gpu_s: float) -> None:
        """Files first, then one transaction; pictures of a job that was taken back meanwhile are nobody's."""
        kept = [await self._keep_one(live, job, picture, gpu_s / len(pictures)) for picture in pictures]
        if not await self._store.requests.finish_job(job.id, tuple(kept), gpu_s):
            hashes = {each for one in kept for each in (one.file_hash, one.thumbnail_hash, one.animation_hash) if each}
            await self._store.pictures.forget(frozenset(hashes))
            return
        rows = await self._store.history.pictures_of(live.request.id)
        live.add(tuple(row for row in rows if row.job == job.id))

    async def _keep_one(self, live: Live, job: JobRow, picture: Picture, gpu_s: float) -> NewPicture:
        finished = await self._finisher.finish(picture, treatment=job.treatment)
        files = self._store.pictures
        frames = live.frames(job.id, picture.index)
        animation = await self._finisher.animation(frames, finished.png) if len(frames) > 1 else None
        return NewPicture(
            number=job.first_number + picture.index,
            recipe=picture.recipe,
            label=job.label,
            treatment=job.treatment,
            pixel_hash=finished.pixel_hash,
            file_hash=await files.put(finished.png, "image/png"),
            thumbnail_hash=await files.put(finished.thumbnail, "image/webp"),
            animation_hash=await files.put(animation, "image/webp") if animation else None,
            width_px=picture.raster.width_px,
            height_px=picture.raster.height_px,
            gpu_s=gpu_s,
        )

    # Telling

    async def _keep_telling(self, live: Live) -> None:
        """The newest state, as often as the platform allows an edit."""
        every_s = self._teller.edit_every_s(live.request)
        while True:
            await live.changed.wait()
            live.changed.clear()
            card = card_of(live.request, live.jobs, live.pictures, live)
            await self._teller.newest(live.request, card)
            await asyncio.sleep(every_s)


def _ill(live: Live, exc: BaseException) -> Card:
    """What to say where not even the failure could be written down."""
    card = card_of(live.request, live.jobs, live.pictures)
    return replace(card, state=State.FAILED, sentence=str(exc), told_at_s=time.time(), buttons=())

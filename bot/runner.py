"""Runs requests that are committed: all their jobs at once, then the end. One task a request.

Whatever happens, a request's end is written down before anybody is told; what could not be written down runs again a
little later, or after the next start. Platforms are told in a task of their own, the newest card each time, and are
never waited for.
"""

import asyncio
import secrets
import time
from dataclasses import replace

import structlog

from bot.cards import Card, State
from bot.live import Live
from bot.making import Maker
from bot.showing import card_of
from bot.telling import Teller
from engine.engine import Engine
from engine.errors import DarkroomError
from storage import records
from storage.records import PictureRow, RequestRow
from storage.store import Store

TRY_AGAIN_S = 30.0  # after a disk that took nothing: time to free some, and little enough to be there when it is

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Runner:
    """Makes what was asked for. `close` leaves what is unfinished to the next start; close the engine after it."""

    def __init__(self, store: Store, engine: Engine, maker: Maker, teller: Teller) -> None:
        self._store = store
        self._engine = engine
        self._maker = maker
        self._teller = teller
        self._live: dict[str, Live] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._troubles: dict[str, str] = {}  # of requests that wait because nothing could be written down
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

    def trouble(self, request_id: str) -> str | None:
        """Why a request still waits that was begun already: the disk."""
        return self._troubles.get(request_id)

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
        """From its start to its last card, whatever happens on the way."""
        try:
            if live := await self._begun(request_id):
                await self._make(live)
                await self._end(request_id)
        except Exception as exc:  # the edge of a request: it must not stop without a word
            await self._give_up(request_id, exc)
        finally:
            self._live.pop(request_id, None)
        await self._tell_the_end(request_id)

    async def _begun(self, request_id: str) -> Live | None:
        """The request as live; None if it was deleted meanwhile."""
        self._troubles.pop(request_id, None)
        request = await self._store.requests.find(request_id)
        if request is None or request.is_deleted:
            return None
        jobs = await self._store.requests.jobs_of(request_id)
        live = Live(request, jobs, await self._store.history.pictures_of(request_id))
        self._live[request_id] = live
        return live

    async def _make(self, live: Live) -> None:
        """Make every job that waits; each writes down its own end."""
        telling = asyncio.create_task(self._keep_telling(live), name=f"telling {live.request.id}")
        try:
            async with asyncio.TaskGroup() as group:
                for job in live.jobs:
                    if job.state is records.State.WAITING:
                        group.create_task(self._maker.make(live, job))
        finally:
            telling.cancel()
            [ended] = await asyncio.gather(telling, return_exceptions=True)
            if isinstance(ended, Exception):
                log.error("telling broke", request=live.request.id, exc_info=ended)

    async def _end(self, request_id: str) -> None:
        """Write down how it ended."""
        request = await self._store.requests.find(request_id)
        jobs = await self._store.requests.jobs_of(request_id)
        pictures = await self._store.history.pictures_of(request_id)
        failed = [job for job in jobs if job.state is records.State.FAILED]
        if pictures:
            state = records.State.DONE
            sentence = f"{len(failed)} of {len(jobs)} could not be drawn: {failed[0].sentence}" if failed else ""
        elif failed:
            state, sentence = records.State.FAILED, failed[0].sentence
        else:
            state, sentence = records.State.CANCELLED, ""
        grid_hash = await self._grid(request, pictures) if request else None
        await self._store.requests.end(request_id, state, sentence, grid_hash=grid_hash)

    async def _grid(self, request: RequestRow, pictures: tuple[PictureRow, ...]) -> str | None:
        try:
            return await self._maker.grid(request, pictures)
        except Exception:  # pictures without a grid are better than no end at all
            log.exception("a grid could not be made", request=request.id)
            return None

    async def _give_up(self, request_id: str, exc: Exception) -> None:
        """What is not finished has failed; said by the jobs themselves, so that what is finished stays."""
        cause = _first(exc)
        reference = secrets.token_hex(2)
        if isinstance(cause, DarkroomError):
            log.warning("a request cannot be made", request=request_id, reason=str(cause))
        else:
            log.error("a request broke", request=request_id, ref=reference, exc_info=exc)
        sentence = str(cause) if isinstance(cause, DarkroomError) else f"Something broke on our side (ref {reference})."
        try:
            for job in await self._store.requests.jobs_of(request_id):
                await self._engine.cancel(job.id)
                if job.state is records.State.WAITING:
                    await self._store.requests.fail_job(job.id, sentence)
            await self._end(request_id)
        except DarkroomError as ill:  # the disk: what is not written down is still waiting
            log.error("a request could not be ended", request=request_id, reason=str(ill))
            asyncio.get_running_loop().call_later(TRY_AGAIN_S, self.start, request_id)
            self._troubles[request_id] = f"{ill} I will try again in {TRY_AGAIN_S:.0f} seconds."
            if live := self._live.get(request_id):
                await self._teller.newest(live.request, _ill(live, self._troubles[request_id]))

    # Telling

    async def _keep_telling(self, live: Live) -> None:
        """The newest state, as often as the platform allows an edit."""
        every_s = self._teller.edit_every_s(live.request)
        while True:
            await live.changed.wait()
            live.changed.clear()
            async with self._teller.turn(live.request.id):
                await self._teller.newest(live.request, card_of(live.request, live.jobs, live.pictures, live))
            await asyncio.sleep(every_s)

    async def _tell_the_end(self, request_id: str) -> None:
        """Its last card, unless it was deleted or could not be ended."""
        async with self._teller.turn(request_id):
            try:
                request = await self._store.requests.find(request_id)
                if request is None or request.is_deleted or request.state is records.State.WAITING:
                    return
                jobs = await self._store.requests.jobs_of(request_id)
                card = card_of(request, jobs, await self._store.history.pictures_of(request_id))
            except DarkroomError as exc:
                log.error("an end could not be told", request=request_id, exc_info=exc)
            else:
                await self._teller.newest(request, card)


def _first(exc: BaseException) -> BaseException:
    """What went wrong first, in a group of what went wrong."""
    return _first(exc.exceptions[0]) if isinstance(exc, BaseExceptionGroup) else exc


def _ill(live: Live, sentence: str) -> Card:
    """What to say where not even the failure could be written down: it still waits."""
    card = card_of(live.request, live.jobs, live.pictures)
    return replace(card, state=State.WAITING, sentence=sentence, told_at_s=time.time())

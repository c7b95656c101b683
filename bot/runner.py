"""Runs requests that are committed: all their jobs at once, then the end. One task a request.

Whatever happens, a request's end is written down, together with the delivery that tells it, before anybody is told;
what could not be written down runs again a little later, or after the next start. Platforms are never waited for.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence

import structlog

from bot.live import Live
from bot.making import Maker
from bot.telling import Teller
from engine.engine import Engine
from engine.errors import DarkroomError
from storage import records
from storage.records import JobRow, PictureRow, RequestRow
from storage.store import Store

TRY_AGAIN_S = 30.0  # after a disk that took nothing: time to free some, and little enough to be there when it is
LOOK_EVERY_S = 5.0  # for waits that have run out

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Runner:
    """Makes what was asked for. `close` leaves what is unfinished to the next start; close the engine after it.

    `clock` gives Unix seconds.
    """

    def __init__(
        self, store: Store, engine: Engine, maker: Maker, teller: Teller, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._engine = engine
        self._maker = maker
        self._teller = teller
        self._clock = clock
        self._live: dict[str, Live] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._looking = asyncio.create_task(self._keep_looking_at_the_clock(), name="overdue waits")

    async def start(self, request: RequestRow, jobs: Sequence[JobRow], pictures: Sequence[PictureRow] = ()) -> None:
        """Run a request that waits; its jobs are in the queue when this returns. One that runs already goes on."""
        if self._is_closed or request.id in self._tasks:
            return
        live = Live(request, tuple(jobs), tuple(pictures), lambda: self._teller.progress(request), self._clock)
        self._live[request.id] = live
        for job in live.jobs:
            if job.state is records.State.WAITING:
                await self._maker.submit(live, job)
        if self._live.get(request.id) is live:  # else it was taken back meanwhile
            self._spawn(live)

    def look(self, request_id: str) -> None:
        """Find out where it is at this moment, however deep in the queue."""
        if live := self._live.get(request_id):
            self._maker.look(live)

    async def begin(self, request_id: str) -> None:
        """Run a request that waits, read anew; one that cannot be read is tried again a little later."""
        try:
            request = await self._store.requests.find(request_id)
            if request is None or request.is_deleted or request.state is not records.State.WAITING:
                return
            jobs = await self._store.requests.jobs_of(request_id)
            await self.start(request, jobs, await self._store.history.pictures_of(request_id))
        except DarkroomError as exc:
            log.warning("a request cannot be begun yet", request=request_id, reason=str(exc))
            self._later(request_id)

    def live(self, request_id: str) -> Live | None:
        """What is known of a request that is being made."""
        return self._live.get(request_id)

    def live_requests(self) -> tuple[Live, ...]:
        """All that are being made, oldest first."""
        return tuple(self._live.values())

    def n_finishing(self) -> int:
        """Jobs of which files are being made: the engine knows nothing of them any more."""
        return sum(live.n_finishing for live in self._live.values())

    def is_drawn(self, request_id: str) -> bool:
        """Whether nothing is left to do of a request but its files."""
        live = self._live.get(request_id)
        return live is not None and not live.trouble and live.is_drawn

    async def cancel(self, request_id: str) -> bool:
        """Take back what is not finished of a request; False if nothing was left. Raises: StorageError.

        It is over at once for whoever asked: a worker in the middle of a long step is not waited for.
        """
        live = self._live.get(request_id)
        if not await self._store.requests.cancel(request_id, live.begun() if live else frozenset()):
            return False
        await self.drop(request_id)
        return True

    async def drop(self, request_id: str) -> None:
        """Let go of a request whose end is written down already, whatever of it is still being made."""
        live, task = self._live.pop(request_id, None), self._tasks.get(request_id)
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for job in live.jobs if live else ():
            await self._engine.cancel(job.id)
        if live:
            self._teller.deliver(live.request)

    async def finished(self, request_id: str) -> None:
        """Wait until a request is no longer being made."""
        task = self._tasks.get(request_id)
        if task:
            await asyncio.wait([task])

    async def wind_down(self, within_s: float) -> None:
        """Let what a worker has begun come to its end, for so long at most; begin nothing more."""
        self._engine.hold_back()
        begun = [self._tasks[live.request.id] for live in self._live.values() if live.has_begun]
        if begun:
            await asyncio.wait(begun, timeout=within_s)

    async def close(self) -> None:
        """Stop making; nothing is marked as ended that did not end."""
        self._is_closed = True
        self._live.clear()
        tasks = (self._looking, *self._tasks.values(), *self._again)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # One request

    def _spawn(self, live: Live) -> None:
        request_id = live.request.id
        task = asyncio.create_task(self._run(live), name=f"request {request_id}")
        self._tasks[request_id] = task

        def ended(done: asyncio.Task[None]) -> None:
            if self._tasks.get(request_id) is done:
                del self._tasks[request_id]

        task.add_done_callback(ended)

    async def _run(self, live: Live) -> None:
        """From its start to its end, whatever happens on the way."""
        request_id = live.request.id
        try:
            await self._make(live)
            await self._end(request_id)
        except Exception as exc:  # the edge of a request: it must not stop without a word
            await self._give_up(live, exc)
        if not live.trouble:
            if self._live.get(request_id) is live:
                del self._live[request_id]
            self._teller.deliver(live.request)

    async def _make(self, live: Live) -> None:
        """Make every job that waits; each writes down its own end."""
        async with asyncio.TaskGroup() as group:
            for job in live.jobs:
                if job.state is records.State.WAITING:
                    group.create_task(self._maker.make(live, job))

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
        if not await self._store.requests.end(request_id, state, sentence, grid_hash=grid_hash) and grid_hash:
            await self._store.pictures.forget({grid_hash})  # deleted meanwhile

    async def _grid(self, request: RequestRow, pictures: tuple[PictureRow, ...]) -> str | None:
        try:
            return await self._maker.grid(request, pictures)
        except Exception:  # pictures without a grid are better than no end at all
            log.exception("a grid could not be made", request=request.id)
            return None

    async def _give_up(self, live: Live, exc: Exception) -> None:
        """What is not finished has failed; said by the jobs themselves, so that what is finished stays."""
        request_id = live.request.id
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
        except Exception as ill:  # mostly the disk: what is not written down is still waiting
            unforeseen = None if isinstance(ill, DarkroomError) else ill
            log.error("a request could not be ended", request=request_id, reason=str(ill), exc_info=unforeseen)
            live.trouble = f"{ill} I will try again in {TRY_AGAIN_S:.0f} seconds."
            self._teller.progress(live.request)
            self._later(request_id)

    def _later(self, request_id: str) -> None:
        asyncio.get_running_loop().call_later(TRY_AGAIN_S, self._try_again, request_id)

    def _try_again(self, request_id: str) -> None:
        """Read anew: what could be written down meanwhile is not made twice."""
        if self._is_closed or request_id in self._tasks:
            return
        self._live.pop(request_id, None)
        again = asyncio.create_task(self.begin(request_id), name=f"again {request_id}")
        self._again.add(again)
        again.add_done_callback(self._again.discard)

    async def _keep_looking_at_the_clock(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for number, live in enumerate(self.live_requests()):
                if not self._engine.is_paused:
                    live.look_at_the_clock()
                if number % 500 == 0:
                    await asyncio.sleep(0)


def _first(exc: BaseException) -> BaseException:
    """What went wrong first, in a group of what went wrong."""
    return _first(exc.exceptions[0]) if isinstance(exc, BaseExceptionGroup) else exc

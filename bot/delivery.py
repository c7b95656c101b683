"""The outbox worker: acknowledges, delivers and withdraws, each until it is done, and nothing twice.

    pending ──call──▶ sending ──▶ sent
       ▲                 │ ├─ refused for good ─▶ dead       (refunded; kept for /collect)
       └─ try again ◀────┘ └─ nobody knows ─▶ reconcile ─▶ sent | pending | ambiguous

`sending` is saved before the platform is called, so what a kill leaves in it is looked for and never sent blindly. For
a platform where repeating does no harm that step is left out. Deliveries of one request are made in their order, those
of different requests beside each other. Knows nothing of what a card says or how a platform sends it.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import assert_never

import structlog

from bot.budgets import Budgets
from bot.cards import Card
from bot.platforms.base import Address, Found, Platform
from engine.errors import DarkroomError, DeliveryRefused, DeliveryUnknown, PlatformError
from storage.outbox import Outbox
from storage.records import Delivery, DeliveryKind, RequestRow

N_AT_ONCE = 16
CALL_WITHIN_S = 60.0  # an upload of 10 MB over a slow line; after it nobody knows
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0  # full jitter between: reliability of chats comes back within minutes
GIVE_UP_AFTER_S = 24 * 3_600.0  # a chat that is away for a day: the picture waits for /collect
IDLE_S = 60.0  # how often an idle courier looks all the same: a clock may have jumped
PLATFORM_OFF_S = 300.0  # a platform without a token today may have one after the next start

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

Render = Callable[[str], Awaitable[tuple[RequestRow, Card] | None]]


class Courier:
    """Empties the outbox. `render` gives a request and its newest card, None where the request is gone.

    `turn` is held from rendering until it is told. `clock` gives Unix seconds.
    """

    def __init__(
        self,
        outbox: Outbox,
        platforms: Mapping[str, Platform],
        budgets: Callable[[Platform], Budgets],
        render: Render,
        turn: Callable[[str], asyncio.Lock],
        clock: Callable[[], float],
        chance: random.Random | None = None,
    ) -> None:
        self._outbox = outbox
        self._platforms = platforms
        self._budgets = budgets
        self._render = render
        self._turn = turn
        self._clock = clock
        self._chance = chance or random.Random()
        self._news = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._n_looks: dict[str, int] = {}  # reconciliations that could not be made, by request
        self._later: dict[str, asyncio.TimerHandle] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look for what an earlier life may have sent, then deliver for ever. Raises: StorageError."""
        await self._find_out_all()
        self._task = asyncio.create_task(self._keep_delivering(), name="courier")

    def wake(self) -> None:
        """There is something to deliver."""
        self._news.set()

    async def tell_now(self, request_id: str) -> None:
        """Deliver what is due of a request, and return when that was tried: for whoever waits for an answer."""
        while running := self._busy.get(request_id):
            await asyncio.wait([running])
        await asyncio.wait([self._begin_all(request_id)])

    async def settle(self, within_s: float) -> None:
        """Let what is being told come to its end, for so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._busy or await self._outbox.due(1):
                    self._news.set()
                    await asyncio.sleep(0)
                    if self._busy:
                        await asyncio.wait(self._busy.values())

    async def close(self) -> None:
        """Stop. A call that is being made is given up: the next start finds out what became of it."""
        for timer in self._later.values():
            timer.cancel()
        tasks = [*self._busy.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Whose turn it is

    async def _keep_delivering(self) -> None:
        while True:
            self._news.clear()
            try:
                wait_s = await self._begin_due()
            except DarkroomError as exc:
                log.warning("the outbox cannot be read", reason=str(exc))
                wait_s = LONGEST_PAUSE_S / 2
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()

    async def _begin_due(self) -> float:
        """Begin what is due; seconds until something else may be."""
        await self._find_out_all()
        room = N_AT_ONCE - len(self._busy)
        if room > 0:
            for delivery in await self._outbox.due(room, frozenset(self._busy)):
                if delivery.request not in self._busy:
                    self._begin_all(delivery.request)
        next_s = await self._outbox.next_due_s()
        if next_s is None or (self._busy and next_s <= self._clock()):
            return IDLE_S  # whoever ends wakes us
        return min(IDLE_S, max(0.05, next_s - self._clock()))

    def _begin_all(self, request_id: str) -> asyncio.Task[None]:
        return self._begin(request_id, lambda: self._deliver_all(request_id))

    def _begin(self, request_id: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        async def safely() -> None:
            try:
                await work()
            except DarkroomError as exc:
                log.warning("a delivery could not be written down", request=request_id, reason=str(exc))
                await asyncio.sleep(FIRST_PAUSE_S)  # it is due still
            except Exception:  # the edge of the outbox: one delivery stops no other
                log.exception("a delivery broke", request=request_id)
                await asyncio.sleep(LONGEST_PAUSE_S / 2)  # it is due still, and would break again at once

        task = asyncio.create_task(safely(), name=f"deliver {request_id}")
        self._busy[request_id] = task
        task.add_done_callback(lambda _: self._ended(request_id, task))
        return task

    def _ended(self, request_id: str, task: asyncio.Task[None]) -> None:
        if self._busy.get(request_id) is task:
            del self._busy[request_id]
        self._news.set()

    # One request

    async def _deliver_all(self, request_id: str) -> None:
        """What is due of it, in order, as far as it goes."""
        while delivery := await self._outbox.due_of(request_id):
            if not await self._deliver(delivery):
                return

    async def _deliver(self, delivery: Delivery) -> bool:
        """Make one call; whether the next of this request may follow at once."""
        async with self._turn(delivery.request):
            rendered = await self._render(delivery.request)
            if rendered is None:
                await self._outbox.dead(delivery.request, delivery.kind, "The request is gone.")
                return True
            row, card = rendered
            if delivery.kind is DeliveryKind.ACKNOWLEDGE and card.state.is_over:
                await self._outbox.sent(row.id, delivery.kind, None)  # its end is told next, by the end's own rules
                return True
            platform = self._platforms.get(row.place.partition(":")[0])
            if platform is None:
                await self._outbox.again(delivery.request, delivery.kind, PLATFORM_OFF_S, "That chat is switched off.")
                return False
            budgets, chat = self._budgets(platform), platform.chat(row.reply_to)
            if parked_s := budgets.parked_for_s(chat):
                await self._outbox.again(delivery.request, delivery.kind, parked_s, "The chat asked for a pause.")
                return False
            if not platform.is_repeatable:
                if not await self._outbox.sending(delivery.request, delivery.kind):
                    return True
                if parked_s := budgets.parked_for_s(chat):  # meanwhile, by another message of the chat
                    await self._outbox.again(delivery.request, delivery.kind, parked_s, "The chat asked for a pause.")
                    return False
            budgets.spend(chat, row.id)
            return await self._call(platform, budgets, delivery, row, card)

    async def _call(
        self, platform: Platform, budgets: Budgets, delivery: Delivery, row: RequestRow, card: Card
    ) -> bool:
        to = _address(row)
        try:
            async with asyncio.timeout(CALL_WITHIN_S):
                remote_id = await _made(platform, delivery.kind, to, card)
        except DeliveryRefused as exc:
            await self._outbox.dead(row.id, delivery.kind, str(exc))
            return True
        except (DeliveryUnknown, TimeoutError) as exc:
            log.warning("a delivery's outcome is unknown", request=row.id, kind=delivery.kind, reason=str(exc))
            if platform.is_repeatable:
                await self._again(delivery, None, str(exc))
                return False
            return await self._reconcile(platform, budgets, delivery, row, card)
        except PlatformError as exc:
            if exc.retry_after_s:
                budgets.park(platform.chat(row.reply_to), exc.retry_after_s)
            await self._again(delivery, exc.retry_after_s, str(exc))
            return False
        except Exception as exc:  # whatever theirs trips over: nobody knows how far it came
            log.exception("a platform broke", request=row.id)
            if platform.is_repeatable:
                await self._again(delivery, None, repr(exc))
                return False
            return await self._reconcile(platform, budgets, delivery, row, card)
        await self._outbox.sent(row.id, delivery.kind, remote_id)
        return True

    async def _again(self, delivery: Delivery, retry_after_s: float | None, reason: str) -> None:
        """Later, unless it has been tried for a day."""
        if self._clock() - delivery.created_s > GIVE_UP_AFTER_S:
            await self._outbox.dead(delivery.request, delivery.kind, reason)
            return
        pause_s = self._chance.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(delivery.n_attempts, 16)))
        await self._outbox.again(delivery.request, delivery.kind, max(retry_after_s or 0.0, pause_s), reason)
        log.info("a delivery is tried again", request=delivery.request, kind=delivery.kind, reason=reason)

    # What may have been sent

    async def _find_out_all(self) -> None:
        """Look for what is `sending` and that nobody sends: of an earlier life, or that could not be written down."""
        for delivery in await self._outbox.unknown():
            if delivery.request not in self._busy and delivery.request not in self._later:
                self._begin(delivery.request, partial(self._find_out, delivery))

    async def _find_out(self, delivery: Delivery) -> None:
        """Of an earlier life's call, whether it had worked."""
        async with self._turn(delivery.request):
            rendered = await self._render(delivery.request)
            platform = self._platforms.get(rendered[0].place.partition(":")[0]) if rendered else None
            if rendered is None:
                await self._outbox.dead(delivery.request, delivery.kind, "The request is gone.")
            elif platform is None:
                self._look_later(delivery, PLATFORM_OFF_S)
                return
            elif not await self._reconcile(platform, self._budgets(platform), delivery, *rendered):
                return
        self._n_looks.pop(delivery.request, None)
        await self._deliver_all(delivery.request)

    async def _reconcile(
        self, platform: Platform, budgets: Budgets, delivery: Delivery, row: RequestRow, card: Card
    ) -> bool:
        """Look whether it is there; whether the next of this request may follow. Looks again later if that fails."""
        chat = platform.chat(row.reply_to)
        if parked_s := budgets.parked_for_s(chat):
            self._look_later(delivery, parked_s)
            return False
        budgets.spend(chat, row.id)  # an edit is made again to see whether it was made
        try:
            async with asyncio.timeout(CALL_WITHIN_S):
                found, remote_id = await platform.reconcile(_address(row), card, delivery.kind)
        except DeliveryRefused as exc:
            await self._outbox.dead(row.id, delivery.kind, str(exc))
            return True
        except (PlatformError, TimeoutError) as exc:
            log.info("a delivery cannot be looked for yet", request=row.id, reason=str(exc))
            retry_after_s = exc.retry_after_s if isinstance(exc, PlatformError) else None
            if retry_after_s:
                budgets.park(chat, retry_after_s)
            self._look_later(delivery, retry_after_s)
            return False
        except Exception:  # whatever theirs trips over
            log.exception("a platform broke", request=row.id)
            self._look_later(delivery, None)
            return False
        match found:
            case Found.THERE:
                await self._outbox.sent(row.id, delivery.kind, remote_id)
            case Found.ABSENT:
                await self._again(delivery, None, "It had not arrived.")
                return False
            case Found.UNKNOWN:
                await self._outbox.ambiguous(row.id, delivery.kind, "Nobody can tell whether it arrived.")
            case _:
                assert_never(found)
        return True

    def _look_later(self, delivery: Delivery, retry_after_s: float | None) -> None:
        request_id = delivery.request
        n_looks = self._n_looks[request_id] = self._n_looks.get(request_id, 0) + 1
        pause_s = self._chance.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(n_looks, 16)))
        self._later[request_id] = asyncio.get_running_loop().call_later(
            max(retry_after_s or 0.0, pause_s), self._look_again, request_id
        )

    def _look_again(self, request_id: str) -> None:
        self._later.pop(request_id, None)
        self._news.set()


async def _made(platform: Platform, kind: DeliveryKind, to: Address, card: Card) -> str | None:
    match kind:
        case DeliveryKind.ACKNOWLEDGE:
            return await platform.acknowledge(to, card)
        case DeliveryKind.RESULT:
            return await platform.deliver(to, card)
        case DeliveryKind.WITHDRAW:
            await platform.withdraw(to)
            return None


def _address(row: RequestRow) -> Address:
    return Address(request=row.id, reply_to=row.reply_to, remote_id=row.remote_id, created_s=row.created_s)

"""Progress, told as often as each chat allows: whose message has news, whose turn it is, and nothing twice.

News of a message takes the place of older news that was not told yet, so a chat that allows one edit a second costs one
edit a second, however many wait in it and however often they move. What is told here may be lost; ends go through
`delivery.py`. Knows nothing of what a card says.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from bot.budgets import Budgets
from bot.cards import Card
from bot.platforms.base import Address, Platform
from engine.errors import DarkroomError, PlatformError

N_AT_ONCE = 8  # calls to one platform; its own client queues the rest anyway
CALL_WITHIN_S = 10.0  # an end waits for a call about the same message, lest the older arrive after it
_REMEMBERED = 4_096

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """What to tell, and where."""

    to: Address
    card: Card


class Bulletin:
    """Tells one platform of progress. `news` gives a request's newest card, or None once it is over.

    `turn` is held from reading the card until it is told.
    """

    def __init__(
        self,
        platform: Platform,
        budgets: Budgets,
        news: Callable[[str], Awaitable[News | None]],
        turn: Callable[[str], asyncio.Lock],
    ) -> None:
        self._platform = platform
        self._budgets = budgets
        self._news = news
        self._turn = turn
        self._chats: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        self._told: OrderedDict[str, int] = OrderedDict()  # hashes: cards hold previews
        self._has_news = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._busy: set[str] = set()  # chats
        self._task = asyncio.create_task(self._keep_telling(), name=f"bulletin {platform.name}")

    def note(self, request_id: str, reply_to: str) -> None:
        """There is news of a request."""
        if not self._platform.is_seen(reply_to):
            return
        self._chats.setdefault(self._platform.chat(reply_to), OrderedDict())[request_id] = None
        self._has_news.set()

    def drop(self, request_id: str) -> None:
        """It is over; nothing of it is told here any more."""
        self._told.pop(request_id, None)

    async def close(self) -> None:
        """Stop; a call that is being made is given up."""
        tasks = (self._task, *self._calls)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_telling(self) -> None:
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            wait_s = self._begin_calls()
            if wait_s is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._has_news.wait()
                self._has_news.set()

    def _begin_calls(self) -> float | None:
        """Begin what may be told now, one call a chat; seconds until more may be, None if a call has to end first."""
        waits_s = []
        for chat in list(self._chats):
            if chat in self._busy:
                continue  # what it spends is known when it is made
            if len(self._busy) >= N_AT_ONCE:
                return None
            request_id, wait_s = self._first_of(chat)
            if wait_s > 0:
                waits_s.append(wait_s)
                continue
            self._begin_call(chat, request_id)
            if chat in self._chats:
                self._chats.move_to_end(chat)  # the next time others come first
        return min(waits_s, default=None)

    def _first_of(self, chat: str) -> tuple[str, float]:
        """The message of a chat that may be edited soonest, the oldest news first, and seconds until then."""
        chat_wait_s = self._budgets.free_in_s(chat, "")
        soonest = ("", float("inf"))
        for request_id in self._chats[chat]:
            wait_s = max(chat_wait_s, self._budgets.free_in_s(chat, request_id))
            if wait_s < soonest[1]:
                soonest = (request_id, wait_s)
            if wait_s == chat_wait_s:
                break
        return soonest

    def _begin_call(self, chat: str, request_id: str) -> None:
        self._forget_news(chat, request_id)
        self._busy.add(chat)
        call = asyncio.create_task(self._tell(chat, request_id), name=f"progress {request_id}")
        self._calls.add(call)
        call.add_done_callback(lambda done: self._ended(done, chat))

    def _forget_news(self, chat: str, request_id: str) -> None:
        del self._chats[chat][request_id]
        if not self._chats[chat]:
            del self._chats[chat]

    def _ended(self, call: asyncio.Task[None], chat: str) -> None:
        self._calls.discard(call)
        self._busy.discard(chat)
        self._has_news.set()

    async def _tell(self, chat: str, request_id: str) -> None:
        try:
            async with self._turn(request_id):
                news = await self._news(request_id)
                if news is None or not self._is_new(request_id, news.card):
                    return
                if self._budgets.free_in_s(chat, request_id) > 0:  # something was said in this chat meanwhile
                    self._chats.setdefault(chat, OrderedDict())[request_id] = None
                    return
                self._budgets.spend(chat, request_id)
                async with asyncio.timeout(CALL_WITHIN_S):
                    await self._platform.progress(news.to, news.card)
                self._remember(request_id, news.card)
        except PlatformError as exc:
            if exc.retry_after_s:
                self._budgets.park(chat, exc.retry_after_s)
            log.info("progress was not told", request=request_id, reason=str(exc))
        except (DarkroomError, TimeoutError) as exc:
            log.info("progress was not told", request=request_id, reason=str(exc))
        except Exception:  # the edge of the platforms: whatever theirs trips over, ours goes on
            log.exception("a platform broke", request=request_id)

    def _is_new(self, request_id: str, card: Card) -> bool:
        return self._told.get(request_id) != _hash(card)

    def _remember(self, request_id: str, card: Card) -> None:
        self._told[request_id] = _hash(card)
        self._told.move_to_end(request_id)
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)


def _hash(card: Card) -> int:
    return hash(replace(card, told_at_s=0.0))

"""Telling people: progress through the bulletins, everything else through the outbox. One edge for all platforms.

What a message says is made when it is said, from the database and what is live; so it is the newest, and a restart
needs no memory. A chat that refuses or breaks stops neither drawing nor anybody else.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from bot.budgets import Budgets
from bot.bulletin import Bulletin, News
from bot.cards import Card
from bot.delivery import Courier
from bot.languages.speech import spoken
from bot.platforms.base import Address, Platform, Speaks
from storage.outbox import Outbox
from storage.records import RequestRow

Rendered = tuple[RequestRow, Card]


class Teller:
    """Says what there is to say. `render` gives a request and its newest card; None where the request is gone.

    `clock` gives Unix seconds. Platforms are added before `start`.
    """

    def __init__(
        self,
        outbox: Outbox,
        render: Callable[[str], Awaitable[Rendered | None]],
        clock: Callable[[], float],
        chance: random.Random | None = None,
    ) -> None:
        self._english = render
        self._platforms: dict[str, Platform] = {}
        self._bulletins: dict[str, Bulletin] = {}
        self._budgets: dict[str, Budgets] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._courier = Courier(
            outbox,
            self._platforms,
            lambda platform: self._budgets[platform.name],
            self._render,
            self.turn,
            clock,
            chance,
        )

    def add(self, platform: Platform) -> None:
        """Tell this platform too. Its name is what places on it begin with."""
        budgets = Budgets(platform.budget, asyncio.get_running_loop().time)
        self._platforms[platform.name] = platform
        self._budgets[platform.name] = budgets
        self._bulletins[platform.name] = Bulletin(platform, budgets, self._news, self.turn)

    def platform(self, place: str) -> Platform | None:
        """The platform of a place; None where it is switched off."""
        return self._platforms.get(place.partition(":")[0])

    async def start(self) -> None:
        """Deliver what an earlier life left. Raises: StorageError."""
        await self._courier.start()

    def turn(self, request_id: str) -> asyncio.Lock:
        """To be held from reading a request's state until it is told, lest an older state be told after a newer one."""
        lock = self._turns.get(request_id)
        if lock is None:
            lock = self._turns[request_id] = asyncio.Lock()
        return lock

    def progress(self, request: RequestRow) -> None:
        """There is news of a request that is being made."""
        if bulletin := self._bulletins.get(request.place.partition(":")[0]):
            bulletin.note(request.id, request.reply_to)

    async def acknowledge(self, request: RequestRow) -> None:
        """The first sight of it, now; then whatever is new already."""
        await self._courier.tell_now(request.id)
        self.progress(request)

    def deliver(self, request: RequestRow) -> None:
        """Something of it stands in the outbox."""
        if bulletin := self._bulletins.get(request.place.partition(":")[0]):
            bulletin.drop(request.id)
        self._courier.wake()

    async def settle(self, within_s: float) -> None:
        """Let what is due be delivered, for so long at most."""
        await self._courier.settle(within_s)

    async def close(self) -> None:
        """Stop telling; what was not told stays in the outbox."""
        await self._courier.close()
        await asyncio.gather(*(bulletin.close() for bulletin in self._bulletins.values()))

    async def _render(self, request_id: str) -> Rendered | None:
        """A request and its newest card, in the language of who asked."""
        rendered = await self._english(request_id)
        if rendered is None:
            return None
        row, card = rendered
        return row, spoken(card, _language(self.platform(row.place), row.reply_to))

    async def _news(self, request_id: str) -> News | None:
        rendered = await self._render(request_id)
        if rendered is None or rendered[1].state.is_over:
            return None
        row, card = rendered
        platform = self.platform(row.place)
        if row.remote_id is None and platform and not platform.is_repeatable:
            return None  # its message is not there yet
        to = Address(request=row.id, reply_to=row.reply_to, remote_id=row.remote_id, created_s=row.created_s)
        return News(to, card)


def _language(platform: object, reply_to: str) -> str:
    """Of who asked there; "" where people have none."""
    return platform.language(reply_to) if isinstance(platform, Speaks) else ""

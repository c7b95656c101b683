"""A platform that remembers what it was told, so that a test can wait for it."""

import asyncio
from collections.abc import Callable

from bot.cards import Card, Origin, State
from bot.platforms.base import Address, Budget, Found
from engine.errors import DeliveryRefused, PlatformError
from storage.records import DeliveryKind


class Recorder:
    """Keeps every card in order. `refuses`: every telling fails, as that of a chat that has blocked the bot.

    Not repeatable, like a chat that posts: `sent` counts the messages that each request has got. `trips` are errors to
    raise, one a call, before it works (or after, for those in `after`).
    """

    name = "recorder"
    has_previews = True

    def __init__(self, *, refuses: bool = False, is_repeatable: bool = False, budget: Budget | None = None) -> None:
        self.budget = budget or Budget(of_message=(1_000, 1.0))
        self.is_repeatable = is_repeatable
        self.told: list[tuple[str, Card]] = []
        self.addresses: list[Address] = []
        self.withdrawn: list[str] = []
        self.trips: dict[str, list[PlatformError]] = {}
        self.after: dict[str, list[PlatformError]] = {}
        self.finds: Found | None = None
        self._refuses = refuses
        self._n_messages = 0
        self._messages: dict[str, str] = {}
        self._news = asyncio.Condition()

    def chat(self, reply_to: str) -> str:
        """Everybody has their own."""
        return reply_to

    def is_seen(self, reply_to: str) -> bool:
        """Always."""
        return True

    async def acknowledge(self, to: Address, card: Card) -> str | None:
        """Remember it as a new message."""
        await self._remember("acknowledge", to, card)
        return self._messages[to.request]

    async def progress(self, to: Address, card: Card) -> None:
        """Remember it."""
        await self._remember("progress", to, card)

    async def deliver(self, to: Address, card: Card) -> str | None:
        """Remember it."""
        await self._remember("deliver", to, card)
        return self._messages[to.request]

    async def withdraw(self, to: Address) -> None:
        """Remember it."""
        async with self._news:
            self.withdrawn.append(to.request)
            self._news.notify_all()

    async def reconcile(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """What was really sent, or what a test says."""
        way = "acknowledge" if kind is DeliveryKind.ACKNOWLEDGE else "deliver"
        there = any(each == way and told.id == to.request for each, told in self.told)
        return self.finds or (Found.THERE if there else Found.ABSENT), self._messages.get(to.request)

    async def withdrawal(self, request_id: str) -> None:
        """Wait until it is withdrawn."""
        async with self._news:
            await self._news.wait_for(lambda: request_id in self.withdrawn)

    async def card(self, request_id: str, *states: State) -> Card:
        """The newest card of a request once it is in one of these states (any that is over, if none is named)."""
        async with self._news:
            await self._news.wait_for(lambda: self._newest(request_id, states) is not None)
        newest = self._newest(request_id, states)
        assert newest
        return newest

    async def told_that(self, request_id: str, words: str) -> Card:
        """The card of a request that said so, once it was told."""
        return await self.told_card(lambda card: card.id == request_id and words in card.sentence)

    async def told_card(self, fits: Callable[[Card], bool]) -> Card:
        """The first card that is like this, once it was told."""

        def told() -> Card | None:
            return next((card for _, card in self.told if fits(card)), None)

        async with self._news:
            await self._news.wait_for(lambda: told() is not None)
        card = told()
        assert card
        return card

    def ways(self, request_id: str) -> list[str]:
        """In which ways a request was told, in order."""
        return [way for way, card in self.told if card.id == request_id]

    def _newest(self, request_id: str, states: tuple[State, ...]) -> Card | None:
        cards = [card for _, card in self.told if card.id == request_id]
        newest = cards[-1] if cards else None
        fits = newest and (newest.state in states if states else newest.state.is_over)
        return newest if fits else None

    async def _remember(self, way: str, to: Address, card: Card) -> None:
        if self.trips.get(way):
            raise self.trips[way].pop(0)
        async with self._news:
            self.told.append((way, card))
            self.addresses.append(to)
            if way != "progress" and to.remote_id is None:
                self._n_messages += 1
                self._messages[to.request] = f"m{self._n_messages}"
            self._news.notify_all()
        if self.after.get(way):
            raise self.after[way].pop(0)
        if self._refuses:
            raise DeliveryRefused("The chat has blocked the bot.")


def origin(key: str, owner: str = "recorder:ada", **changes: object) -> Origin:
    """Somebody asks on the recorder."""
    fields: dict[str, object] = {
        "platform": "recorder",
        "owner": owner,
        "place": "recorder:room",
        "reply_to": owner,
        "event_key": key,
        "asker": owner.rpartition(":")[2].title(),
    }
    return Origin(**(fields | changes))  # type: ignore[arg-type]  # a test names real fields

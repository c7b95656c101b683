"""A platform that remembers what it was told, so that a test can wait for it."""

import asyncio

from bot.cards import Card, Origin, State
from engine.errors import PlatformError


class Recorder:
    """Keeps every card in order. `refuses`: every telling fails, as that of a chat that has blocked the bot."""

    name = "recorder"
    edit_every_s = 0.0
    has_previews = True

    def __init__(self, *, refuses: bool = False) -> None:
        self.told: list[tuple[str, Card]] = []
        self.withdrawn: list[str] = []
        self._refuses = refuses
        self._news = asyncio.Condition()

    async def acknowledge(self, reply_to: str, card: Card) -> None:
        """Remember it."""
        await self._remember("acknowledge", card)

    async def progress(self, reply_to: str, card: Card) -> None:
        """Remember it."""
        await self._remember("progress", card)

    async def deliver(self, reply_to: str, card: Card) -> None:
        """Remember it."""
        await self._remember("deliver", card)

    async def withdraw(self, reply_to: str, card_id: str) -> None:
        """Remember it."""
        self.withdrawn.append(card_id)

    async def card(self, request_id: str, *states: State) -> Card:
        """The newest card of a request once it is in one of these states (any that is over, if none is named)."""
        async with self._news:
            await self._news.wait_for(lambda: self._newest(request_id, states) is not None)
        newest = self._newest(request_id, states)
        assert newest
        return newest

    async def told_that(self, request_id: str, words: str) -> Card:
        """The card of a request that said so, once it was told."""

        def said() -> Card | None:
            return next((card for _, card in self.told if card.id == request_id and words in card.sentence), None)

        async with self._news:
            await self._news.wait_for(lambda: said() is not None)
        card = said()
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

    async def _remember(self, way: str, card: Card) -> None:
        async with self._news:
            self.told.append((way, card))
            self._news.notify_all()
        if self._refuses:
            raise PlatformError("The chat has blocked the bot.")


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

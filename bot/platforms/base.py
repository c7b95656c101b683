"""What a platform must be able to do for the studio. The page is one; Discord and Telegram are the next.

The studio never waits for a platform on the way to the engine: it commits, acknowledges, and then tells each message's
newest card, so that a slow or rate-limited chat skips states and never delays anybody. A platform maps a card to a
message; `reply_to` says which, in its own opaque words, and is kept in the database, so nothing here outlives a
restart.
"""

from typing import Protocol

from bot.cards import Card


class Platform(Protocol):
    """One chat. Every method may be called again with the same card, and means the same then.

    `edit_every_s`: how often one message may be edited at most. `has_previews`: whether tiles' previews are worth
    sending.

    Raises (each method): PlatformError where the platform refused or did not answer.
    """

    name: str
    edit_every_s: float
    has_previews: bool

    async def acknowledge(self, reply_to: str, card: Card) -> None:
        """The first sight of a request; the commit is the only thing before it."""

    async def progress(self, reply_to: str, card: Card) -> None:
        """Where it is now; may be dropped."""

    async def deliver(self, reply_to: str, card: Card) -> None:
        """The end: the pictures, or the sentence that says why there are none. May not be dropped."""

    async def withdraw(self, reply_to: str, card_id: str) -> None:
        """The message is to be seen no more: its owner deleted it."""

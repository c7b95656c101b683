"""What a platform must be able to do for the studio. The page is one; Discord and Telegram are the next.

The studio never waits for a platform on the way to the engine: it commits, acknowledges, and then tells each message's
newest card, so that a slow or rate-limited chat skips states and never delays anybody. A platform maps a card to a
message; an `Address` says which, in the platform's own opaque words, and is kept in the database, so nothing here
outlives a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Protocol, runtime_checkable

from bot.cards import Card
from storage.records import DeliveryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a request's message is, or is to be.

    `request` is its id, at most 25 characters: a key with which the platform can tell that it was sent already.
    `remote_id` is what `acknowledge` or `deliver` returned last, None before. `created_s` is Unix time.
    """

    request: str
    reply_to: str
    remote_id: str | None
    created_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How often messages may be edited at most; each is (how many, in so many seconds). None: as often as liked.

    `of_crowd` holds beside `of_chat` in chats whose name begins with a minus, as Telegram numbers its groups.
    """

    of_message: tuple[int, float]
    of_chat: tuple[int, float] | None = None
    of_crowd: tuple[int, float] | None = None
    of_all: tuple[int, float] | None = None


class Found(StrEnum):
    """What a platform finds where it is unknown whether a call had worked."""

    THERE = "there"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Platform(Protocol):
    """One chat.

    `is_repeatable`: every call may be made again with no harm (an edit, a page that is told twice), so that no call's
    outcome need be known. `has_previews`: whether tiles' previews are worth sending.

    Raises (each coroutine): DeliveryRefused for what will never work, DeliveryUnknown where the call may have worked,
    another PlatformError for what is to be tried again, with `retry_after_s` where the platform names it.
    """

    name: str
    budget: Budget
    has_previews: bool
    is_repeatable: bool

    def chat(self, reply_to: str) -> str:
        """The chat that a message is in: `Budget.of_chat` is counted by it."""

    def is_seen(self, reply_to: str) -> bool:
        """Whether anybody would see progress that is told now."""

    async def acknowledge(self, to: Address, card: Card) -> str | None:
        """The first sight of a request, which is not over; the commit is the only thing before it.

        Returns the message's `remote_id`.
        """

    async def progress(self, to: Address, card: Card) -> None:
        """Where it is now; may be dropped."""

    async def deliver(self, to: Address, card: Card) -> str | None:
        """The end: the pictures, or the sentence that says why there are none. Returns the message's `remote_id`."""

    async def withdraw(self, to: Address) -> None:
        """The message is to be seen no more: its owner deleted it. One that is gone already is no error."""

    async def reconcile(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """Whether a call of this kind, whose outcome is unknown, had worked; and the message's `remote_id` if so."""


class Chat(Platform, Protocol):
    """A platform with a life of its own. `lines`: what the operator should read once it was started."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What the operator should read at the start."""

    async def start(self) -> None:
        """Begin to listen. Raises: UserError for what the operator can mend, PlatformError."""

    async def close(self) -> None:
        """Take nothing in any more and let go of everything, within 3 s; harmless where it was never started."""


@runtime_checkable
class Speaks(Protocol):
    """A platform on which people have languages."""

    def language(self, reply_to: str) -> str:
        """That of who asked, of `bot/languages`; "" for English."""


@runtime_checkable
class Called(Protocol):
    """A chat that can call us instead of being asked: through the page's server, at `/hooks/<name>`."""

    async def called(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Take in what it says, if it brings the right key; on disk before it is answered. Never fails."""

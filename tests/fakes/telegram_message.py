"""A message of the fake Telegram, every state that it was in, and what a person sees in it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.telegram_world import Chat, Json, Media, User, World


@dataclass(kw_only=True, frozen=True)
class State:
    """What a message was at a time. `text` is the caption where there is media."""

    text: str
    entities: list[Json]
    media: Media | None
    markup: Json | None
    at_s: float


@dataclass(kw_only=True, eq=False)
class Message:
    """Something that was said. `text` is the caption where there is media; `history` has every state, the last too.

    `reply_to` is what it answers in so many words. `thread` is its topic's id, None in General and outside of forums.
    `markup` as it was sent. `forward_origin`, `service` and `options` are fields of it on the wire. `update` is the
    last that told the bot of it, None where it never heard.
    """

    id: int
    chat: Chat = field(repr=False)
    world: World = field(repr=False)
    author: User | None = field(repr=False)
    date: int
    sender_chat: Chat | None = field(default=None, repr=False)
    text: str = ""
    entities: list[Json] = field(default_factory=list, repr=False)
    media: Media | None = None
    markup: Json | None = field(default=None, repr=False)
    reply_to: "Message | None" = field(default=None, repr=False)
    thread: int | None = None
    album: str = ""
    signature: str = ""
    inline_id: str = ""
    is_by_bot: bool = False  # a post in a channel has no author
    is_via_bot: bool = False
    is_automatic_forward: bool = False
    forward_origin: Json | None = field(default=None, repr=False)
    service: Json = field(default_factory=dict, repr=False)
    options: Json = field(default_factory=dict, repr=False)
    edited_at: int | None = None
    n_edits: int = 0
    deleted: bool = False
    was_refused: bool = False  # the weather refused for good what was to be done with it
    history: list[State] = field(default_factory=list, repr=False)
    update: Any = field(default=None, repr=False)  # an Update

    @property
    def is_mine(self) -> bool:
        """The bot said it."""
        return self.is_by_bot or self.author is self.world.bot

    def keep(self) -> "Message":
        """From now on it is there."""
        self.chat.messages[self.id] = self
        self.world.messages.append(self)
        if self.inline_id:
            self.world.inline_messages[self.inline_id] = self
        self.remember()
        return self

    def change(self, text: str, entities: list[Json], media: Media | None, markup: Json | None) -> None:
        """Somebody edits it."""
        self.text, self.entities, self.media, self.markup = text, entities, media, markup
        self.n_edits += 1
        self.edited_at = self.world.date()
        self.remember()

    def delete(self) -> None:
        """Nobody sees it any more."""
        self.deleted = True
        self.world.touch()

    def remember(self) -> None:
        """Write down what it is now."""
        self.history.append(
            State(text=self.text, entities=self.entities, media=self.media, markup=self.markup, at_s=self.world.now())
        )
        if self.world.after_a_change:
            self.world.after_a_change(self)
        self.world.touch()

    async def until(self, holds: Callable[["Message"], bool], timeout_s: float = 5.0) -> "Message":
        """Wait until this is true of it. Raises: TimeoutError."""
        await self.world.until(lambda: holds(self), timeout_s, lambda: f"message {self.id} is {self!r}")
        return self


def texts(message: Message) -> str:
    """All that can be read: its text or caption."""
    return message.text


def buttons(message: Message) -> list[Json]:
    """Those under it, row by row; each with text, callback_data, url, copy_text and style."""
    rows = (message.markup or {}).get("inline_keyboard", [])
    return [
        {
            "row": n,
            "text": each["text"],
            "callback_data": each.get("callback_data"),
            "url": each.get("url"),
            "copy_text": (each.get("copy_text") or {}).get("text"),
            "style": each.get("style"),
        }
        for n, row in enumerate(rows)
        for each in row
    ]


def button(message: Message, text: str) -> Json:
    """The one with this on it. Raises: AssertionError."""
    found = [each for each in buttons(message) if each["text"] == text]
    assert found, f"no button {text!r}; there are {[each['text'] for each in buttons(message)]}"
    return found[0]

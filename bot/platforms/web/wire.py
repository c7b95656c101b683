"""The bodies that travel between the page and us, as JSON, checked while they are read. Cards are in bot/cards.py."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec

from bot.cards import Card
from bot.platforms.web.refusals import Refused

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Name = Annotated[str, msgspec.Meta(max_length=64)]
Value = str | int | float | bool
MAX_UPLOADS = 4
MAX_VALUES = 64
_ODD = "The page sent something that I do not understand ({}). Reload it, please."

T = TypeVar("T")


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody typed, or a form with its values. `key` is unique to the asking: twice is once."""

    key: Key
    text: str | None = None
    command: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    values: Annotated[dict[Name, Value], msgspec.Meta(max_length=MAX_VALUES)] = {}
    uploads: Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_UPLOADS)] = ()
    answered: Name | None = None

    def __post_init__(self) -> None:
        if (self.text is None) == (self.command is None):
            raise ValueError("either text or a command must be given")


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """A button was pressed. `button` may be of any version; the studio reads it."""

    key: Key
    button: Annotated[str, msgspec.Meta(max_length=256)]


class Hint(msgspec.Struct, frozen=True):
    """What is being typed."""

    text: str


class Hinted(msgspec.Struct, frozen=True, kw_only=True):
    """What would come of it; "" where there is nothing to say."""

    sentence: str
    is_refusal: bool
    n_pictures: int


class Cards(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the conversation, oldest first."""

    cards: tuple[Card, ...]
    has_older: bool


class Removed(msgspec.Struct, frozen=True):
    """A card that is to be seen no more."""

    id: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How busy the engine is."""

    n_waiting: int
    n_running: int
    is_engine_ready: bool
    is_paused: bool


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that was kept."""

    upload: str
    width_px: int
    height_px: int
    recipe: str | None
    words: str | None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the page can check before it sends."""

    prompt_chars: int
    upload_bytes: int


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks at what."""

    name: str
    is_operator: bool
    is_loopback: bool
    version: str
    model: str
    model_note: str
    commands: Sequence[object]
    examples: tuple[str, ...]
    limits: Limits
    can_sign_out: bool


class Link(msgspec.Struct, frozen=True):
    """A one-time link."""

    url: str


class Error(msgspec.Struct, frozen=True):
    """A sentence in place of an answer."""

    error: str


def read(body: bytes, kind: type[T]) -> T:
    """Raises: Refused for what is no JSON, or not of that shape."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as exc:
        raise Refused(400, _ODD.format(str(exc)[:200])) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Refused(400, _ODD.format("no JSON")) from exc


def encode(value: object) -> bytes:
    """JSON in one line."""
    return msgspec.json.encode(value)

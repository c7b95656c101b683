"""What a message of ours says at a moment, on any platform: a card. Pure; a card holds no object of any chat library.

A card of a request is shown again and again, each time whole, from the acknowledgement to the pictures; the newest is
the truth. Encodes to JSON with msgspec as it stands (bytes as base64); the page reads exactly that.
"""

from dataclasses import dataclass
from enum import StrEnum

from engine.domain import Raster


class State(StrEnum):
    """Where a request is. OFFERED: asks the person first. NOTE: an answer only, nothing is being made."""

    OFFERED = "offered"
    WAITING = "waiting"
    LOADING = "loading"
    DRAWING = "drawing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOTE = "note"

    @property
    def is_over(self) -> bool:
        """No newer card of this request will come by itself."""
        return self in (State.DONE, State.FAILED, State.CANCELLED, State.NOTE)


class Style(StrEnum):
    """How a button looks, in the words of Discord and Telegram."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """`id` says all there is to know, in at most 64 bytes, and works for ever: see `bot/buttons.py`.

    `label` is short ("U1"); `name` is what a screen reader says ("Show picture 1 alone").
    """

    id: str
    label: str
    name: str
    style: Style = Style.SECONDARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A name and a value, as in an embed; what is worth copying is."""

    name: str
    value: str
    is_copyable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One picture of a card: expected, developing or there.

    `number` counts from 1 within its request. `picture` is its name once it is there ("k3f9m2q7xa.2"). `label` tells it
    from its neighbours, "" where the seed does. `preview` is small RGB while it is being drawn. `prompt` is its alt
    text. Of one that is not kept only the thumbnail is left.
    """

    number: int
    prompt: str
    seed: int
    width_px: int
    height_px: int
    picture: str | None = None
    label: str = ""
    preview: Raster | None = None
    has_animation: bool = False
    is_kept: bool = True
    strength: float | None = None
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A file that goes with an answer. Fetched by `kind` and `name` (`Studio.file`, or in a chat `Studio.file_for`).

    `kind` is "paper" (a chart, an export: for its owner alone, and for an hour), or "picture" or "animation", of the
    picture of that name. `alt` says what is on it where it is a picture, "" where it is none.
    """

    name: str
    media_type: str
    download_name: str
    n_bytes: int
    alt: str = ""
    kind: str = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A message of ours. Times are Unix seconds.

    `id` is the request's, "" for an answer that is not kept (help, history, a refusal). `words` are what the person
    asked, `sentence` what we say. `position` counts from 1; `wait_s` was true at `told_at_s`; None is not known.
    A wait that has run out is told as `is_overdue`, never as a time in the past. `fraction` of [0, 1] is how far
    loading or drawing is. Pictures of an `is_spoiler` are to be covered until somebody wants to see them. `is_to_ping`:
    the asker wants to hear of it, where an edit tells nobody. `grid` is the name of a picture of all tiles with labels.
    `buttons` are rows. `language` is the one it speaks, "" for English: see `bot/languages/speech.py`.
    """

    id: str
    kind: str
    state: State
    asker: str = ""
    words: str = ""
    sentence: str = ""
    created_s: float = 0.0
    told_at_s: float = 0.0
    position: int | None = None
    wait_s: float | None = None
    fraction: float | None = None
    tiles: tuple[Tile, ...] = ()
    grid: str | None = None
    fields: tuple[Field, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    is_refusal: bool = False
    is_overdue: bool = False
    is_spoiler: bool = False
    is_to_ping: bool = False
    language: str = ""
    paper: Paper | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asks, where, and how to answer. All but `asker` are opaque to everything behind the platform.

    A platform says the asking account as `owner` ("discord:123"); the desk puts the person's there, the head of the
    accounts that are linked, and keeps the account as `account`. `place` begins with the platform and goes from large
    to small ("discord:<server>:<channel>"): what is set for a place holds within it; `community` is the server or group
    that it lies in. `groups` are the asker's roles there. `is_place_admin`: the platform says so, in this event, of the
    community, or of the place where there is none. `event_key` is unique to the event: a second one with the same
    key is the same event ("w:<uuid>"). `answered` is the request whose message was answered to. `asker` is a name to
    show. In a shared place everybody sees all that is made, unless it is set to be private there: the desk says so with
    `sees_others`. `is_answer_private`: answers that are not kept are seen by the asker alone, in a shared place too.
    `language`: the asker's, of `bot/languages`; "" for English.
    """

    platform: str
    owner: str
    place: str
    reply_to: str
    event_key: str
    asker: str
    answered: str | None = None
    is_place_shared: bool = False
    account: str = ""
    groups: tuple[str, ...] = ()
    is_place_admin: bool = False
    sees_others: bool = False
    community: str = ""
    is_answer_private: bool = False
    is_age_restricted: bool = False
    language: str = ""

    @property
    def sphere(self) -> str:
        """What an admin here looks after, and what "here" means at the desk: the community, or the place alone."""
        return self.community or self.place

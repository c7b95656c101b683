"""What is remembered, as plain frozen values. Knows nothing of SQL.

Times are Unix seconds. Hashes are SHA-256 in lower-case hex. A picture is named `<request>.<number>`: see `ids.py`.
"""

from dataclasses import dataclass
from enum import StrEnum

from engine.domain import Recipe


class State(StrEnum):
    """Where a request or a job is, as it is stored; the same words stand in the tables' CHECK."""

    OFFERED = "offered"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """What somebody asked for in one go. `event_key` is unique to the event that asked.

    `owner` is the account that asked ("discord:123"), whoever it is linked to. `owner`, `place` and `reply_to` are
    opaque; `asker` is a name to show; `parent` names the picture it came from.
    """

    id: str
    event_key: str
    owner: str
    place: str
    reply_to: str
    asker: str
    kind: str
    words: str
    parent: str | None = None
    state: str = State.WAITING
    sentence: str = ""
    created_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """One recipe of a request, for 1 to 4 pictures numbered from `first_number`; `ordinal` orders the jobs.

    `source_file` is the hash of a stored file to start from. `treatment` is None to draw, else what is done to that
    file without the model ("resample 2"); then `recipe` is that of the source picture. `cost` is what it is charged, in
    standard pictures.
    """

    id: str
    request: str
    ordinal: int
    first_number: int
    label: str
    recipe: Recipe
    n_pictures: int
    source_file: str | None = None
    treatment: str | None = None
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPicture:
    """A finished picture whose files are already stored. `recipe` is its own, with its own seed."""

    number: int
    recipe: Recipe
    label: str
    treatment: str | None
    pixel_hash: str
    file_hash: str
    thumbnail_hash: str
    animation_hash: str | None
    width_px: int
    height_px: int
    gpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """A stored request. `grid_hash` is None without a grid, or without one any more. A deleted one has no words.

    `account` asked it; `owner` is whose it is: the head of the accounts that are linked to it, mostly the same.
    `remote_id` is the platform's own name of the message that shows it, once there is one.
    """

    id: str
    event_key: str
    owner: str
    account: str
    place: str
    reply_to: str
    asker: str
    kind: str
    words: str
    parent: str | None
    state: State
    sentence: str
    created_s: float
    ended_s: float | None
    grid_hash: str | None
    is_deleted: bool
    remote_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A stored job. `n_losses` counts the workers that died with it; `source_file` is None once that is pruned."""

    id: str
    request: str
    ordinal: int
    first_number: int
    label: str
    recipe: Recipe
    n_pictures: int
    source_file: str | None
    treatment: str | None
    state: State
    n_losses: int
    gpu_s: float
    sentence: str
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow:
    """A picture of the history. A file that was pruned to save disk space is None; a thumbnail stays."""

    request: str
    number: int
    job: str
    owner: str
    place: str
    recipe: Recipe
    label: str
    treatment: str | None
    pixel_hash: str
    file_hash: str | None
    thumbnail_hash: str
    animation_hash: str | None
    width_px: int
    height_px: int
    gpu_s: float
    created_s: float

    @property
    def is_kept(self) -> bool:
        """Whether its file is still there to show."""
        return self.file_hash is not None

    @property
    def name(self) -> str:
        """What buttons and people call it."""
        return f"{self.request}.{self.number}"


class DeliveryKind(StrEnum):
    """What a request's message is still to be told."""

    ACKNOWLEDGE = "acknowledge"
    RESULT = "result"
    WITHDRAW = "withdraw"


class DeliveryState(StrEnum):
    """Where that is. SENDING is saved before the platform is called, so a row found in it may have been sent or not.

    DEAD: the platform will never take it. AMBIGUOUS: nobody can find out whether it was sent, and it is not sent again.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the outbox. `next_s`: Unix time before which it is not tried."""

    request: str
    kind: DeliveryKind
    state: DeliveryState
    n_attempts: int
    next_s: float
    created_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """An account, with what holds for the person behind it.

    `owner` is the head of `accounts`, all that are linked, this one among them. `is_operator` is of this account alone.
    """

    account: str
    owner: str
    accounts: tuple[str, ...]
    name: str
    is_operator: bool
    is_allowed: bool | None
    first_s: float
    last_s: float
    n_pictures: int
    gpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BanRow:
    """A ban that holds: of a person, in a place and all within ("" everywhere)."""

    account: str
    name: str
    place: str
    reason: str
    until_s: float | None
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """What an admin did. `actor` and `target` are names to show."""

    at_s: float
    actor: str
    place: str
    act: str
    target: str | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who a page session or a sign-in link stands for, and until when."""

    owner: str
    name: str
    expires_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What left the disk: the hashes of the files, and their bytes together."""

    hashes: frozenset[str]
    n_bytes: int

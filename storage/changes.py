"""What an admin, or a person for themselves, can change: one frozen value each. Applied together, all or none.

People are named by account ("discord:123"); a change holds for the whole person, all linked accounts. Knows nothing of
SQL or of who may do it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """Set a value, or with None take it away. Subjects: "" (all), "place:…", "group:…", "tier:…", "account:<account>".

    The last is stored for the person (`person:<id>`).
    """

    subject: str
    key: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Refuse somebody in a place and all within it, "" everywhere; until a Unix time, or until it is lifted."""

    account: str
    place: str
    reason: str
    until_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unban:
    """Lift the ban of this very place; of all linked accounts."""

    account: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Let somebody in or keep them out, whatever the place says; None: as the place says."""

    account: str
    is_allowed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeOperator:
    """This account, and no other of the person, runs Darkroom; or does no longer."""

    account: str
    is_operator: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """More standard pictures for this UTC day."""

    account: str
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Today's use is zero again; what was granted stays."""

    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two accounts, and all that are linked to them, are one person from now on: `head`'s.

    Use is summed, bans, limits and the stricter side of `is_allowed` hold for both, rates add up; other settings of the
    head win.
    """

    head: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlink:
    """This account stands for itself again. Today's use, the rate and the bans of the person go with both parts."""

    account: str


Change = Set | Ban | Unban | Allow | MakeOperator | Grant | Reset | Link | Unlink


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that is done once, kept in the audit, and answered the same when the same event comes again.

    `actor` and `target` are accounts; a new one gets its row (`actor_name` is a name to show). `act` is a word of
    `bot/desk/rights.py`. `words` is one line for the audit; `is_audited` is False for what people do for themselves.
    """

    event_key: str
    actor: str
    actor_name: str
    place: str
    act: str
    answer: str
    words: str = ""
    target: str | None = None
    changes: tuple[Change, ...] = ()
    is_audited: bool = True

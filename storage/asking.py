"""Who asks for how much, and what a limit says to it: plain frozen values. Knows nothing of SQL, sentences or chats."""

import math
from dataclasses import dataclass
from enum import StrEnum

from engine.errors import UserError


class Limit(StrEnum):
    """What can be in the way, in the order in which it is looked at; prompt length comes before all of them."""

    BANNED = "banned"
    RATE = "rate"
    IN_FLIGHT = "in flight"
    DAILY = "daily"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What somebody may. Infinite means no limit.

    `rate`: requests a minute, on average; `burst`: at once. `in_flight`: jobs that wait or are drawn. `daily`: standard
    pictures (512 x 512, 20 steps, guided) a UTC day.
    """

    rate: float
    burst: float
    in_flight: float
    daily: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """For whom something is to be admitted. `account` is as the platform says, "discord:123".

    `groups` are roles and groups, most specific first where the platform has an order; `place` lies in every place that
    its name begins with ("discord:1:2" in "discord:1"). `is_exempt`: an operator, who has no limits unless some are set
    for this person. `most_waiting` bounds the jobs of everybody together.
    """

    account: str
    place: str
    groups: tuple[str, ...] = ()
    is_exempt: bool = False
    most_waiting: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where somebody stands today. Costs are in standard pictures; `tier` is the name their limits come from, or "".

    `used` is what drawing cost, without what was refunded; `given` what admins granted or reset; `left` is never
    negative. `free_at_s`: Unix time from which the rate lets one more request in (in the past: now). `resets_s`: Unix
    time of the next UTC day.
    """

    tier: str
    limits: Limits
    used: float
    given: float
    n_in_flight: int
    n_pictures: int
    gpu_s: float
    free_at_s: float
    resets_s: float

    @property
    def left(self) -> float:
        """What may still be drawn today."""
        return math.inf if math.isinf(self.limits.daily) else max(0.0, self.limits.daily + self.given - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What a limit says. `come_back_s`: Unix time when asking again has a chance, None if waiting does not help.

    `most`, `has` and `wants` are in the limit's own unit (requests a minute, jobs, standard pictures). `reason` and
    `place` are of a ban.
    """

    limit: Limit
    most: float = 0.0
    has: float = 0.0
    wants: float = 0.0
    come_back_s: float | None = None
    reason: str = ""
    place: str = ""


class NotAdmitted(UserError):
    """A limit is in the way; nothing was written. `refused` says which; the desk makes the sentence of it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(f"Not now: a limit ({refused.limit}) is reached.")
        self.refused = refused

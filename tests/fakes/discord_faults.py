"""Bad weather over the fake Discord: what can happen to a call or an event, by chance or as told."""

import random
import time
import zlib
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

SLACK_S = 0.5  # a call that was on its way when its route was told to be quiet is no offence


class Fault(StrEnum):
    """What can happen to a call."""

    DROPPED = "dropped"  # never read; the connection ends
    REPLY_LOST = "reply lost"  # done; the connection ends
    RESET = "reset"  # done; the connection is reset
    TOO_MANY = "too many"  # 429
    BROKEN_BEFORE = "broken before"  # 5xx
    BROKEN_AFTER = "broken after"  # done; 5xx
    STALLED = "stalled"  # done; the reply takes longer than anybody waits, and the connection ends
    REFUSED = "refused"  # 403 for good
    GONE = "gone"  # 404 for good


class Mishap(StrEnum):
    """What can happen to an interaction on its way to the bot."""

    TWICE = "twice"
    LATE = "late"  # after the one that comes next


DONE_ALL_THE_SAME = (Fault.REPLY_LOST, Fault.RESET, Fault.BROKEN_AFTER, Fault.STALLED)
FOR_GOOD = (Fault.REFUSED, Fault.GONE)
_PASSING = tuple(each for each in Fault if each not in FOR_GOOD)
_TOUCHED = ("/interactions/*", "/webhooks/*", "/channels/*", "/users/@me/channels")


@dataclass(kw_only=True)
class Weather:
    """How likely a call meets trouble, and which. `refusals` of all faults are for good; logging in is spared."""

    luck: random.Random
    share: float = 0.0
    refusals: float = 0.0
    stall_s: float = 1.0
    retry_scale: float = 1.0  # a 429 asks for 0.5 to 2 s, times this

    def of_a_call(self, path: str) -> Fault | None:
        """What happens to the next call."""
        if not any(fnmatchcase(path, each) for each in _TOUCHED) or self.luck.random() >= self.share:
            return None
        return self.luck.choice(FOR_GOOD if self.luck.random() < self.refusals else _PASSING)

    def of_an_event(self) -> Mishap | None:
        """What happens to the next interaction."""
        return self.luck.choice(list(Mishap)) if self.luck.random() < self.share else None

    def retry_after_s(self) -> float:
        """For how long a route is to be quiet."""
        return round(self.luck.uniform(0.5, 2.0) * self.retry_scale, 3)


@dataclass(kw_only=True)
class Planned:
    """A fault for the next `n` calls that match. `path`: a pattern of fnmatch, without /api/v10."""

    method: str
    path: str
    fault: Fault
    n: int = 1
    status: int = 500  # of the broken ones
    retry_after_s: float | None = None

    def matches(self, method: str, path: str) -> bool:
        """This call is meant."""
        return self.n > 0 and fnmatchcase(method, self.method) and fnmatchcase(path, self.path)


class Silences:
    """Which routes were told to be quiet, until when, and who spoke all the same."""

    def __init__(self) -> None:
        self.offences: list[str] = []
        self._quiet: dict[str, tuple[float, float]] = {}  # route → since, until

    def ask(self, route: str, now: float, for_s: float) -> None:
        """Be quiet for so long."""
        self._quiet[route] = (now, now + for_s)

    def left_s(self, route: str, now: float, call: str) -> float:
        """For how long the route is to be quiet still; who calls in that time is written down."""
        since, until = self._quiet.get(route, (0.0, 0.0))
        if now >= until:
            return 0.0
        if now > since + SLACK_S:
            self.offences.append(f"{call} {now - since:.2f} s after {route} was told to wait {until - since:.2f} s")
        return until - now

    def forget(self) -> None:
        """The bot died: who is told to be quiet and forgets it with his life does no wrong."""
        self._quiet.clear()


@dataclass(kw_only=True)
class RateLimit:
    """So many calls in so many seconds, per channel or per webhook; told in headers."""

    n_calls: int
    per_s: float


class Buckets:
    """What is left of the limits."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[float, int]] = {}  # route → when it ends, calls so far

    def take(self, route: str, limit: RateLimit, now: float) -> tuple[float, dict[str, str]]:
        """Seconds to wait for the next call (0: this one may pass), and the headers that say so."""
        ends_at, n_taken = self._windows.get(route, (0.0, 0))
        if now >= ends_at:
            ends_at, n_taken = now + limit.per_s, 0
        may_pass = n_taken < limit.n_calls
        n_taken += may_pass
        self._windows[route] = (ends_at, n_taken)
        left_s = ends_at - now
        headers = {
            "X-RateLimit-Limit": str(limit.n_calls),
            "X-RateLimit-Remaining": str(limit.n_calls - n_taken),
            "X-RateLimit-Reset-After": f"{left_s:.3f}",
            "X-RateLimit-Reset": f"{time.time() + left_s:.3f}",
            "X-RateLimit-Bucket": f"{zlib.crc32(route.partition('|')[0].encode()):08x}",
        }
        return (0.0 if may_pass else left_s), headers

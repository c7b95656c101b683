"""How often somebody may ask: GCRA, a token bucket in one whole number, its theoretical arrival time. Pure.

A bucket of `burst` requests that fills at `rate` a minute is the time at which it will be full again; a request moves
that time on by one interval, and is let in where it then lies no further ahead than the whole bucket takes to fill.
"""

import math
from dataclasses import dataclass
from typing import Self

from storage.asking import Limits

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket that is full again at `full_ms`. It fills by one request in `interval_ms`, in `whole_ms` from empty."""

    full_ms: int
    interval_ms: int
    whole_ms: int

    @classmethod
    def of(cls, limits: Limits, full_ms: int, now_ms: int, *, is_clock_behind: bool) -> Self | None:
        """The bucket under these limits; None where there is none that could run dry.

        `is_clock_behind`: somebody was let in at a time that is yet to come, so the clock was set back. Time that will
        come twice must not be waited for: then the bucket holds one request at least.
        """
        if math.isinf(limits.rate) or math.isinf(limits.burst):
            return None
        interval_ms = max(1, round(_MINUTE_MS / max(limits.rate, 1e-6)))  # slower than one in two years is never
        whole_ms = int(interval_ms * max(1.0, limits.burst))
        if is_clock_behind:
            full_ms = min(full_ms, now_ms + whole_ms - interval_ms)
        return cls(full_ms=full_ms, interval_ms=interval_ms, whole_ms=whole_ms)

    @property
    def free_ms(self) -> int:
        """The first moment at which one more is let in."""
        return self.full_ms + self.interval_ms - self.whole_ms

    def after(self, now_ms: int) -> int | None:
        """`full_ms` once one more is let in; None if it is not."""
        return max(self.full_ms, now_ms) + self.interval_ms if now_ms >= self.free_ms else None

    def n_spent(self, now_ms: int) -> int:
        """How many requests are missing in it."""
        return math.ceil(max(0, self.full_ms - now_ms) / self.interval_ms)

"""How often somebody may come for what no quota counts: a bucket each, in memory. Knows nothing of what they come for.

Generous, because it is there for floods only: who is refused here reads, presses and sends far more than anybody can.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from bot.desk.sentences import span
from engine.errors import UserError
from storage.asking import Limits
from storage.rates import Bucket

MOST_KNOWN = 10_000  # people whose bucket is not full; the one that was seen longest ago is taken to be full again


class Gate:
    """Lets people through `a_minute` times a minute, and `at_once` in a burst. `clock` gives Unix seconds."""

    def __init__(self, what: str, a_minute: float, at_once: float, clock: Callable[[], float] = time.time) -> None:
        self._what = what
        self._limits = Limits(rate=a_minute, burst=at_once, in_flight=0, daily=0)
        self._clock = clock
        self._full_ms: OrderedDict[str, int] = OrderedDict()

    def come(self, who: str) -> None:
        """Count them in. Raises: UserError that says when to come back."""
        now_ms = round(self._clock() * 1_000)
        full_ms = self._full_ms.get(who, 0)
        is_clock_behind = full_ms > now_ms + 60_000 * self._limits.burst / self._limits.rate
        bucket = Bucket.of(self._limits, full_ms, now_ms, is_clock_behind=is_clock_behind)
        assert bucket, "its limits are finite"
        after_ms = bucket.after(now_ms)
        if after_ms is None:
            raise UserError(
                f"That was quick: {self._limits.rate:g} {self._what} a minute are the most. "
                f"Come back in {span((bucket.free_ms - now_ms) / 1_000)}."
            )
        self._full_ms[who] = after_ms
        self._full_ms.move_to_end(who)
        while len(self._full_ms) > MOST_KNOWN:
            self._full_ms.popitem(last=False)

"""What was asked to be confirmed, by whom: a button in a group may be pressed by anybody, and means only the asker.

In memory: after a restart one asks again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

WITHIN_S = 600.0
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Asked(Generic[T]):
    what: T
    until_s: float


class AskedFirst(Generic[T]):
    """One open question for each account; a newer one takes its place. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._open: OrderedDict[str, _Asked[T]] = OrderedDict()

    def ask(self, account: str, what: T) -> None:
        """Somebody is asked."""
        self._open[account] = _Asked(what, self._clock() + WITHIN_S)
        self._open.move_to_end(account)
        while len(self._open) > _MOST:
            self._open.popitem(last=False)

    def take(self, account: str) -> T | None:
        """What they were asked, once; None if it was nothing, or longer ago."""
        asked = self._open.pop(account, None)
        return asked.what if asked and asked.until_s > self._clock() else None

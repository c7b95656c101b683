"""One-time codes as people read them out and type them, and how often somebody may guess. Knows no database."""

import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from bot.desk import sentences
from bot.typography import plain
from engine.errors import UserError
from storage.ids import ALPHABET

MOST_TRIES = 5
TRIES_WITHIN_S = 600.0
_MOST_ACCOUNTS = 10_000  # whose tries are remembered; the one that tried longest ago is forgotten
_READ_AS = str.maketrans("ilou", "110v")  # Crockford: what looks or sounds alike is the same


def new_code(n_groups: int) -> str:
    """Groups of four characters, 20 bits each: "k3f9-m2q7"."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(n_groups))
    return "-".join(groups)


def normal(written: str) -> str:
    """A code as it was made, however it was typed. Total."""
    letters = re.sub(r"[^a-z0-9]", "", plain(written).casefold()).translate(_READ_AS)[:64]
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


class Tries:
    """Counts wrong codes of each account, in memory. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, account: str) -> None:
        """Raises: UserError that says when to come back, after too many wrong ones."""
        times = self._wrong.get(account, deque())
        while times and times[0] <= self._clock() - TRIES_WITHIN_S:
            times.popleft()
        if len(times) >= MOST_TRIES:
            wait_s = times[0] + TRIES_WITHIN_S - self._clock()
            raise UserError(f"That were {MOST_TRIES} wrong codes. Try again in {sentences.span(wait_s)}.")

    def note_wrong(self, account: str) -> None:
        """That one was wrong."""
        self._wrong.setdefault(account, deque()).append(self._clock())
        self._wrong.move_to_end(account)
        while len(self._wrong) > _MOST_ACCOUNTS:
            self._wrong.popitem(last=False)

    def forget(self, account: str) -> None:
        """It never tried."""
        self._wrong.pop(account, None)

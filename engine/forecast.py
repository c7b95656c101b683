"""When a worker will take each waiting job: a model of what the worker does, run ahead of it. Pure; no clocks.

A worker draws what fits into its batch at once, one piece of every owner's first; each gets of the device in
proportion to its rows. A job is taken when one that ends leaves room in the window, or at once if nothing of its owner
is inside. So the next few hundred jobs are played through; behind them a job waits for the work ahead of it, shared by
the workers, and the error of that is small against the wait.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import chain
from typing import NamedTuple

PLAYED_JOBS = 300  # 3 ms; the window of a large card is 64 rows, so that is at least ten windows of four pictures
_LOOKAHEAD = 64


class Load(NamedTuple):
    """A job as a forecast sees it. `seconds`: what it still needs of the device."""

    owner: str
    n_rows: int
    seconds: float


@dataclass(slots=True, eq=False)
class Desk:
    """A worker as a forecast sees it: what it may have, and what it has, oldest first. Is used up by the forecast."""

    window_rows: int
    batch_rows: int
    turns: int  # jobs that may enter in their turn
    seats: int  # jobs that may be there
    has: Iterable[Load]
    now_s: float = 0.0
    _n_rows: int = 0
    _inside: dict[str, int] = field(default_factory=dict)
    _virtual: float = 0.0  # seconds of the device that a row has had
    _rows_drawn: int = 0
    _drawn: list[tuple[float, int, Load]] = field(default_factory=list)  # by the virtual time at which they end
    _behind: deque[Load] = field(default_factory=deque)
    _heads: dict[str, int] = field(default_factory=dict)
    _n_taken: int = 0

    def __post_init__(self) -> None:
        for load in self.has:
            self.take(load)

    @property
    def n_jobs(self) -> int:
        """How many it has."""
        return len(self._drawn) + len(self._behind)

    @property
    def has_room(self) -> bool:
        """Whether the next in turn may enter."""
        return self._n_rows < self.window_rows and self.n_jobs < self.turns

    @property
    def has_seat(self) -> bool:
        """Whether somebody may enter of whom nothing is inside."""
        return self.n_jobs < self.seats

    def is_inside(self, owner: str) -> bool:
        """Whether it has something of this owner."""
        return owner in self._inside

    def take(self, load: Load) -> None:
        """Have one more."""
        self._inside[load.owner] = self._inside.get(load.owner, 0) + 1
        self._n_rows += load.n_rows
        self._behind.append(load)
        self._fill()

    def ends_at_s(self) -> float | None:
        """When the next of its jobs ends; None if it has none."""
        return self.now_s + (self._drawn[0][0] - self._virtual) * self._rows_drawn if self._drawn else None

    def end_next(self) -> None:
        """Go on until then."""
        ends_at_s = self.ends_at_s()
        assert ends_at_s is not None
        self.now_s = ends_at_s
        self._virtual, _, load = heappop(self._drawn)
        self._rows_drawn -= load.n_rows
        self._n_rows -= load.n_rows
        _count_down(self._inside, load.owner)
        _count_down(self._heads, load.owner)
        self._fill()

    def go_on_until(self, now_s: float) -> None:
        """Let time pass in which none of its jobs ends."""
        if self._rows_drawn:
            self._virtual += max(0.0, now_s - self.now_s) / self._rows_drawn
        self.now_s = max(self.now_s, now_s)

    def _fill(self) -> None:
        """Draw what fits into the batch, the oldest first, and the first of every owner anyhow: they take turns."""
        for load in list(self._behind):
            is_first = load.owner not in self._heads
            if is_first or self._rows_drawn + load.n_rows <= self.batch_rows:
                self._behind.remove(load)
                self._heads[load.owner] = self._heads.get(load.owner, 0) + 1
                self._rows_drawn += load.n_rows
                self._n_taken += 1
                heappush(self._drawn, (self._virtual + load.seconds / load.n_rows, self._n_taken, load))


def waits_s(desks: list[Desk], line: Iterator[Load], n_played: int = PLAYED_JOBS) -> Iterator[tuple[int, float]]:
    """Each job of the line, in turn of being taken: its place in the line, from 0, and the seconds until then."""
    assert desks
    ahead: dict[int, Load] = {}
    place = 0
    for n_taken in range(n_played):
        while len(ahead) < _LOOKAHEAD and (load := next(line, None)) is not None:
            ahead[place] = load
            place += 1
        if not ahead:
            return
        desk, taken = _next_taken(desks, ahead, is_first=n_taken == 0)
        yield taken, desk.now_s
        desk.take(ahead.pop(taken))
    yield from _by_work_ahead(desks, ahead, place, line)


def _next_taken(desks: list[Desk], ahead: dict[int, Load], *, is_first: bool) -> tuple[Desk, int]:
    """Play until a job enters somewhere. The queue stands still at the beginning, so then nobody can enter yet."""
    may_enter = not is_first
    while True:
        if may_enter and (entry := _entry(desks, ahead)):
            return entry
        desk = min((desk for desk in desks if desk.n_jobs), key=_ends_at_s, default=None)
        if desk is None:  # all are empty and yet nobody may enter: they are about to
            return desks[0], next(iter(ahead))
        ends_at_s = _ends_at_s(desk)
        desk.end_next()
        for other in desks:
            if other is not desk:
                other.go_on_until(ends_at_s)
        may_enter = True


def _entry(desks: list[Desk], ahead: dict[int, Load]) -> tuple[Desk, int] | None:
    with_room = [desk for desk in desks if desk.has_room]
    if with_room:
        return min(with_room, key=lambda desk: desk.n_jobs), next(iter(ahead))
    with_seat = [desk for desk in desks if desk.has_seat]
    if not with_seat:
        return None
    for place, load in ahead.items():
        if not any(desk.is_inside(load.owner) for desk in desks):
            return min(with_seat, key=lambda desk: desk.n_jobs), place
    return None


def _by_work_ahead(
    desks: list[Desk], ahead: dict[int, Load], place: int, line: Iterator[Load]
) -> Iterator[tuple[int, float]]:
    now_s = max(desk.now_s for desk in desks)
    for number, load in chain(ahead.items(), enumerate(line, place)):
        now_s += load.seconds / len(desks)  # one goes out for each that comes in; on the average it is as long
        yield number, now_s


def _ends_at_s(desk: Desk) -> float:
    ends_at_s = desk.ends_at_s()
    assert ends_at_s is not None
    return ends_at_s


def _count_down(counts: dict[str, int], owner: str) -> None:
    counts[owner] -= 1
    if not counts[owner]:
        del counts[owner]

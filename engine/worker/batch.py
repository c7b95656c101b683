"""Who runs in the next step: lanes, row caps, and a fair share for every owner. Pure: no torch, no clock.

A *member* is one picture in the making; it brings one row or two. Members of one *lane* can share a forward pass. Each
tick serves the lane of the owner who has had the least of the device so far and lets others of that lane ride along, up
to the lane's row cap. So a newcomer waits for one step, never for somebody's job.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

from engine.domain import Mode

STABLE_ROWS = 8  # measured: padding every call to one row count makes a picture independent of its neighbours
EXACT_ROWS = 2  # one picture, without and with its prompt
MAX_ROWS = 32  # more was not measured, and a step's time is what a newcomer waits for
FIRST_CAP = 4
_MIN_GAIN = 0.05  # a doubled batch must make a row at least this much cheaper to be kept
_N_OBSERVATIONS = 3  # steps seen at a size before it is judged; the first of a size is warm-up and not counted
_RETRY_AFTER = 500  # steps until a size that did not pay is tried again: other work on the device may have gone

Key = tuple[str, int]  # job id, picture index


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What must be equal to share a forward pass. Steps, sampler, guidance, seed and prompt need not be."""

    model: str
    height: int  # of the latents
    width: int
    n_tokens: int
    mode: Mode
    alone: Key | None = None  # an exact picture is a lane of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A picture in the making. `row_cost`: pixels of one row, the unit that owners are compared in."""

    key: Key
    owner: str
    lane: Lane
    n_rows: int
    row_cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The next forward pass: these members, padded to `pad_to_rows` where the mode asks for a fixed count."""

    lane: Lane
    members: tuple[Member, ...]
    pad_to_rows: int | None

    @property
    def n_rows(self) -> int:
        """Rows that belong to somebody."""
        return sum(member.n_rows for member in self.members)


class RowCap:
    """How many rows pay off in one lane, learned from its step times: doubled while a row gets cheaper by it."""

    def __init__(self) -> None:
        self.rows = FIRST_CAP
        self._row_seconds: dict[int, list[float]] = {}  # by row count rounded up to a power of two
        self._limit = MAX_ROWS
        self._ticks_until_retry = 0

    def observe(self, n_rows: int, seconds: float, n_wanted: int) -> None:
        """Learn from one step of `n_rows` rows when `n_wanted` would have liked to run."""
        size = _power_of_two(n_rows)
        seen = self._row_seconds.setdefault(size, [])
        seen.append(seconds / n_rows)
        del seen[: -2 * _N_OBSERVATIONS - 1]
        self._ticks_until_retry -= 1
        if n_wanted <= self.rows or size < self.rows or len(seen) <= _N_OBSERVATIONS:
            return
        if self._ticks_until_retry <= 0:
            self._limit = max(self._limit, min(MAX_ROWS, self.rows * 2))
        if self._is_worse_than_half(size):
            self.shrink_below(size)
        elif self.rows * 2 <= self._limit:
            self.rows *= 2
            self._row_seconds.pop(self.rows, None)

    def shrink_below(self, n_rows: int) -> None:
        """Stay under `n_rows` for a while: it did not pay, or did not fit."""
        self.rows = max(1, _power_of_two(n_rows) // 2)
        self._limit = self.rows
        self._row_seconds.clear()  # or a slow minute would be held against ever smaller sizes from a faster one
        self._ticks_until_retry = _RETRY_AFTER

    def _is_worse_than_half(self, size: int) -> bool:
        half, here = self._typical(size // 2), self._typical(size)
        return half is not None and here is not None and here > (1 - _MIN_GAIN) * half

    def _typical(self, size: int) -> float | None:
        """Median seconds per row at a size, its first step left out."""
        counted = sorted(self._row_seconds.get(size, [])[1:])
        return counted[len(counted) // 2] if len(counted) >= _N_OBSERVATIONS else None


class RunningBatch:
    """All pictures in the making, and what each owner has had of the device."""

    def __init__(self) -> None:
        self._members: dict[Key, Member] = {}  # in order of arrival
        self._served: dict[str, float] = {}  # cost by owner: of who is here, and of who left in debt
        self._caps: dict[Lane, RowCap] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def add(self, member: Member) -> None:
        """Let a picture in. Its owner starts level with the least served who is here, or comes back to a debt."""
        present = {other.owner for other in self._members.values()}
        least = min((self._served[owner] for owner in present), default=0.0)
        self._served[member.owner] = max(self._served.get(member.owner, least), least)
        self._members[member.key] = member

    def remove(self, keys: Iterable[Key]) -> None:
        """Take pictures out: finished, cancelled or failed. Keys that are not here are ignored."""
        for key in keys:
            self._members.pop(key, None)
        here = {member.owner for member in self._members.values()}
        least = min((self._served[owner] for owner in here), default=inf)
        # Who leaves ahead of the others is remembered until they have caught up, or coming back would wipe the debt.
        self._served = {owner: cost for owner, cost in self._served.items() if owner in here or cost > least}

    def next_tick(self) -> Tick | None:
        """Choose the next forward pass; None if nobody is here."""
        if not self._members:
            return None
        served = dict(self._served)
        first = min(self._members.values(), key=lambda member: served[member.owner])  # ties: who came first
        lane, room = first.lane, self._room(first.lane)
        chosen: list[Member] = []
        waiting = [member for member in self._members.values() if member.lane == lane]
        while waiting:
            member = min(waiting, key=lambda candidate: served[candidate.owner])
            waiting.remove(member)
            if chosen and member.n_rows > room:
                continue
            chosen.append(member)
            room -= member.n_rows
            served[member.owner] += member.n_rows * member.row_cost
        chosen.sort(key=lambda member: member.key)  # a steady order, so that tensors can be reused from tick to tick
        return Tick(lane=lane, members=tuple(chosen), pad_to_rows=STABLE_ROWS if lane.mode is Mode.STABLE else None)

    def account(self, tick: Tick, seconds: float | None) -> None:
        """Charge the owners of a tick that ran, and learn from the time it took; None if that tells nothing."""
        for member in tick.members:
            if member.owner in self._served:
                self._served[member.owner] += member.n_rows * member.row_cost
        if tick.lane.mode is Mode.FAST and seconds is not None:
            wanted = sum(member.n_rows for member in self._members.values() if member.lane == tick.lane)
            self._cap(tick.lane).observe(tick.n_rows, seconds, wanted)

    def did_not_fit(self, tick: Tick) -> None:
        """The device ran out of memory on this tick: keep the lane below it."""
        if tick.lane.mode is Mode.FAST:  # the other modes' row counts are fixed
            self._cap(tick.lane).shrink_below(tick.n_rows)

    def row_cap(self, lane: Lane) -> int:
        """Rows that can share a step in this lane now."""
        return self._room(lane)

    def _room(self, lane: Lane) -> int:
        match lane.mode:
            case Mode.FAST:
                return self._cap(lane).rows
            case Mode.STABLE:
                return STABLE_ROWS
            case Mode.EXACT:
                return EXACT_ROWS

    def _cap(self, lane: Lane) -> RowCap:
        return self._caps.setdefault(lane, RowCap())


def _power_of_two(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()

"""Who is next: deficit round-robin between owners, by cost and not by count.

Owners are asked in rounds. In a round each owner whose debt is paid has one job taken, and owes its cost from then on.
When the round is over, everybody is forgiven the same amount: just enough that somebody's debt is paid. It follows that

- a newcomer waits for at most one job of each other owner, whatever those have waiting: it is first in the next round;
- nobody starves under a stream of newcomers: a round that has begun admits none;
- two owners that both keep waiting differ in cost served by at most the sum of their dearest jobs.

An owner who goes idle keeps no credit; a debt (the cost of its last job at most) is kept until it is paid, so that one
job at a time buys no larger share. Pure: knows nothing of clocks, asyncio, jobs or SQL.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace

_GRAINS_PER_COST = 1_000_000  # debts are whole numbers, so that debts that should be equal are equal

_Job = tuple[str, int]  # id, cost in grains
_Turn = tuple[int, int, _Job, Iterator[_Job]]  # due, rank, the job, those of its owner behind it; ranks are unique


@dataclass(slots=True)
class _Line:
    """The jobs of one owner, oldest first, with their costs in grains.

    `due`: the level at which the owner's debt is paid. `rank`: its place within a round, lowest first.
    """

    owner: str
    due: int = 0
    rank: int = 0
    costs: OrderedDict[str, int] = field(default_factory=OrderedDict)


class FairQueue:
    """Waiting jobs by id, owner and cost. Jobs of one owner leave in the order in which they came."""

    def __init__(self) -> None:
        self._level = 0  # what everybody has been forgiven so far; a debt is `due` minus this
        self._lines: dict[str, _Line] = {}  # owners of this round or with a debt
        self._newcomers: dict[str, _Line] = {}  # they wait for the next round, in order of arrival
        self._lowest_rank = 0
        self._owner_of: dict[str, str] = {}
        self._grains = 0  # of all that waits

    def __len__(self) -> int:
        return len(self._owner_of)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._owner_of

    @property
    def cost(self) -> float:
        """The cost of everything that waits."""
        return self._grains / _GRAINS_PER_COST

    def owners(self) -> frozenset[str]:
        """Owners with something waiting."""
        return frozenset(self._owner_of.values())

    def push(self, job_id: str, owner: str, cost: float) -> None:
        """Let a job wait, behind the others of its owner. `cost` is positive, in any unit.

        Raises: ValueError for an id that already waits, or a cost that is none.
        """
        if job_id in self._owner_of:
            raise ValueError(f"job {job_id!r} waits already")
        if not (math.isfinite(cost) and cost > 0):
            raise ValueError(f"a cost must be a positive number, not {cost}")
        line = self._line(owner)
        if line is None:
            line = self._newcomers[owner] = _Line(owner)
        line.costs[job_id] = _grains(cost)
        self._owner_of[job_id] = owner
        self._grains += line.costs[job_id]

    def pop(self, *, outside: frozenset[str] = frozenset()) -> str | None:
        """Take the next job, or None. With `outside`, out of turn: the next whose owner is not in that set."""
        line = self._next_line(outside)
        if line is None:
            return None
        if line.owner in self._newcomers:
            self._welcome([line] if outside else list(self._newcomers.values()))
        if not outside and line.due > self._level:
            self._begin_round(line.due)
        job_id, grains = line.costs.popitem(last=False)
        line.due += grains
        self._took(job_id, line, grains)
        return job_id

    def remove(self, job_id: str) -> bool:
        """Take a waiting job out, at no cost to its owner; False if it does not wait."""
        owner = self._owner_of.get(job_id)
        if owner is None:
            return False
        line = self._lines.get(owner) or self._newcomers[owner]
        self._took(job_id, line, line.costs.pop(job_id))
        return True

    def forgive(self) -> None:
        """Void all debts if nothing waits; for the moment when nothing runs either: nobody keeps anybody waiting."""
        if not self._owner_of:
            self._lines.clear()

    def order(self) -> list[str]:
        """Every waiting id, in the order in which `pop()` would give them if nothing came or went."""
        return list(self.upcoming())

    def upcoming(self) -> Iterator[str]:
        """The same one by one, at a small price for each: whoever needs the first few pays for no more.

        It tells of the moment at which it was asked for, also if jobs come and go meanwhile.
        """
        lines = {line.owner: iter(list(line.costs.items())) for line in self._all_lines()}
        return (job_id for job_id, _ in self._pops(lines))

    def glance(self) -> Iterator[str]:
        """The same for whoever is done with it before anything comes or goes: nothing is copied."""
        lines = {line.owner: iter(line.costs.items()) for line in self._all_lines()}
        return (job_id for job_id, _ in self._pops(lines))

    def position(self, job_id: str) -> int:
        """The place of a job in that order, from 1; some additions for each job ahead of it. Raises: KeyError.

        The order is that of (due, rank) when a job's turn comes, and an owner's own only rise: so those of each owner
        that come before it are counted, without putting all of them into one order.
        """
        lines = self._with_dues()
        own = lines[self._owner_of[job_id]]
        turn = own[0]
        for each, grains in own[2].items():
            if each == job_id:
                break
            turn += grains
        return 1 + sum(_n_before(due, costs, turn, is_tie_before=rank < own[1]) for due, rank, costs in lines.values())

    def _line(self, owner: str) -> _Line | None:
        """The owner's line, unless it is idle and owes nothing: then a new one does, at the newcomers' place."""
        line = self._lines.get(owner)
        if line is not None and not line.costs and line.due <= self._level:
            del self._lines[owner]
            line = None
        return line or self._newcomers.get(owner)

    def _next_line(self, outside: frozenset[str]) -> _Line | None:
        known = (line for line in self._lines.values() if line.costs and line.owner not in outside)
        old = min(known, key=lambda line: (line.due, line.rank), default=None)
        new = next((line for line in self._newcomers.values() if line.owner not in outside), None)
        in_this_round = old is not None and old.due <= self._level
        return old if new is None or in_this_round else new

    def _welcome(self, lines: list[_Line]) -> None:
        """Put newcomers first in the round that comes next."""
        level = min((line.due for line in self._lines.values() if line.costs), default=self._level)
        self._lowest_rank -= len(lines)
        for rank, line in enumerate(lines, self._lowest_rank):
            line.due, line.rank = level, rank
            self._lines[line.owner] = self._newcomers.pop(line.owner)

    def _begin_round(self, level: int) -> None:
        self._level = level
        paid = [line.owner for line in self._lines.values() if not line.costs and line.due <= level]
        for owner in paid:
            del self._lines[owner]

    def _took(self, job_id: str, line: _Line, grains: int) -> None:
        del self._owner_of[job_id]
        self._grains -= grains
        if not line.costs:
            self._newcomers.pop(line.owner, None)

    def _with_dues(self) -> dict[str, tuple[int, int, OrderedDict[str, int]]]:
        """Due and rank of everybody who waits, newcomers as they will be welcomed, and what they have waiting."""
        lines = {line.owner: (line.due, line.rank, line.costs) for line in self._lines.values() if line.costs}
        if not self._newcomers:
            return lines
        after = [_due_after(due, costs, self._level) for due, _, costs in lines.values()]
        level = min((due for due in after if due is not None), default=self._level)
        first_rank = self._lowest_rank - len(self._newcomers)
        new = {line.owner: (level, rank, line.costs) for rank, line in enumerate(self._newcomers.values(), first_rank)}
        return lines | new

    def _all_lines(self) -> Iterator[_Line]:
        yield from (line for line in self._lines.values() if line.costs)
        yield from self._newcomers.values()

    def _pops(self, lines: dict[str, Iterator[_Job]]) -> Iterator[_Job]:
        """What `pop()` would give, with grains. A round serves those of the lowest `due` by rank: a heap's own order.

        Uses up `lines`: the jobs of each owner, oldest first.
        """
        heap = [
            (line.due, line.rank, next(lines[line.owner]), lines[line.owner])
            for line in self._lines.values()
            if line.costs
        ]
        heapify(heap)
        first_rank = self._lowest_rank - len(self._newcomers)
        new = [(rank, next(lines[owner]), lines[owner]) for rank, owner in enumerate(self._newcomers, first_rank)]
        return _served(heap, new, self._level)


def _due_after(due: int, costs: OrderedDict[str, int], level: int) -> int | None:
    """When the first job of a line is due that this round does not serve; None if it serves all."""
    for grains in costs.values():
        if due > level:
            return due
        due += grains
    return None


def _n_before(due: int, costs: OrderedDict[str, int], turn: int, *, is_tie_before: bool) -> int:
    """How many jobs of a line come before a turn."""
    before, n = turn + is_tie_before, 0
    for grains in costs.values():
        if due >= before:
            break
        due += grains
        n += 1
    return n


def _served(heap: list[_Turn], new: list[tuple[int, _Job, Iterator[_Job]]], level: int) -> Iterator[_Job]:
    while heap and heap[0][0] <= level:
        yield _serve(heap)
    level = heap[0][0] if heap else level
    for rank, job, others in new:
        heappush(heap, (level, rank, job, others))
    while heap:
        yield _serve(heap)


def _serve(heap: list[_Turn]) -> _Job:
    due, rank, job, others = heap[0]
    following = next(others, None)
    if following:
        heapreplace(heap, (due + job[1], rank, following, others))
    else:
        heappop(heap)
    return job


def _grains(cost: float) -> int:
    return max(1, round(cost * _GRAINS_PER_COST))

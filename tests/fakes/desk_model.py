"""What the desk's storage should hold, as plain dictionaries: the model of `tests/integration/test_desk_machine.py`.

Nothing is stored, nothing waits, nothing is fast. Times are whole milliseconds. Knows nothing of SQL.
"""

from dataclasses import dataclass, field

from storage.asking import Limit, Limits

DAY_MS = 86_400_000
MINUTE_MS = 60_000
MOST_OWED_MS = 3_600_000
OVER = ("done", "failed", "cancelled")


@dataclass(slots=True)
class Charge:
    """What a job cost an account on a day."""

    account: str
    day: int
    cost: float
    is_refunded: bool = False


@dataclass(slots=True)
class ModelJob:
    """A job of a request."""

    id: str
    cost: float
    state: str
    n_losses: int = 0


@dataclass(slots=True)
class ModelRequest:
    """A request with its jobs and what is to be told of it: kind → state."""

    id: str
    key: str
    account: str
    state: str
    jobs: list[ModelJob]
    is_deleted: bool = False
    outbox: dict[str, str] = field(default_factory=dict)
    was_seen: bool = False

    @property
    def has_pictures(self) -> bool:
        """Whether one of its jobs is done."""
        return any(job.state == "done" for job in self.jobs)

    def waiting(self) -> list[ModelJob]:
        """Its jobs that wait."""
        return [job for job in self.jobs if job.state == "waiting"]


@dataclass(slots=True)
class Model:
    """Everything. `limits` are everybody's; nobody is exempt."""

    limits: Limits
    most_waiting: int
    now_ms: int
    requests: dict[str, ModelRequest] = field(default_factory=dict)
    head: dict[str, str] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    full_ms: dict[str, int] = field(default_factory=dict)
    granted: dict[tuple[str, int], float] = field(default_factory=dict)
    carried: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)
    bans: dict[str, int | None] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    # Who is who

    def known(self, account: str) -> None:
        """An account that did something has a row; the oldest of several that part is their head."""
        if account not in self.order:
            self.order.append(account)

    def head_of(self, account: str) -> str:
        """Whose account it is."""
        return self.head.get(account, account)

    def members(self, account: str) -> list[str]:
        """All accounts of the person."""
        head = self.head_of(account)
        return [each for each in self.order if self.head_of(each) == head]

    def link(self, head: str, account: str) -> None:
        """Two persons are one."""
        self.known(head)
        self.known(account)
        head, other = self.head_of(head), self.head_of(account)
        if head == other:
            return
        joined = [*self.members(head), *self.members(other)]
        owed = [max(0, self.full_ms.get(each, 0) - self.now_ms) for each in (head, other)]
        carried = self._carried(joined)
        for each in joined:
            self.head[each] = head
        self.full_ms[head] = self.now_ms + max(*owed, min(sum(owed), MOST_OWED_MS))
        self._carry(head, joined, carried)

    def unlink(self, account: str) -> None:
        """An account stands for itself; what holds goes with both parts."""
        self.known(account)
        before = self.members(account)
        rest = [each for each in before if each != account]
        if not rest:
            return
        old_head = self.head_of(account)
        new_head = rest[0] if account == old_head else old_head
        outside = self._carried(before)
        used = {each: self._own_used(each) for each in before}
        held = [self.bans[each] for each in before if each in self.bans]
        for each in before:
            self.head[each] = new_head
            if held:
                self.bans[each] = None if None in held else max(until for until in held if until is not None)
        self.head[account] = account
        full_ms = self.full_ms.get(old_head, 0)
        self.full_ms[account] = self.full_ms[new_head] = full_ms
        self._carry(account, [account], outside | {each: used[each] for each in rest})
        self._carry(new_head, rest, outside | {account: used[account]})

    def _carried(self, members: list[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for member in members:
            for other, cost in self.carried.get((member, self.day), {}).items():
                if other not in members:
                    found[other] = max(cost, found.get(other, 0.0))
        return found

    def _carry(self, head: str, members: list[str], carried: dict[str, float]) -> None:
        for member in members:
            self.carried.pop((member, self.day), None)
        self.carried[head, self.day] = {other: cost for other, cost in carried.items() if cost > 0}

    # How much

    @property
    def day(self) -> int:
        """Today."""
        return self.now_ms // DAY_MS

    def _own_used(self, account: str) -> float:
        return sum(
            charge.cost
            for charge in self.charges.values()
            if charge.account == account and charge.day == self.day and not charge.is_refunded
        )

    def used(self, account: str) -> float:
        """What the person drew today, and what parted accounts had drawn."""
        members = self.members(account) or [account]
        return sum(self._own_used(each) for each in members) + sum(self._carried(members).values())

    def given(self, account: str) -> float:
        """What was granted to the person today."""
        return sum(self.granted.get((each, self.day), 0.0) for each in self.members(account))

    def in_flight(self, account: str) -> int:
        """Jobs of the person that wait."""
        members = self.members(account) or [account]
        return sum(len(each.waiting()) for each in self.requests.values() if each.account in members)

    def n_waiting(self) -> int:
        """Everybody's."""
        return sum(len(each.waiting()) for each in self.requests.values())

    @property
    def interval_ms(self) -> int:
        """From one request to the next, on average."""
        return round(MINUTE_MS / self.limits.rate)

    def free_ms(self, account: str) -> int:
        """When one more is let in."""
        full_ms = self.full_ms.get(self.head_of(account), 0)
        return full_ms + self.interval_ms - int(self.interval_ms * self.limits.burst)

    def is_banned(self, account: str) -> bool:
        """Whether a ban of any account of the person holds."""
        held = [self.bans[each] for each in self.members(account) if each in self.bans]
        return any(until is None or until > self.now_ms for until in held)

    def refusal(self, account: str, costs: list[float], state: str) -> Limit | None:
        """The first limit in the way of a new request in this state."""
        if self.is_banned(account):
            return Limit.BANNED
        if self.now_ms < self.free_ms(account):
            return Limit.RATE
        return self.refusal_of_jobs(account, costs) if state == "waiting" else None

    def refusal_of_jobs(self, account: str, costs: list[float]) -> Limit | None:
        """The first limit in the way of jobs that are to wait."""
        if self.in_flight(account) + len(costs) > self.limits.in_flight:
            return Limit.IN_FLIGHT
        if self.used(account) + sum(costs) > self.limits.daily + self.given(account) + 1e-9:
            return Limit.DAILY
        if self.n_waiting() + len(costs) > self.most_waiting:
            return Limit.FULL
        return None

    # What happens

    def add(self, request: ModelRequest, *, is_limited: bool) -> None:
        """A request that was let in."""
        self.known(request.account)
        self.requests[request.id] = request
        request.outbox["acknowledge"] = "pending"
        if is_limited:
            head = self.head_of(request.account)
            self.full_ms[head] = max(self.full_ms.get(head, 0), self.now_ms) + self.interval_ms
        if request.state == "waiting":
            self.charge(request)

    def charge(self, request: ModelRequest) -> None:
        """Its jobs are charged today."""
        for job in request.jobs:
            self.charges[job.id] = Charge(request.account, self.day, job.cost)

    def refund(self, jobs: list[ModelJob]) -> None:
        """What these cost is given back."""
        for job in jobs:
            if job.id in self.charges:
                self.charges[job.id].is_refunded = True

    def charge_again(self, jobs: list[ModelJob]) -> None:
        """What was given back of these counts today."""
        for job in jobs:
            if job.id in self.charges and self.charges[job.id].is_refunded:
                self.charges[job.id].is_refunded = False
                self.charges[job.id].day = self.day

    def finish(self, request: ModelRequest, state: str) -> None:
        """It is over; that is to be told."""
        request.state = state
        request.outbox.setdefault("result", "pending")

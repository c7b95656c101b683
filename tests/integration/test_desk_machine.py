"""Queue, quota, outbox and links on the real storage, against plain dictionaries: any steps in any order.

A slice in every run; `DESK_MACHINE_RUNS=2000` is what the campaign asks for (100 steps each). SQL runs inline, on a
real file; a step may be a restart.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
)

from storage.acts import Acts
from storage.asking import Asking, Limit, Limits, NotAdmitted
from storage.changes import Act, Ban, Change, Grant, Link, Reset, Unban, Unlink
from storage.database import Database
from storage.limits import Ledger
from storage.outbox import Outbox
from storage.records import DeliveryKind, NewPicture, State
from storage.requests import Requests
from tests.fakes import remembered
from tests.fakes.desk_model import DAY_MS, Model, ModelJob, ModelRequest
from tests.fakes.inline_sqlite import InlineConnection
from tests.sim.virtual import Clock, VirtualLoop

T = TypeVar("T")

N_RUNS = int(os.environ.get("DESK_MACHINE_RUNS", "25"))
N_STEPS = 100 if N_RUNS > 100 else 40
ACCOUNTS = st.sampled_from(("a:1", "a:2", "b:1", "c:1"))
COSTS = st.lists(st.sampled_from((0.25, 0.5, 1.0)), min_size=1, max_size=3)
LIMITS = Limits(rate=6.0, burst=3.0, in_flight=4.0, daily=3.0)
MOST_WAITING = 7
START_MS = 20_000 * DAY_MS + DAY_MS - 120_000  # two minutes before midnight
KINDS = st.sampled_from(DeliveryKind)
_template: dict[str, Path] = {}


class DeskMachine(RuleBasedStateMachine):
    """Each rule does something to the storage and to the model; after each the two are compared, row by row."""

    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="desk-machine-"))
        self.path = self.folder / "darkroom.sqlite"
        self.clock = Clock(START_MS / 1_000)
        self.loop = VirtualLoop(self.clock)
        self.model = Model(limits=LIMITS, most_waiting=MOST_WAITING, now_ms=START_MS)
        self.number = 0
        shutil.copy(self.template(), self.path)
        self.open()

    def template(self) -> Path:
        """A migrated database with these limits, made once."""
        if "path" not in _template:
            folder = Path(tempfile.mkdtemp(prefix="desk-template-"))
            path = folder / "template.sqlite"
            self.run(self._made(path))
            connection = sqlite3.connect(path, isolation_level=None)
            for key in ("rate", "burst", "in_flight", "daily"):
                connection.execute(
                    "UPDATE settings SET value = ? WHERE subject = 'tier:member' AND key = ?",
                    (f"{getattr(LIMITS, key):g}", key),
                )
            connection.close()
            _template["path"] = path
        return _template["path"]

    async def _made(self, path: Path) -> None:
        await (await Database.open(path, connect=_connect)).close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine."""
        return self.loop.run_until_complete(work)

    def open(self) -> None:
        """Begin a life."""
        self.database = self.run(Database.open(self.path, connect=_connect))
        clock = self.clock.wall_s
        self.store = Requests(self.database, clock)
        self.outbox = Outbox(self.database, clock)
        self.ledger = Ledger(self.database, clock)
        self.acts = Acts(self.database, clock)

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.run(self.database.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def do(self, account: str, *wanted: Change) -> None:
        """An act of an admin."""
        self.number += 1
        act = Act(
            event_key=f"act {self.number}",
            actor="op:1",
            actor_name="Op",
            place="",
            act="act",
            answer="done",
            changes=wanted,
            target=account,
        )
        self.run(self.acts.do(act))
        self.model.known("op:1")
        if not isinstance(wanted[0], Link):
            self.model.known(account)

    # Time, lives

    @rule(seconds=st.sampled_from((1, 5, 30, 61, 3_600, 86_400)))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.clock.now_s += seconds
        self.model.now_ms += seconds * 1_000

    @rule()
    def restart(self) -> None:
        """The bot is stopped and started."""
        self.run(self.database.close())
        self.open()

    # Requests

    @rule(
        target=requests,
        account=ACCOUNTS,
        costs=COSTS,
        state=st.sampled_from((State.WAITING, State.WAITING, State.OFFERED)),
        is_limited=st.booleans(),
    )
    def add(self, account: str, costs: list[float], state: State, is_limited: bool) -> Any:
        """Somebody asks; a limit may be in the way, and then nothing is written."""
        self.number += 1
        new = replace(
            remembered.request(owner=account, state=state, created_s=self.clock.wall_s()), event_key=f"e {self.number}"
        )
        jobs = [replace(remembered.job(new, ordinal), cost=cost) for ordinal, cost in enumerate(costs, 1)]
        asking = Asking(account=account, place="a:room", most_waiting=MOST_WAITING) if is_limited else None
        expected = self.model.refusal(account, costs, state) if is_limited else None
        assert self.refused(self.store.add(new, jobs, asking)) == expected
        if expected:
            return multiple()
        own = [ModelJob(job.id, job.cost, state.value) for job in jobs]
        request = ModelRequest(new.id, new.event_key, account, state.value, own)
        self.model.add(request, is_limited=is_limited)
        return new.id

    def refused(self, work: Coroutine[Any, Any, object]) -> Limit | None:
        """The limit that was in the way, if one was."""
        try:
            self.run(work)
        except NotAdmitted as exc:
            return exc.refused.limit
        return None

    @rule(request_id=requests)
    def ask_again(self, request_id: str) -> None:
        """The same event comes once more: it is the same request, whatever limits say."""
        known = self.model.requests[request_id]
        new = replace(remembered.request(owner=known.account, created_s=self.clock.wall_s()), event_key=known.key)
        asking = Asking(account=known.account, place="a:room", most_waiting=0)
        assert self.run(self.store.add(new, [remembered.job(new)], asking)) == request_id

    @rule(request_id=requests, is_limited=st.booleans())
    def begin(self, request_id: str, is_limited: bool) -> None:
        """Yes, draw it."""
        known = self.model.requests[request_id]
        asking = Asking(account=known.account, place="a:room", most_waiting=MOST_WAITING) if is_limited else None
        if known.state != "offered" or known.is_deleted:
            assert self.run(self.store.begin(request_id, asking)) is False
            return
        expected = None
        if is_limited:
            banned = Limit.BANNED if self.model.is_banned(known.account) else None
            expected = banned or self.model.refusal_of_jobs(known.account, [job.cost for job in known.jobs])
        assert self.refused(self.store.begin(request_id, asking)) == expected
        if expected is None:
            known.state = "waiting"
            for job in known.jobs:
                job.state = "waiting"
            self.model.charge(known)

    @rule(request_id=requests, which=st.integers(0, 2))
    def finish_job(self, request_id: str, which: int) -> None:
        """A worker has drawn it."""
        job = self.job(request_id, which)
        done = self.run(self.store.finish_job(f"{request_id}-{which + 1}", _NO_PICTURES, 1.5, 2.0))
        assert done is (job is not None and job.state == "waiting")
        if job and done:
            job.state = "done"

    @rule(request_id=requests, which=st.integers(0, 2), is_ours=st.booleans())
    def fail_job(self, request_id: str, which: int, is_ours: bool) -> None:
        """It cannot be drawn; what was our fault is given back."""
        job = self.job(request_id, which)
        self.run(self.store.fail_job(f"{request_id}-{which + 1}", "No paint.", is_ours=is_ours))
        if job and job.state == "waiting":
            job.state = "failed"
            if is_ours:
                self.model.refund([job])

    @rule(request_id=requests, which=st.integers(0, 2))
    def note_loss(self, request_id: str, which: int) -> None:
        """Its worker died."""
        job = self.job(request_id, which)
        n_losses = self.run(self.store.note_loss(f"{request_id}-{which + 1}"))
        if job and job.state == "waiting":
            job.n_losses += 1
            assert n_losses == job.n_losses
        else:
            assert n_losses == 0

    def job(self, request_id: str, which: int) -> ModelJob | None:
        """A job of a request, if it has so many."""
        jobs = self.model.requests[request_id].jobs
        return jobs[which] if which < len(jobs) else None

    @rule(request_id=requests, begun=st.sets(st.integers(0, 2)))
    def cancel(self, request_id: str, begun: set[int]) -> None:
        """Somebody takes it back; what was begun is paid for."""
        known = self.model.requests[request_id]
        jobs = frozenset(f"{request_id}-{which + 1}" for which in begun)
        is_over = known.state not in ("offered", "waiting")
        assert self.run(self.store.cancel(request_id, jobs)) is not is_over
        if is_over:
            return
        self.model.refund([job for job in known.waiting() if job.id not in jobs])
        self.end_jobs(known, "cancelled")
        self.model.finish(known, "done" if known.has_pictures and _NO_PICTURES else "cancelled")

    def end_jobs(self, known: ModelRequest, state: str) -> None:
        """Those that wait or were offered end with their request."""
        for job in known.jobs:
            if job.state in ("waiting", "offered"):
                job.state = state

    @rule(request_id=requests, state=st.sampled_from((State.DONE, State.FAILED, State.CANCELLED)))
    def end(self, request_id: str, state: State) -> None:
        """All its jobs were seen to."""
        known = self.model.requests[request_id]
        may = known.state in ("offered", "waiting", state.value) and not known.is_deleted
        is_new = known.state in ("offered", "waiting")
        assert self.run(self.store.end(request_id, state, "")) is may
        if not may:
            return
        if is_new:
            self.model.refund(known.waiting())
            self.end_jobs(known, "failed" if state is State.FAILED else "cancelled")
            self.model.finish(known, state.value)

    @rule(request_id=requests)
    def delete(self, request_id: str) -> None:
        """Its owner wants to see it no more."""
        known = self.model.requests[request_id]
        self.run(self.store.delete(request_id))
        if known.is_deleted:
            return
        self.model.refund(known.waiting())
        known.is_deleted = True
        if known.state in ("offered", "waiting"):
            known.state = "cancelled"
        known.jobs.clear()
        kept = {kind: state for kind, state in known.outbox.items() if state == "sending"}
        known.outbox = kept | ({"withdraw": "pending"} if known.was_seen else {})

    # Telling

    @rule(request_id=requests, kind=KINDS)
    def sending(self, request_id: str, kind: DeliveryKind) -> None:
        """A platform is about to be called."""
        known = self.model.requests[request_id]
        is_pending = known.outbox.get(kind) == "pending"
        assert self.run(self.outbox.sending(request_id, kind)) is is_pending
        if is_pending:
            known.outbox[kind] = "sending"
            known.was_seen = True

    @rule(request_id=requests, kind=KINDS)
    def sent(self, request_id: str, kind: DeliveryKind) -> None:
        """It took it."""
        known = self.model.requests[request_id]
        self.run(self.outbox.sent(request_id, kind, "m1"))
        if self.settle(known, kind, "sent"):
            known.was_seen = True

    @rule(request_id=requests, kind=KINDS)
    def again(self, request_id: str, kind: DeliveryKind) -> None:
        """It wants to be called later."""
        known = self.model.requests[request_id]
        self.run(self.outbox.again(request_id, kind, 5.0, "busy"))
        if known.outbox.get(kind) in ("pending", "sending"):
            known.outbox[kind] = "pending"
            known.was_seen = True  # an attempt may have been seen
            if known.is_deleted and kind is not DeliveryKind.WITHDRAW:
                del known.outbox[kind]

    @rule(request_id=requests, kind=KINDS)
    def dead(self, request_id: str, kind: DeliveryKind) -> None:
        """It will never take it: a result that nobody can see costs nothing."""
        known = self.model.requests[request_id]
        self.run(self.outbox.dead(request_id, kind, "blocked"))
        if self.settle(known, kind, "dead") and kind is DeliveryKind.RESULT:
            self.model.refund(known.jobs)

    @rule(request_id=requests, kind=KINDS)
    def ambiguous(self, request_id: str, kind: DeliveryKind) -> None:
        """Nobody knows."""
        known = self.model.requests[request_id]
        self.run(self.outbox.ambiguous(request_id, kind, "no answer"))
        if self.settle(known, kind, "ambiguous"):
            known.was_seen = True

    def settle(self, known: ModelRequest, kind: DeliveryKind, state: str) -> bool:
        """A delivery that has no end gets one."""
        if known.outbox.get(kind) not in ("pending", "sending"):
            return False
        known.outbox[kind] = state
        return True

    @rule(request_id=requests)
    def collect(self, request_id: str) -> None:
        """What never arrived is told where its owner is now."""
        known = self.model.requests[request_id]
        self.run(self.outbox.redirect(request_id, "b:room", "here"))
        if known.outbox.get("result") in ("dead", "ambiguous") and not known.is_deleted:
            self.model.charge_again([job for job in known.jobs if job.state == "done"])
            known.outbox["result"] = "pending"
            known.outbox.pop("acknowledge", None)
            known.was_seen = False  # as a new message, here

    # The desk

    @rule(account=ACCOUNTS, cost=st.sampled_from((0.5, 2.0)))
    def grant(self, account: str, cost: float) -> None:
        """More for today."""
        self.do(account, Grant(account=account, cost=cost))
        key = account, self.model.day
        self.model.granted[key] = self.model.granted.get(key, 0.0) + cost

    @rule(account=ACCOUNTS)
    def reset(self, account: str) -> None:
        """Today begins anew."""
        self.do(account, Reset(account=account))
        members = self.model.members(account)
        for charge in self.model.charges.values():
            if charge.account in members and charge.day == self.model.day:
                charge.is_refunded = True
        for member in members:
            self.model.carried.pop((member, self.model.day), None)

    @rule(account=ACCOUNTS, for_s=st.sampled_from((None, 45)))
    def ban(self, account: str, for_s: int | None) -> None:
        """Out."""
        until_s = None if for_s is None else self.clock.wall_s() + for_s
        self.do(account, Ban(account=account, place="", reason="noise", until_s=until_s))
        self.model.bans[account] = None if for_s is None else self.model.now_ms + for_s * 1_000

    @rule(account=ACCOUNTS)
    def unban(self, account: str) -> None:
        """In again."""
        self.do(account, Unban(account=account, place=""))
        for member in self.model.members(account):
            self.model.bans.pop(member, None)

    @rule(head=ACCOUNTS, account=ACCOUNTS)
    def link(self, head: str, account: str) -> None:
        """Two accounts are one person."""
        self.do(head, Link(head=head, account=account))
        self.model.link(head, account)

    @rule(account=ACCOUNTS)
    def unlink(self, account: str) -> None:
        """And two again."""
        self.do(account, Unlink(account=account))
        self.model.unlink(account)

    # What must hold

    @invariant()
    def same(self) -> None:
        """Storage and model hold the same."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            self.compare(connection)
        finally:
            connection.close()

    def compare(self, connection: sqlite3.Connection) -> None:
        """Row by row."""
        known = self.model.requests
        rows = connection.execute("SELECT id, state, is_deleted FROM requests").fetchall()
        assert {row[0]: (row[1], bool(row[2])) for row in rows} == {
            each.id: (each.state, each.is_deleted) for each in known.values()
        }
        jobs = connection.execute("SELECT id, state, n_losses FROM jobs").fetchall()
        assert {row[0]: row[1:] for row in jobs} == {
            job.id: (job.state, job.n_losses) for each in known.values() for job in each.jobs
        }
        told = connection.execute(
            "SELECT requests.id, outbox.kind, outbox.state FROM outbox JOIN requests ON outbox.request = requests.no"
        ).fetchall()
        assert {row[:2]: row[2] for row in told} == {
            (each.id, kind): state for each in known.values() for kind, state in each.outbox.items()
        }
        charged = connection.execute(
            "SELECT job, cost, day, is_refunded FROM charges WHERE kind = 'drawing'"
        ).fetchall()
        assert {row[0]: (row[1], row[2], bool(row[3])) for row in charged} == {
            job: (charge.cost, charge.day, charge.is_refunded) for job, charge in self.model.charges.items()
        }

    @invariant()
    def stands(self) -> None:
        """What the ledger says of somebody is what the model says."""
        for account in ("a:1", "a:2", "b:1", "c:1"):
            standing = self.run(self.ledger.standing(account, "a:room"))
            model = self.model
            assert abs(standing.used - model.used(account)) < 1e-6, account
            assert abs(standing.given - model.given(account)) < 1e-6, account
            assert standing.n_in_flight == model.in_flight(account), account
            assert max(standing.free_at_s * 1_000, model.now_ms) == max(model.free_ms(account), model.now_ms), account
            assert standing.limits == LIMITS


async def _connect(uri: str) -> InlineConnection:
    return InlineConnection(uri)


_NO_PICTURES: tuple[NewPicture, ...] = ()

TestDeskMachine = DeskMachine.TestCase
TestDeskMachine.settings = settings(
    max_examples=N_RUNS,
    stateful_step_count=N_STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

"""What is still to be told: added with what it tells, ended once, in order."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from storage.asking import Asking, Limit, NotAdmitted
from storage.limits import Ledger
from storage.outbox import Outbox
from storage.records import DeliveryKind, DeliveryState, NewRequest, State
from storage.requests import Requests
from storage.statements import Row, Writing
from storage.store import Store, open_store
from tests.fakes import remembered
from tests.fakes.remembered import NOW_S, OWNER

ACKNOWLEDGE, RESULT, WITHDRAW = DeliveryKind.ACKNOWLEDGE, DeliveryKind.RESULT, DeliveryKind.WITHDRAW


@dataclass
class Post:
    """The parts that deliveries go through, all with one clock."""

    store: Store
    now_s: float = NOW_S

    def __post_init__(self) -> None:
        def clock() -> float:
            return self.now_s

        self.requests = Requests(self.store.database, clock)
        self.outbox = Outbox(self.store.database, clock)

    async def asked(self, state: State = State.WAITING, owner: str = OWNER) -> NewRequest:
        """A request with a job; the clock goes on by a second."""
        self.now_s += 1
        new = remembered.request(state=state, owner=owner, created_s=self.now_s)
        await self.requests.add(new, [remembered.job(new)] if state != State.DONE else [])
        return new

    async def ended(self, owner: str = OWNER) -> NewRequest:
        """A request whose end is to be told next."""
        new = await self.asked(owner=owner)
        await self.outbox.sent(new.id, ACKNOWLEDGE, "m1")
        await self.requests.end(new.id, State.DONE, "")
        return new

    async def due(self) -> list[tuple[str, DeliveryKind]]:
        return [(each.request, each.kind) for each in await self.outbox.due()]

    async def states(self, new: NewRequest) -> dict[str, str]:
        rows = await self.run(
            "SELECT kind, state FROM outbox WHERE request = (SELECT no FROM requests WHERE id = :id)", id=new.id
        )
        return {str(kind): str(state) for kind, state in rows}

    async def run(self, sql: str, **values: object) -> list[Row]:
        async def step(writing: Writing) -> list[Row]:
            return await writing.rows(sql, **values)

        return await self.store.database.write(step)


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with open_store(tmp_path) as store:
        yield Post(store)


async def test_a_request_is_acknowledged_and_its_end_is_told(post: Post) -> None:
    """One row each, however often it is said to have ended; the platform's name of the message is kept."""
    new = await post.asked()
    assert await post.due() == [(new.id, ACKNOWLEDGE)]
    assert await post.outbox.sending(new.id, ACKNOWLEDGE)
    await post.outbox.sent(new.id, ACKNOWLEDGE, "m1")
    assert await post.due() == []
    for _ in range(2):
        await post.requests.end(new.id, State.DONE, "")
    assert await post.due() == [(new.id, RESULT)]
    await post.outbox.sent(new.id, RESULT, None)
    await post.requests.end(new.id, State.DONE, "", grid_hash=None)
    assert await post.due() == []
    found = await post.requests.find(new.id)
    assert found
    assert found.remote_id == "m1"
    assert await post.outbox.counts() == {
        DeliveryState.SENT: 2,
        **dict.fromkeys((DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.DEAD, DeliveryState.AMBIGUOUS), 0),
    }


@pytest.mark.parametrize(
    ("state", "kind"), [(State.OFFERED, ACKNOWLEDGE), (State.WAITING, ACKNOWLEDGE), (State.DONE, RESULT)]
)
async def test_what_is_over_when_it_comes_has_only_an_end_to_tell(post: Post, state: State, kind: DeliveryKind) -> None:
    """A picture that is shown, a line of ours: one call."""
    new = await post.asked(state)
    assert await post.due() == [(new.id, kind)]


@pytest.mark.parametrize("state", [State.OFFERED, State.WAITING])
async def test_a_cancelled_request_tells_its_end(post: Post, state: State) -> None:
    """Once."""
    new = await post.asked(state)
    assert [await post.requests.cancel(new.id) for _ in range(2)] == [True, False]
    assert not await post.requests.end(new.id, State.DONE, "")
    assert await post.states(new) == {"acknowledge": "pending", "result": "pending"}


async def test_the_later_waits_for_the_end_of_the_earlier(post: Post) -> None:
    """An end is not told while the acknowledgement may be on its way, or will be tried again."""
    new = await post.asked()
    await post.outbox.sending(new.id, ACKNOWLEDGE)
    await post.requests.cancel(new.id)
    assert await post.due() == []
    assert await post.outbox.due_of(new.id) is None
    assert await post.outbox.next_due_s() is None
    await post.outbox.again(new.id, ACKNOWLEDGE, 60, "Too many.")
    assert await post.due() == []
    assert await post.outbox.next_due_s() == post.now_s + 60
    post.now_s += 60
    assert await post.due() == [(new.id, ACKNOWLEDGE)]
    await post.outbox.dead(new.id, ACKNOWLEDGE, "Forbidden.")
    assert await post.due() == [(new.id, RESULT)]
    due = await post.outbox.due_of(new.id)
    assert due
    assert due.kind is RESULT


async def test_what_is_due_comes_oldest_first_and_no_more_than_asked_for(post: Post) -> None:
    """Without those that are being told."""
    asked = [await post.asked() for _ in range(4)]
    found = await post.outbox.due(2, frozenset({asked[0].id}))
    assert [each.request for each in found] == [asked[1].id, asked[2].id]
    assert (found[0].n_attempts, found[0].reason, found[0].state) == (0, "", DeliveryState.PENDING)
    assert await post.outbox.next_due_s() == NOW_S + 1
    assert await post.outbox.due(0) == ()


async def test_one_call_at_a_time(post: Post) -> None:
    """Of two who would call, one may; attempts are counted; the reason is kept."""
    new = await post.asked()
    assert [await post.outbox.sending(new.id, ACKNOWLEDGE) for _ in range(2)] == [True, False]
    (unknown,) = await post.outbox.unknown()
    assert (unknown.request, unknown.n_attempts, unknown.state) == (new.id, 1, DeliveryState.SENDING)
    await post.outbox.again(new.id, ACKNOWLEDGE, 0, "Bad gateway.")
    await post.outbox.again(new.id, ACKNOWLEDGE, 0, "Bad gateway.")
    (again,) = await post.outbox.due()
    assert (again.n_attempts, again.reason) == (2, "Bad gateway.")
    assert await post.outbox.unknown() == ()
    assert not await post.outbox.sending("nothing", ACKNOWLEDGE)


@pytest.mark.parametrize("state", ["sent", "dead", "ambiguous"])
async def test_an_end_is_an_end(post: Post, state: str) -> None:
    """Whatever is said later changes nothing, the name of the message least of all."""
    new = await post.ended()
    await post.outbox.sending(new.id, RESULT)
    match state:
        case "sent":
            await post.outbox.sent(new.id, RESULT, "m2")
        case "dead":
            await post.outbox.dead(new.id, RESULT, "")
        case _:
            await post.outbox.ambiguous(new.id, RESULT, "")
    before = await post.run("SELECT * FROM outbox")
    await post.outbox.sent(new.id, RESULT, "m3")
    await post.outbox.dead(new.id, RESULT, "no")
    await post.outbox.ambiguous(new.id, RESULT, "no")
    await post.outbox.again(new.id, RESULT, 0, "no")
    assert not await post.outbox.sending(new.id, RESULT)
    assert await post.run("SELECT * FROM outbox") == before
    found = await post.requests.find(new.id)
    assert found
    assert found.remote_id == ("m2" if state == "sent" else "m1")


# Collecting


async def test_what_was_not_delivered_can_be_collected_by_any_linked_account(post: Post) -> None:
    """Newest first; nobody else's, nothing that was sent."""
    dead, ambiguous, sent = [await post.ended(owner) for owner in (OWNER, "discord:1", OWNER)]
    other = await post.ended("web:bob")
    await post.outbox.dead(dead.id, RESULT, "blocked")
    await post.outbox.ambiguous(ambiguous.id, RESULT, "who knows")
    await post.outbox.sent(sent.id, RESULT)
    await post.outbox.dead(other.id, RESULT, "blocked")
    assert await post.outbox.uncollected(OWNER) == (dead.id,)
    await post.run(
        "UPDATE people SET head = (SELECT id FROM people WHERE owner = :owner) WHERE owner = 'discord:1'", owner=OWNER
    )
    assert await post.outbox.uncollected(OWNER) == (ambiguous.id, dead.id)
    assert await post.outbox.uncollected("discord:1") == (ambiguous.id, dead.id)
    assert await post.outbox.uncollected("web:nobody") == ()


async def test_collected_it_is_a_new_message_elsewhere(post: Post) -> None:
    """In a place that may be new; with attempts and time counted anew; once."""
    new = await post.ended()
    await post.outbox.again(new.id, RESULT, 0, "no")
    await post.outbox.dead(new.id, RESULT, "blocked")
    post.now_s += 86_400
    await post.outbox.redirect(new.id, "telegram:5", "there")
    (delivery,) = await post.outbox.due()
    assert (delivery.request, delivery.kind, delivery.n_attempts, delivery.reason) == (new.id, RESULT, 0, "")
    assert delivery.created_s == post.now_s
    found = await post.requests.find(new.id)
    assert found
    assert (found.place, found.reply_to, found.remote_id) == ("telegram:5", "there", None)
    assert await post.outbox.uncollected(OWNER) == ()
    await post.outbox.redirect(new.id, "telegram:6", "elsewhere")
    assert await post.requests.find(new.id) == found


async def test_what_is_collected_counts_again_today(post: Post) -> None:
    """Else whoever blocks the bot draws for nothing; where too little is left for it, it waits, given back."""
    new = remembered.request(created_s=post.now_s)
    await post.requests.add(new, [replace(remembered.job(new), cost=60.0)])
    picture = await remembered.picture(post.store.pictures, 1, remembered.recipe())
    await post.requests.finish_job(f"{new.id}-1", [picture], 1.0)
    await post.requests.end(new.id, State.DONE, "")
    ledger = Ledger(post.store.database, lambda: post.now_s)
    for _ in range(2):
        assert (await ledger.standing(OWNER)).used == 60
        await post.outbox.dead(new.id, RESULT, "blocked")
        assert (await ledger.standing(OWNER)).used == 0
        post.now_s += 86_400
        await post.outbox.redirect(new.id, "telegram:5", "there", Asking(account=OWNER, place="telegram:5"))
    await post.outbox.dead(new.id, RESULT, "blocked")
    another = remembered.request(created_s=post.now_s)
    await post.requests.add(another, [replace(remembered.job(another), cost=50.0)])
    with pytest.raises(NotAdmitted) as refused:
        await post.outbox.redirect(new.id, "telegram:5", "there", Asking(account=OWNER, place="telegram:5"))
    assert (refused.value.refused.limit, refused.value.refused.has) == (Limit.DAILY, 50)
    assert await post.outbox.uncollected(OWNER) == (new.id,)
    assert (await ledger.standing(OWNER)).used == 50


async def test_a_clock_that_is_set_back_keeps_nobody_waiting(post: Post) -> None:
    """What was to be told at a time that is yet to come is told now; one that failed waits its pause, no more."""
    new = await post.asked()
    later = await post.asked()
    await post.outbox.again(later.id, ACKNOWLEDGE, 7_200, "asked for a pause")
    post.now_s -= 3_600
    assert await post.due() == [(new.id, ACKNOWLEDGE), (later.id, ACKNOWLEDGE)]
    assert await post.outbox.due_of(new.id)
    assert await post.outbox.next_due_s() == post.now_s
    await post.outbox.again(new.id, ACKNOWLEDGE, 5, "no")
    await post.outbox.again(later.id, ACKNOWLEDGE, 9, "no")
    assert await post.due() == []
    assert await post.outbox.next_due_s() == post.now_s + 5
    post.now_s += 5
    assert await post.due() == [(new.id, ACKNOWLEDGE)]


# Deleting


async def test_what_was_never_told_is_not_taken_back(post: Post) -> None:
    """There is nothing to see, so nothing is told at all."""
    new = await post.asked()
    await post.requests.delete(new.id)
    assert await post.states(new) == {}


@pytest.mark.parametrize("way", ["sent", "ambiguous", "tried"])
async def test_what_may_have_been_seen_is_taken_back(post: Post, way: str) -> None:
    """And nothing else of it is told."""
    new = await post.asked()
    if way == "sent":
        await post.outbox.sent(new.id, ACKNOWLEDGE)
    elif way == "ambiguous":
        await post.outbox.ambiguous(new.id, ACKNOWLEDGE, "who knows")
    else:
        await post.outbox.again(new.id, ACKNOWLEDGE, 0, "a repeatable call that was cut off")
    await post.requests.cancel(new.id)
    await post.requests.delete(new.id)
    assert await post.states(new) == {"withdraw": "pending"}
    await post.outbox.again(new.id, WITHDRAW, 0, "Bad gateway.")
    assert await post.due() == [(new.id, WITHDRAW)]


async def test_a_call_that_is_being_made_is_waited_for_and_then_taken_back(post: Post) -> None:
    """If it had not arrived it is not made again."""
    ended = [await post.ended() for _ in range(2)]
    for new in ended:
        await post.outbox.sending(new.id, RESULT)
        await post.requests.delete(new.id)
        assert await post.states(new) == {"result": "sending", "withdraw": "pending"}
    assert await post.due() == []
    await post.outbox.sent(ended[0].id, RESULT, "m2")
    await post.outbox.again(ended[1].id, RESULT, 0, "It had not arrived.")
    assert await post.due() == [(ended[0].id, WITHDRAW), (ended[1].id, WITHDRAW)]
    assert await post.states(ended[1]) == {"withdraw": "pending"}


async def test_what_is_deleted_cannot_be_collected(post: Post) -> None:
    """Neither what was dead before nor what dies afterwards; and no words are left of why."""
    new, late = [await post.ended() for _ in range(2)]
    await post.outbox.dead(new.id, RESULT, "secret words")
    await post.outbox.again(late.id, RESULT, 0, "secret words")
    await post.outbox.sending(late.id, RESULT)
    for each in (new, late):
        await post.requests.delete(each.id)
    await post.outbox.dead(late.id, RESULT, "blocked")
    assert await post.outbox.uncollected(OWNER) == ()
    await post.outbox.redirect(late.id, "telegram:5", "there")
    assert (await post.states(late))["result"] == "dead"
    assert await post.run("SELECT 1 FROM outbox WHERE reason LIKE '%secret%'") == []
    assert await post.run("PRAGMA foreign_key_check") == []


async def test_an_event_that_comes_again_tells_nothing_again(post: Post) -> None:
    """Also after all was told."""
    new = await post.ended()
    await post.outbox.sent(new.id, RESULT)
    again = replace(remembered.request(), event_key=new.event_key)
    assert await post.requests.add(again, [remembered.job(again)]) == new.id
    assert await post.due() == []

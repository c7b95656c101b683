"""Who is let in, and what it costs: through the real database, with a clock that tests set."""

import asyncio
import math
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from storage.asking import Asking, Limit, NotAdmitted, Refused, Standing
from storage.limits import Ledger
from storage.outbox import Outbox
from storage.records import DeliveryKind, NewRequest, State
from storage.requests import Requests
from storage.statements import Row, Writing
from storage.store import Store, open_store
from tests.fakes import remembered

NOON_S = 1_800_014_400.0  # of some day
MIDNIGHT_S = 1_800_057_600.0  # after it
ANN, BOB = "discord:1", "telegram:2"
PLACE = "discord:7:8"


@dataclass
class Desk:
    """The parts that a limit goes through, all with one clock."""

    store: Store
    now_s: float = NOON_S

    def __post_init__(self) -> None:
        def clock() -> float:
            return self.now_s

        self.requests = Requests(self.store.database, clock)
        self.ledger = Ledger(self.store.database, clock)
        self.outbox = Outbox(self.store.database, clock)

    async def ask(
        self,
        account: str = ANN,
        *costs: float,
        state: State = State.WAITING,
        place: str = PLACE,
        groups: tuple[str, ...] = (),
        is_exempt: bool = False,
        most_waiting: int = 10_000,
    ) -> NewRequest:
        """Ask for jobs of these costs, one of 1 unless told. Raises: NotAdmitted."""
        new = remembered.request(owner=account, state=state, created_s=self.now_s)
        asking = Asking(account=account, place=place, groups=groups, is_exempt=is_exempt, most_waiting=most_waiting)
        jobs = [replace(remembered.job(new, n), cost=cost) for n, cost in enumerate(costs or (1.0,), 1)]
        await self.requests.add(new, jobs, asking)
        return new

    async def refused(self, account: str = ANN, *costs: float, **how: object) -> Refused:
        """The same, which must be refused and leave nothing behind."""
        before = await self.everything()
        with pytest.raises(NotAdmitted) as caught:
            await self.ask(account, *costs, **how)  # type: ignore[arg-type]
        assert await self.everything() == before
        return caught.value.refused

    async def set(self, *settings: tuple[str, str, str]) -> None:
        """Subject, key, value each."""
        for subject, key, value in settings:
            await self.run(
                "INSERT INTO settings VALUES (:subject, :key, :value) ON CONFLICT DO UPDATE SET value = excluded.value",
                subject=subject,
                key=key,
                value=value,
            )

    async def ban(self, account: str, place: str, until_s: float | None) -> None:
        """Ban somebody who was here before."""
        await self.run(
            "INSERT INTO bans (person, place, reason, until_ms, at_ms) "
            "VALUES ((SELECT id FROM people WHERE owner = :owner), :place, 'spam', :until, 0)",
            owner=account,
            place=place,
            until=None if until_s is None else round(until_s * 1_000),
        )

    async def link(self, head: str, account: str) -> None:
        """Make the second one of the first's accounts."""
        await self.run(
            "UPDATE people SET head = (SELECT id FROM people WHERE owner = :head) WHERE owner = :account",
            head=head,
            account=account,
        )

    async def run(self, sql: str, **values: object) -> list[Row]:
        async def step(writing: Writing) -> list[Row]:
            return await writing.rows(sql, **values)

        return await self.store.database.write(step)

    async def everything(self) -> list[list[Row]]:
        tables = ("requests", "jobs", "people", "places", "charges", "outbox")
        return [await self.run(f"SELECT * FROM {table}") for table in tables]

    async def standing(self, account: str = ANN, **how: object) -> Standing:
        return await self.ledger.standing(account, PLACE, **how)  # type: ignore[arg-type]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_store(tmp_path) as store:
        yield Desk(store)


async def test_one_request_is_charged_acknowledged_and_counted_together(desk: Desk) -> None:
    """What is admitted stands in the ledger and the outbox at once; the message that shows it can be noted."""
    new = await desk.ask(ANN, 2.0, 0.5)
    standing = await desk.standing()
    assert (standing.used, standing.n_in_flight, standing.tier, standing.left) == (2.5, 2, "member", 97.5)
    assert [(each.request, each.kind) for each in await desk.outbox.due()] == [(new.id, DeliveryKind.ACKNOWLEDGE)]
    await desk.requests.note_remote(new.id, "m1")
    found = await desk.requests.find(new.id)
    assert found
    assert (found.remote_id, found.account, found.owner) == ("m1", ANN, ANN)
    assert [job.cost for job in await desk.requests.jobs_of(new.id)] == [2.0, 0.5]


async def test_an_event_that_comes_again_is_known_whatever_the_limits_say(desk: Desk) -> None:
    """Even banned, and with nothing left, somebody gets the id that the event got, and nothing is written."""
    await desk.set(("", "burst", "1"), ("", "daily", "1"), ("", "in_flight", "1"))
    new = await desk.ask()
    await desk.ban(ANN, "", None)
    before = await desk.everything()
    again = replace(remembered.request(owner=ANN), event_key=new.event_key)
    asking = Asking(account=ANN, place=PLACE, most_waiting=0)
    assert await desk.requests.add(again, [remembered.job(again)], asking) == new.id
    assert await desk.everything() == before


async def test_limits_are_looked_at_in_their_order(desk: Desk) -> None:
    """With everything in the way the ban is named; each that is lifted uncovers the next."""
    await desk.ask()
    await desk.set(("", "burst", "1"), ("", "rate", "1"), ("", "in_flight", "1"), ("", "daily", "1"))
    await desk.ban(ANN, "", None)
    assert (await desk.refused(most_waiting=1)).limit is Limit.BANNED
    await desk.run("DELETE FROM bans")
    assert (await desk.refused(most_waiting=1)).limit is Limit.RATE
    desk.now_s += 60
    assert (await desk.refused(most_waiting=1)).limit is Limit.IN_FLIGHT
    await desk.set(("", "in_flight", "2"))
    assert (await desk.refused(most_waiting=1)).limit is Limit.DAILY
    await desk.set(("", "daily", "2"))
    assert (await desk.refused(most_waiting=1)).limit is Limit.FULL
    await desk.ask(most_waiting=2)


async def test_a_refusal_of_somebody_new_leaves_no_trace_of_them(desk: Desk) -> None:
    """Not even their row."""
    await desk.set(("", "daily", "0"))
    assert (await desk.refused("discord:new")).limit is Limit.DAILY
    assert await desk.run("SELECT 1 FROM people WHERE owner = 'discord:new'") == []


@pytest.mark.parametrize("state", [State.OFFERED, State.DONE])
async def test_what_takes_no_place_is_only_refused_by_ban_and_rate(desk: Desk, state: State) -> None:
    """An offer and a picture that is shown cost nothing yet, but come no faster than anything else."""
    await desk.set(("", "burst", "1"), ("", "in_flight", "0"), ("", "daily", "0"))
    await desk.ask(state=state, most_waiting=0)
    assert (await desk.standing()).used == 0
    assert (await desk.refused(state=state)).limit is Limit.RATE


async def test_what_was_offered_meets_the_other_limits_when_it_is_begun(desk: Desk) -> None:
    """Then it is charged, once; refused it stays offered."""
    new = await desk.ask(ANN, 3.0, state=State.OFFERED)
    await desk.set(("", "daily", "2"))
    asking = Asking(account=ANN, place=PLACE)
    before = await desk.everything()
    with pytest.raises(NotAdmitted) as caught:
        await desk.requests.begin(new.id, asking)
    assert caught.value.refused.limit is Limit.DAILY
    assert await desk.everything() == before
    await desk.set(("", "daily", "3"))
    assert [await desk.requests.begin(new.id, asking) for _ in range(2)] == [True, False]
    assert (await desk.standing()).used == 3.0


# Bans


@pytest.mark.parametrize(
    ("place", "is_banned"),
    [("", True), ("discord", True), ("discord:7", True), (PLACE, True), ("discord:77", False), (f"{PLACE}:9", False)],
)
async def test_a_ban_holds_in_its_place_and_all_within(desk: Desk, place: str, is_banned: bool) -> None:
    """And not in a place whose name only begins alike."""
    await desk.ask()
    await desk.ban(ANN, place, None)
    if not is_banned:
        await desk.ask()
        return
    refused = await desk.refused()
    assert (refused.limit, refused.place, refused.reason, refused.come_back_s) == (Limit.BANNED, place, "spam", None)


async def test_the_longest_of_some_bans_is_the_one_that_is_told(desk: Desk) -> None:
    """So that who comes back then is let in."""
    await desk.ask()
    await desk.ban(ANN, "discord", NOON_S + 60)
    await desk.ban(ANN, "", NOON_S + 600)
    refused = await desk.refused()
    assert refused.come_back_s == NOON_S + 600
    desk.now_s = refused.come_back_s
    await desk.ask()


async def test_a_ban_of_one_account_holds_for_all_that_are_linked(desk: Desk) -> None:
    """Whichever of them is the head."""
    for account in (ANN, BOB):
        await desk.ask(account)
    await desk.link(ANN, BOB)
    await desk.ban(BOB, "", None)
    assert (await desk.refused(ANN)).limit is Limit.BANNED


# Rate


@pytest.mark.parametrize("seed", range(25))
async def test_the_rate_is_a_token_bucket(desk: Desk, seed: int) -> None:
    """Over a random history: let in exactly when a bucket that fills at the rate holds a whole token."""
    luck = random.Random(seed)
    interval_ms, burst = luck.choice([1_000, 4_000, 6_000, 20_000]), luck.randint(1, 5)
    await desk.set(("", "rate", str(60_000 / interval_ms)), ("", "burst", str(burst)), ("", "in_flight", "inf"))
    tokens_ms, filled_ms = burst * interval_ms, round(NOON_S * 1_000)  # a token is interval_ms
    now_ms = filled_ms
    for _ in range(40):
        now_ms += luck.choice([0, 0, 1, interval_ms - 1, interval_ms, luck.randint(0, 3 * interval_ms)])
        desk.now_s = now_ms / 1_000
        tokens_ms = min(burst * interval_ms, tokens_ms + now_ms - filled_ms)
        filled_ms = now_ms
        if tokens_ms >= interval_ms:
            await desk.ask(state=State.OFFERED)
            tokens_ms -= interval_ms
            continue
        refused = await desk.refused(state=State.OFFERED)
        assert refused.come_back_s == (now_ms + interval_ms - tokens_ms) / 1_000


@pytest.mark.parametrize(("rate", "burst"), [("10", "10"), ("7", "3"), ("0.5", "1"), ("3", "0.2"), ("600", "2")])
async def test_who_comes_back_when_told_is_let_in(desk: Desk, rate: str, burst: str) -> None:
    """And not a millisecond before."""
    await desk.set(("", "rate", rate), ("", "burst", burst))
    for _ in range(max(1, int(float(burst)))):
        await desk.ask()
    refused = await desk.refused()
    assert refused.come_back_s
    assert (await desk.standing()).free_at_s == refused.come_back_s
    desk.now_s = refused.come_back_s - 0.001
    await desk.refused()
    desk.now_s = refused.come_back_s
    await desk.ask()


@pytest.mark.parametrize("jump_s", [-86_400 * 400, -3_600, -61, 3_600, 86_400 * 400])
async def test_a_clock_that_jumps_locks_nobody_out(desk: Desk, jump_s: float) -> None:
    """One request at once, and then at the ordinary pace."""
    for _ in range(10):
        await desk.ask(state=State.OFFERED)
    await desk.refused(state=State.OFFERED)
    desk.now_s += jump_s
    await desk.ask(state=State.OFFERED)
    for _ in range(9 if jump_s > 0 else 0):
        await desk.ask(state=State.OFFERED)
    refused = await desk.refused(state=State.OFFERED)
    assert refused.come_back_s == desk.now_s + 6
    desk.now_s += 6
    await desk.ask(state=State.OFFERED)


async def test_two_places_with_other_limits_in_turns_win_nothing(desk: Desk) -> None:
    """A slow place that was used up is not filled by asking in a fast one."""
    slow, fast = "discord:1", "discord:2"
    for place, rate, burst in ((slow, "1", "5"), (fast, "60", "3")):
        await desk.set((f"place:{place}", "rate", rate), (f"place:{place}", "burst", burst))
    for _ in range(5):
        await desk.ask(place=slow, state=State.OFFERED)
    for _ in range(3):
        await desk.refused(place=fast, state=State.OFFERED)
        await desk.refused(place=slow, state=State.OFFERED)
        desk.now_s += 1


async def test_linked_accounts_have_one_rate(desk: Desk) -> None:
    """What one of them used up is used up."""
    await desk.set(("", "burst", "3"))
    await desk.ask(BOB)
    await desk.link(ANN, BOB)
    await desk.ask(ANN)
    await desk.link(ANN, BOB)
    for _ in range(2):
        await desk.ask(BOB)
    assert (await desk.refused(ANN)).limit is Limit.RATE


# In flight, daily, full


async def test_jobs_in_flight_count_over_all_accounts(desk: Desk) -> None:
    """With those that are asked for; one that has ended makes room."""
    await desk.set(("", "in_flight", "3"))
    first = await desk.ask(ANN, 1, 1)
    await desk.ask(BOB)
    await desk.link(ANN, BOB)
    refused = await desk.refused(BOB)
    assert (refused.limit, refused.most, refused.has, refused.wants) == (Limit.IN_FLIGHT, 3, 3, 1)
    await desk.requests.fail_job(f"{first.id}-1", "no")
    await desk.ask(BOB)


async def test_the_day_counts_over_all_accounts_until_midnight(desk: Desk) -> None:
    """Of Greenwich; what was granted is on top, for that day."""
    await desk.set(("", "daily", "10"))
    await desk.ask(ANN, 6)
    await desk.ask(BOB, 3)
    await desk.link(ANN, BOB)
    refused = await desk.refused(BOB, 2)
    assert (refused.limit, refused.most, refused.has, refused.wants) == (Limit.DAILY, 10, 9, 2)
    assert refused.come_back_s == MIDNIGHT_S
    await desk.ask(BOB, 1)
    await desk.run(
        "INSERT INTO charges (person, day, kind, cost) VALUES (1, :day, 'grant', -5)", day=int(NOON_S) // 86_400
    )
    standing = await desk.standing(BOB)
    assert (standing.used, standing.given, standing.left, standing.resets_s) == (10, 5, 5, MIDNIGHT_S)
    await desk.ask(ANN, 5)
    assert (await desk.refused(ANN, 11)).come_back_s is None
    desk.now_s = (await desk.refused(ANN, 9)).come_back_s or 0
    await desk.ask(ANN, 9)
    assert (await desk.standing()).given == 0


async def test_what_is_carried_of_a_linked_account_is_not_counted_twice(desk: Desk) -> None:
    """It counts while the two are apart."""
    await desk.ask(ANN, 1)
    await desk.ask(BOB, 4)
    day = int(NOON_S) // 86_400
    await desk.run(
        "INSERT INTO charges (person, of_person, day, kind, cost) VALUES (1, 2, :day, 'carried', 4)", day=day
    )
    assert (await desk.standing(ANN)).used == 5
    await desk.link(ANN, BOB)
    assert (await desk.standing(ANN)).used == 5


async def test_everybody_together_wait_in_a_queue_that_ends(desk: Desk) -> None:
    """However little each of them has."""
    for number in range(3):
        await desk.ask(f"discord:{number}", most_waiting=3)
    refused = await desk.refused("discord:4", most_waiting=3)
    assert (refused.limit, refused.most, refused.has, refused.wants) == (Limit.FULL, 3, 3, 1)
    assert await desk.requests.n_waiting() == 3


async def test_many_at_once_get_what_one_after_the_other_would(desk: Desk) -> None:
    """The limit is looked at where the request is written down, so nobody slips in between."""
    asked = await asyncio.gather(*(desk.ask(ANN, 7) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(each, NewRequest) for each in asked) == 10
    assert {type(each) for each in asked} == {NewRequest, NotAdmitted}


async def test_operators_have_no_limits_but_their_own(desk: Desk) -> None:
    """What is set for everybody or a place is not meant for them; what is set for them or their group is."""
    await desk.set(("", "daily", "0"), ("place:discord", "burst", "1"))
    for _ in range(30):
        await desk.ask(is_exempt=True, most_waiting=30)
    assert math.isinf((await desk.standing(is_exempt=True)).left)
    assert (await desk.refused(is_exempt=True, most_waiting=30)).limit is Limit.FULL
    await desk.set(("group:staff", "daily", "31"))
    await desk.ask(ANN, 1, is_exempt=True, groups=("staff",))
    assert (await desk.refused(ANN, 1, is_exempt=True, groups=("staff",))).limit is Limit.DAILY
    await desk.set(("person:1", "daily", "32"))
    await desk.ask(ANN, 1, is_exempt=True, groups=("staff",))


# Refunds


async def drawn(desk: Desk, job_id: str) -> None:
    picture = await remembered.picture(desk.store.pictures, 1, remembered.recipe())
    assert await desk.requests.finish_job(job_id, [picture], 2.5, 1.0)


async def test_what_was_drawn_is_paid_and_counted(desk: Desk) -> None:
    """Pictures and seconds beside the cost."""
    new = await desk.ask(ANN, 2)
    await drawn(desk, f"{new.id}-1")
    await desk.requests.end(new.id, State.DONE, "")
    standing = await desk.standing()
    assert (standing.used, standing.n_pictures, standing.gpu_s, standing.n_in_flight) == (2, 1, 2.5, 0)
    assert await desk.run("SELECT waited_ms FROM jobs") == [(1_000,)]


@pytest.mark.parametrize(("is_ours", "used"), [(True, 0), (False, 2)])
async def test_our_failures_are_given_back(desk: Desk, is_ours: bool, used: float) -> None:
    """Theirs are not; saying it twice changes nothing."""
    new = await desk.ask(ANN, 2)
    for _ in range(2):
        await desk.requests.fail_job(f"{new.id}-1", "no", is_ours=is_ours)
    await desk.requests.end(new.id, State.FAILED, "no")
    assert (await desk.standing()).used == used


@pytest.mark.parametrize("way", ["cancel", "delete"])
async def test_cancelled_jobs_are_given_back_unless_they_are_being_drawn(desk: Desk, way: str) -> None:
    """One is done, one has begun, one waits: the last one is free."""
    new = await desk.ask(ANN, 1, 2, 4)
    await drawn(desk, f"{new.id}-1")
    begun = frozenset({f"{new.id}-2"})
    await (desk.requests.cancel(new.id, begun) if way == "cancel" else desk.requests.delete(new.id, begun))
    assert (await desk.standing()).used == 3


async def test_jobs_that_end_with_their_request_are_given_back(desk: Desk) -> None:
    """They were never drawn."""
    new = await desk.ask(ANN, 1, 2)
    await desk.requests.end(new.id, State.FAILED, "no")
    assert (await desk.standing()).used == 0


async def test_a_result_that_nobody_will_see_is_given_back(desk: Desk) -> None:
    """A dead result is; a dead acknowledgement is not, nor what may have been seen."""
    asked = [await desk.ask(ANN, 2) for _ in range(3)]
    for new in asked:
        await drawn(desk, f"{new.id}-1")
        await desk.outbox.dead(new.id, DeliveryKind.ACKNOWLEDGE, "blocked")
        await desk.requests.end(new.id, State.DONE, "")
    assert (await desk.standing()).used == 6
    await desk.outbox.ambiguous(asked[0].id, DeliveryKind.RESULT, "who knows")
    await desk.outbox.dead(asked[1].id, DeliveryKind.RESULT, "blocked")
    await desk.outbox.dead(asked[0].id, DeliveryKind.RESULT, "too late")
    assert (await desk.standing()).used == 4
    assert (await desk.standing()).gpu_s == 7.5


# Where limits come from


async def test_somebody_unknown_stands_where_everybody_begins(desk: Desk) -> None:
    """Nothing is written to say so."""
    before = await desk.everything()
    standing = await desk.standing("discord:nobody")
    assert (standing.tier, standing.left, standing.free_at_s < NOON_S) == ("member", 100, True)
    assert await desk.ledger.limits_of("discord:nobody", "", ()) == ("member", standing.limits)
    assert await desk.everything() == before


async def test_limits_of_linked_accounts_are_those_of_their_head(desk: Desk) -> None:
    """Set for the person, not for the account."""
    for account in (ANN, BOB):
        await desk.ask(account)
    await desk.set(("person:1", "tier", "trusted"))
    await desk.link(ANN, BOB)
    assert (await desk.ledger.limits_of(BOB, "telegram:5", ()))[0] == "trusted"


@pytest.mark.parametrize("value", ["", "many", "nan", "-3", "1e999x"])
async def test_a_stored_limit_that_is_none_keeps_nobody_out(desk: Desk, value: str) -> None:
    """What is set more generally holds."""
    await desk.set(*((f"place:{PLACE}", key, value) for key in ("rate", "burst", "in_flight", "daily", "tier")))
    await desk.ask()
    assert (await desk.standing()).limits.daily == 100

"""Several accounts are one person, and part again: nothing is won by it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.accounts import find_id, members_of, person_id
from storage.acts import Acts
from storage.changes import Act, Allow, Ban, Change, Grant, Link, Reset, Set, Unban, Unlink
from storage.database import Database
from storage.linking import MOST_OWED_MS
from storage.people import People
from storage.statements import Reading, Writing
from storage.tuning import Tuning
from tests.fakes.inline_sqlite import InlineConnection

NOW_S = 1_800_000_000.0
DAY = int(NOW_S // 86_400)
ADA, BOB, CYD, DAN = "discord:1", "telegram:2", "web:3", "discord:4"


class Desk:
    """Acts, and looks at what came of them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now_s = NOW_S
        self.acts = Acts(database, lambda: self.now_s)
        self.people = People(database, lambda: self.now_s)
        self.tuning = Tuning(database)
        self._n_events = 0

    async def do(self, *changes: Change) -> None:
        self._n_events += 1
        act = Act(
            event_key=f"e:{self._n_events}", actor="web:admin", actor_name="Admin", place="", act="test", answer="done",
            changes=changes, is_audited=False,
        )  # fmt: skip
        assert await self.acts.do(act) == ("done", True)

    async def charge(self, account: str, cost: float) -> None:
        """As drawing does."""

        async def step(writing: Writing) -> None:
            person = await person_id(writing, account, account, int(self.now_s * 1_000))
            await writing.rows(
                "INSERT INTO charges (person, day, kind, cost) VALUES (:person, :day, 'drawing', :cost)",
                person=person,
                day=int(self.now_s // 86_400),
                cost=cost,
            )

        await self.database.write(step)

    async def used(self, account: str) -> float:
        """What counts for the person today."""

        async def ask(reading: Reading) -> float:
            person = await find_id(reading, account)
            if person is None:
                return 0.0
            among = ", ".join(str(each) for each in await members_of(reading, person))
            return float(
                await reading.value(
                    f"SELECT total(cost) FROM charges WHERE person IN ({among}) AND day = :day AND NOT is_refunded "
                    f"AND kind IN ('drawing', 'carried') AND (of_person IS NULL OR of_person NOT IN ({among}))",
                    day=int(self.now_s // 86_400),
                )
            )

        return await self.database.read(ask)

    async def owner(self, account: str) -> str:
        found = await self.people.find(account)
        return found.owner if found else account

    async def value(self, sql: str, **values: object) -> Any:
        async def ask(reading: Reading) -> Any:
            return await reading.value(sql, **values)

        return await self.database.read(ask)

    async def write(self, sql: str, **values: object) -> None:
        async def step(writing: Writing) -> None:
            await writing.rows(sql, **values)

        await self.database.write(step)

    async def rate_full_ms(self, account: str) -> int:
        """Of the person."""
        return int(
            await self.value("SELECT rate_full_ms FROM people WHERE owner = :owner", owner=await self.owner(account))
        )


async def inline(uri: str) -> Any:
    return InlineConnection(uri)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = await Database.open(tmp_path / "a.sqlite", connect=inline)
    yield Desk(database)
    await database.close()


async def test_linked_accounts_are_one_person(desk: Desk) -> None:
    """All of a group join all of the other; the head's account is the owner."""
    await desk.do(Link(head=ADA, account=BOB), Link(head=CYD, account=DAN))
    await desk.do(Link(head=BOB, account=DAN))
    found = await desk.people.find(DAN)
    assert found
    assert (found.account, found.owner, found.accounts) == (DAN, ADA, (ADA, BOB, CYD, DAN))
    assert await desk.people.links() == dict.fromkeys((ADA, BOB, CYD, DAN), ADA)


async def test_linking_twice_or_with_oneself_changes_nothing(desk: Desk) -> None:
    """Whichever way round it is said."""
    await desk.charge(ADA, 3)
    for change in (Link(head=ADA, account=ADA), Link(head=ADA, account=BOB), Link(head=BOB, account=ADA)):
        await desk.do(change)
    assert await desk.people.links() == {ADA: ADA, BOB: ADA}
    assert await desk.used(BOB) == 3


async def test_unlinking_who_is_not_linked_changes_nothing(desk: Desk) -> None:
    """Also an account nobody has seen."""
    await desk.do(Unlink(account=ADA))
    assert await desk.people.links() == {}


async def test_where_the_head_leaves_the_rest_gets_a_new_one(desk: Desk) -> None:
    """The oldest of the others; nobody is left pointing at who went."""
    await desk.do(Link(head=ADA, account=BOB), Link(head=ADA, account=CYD), Unlink(account=ADA))
    assert await desk.people.links() == {BOB: BOB, CYD: BOB}
    assert await desk.owner(ADA) == ADA


async def test_use_is_summed_and_both_carry_it_when_they_part(desk: Desk) -> None:
    """Linked again it counts once, and what was drawn in between counts too."""
    await desk.charge(ADA, 30)
    await desk.charge(BOB, 20)
    await desk.do(Link(head=ADA, account=BOB))
    assert [await desk.used(each) for each in (ADA, BOB)] == [50, 50]
    await desk.do(Unlink(account=BOB))
    assert [await desk.used(each) for each in (ADA, BOB)] == [50, 50]
    await desk.charge(BOB, 5)
    assert [await desk.used(each) for each in (ADA, BOB)] == [50, 55]
    await desk.do(Link(head=BOB, account=ADA))
    assert [await desk.used(each) for each in (ADA, BOB)] == [55, 55]


async def test_what_is_carried_goes_along_to_the_next_person(desk: Desk) -> None:
    """Parting from A and joining C does not wash off what was drawn with A."""
    await desk.charge(ADA, 30)
    await desk.do(Link(head=ADA, account=BOB), Unlink(account=BOB), Link(head=CYD, account=BOB), Unlink(account=CYD))
    assert [await desk.used(each) for each in (ADA, BOB, CYD)] == [30, 30, 30]


async def test_tomorrow_nothing_is_carried(desk: Desk) -> None:
    """A day's quota is a day's."""
    await desk.charge(ADA, 30)
    await desk.do(Link(head=ADA, account=BOB), Unlink(account=BOB))
    desk.now_s += 86_400
    assert await desk.used(BOB) == 0


async def test_a_grant_stays_with_the_account_it_was_given_to(desk: Desk) -> None:
    """It is not doubled by parting."""
    await desk.do(Grant(account=ADA, cost=50), Link(head=ADA, account=BOB), Unlink(account=BOB))
    assert await desk.value("SELECT total(cost) FROM charges WHERE kind = 'grant'") == -50
    assert [await desk.used(each) for each in (ADA, BOB)] == [0, 0]


async def test_a_reset_is_for_the_whole_person_and_happens_once(desk: Desk) -> None:
    """A refund that comes later cannot make it less than nothing."""
    for account in (ADA, BOB):
        await desk.charge(account, 30)
    await desk.do(Link(head=ADA, account=BOB), Reset(account=BOB))
    assert [await desk.used(each) for each in (ADA, BOB)] == [0, 0]
    await desk.write("UPDATE charges SET is_refunded = 1 WHERE NOT is_refunded")
    assert await desk.used(ADA) == 0


async def test_rates_add_up_and_go_with_both_parts(desk: Desk) -> None:
    """But do not double for ever by linking and unlinking."""
    now_ms = int(NOW_S * 1_000)
    await desk.do(
        Set(subject=f"account:{ADA}", key="size", value="512"), Set(subject=f"account:{BOB}", key="x", value="")
    )
    await desk.write("UPDATE people SET rate_full_ms = :full WHERE owner = :owner", full=now_ms + 40_000, owner=ADA)
    await desk.write("UPDATE people SET rate_full_ms = :full WHERE owner = :owner", full=now_ms + 20_000, owner=BOB)
    await desk.do(Link(head=ADA, account=BOB))
    assert await desk.rate_full_ms(BOB) == now_ms + 60_000
    await desk.do(Unlink(account=ADA))
    assert [await desk.rate_full_ms(each) for each in (ADA, BOB)] == [now_ms + 60_000] * 2
    for _ in range(20):
        await desk.do(Link(head=ADA, account=BOB), Unlink(account=BOB))
    assert await desk.rate_full_ms(ADA) == now_ms + MOST_OWED_MS


async def test_bans_follow_and_are_lifted_of_all(desk: Desk) -> None:
    """The longest of a place holds; both parts keep it."""
    await desk.do(
        Ban(account=BOB, place="discord:1", reason="spam", until_s=NOW_S + 60), Link(head=ADA, account=BOB),
        Ban(account=ADA, place="discord:1", reason="more", until_s=None),
    )  # fmt: skip
    held = await desk.people.is_banned(BOB, "discord:1:2")
    assert held
    assert (held.reason, held.until_s) == ("more", None)
    await desk.do(Unlink(account=BOB))
    bans = await desk.people.bans(None)
    assert {(ban.account, ban.reason) for ban in bans} == {(ADA, "more"), (BOB, "more")}
    await desk.do(Link(head=ADA, account=BOB), Unban(account=BOB, place="discord:1"))
    assert await desk.people.bans(None) == ()


async def test_the_stricter_side_of_being_let_in_holds(desk: Desk) -> None:
    """While they are linked, and for both when they part."""
    await desk.do(Allow(account=ADA, is_allowed=True), Allow(account=BOB, is_allowed=False))
    await desk.do(Link(head=ADA, account=BOB), Unlink(account=BOB))
    for account in (ADA, BOB):
        found = await desk.people.find(account)
        assert found
        assert found.is_allowed is False


async def test_settings_of_the_head_win_and_the_others_are_kept(desk: Desk) -> None:
    """A person's own looks come back with parting."""
    await desk.do(Set(subject=f"account:{ADA}", key="size", value="512"))
    await desk.do(Set(subject=f"account:{BOB}", key="size", value="256"), Link(head=ADA, account=BOB))
    assert await desk.tuning.all_of(f"account:{BOB}") == {"size": "512"}
    await desk.do(Unlink(account=BOB))
    assert await desk.tuning.all_of(f"account:{BOB}") == {"size": "256"}


@pytest.mark.parametrize("leaves", [ADA, BOB])
async def test_a_strict_limit_of_the_person_goes_with_both(desk: Desk, leaves: str) -> None:
    """Nobody gets rid of it by parting; a loose one is not multiplied."""
    await desk.do(Link(head=ADA, account=BOB), Set(subject=f"account:{BOB}", key="daily", value="5"))
    await desk.do(Set(subject=f"account:{BOB}", key="in_flight", value="500"), Unlink(account=leaves))
    assert await desk.tuning.all_of(f"account:{ADA}") == {"daily": "5", "in_flight": "500"}
    assert await desk.tuning.all_of(f"account:{BOB}") == {"daily": "5"}


@pytest.mark.parametrize("is_head", [True, False])
async def test_a_strict_limit_of_one_holds_for_both_once_they_are_linked(desk: Desk, is_head: bool) -> None:
    """Whichever of them is the head; a looser one is not handed on."""
    await desk.do(Set(subject=f"account:{ADA}", key="daily", value="5"))
    await desk.do(Set(subject=f"account:{ADA}", key="in_flight", value="500"))
    await desk.do(Link(head=ADA if is_head else BOB, account=BOB if is_head else ADA))
    assert (await desk.tuning.all_of(f"account:{BOB}"))["daily"] == "5"
    assert ("in_flight" in await desk.tuning.all_of(f"account:{BOB}")) is is_head
    await desk.do(Unlink(account=ADA))
    assert (await desk.tuning.all_of(f"account:{ADA}"))["daily"] == "5"


async def test_a_tier_of_the_person_counts_as_its_limits(desk: Desk) -> None:
    """Guests who part are guests by their numbers; trusted people leave members behind."""
    await desk.do(Link(head=ADA, account=BOB), Set(subject=f"account:{ADA}", key="tier", value="guest"))
    await desk.do(Unlink(account=BOB))
    assert await desk.tuning.all_of(f"account:{BOB}") == {"rate": "3", "burst": "3", "in_flight": "4", "daily": "10"}
    await desk.do(Link(head=CYD, account=DAN), Set(subject=f"account:{CYD}", key="tier", value="trusted"))
    await desk.do(Unlink(account=DAN))
    assert await desk.tuning.all_of(f"account:{DAN}") == {}


# Any history


@dataclass
class Model:
    """What each account knows of everybody's use: summed where linked, told to both where they part."""

    known: dict[int, dict[int, int]] = field(default_factory=lambda: {each: {} for each in range(5)})
    group: dict[int, int] = field(default_factory=lambda: {each: each for each in range(5)})

    def members(self, account: int) -> list[int]:
        return [each for each in self.group if self.group[each] == self.group[account]]

    def knows(self, account: int) -> dict[int, int]:
        """The most any of the group knows of each account."""
        together: dict[int, int] = {}
        for each in self.members(account):
            for whose, cost in self.known[each].items():
                together[whose] = max(cost, together.get(whose, 0))
        return together

    def charge(self, account: int, cost: int) -> None:
        self.known[account][account] = self.known[account].get(account, 0) + cost

    def link(self, one: int, other: int) -> None:
        before = self.group[other]
        for each in self.group:
            if self.group[each] == before:
                self.group[each] = self.group[one]

    def unlink(self, account: int) -> None:
        rest = [each for each in self.members(account) if each != account]
        if not rest:
            return
        together = self.knows(account)
        for each in (account, *rest):
            self.known[each] = dict(together)
        self.group[account] = max(self.group.values()) + 10
        new = max(self.group.values()) + 10
        for each in rest:
            self.group[each] = new


ACCOUNTS = st.integers(0, 4)
STEPS = st.one_of(
    st.tuples(st.just("charge"), ACCOUNTS, st.integers(1, 9)),
    st.tuples(st.just("link"), ACCOUNTS, ACCOUNTS),
    st.tuples(st.just("unlink"), ACCOUNTS, st.just(0)),
)


@pytest.fixture(scope="module")
def run_on_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[list[tuple[str, int, int]]], None]]:
    """One database for all histories; each has accounts of its own."""
    with asyncio.Runner() as runner:
        path = tmp_path_factory.mktemp("linking") / "a.sqlite"
        desk = Desk(runner.run(Database.open(path, connect=inline)))
        n = 0

        def run(history: list[tuple[str, int, int]]) -> None:
            nonlocal n
            n += 1
            runner.run(_against_the_model(desk, [f"t{n}:{each}" for each in range(5)], history))

        yield run
        runner.run(desk.database.close())


async def _against_the_model(desk: Desk, accounts: list[str], history: list[tuple[str, int, int]]) -> None:
    model = Model()
    for step, one, other in history:
        match step:
            case "charge":
                model.charge(one, other)
                await desk.charge(accounts[one], other)
            case "link":
                model.link(one, other)
                await desk.do(Link(head=accounts[one], account=accounts[other]))
            case _:
                model.unlink(one)
                await desk.do(Unlink(account=accounts[one]))
        for each in range(5):
            assert await desk.used(accounts[each]) == sum(model.knows(each).values()), history
    heads = await desk.value(
        "SELECT count(*) FROM people AS a JOIN people AS b ON b.id = a.head WHERE b.head IS NOT NULL"
    )
    assert heads == 0, "a head stands for itself"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(STEPS, max_size=14))
def test_no_quota_is_won_by_linking_and_parting(
    run_on_desk: Callable[[list[tuple[str, int, int]]], None], history: list[tuple[str, int, int]]
) -> None:
    """After any history each account has used what the plain model says, to the last standard picture."""
    run_on_desk(history)

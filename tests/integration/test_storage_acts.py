"""Acts of admins: done once, audited, answered the same again; and codes, settings and lives."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.app import pause_before_s
from bot.settings import Settings
from engine.errors import StorageError, UserError
from storage.acts import KNOWN_FOR_S, Acts
from storage.audit import Audit
from storage.changes import Act, Allow, Ban, Change, Grant, MakeOperator, Set, Unban
from storage.codes import Codes, Taken
from storage.database import Database
from storage.lives import SHORT_S, Lives
from storage.people import People
from storage.records import AuditRow
from storage.statements import Reading
from storage.tuning import Tuning

BAN = Ban(account="discord:5", place="discord:1", reason="spam", until_s=None)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


class Parts:
    """What stands over one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.acts = Acts(database, self.clock)
        self.audit = Audit(database)
        self.codes = Codes(database, self.clock)
        self.lives = Lives(database, self.clock)
        self.people = People(database, self.clock)
        self.tuning = Tuning(database)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async def ask(reading: Reading) -> list[tuple[Any, ...]]:
            return await reading.rows(sql)

        return await self.database.read(ask)


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    database = await Database.open(tmp_path / "a.sqlite")
    yield Parts(database)
    await database.close()


def act(event_key: str, *changes: Change, **other: Any) -> Act:
    new = Act(
        event_key=event_key, actor="discord:9", actor_name="Ada", place="discord:1", act="ban", answer="Done.",
        changes=changes,
    )  # fmt: skip
    return replace(new, **other)


async def test_an_act_is_done_once_and_answered_the_same_again(parts: Parts) -> None:
    """A platform that sends the event twice gets one change, one audit row and one answer."""
    asked = act("d:1", Grant(account="discord:5", cost=20), words="20 more", target="discord:5")
    assert await parts.acts.do(asked) == ("Done.", True)
    assert await parts.acts.do(replace(asked, answer="Something else.")) == ("Done.", False)
    assert await parts.acts.answered("d:1") == "Done."
    assert await parts.rows("SELECT cost FROM charges") == [(-20.0,)]
    assert await parts.audit.page(1) == (
        (
            AuditRow(
                at_s=parts.clock.now_s, actor="Ada", place="discord:1", act="ban", target="discord:5", words="20 more"
            ),
        ),
        1,
    )


async def test_of_several_changes_all_or_none(parts: Parts) -> None:
    """A refused one leaves nothing: no setting, no person, no audit, no answer."""
    with pytest.raises(UserError, match="above 0"):
        await parts.acts.do(act("d:1", Set(subject="", key="tier", value="guest"), Grant(account="discord:5", cost=-1)))
    assert await parts.tuning.all_of("") == {"tier": "member"}
    assert await parts.acts.answered("d:1") is None
    assert await parts.rows("SELECT * FROM people") == []
    assert await parts.audit.page(1) == ((), 0)


@pytest.mark.parametrize("cost", [0.0, -3.0, float("nan"), float("inf"), -float("inf")])
async def test_a_grant_is_a_number_above_nothing(parts: Parts, cost: float) -> None:
    """Whatever a broken adapter lets through."""
    with pytest.raises(UserError, match="above 0"):
        await parts.acts.do(act("d:1", Grant(account="discord:5", cost=cost)))


async def test_what_people_do_for_themselves_is_not_audited(parts: Parts) -> None:
    """But answered the same again."""
    asked = act("d:1", Set(subject="account:discord:9", key="size", value="512"), is_audited=False)
    assert [await parts.acts.do(asked), await parts.acts.do(asked)] == [("Done.", True), ("Done.", False)]
    assert await parts.audit.page(1) == ((), 0)
    assert await parts.tuning.values(["account:discord:9", "", "place:web"]) == {
        "account:discord:9": {"size": "512"},
        "": {"tier": "member"},
    }


async def test_a_press_is_noted_and_the_first_answer_stays(parts: Parts) -> None:
    """What made no request and changed nothing here is known again too."""
    assert await parts.acts.answered("d:1") is None
    await parts.acts.note("d:1", "discord:9", "k3f9m2q7xa")
    await parts.acts.note("d:1", "discord:9", "something else")
    assert await parts.acts.answered("d:1") == "k3f9m2q7xa"


async def test_answers_are_kept_for_two_days(parts: Parts) -> None:
    """Longer than any platform sends an event again; then they leave with newer ones."""
    await parts.acts.note("d:1", "discord:9", "a")
    parts.clock.now_s += KNOWN_FOR_S - 1
    await parts.acts.note("d:2", "discord:9", "b")
    assert await parts.acts.answered("d:1") == "a"
    parts.clock.now_s += 2
    await parts.acts.note("d:3", "discord:9", "c")
    assert await parts.acts.answered("d:1") is None
    assert await parts.acts.answered("d:2") == "b"


async def test_what_is_said_of_somebody_nobody_has_seen_holds_when_they_come(parts: Parts) -> None:
    """Bans, being let in and settings; they get their name when they come."""
    await parts.acts.do(act("d:1", BAN, Allow(account="discord:5", is_allowed=True)))
    await parts.acts.do(act("d:2", Set(subject="account:discord:5", key="daily", value="5")))
    await parts.acts.do(act("d:3", actor="discord:5", actor_name="Bob"))
    found = await parts.people.find("discord:5")
    assert found
    assert (found.name, found.is_allowed, found.accounts, found.owner) == ("Bob", True, ("discord:5",), "discord:5")
    held = await parts.people.is_banned("discord:5", "discord:1:2")
    assert held
    assert (held.name, held.reason) == ("Bob", "spam")
    assert await parts.tuning.all_of("account:discord:5") == {"daily": "5"}


@pytest.mark.parametrize(
    ("place", "is_held"),
    [("discord:1", True), ("discord:1:2", True), ("discord:12", False), ("discord", False), ("telegram:1", False)],
)
async def test_a_ban_holds_in_its_place_and_within(parts: Parts, place: str, is_held: bool) -> None:
    """Places lie in each other by their names, at a colon."""
    await parts.acts.do(act("d:1", BAN))
    assert (await parts.people.is_banned("discord:5", place) is not None) is is_held
    assert await parts.people.is_banned("discord:6", place) is None


async def test_a_ban_everywhere_holds_everywhere_until_its_time(parts: Parts) -> None:
    """And is replaced by a new one of the same place."""
    until_s = parts.clock.now_s + 60
    await parts.acts.do(act("d:1", BAN, Ban(account="discord:5", place="", reason="a", until_s=until_s)))
    await parts.acts.do(act("d:2", Ban(account="discord:5", place="", reason="b", until_s=until_s)))
    held = await parts.people.is_banned("discord:5", "telegram:7")
    assert held
    assert (held.reason, held.until_s, held.place) == ("b", until_s, "")
    assert [ban.place for ban in await parts.people.bans("discord:1")] == ["discord:1"]
    assert len(await parts.people.bans(None)) == 2
    parts.clock.now_s = until_s
    assert await parts.people.is_banned("discord:5", "telegram:7") is None
    assert [ban.place for ban in await parts.people.bans(None)] == ["discord:1"]
    await parts.acts.do(act("d:3", Unban(account="discord:5", place="discord:1")))
    assert await parts.people.bans(None) == ()


async def test_operators_are_accounts(parts: Parts) -> None:
    """Made in a chat, and unmade."""
    await parts.acts.do(act("d:1", MakeOperator(account="telegram:1", is_operator=True)))
    assert await parts.people.operators() == {"telegram:1"}
    await parts.acts.do(act("d:2", MakeOperator(account="telegram:1", is_operator=False)))
    assert await parts.people.operators() == frozenset()


async def test_people_are_found_by_name(parts: Parts) -> None:
    """Whatever its capitals, who came last first, five at most; an empty name is nobody's."""
    for number in range(7):
        parts.clock.now_s += 1
        await parts.acts.do(act(f"d:{number}", actor=f"discord:{number}", actor_name="Ada" if number % 2 else "ADA"))
    assert [row.account for row in await parts.people.named("aDa")] == [
        f"discord:{number}" for number in (6, 5, 4, 3, 2)
    ]
    await parts.acts.do(act("d:b", BAN))
    assert await parts.people.named("") == ()
    assert await parts.people.named("bob") == ()


async def test_a_setting_is_taken_away_again(parts: Parts) -> None:
    """And subjects are listed by how they begin."""
    for number, (subject, value) in enumerate([("place:discord:1", "512"), ("group:7", "256"), ("group:7", None)]):
        await parts.acts.do(act(f"d:{number}", Set(subject=subject, key="size", value=value)))
    assert await parts.tuning.subjects("place:") == ("place:discord:1",)
    assert await parts.tuning.subjects("group:") == ()
    assert "tier:guest" in await parts.tuning.subjects("tier:")
    assert await parts.tuning.all_of("account:discord:77") == {}


async def test_the_audit_is_paged_newest_first_and_by_place(parts: Parts) -> None:
    """A place has its own and all within it."""
    for number, place in enumerate(["discord:1", "discord:1:2", "discord:12", "", "discord:1:3"]):
        await parts.acts.do(act(f"d:{number}", place=place, words=str(number)))
    rows, total = await parts.audit.page(1, 2)
    assert ([row.words for row in rows], total) == (["4", "3"], 5)
    rows, total = await parts.audit.page(2, 2, "discord:1")
    assert ([row.words for row in rows], total) == (["0"], 3)
    assert await parts.audit.page(9, 2) == ((), 5)


async def test_half_characters_and_nothing_at_all_are_text_too(parts: Parts) -> None:
    """What a broken chat sends becomes question marks, not an error."""
    await parts.acts.do(
        act("d:\ud800", BAN, actor_name="\udfff", words="\ud800", target="discord:\ud800", answer="\ud800")
    )
    assert await parts.acts.answered("d:\ud800") == "?"
    rows, _total = await parts.audit.page(1)
    assert (rows[0].actor, rows[0].target, rows[0].words) == ("?", "discord:?", "?")


# Codes


async def test_a_code_is_good_once_and_for_its_purpose(parts: Parts) -> None:
    """It says whose it is."""
    await parts.codes.make("link", "ab-cd", "discord:5", 600)
    assert await parts.codes.take("claim", "ab-cd") is None
    assert await parts.codes.take("link", "ab-ce") is None
    assert await parts.codes.take("link", "ab-cd") == Taken(account="discord:5")
    assert await parts.codes.take("link", "ab-cd") is None


async def test_a_code_expires_and_is_replaced_by_the_next(parts: Parts) -> None:
    """An account has one at a time, and so has the operator to be."""
    await parts.codes.make("link", "first", "discord:5", 600)
    await parts.codes.make("link", "second", "discord:5", 600)
    await parts.codes.make("link", "another", "discord:6", 900)
    await parts.codes.make("claim", "third", None, 600)
    assert await parts.codes.take("link", "first") is None
    parts.clock.now_s += 600
    assert await parts.codes.take("link", "second") is None
    assert await parts.codes.take("claim", "third") is None
    assert await parts.codes.take("link", "another") == Taken(account="discord:6")
    await parts.codes.make("claim", "fourth", None, 600)
    await parts.codes.drop("claim")
    assert await parts.codes.take("claim", "fourth") is None


async def test_no_code_is_stored(parts: Parts) -> None:
    """Only what it hashes to."""
    await parts.codes.make("claim", "secretsecret", None, 600)
    assert "secretsecret" not in str(await parts.rows("SELECT * FROM codes"))


# Lives


async def lived(parts: Parts, waits_s: float = 0.0) -> tuple[int, int]:
    """A life begins and, after its pause, goes on."""
    n_cut_short, number = await parts.lives.begin()
    parts.clock.now_s += waits_s
    await parts.lives.go_on(number)
    return n_cut_short, number


async def test_short_lives_that_were_cut_off_are_counted(parts: Parts) -> None:
    """In a row, right before this one; an end, a long life or a clock set back ends the row."""
    assert await lived(parts) == (0, 1)
    for number in (1, 2, 3):
        parts.clock.now_s += 5
        assert await lived(parts) == (number, number + 1)
    parts.clock.now_s += SHORT_S
    assert await lived(parts) == (0, 5)
    await parts.lives.end(5)
    assert await lived(parts) == (0, 6)
    parts.clock.now_s -= 3_600
    assert await lived(parts) == (0, 7)
    assert await lived(parts) == (1, 8)


async def test_a_loop_of_crashes_waits_longer_and_longer_and_stays_there(parts: Parts) -> None:
    """Pauses are no part of a life, however long; the longest keeps Discord's thousand greetings a day."""
    longest_s = Settings(data_dir=Path("nowhere")).restart_pause_s
    pauses: list[float] = []
    for _ in range(14):
        n_cut_short, number = await parts.lives.begin()
        pauses.append(pause_before_s(n_cut_short, longest_s))
        parts.clock.now_s += pauses[-1]
        await parts.lives.go_on(number)
        parts.clock.now_s += 5
    assert pauses == [0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 120, 120, 120, 120]
    assert pauses[-1] > 86_400 / 1_000


async def test_a_life_that_is_cut_off_while_it_waits_is_none(parts: Parts) -> None:
    """It adds nothing to the row, and does not end it, however long it waited."""
    for _ in range(4):
        await lived(parts)
        parts.clock.now_s += 5
    for _ in range(3):
        assert (await parts.lives.begin())[0] == 4
        parts.clock.now_s += SHORT_S
        assert await parts.rows("SELECT count(*) FROM lives") == [(5,)]


async def test_only_the_last_hundred_lives_are_kept(parts: Parts) -> None:
    """A loop of crashes fills no disk."""
    last = (0, 0)
    for _ in range(120):
        last = await lived(parts)
    assert last == (100, 120)
    assert await parts.rows("SELECT count(*), max(no) FROM lives") == [(100, 120)]


async def test_a_closed_database_is_a_sentence_for_all(tmp_path: Path) -> None:
    """As everything in storage says it."""
    database = await Database.open(tmp_path / "a.sqlite")
    await database.close()
    with pytest.raises(StorageError, match="is closed"):
        await Acts(database).do(act("d:1"))

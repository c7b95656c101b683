"""The desk over a real database: typed words in, cards out, and what is stored, done twice and refused."""

import asyncio
import dataclasses
import itertools
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import requests
from bot.buttons import read
from bot.cards import Card, Origin
from bot.desk import privacy
from bot.desk.desk import Desk
from bot.desk.office import PAGE_OPERATOR, Hands, Terms
from bot.desk.papers import KEPT_S, MOST_EACH, Papers
from bot.parser import parse
from bot.planning import Planner
from bot.requests import Course
from bot.sources import Sources
from engine.engine import Engine
from engine.errors import UserError
from engine.finish import Finisher
from storage.asking import NotAdmitted
from storage.ids import new_request_id
from storage.records import NewJob, NewRequest
from storage.store import Store, open_store
from tests.fakes import engines, remembered

ADA, BOB, EVE = "discord:1", "discord:2", "discord:3"
HERE, SERVER, ELSEWHERE = "discord:10:20", "discord:10", "discord:99:1"


class Clock:
    """A clock that a test sets; it begins at noon of a day."""

    def __init__(self) -> None:
        self.now_s = 20_000 * 86_400.0 + 43_200

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Room:
    """A desk with everything behind it but pictures; what it had others do is written down."""

    desk: Desk
    store: Store
    papers: Papers
    clock: Clock
    steered: list[Course] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    cancelled: list[tuple[str, str]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    keys: "itertools.count[int]" = field(default_factory=itertools.count)

    def origin(self, account: str, *, place: str = HERE, key: str | None = None, **more: object) -> Origin:
        """Somebody says something."""
        names = {ADA: "Ada", BOB: "Bob", EVE: "Eve", PAGE_OPERATOR: "Operator"}
        fixed = Origin(
            platform=place.partition(":")[0],
            owner=account,
            place=place,
            reply_to=f"to {account}",
            event_key=key or f"event {next(self.keys)}",
            asker=names.get(account, account),
        )
        return dataclasses.replace(fixed, **more)  # type: ignore[arg-type]  # passed on as it is

    async def ask(self, account: str, words: str, **more: object) -> Card:
        """Somebody types this."""
        request = parse(words)
        assert isinstance(request, requests.Desk), request
        return await self.desk.answer(self.origin(account, **more), request)  # type: ignore[arg-type]  # the same

    async def run(self, words: str, **more: object) -> Card:
        """The operator types this."""
        return await self.ask(PAGE_OPERATOR, words, **more)

    async def press(self, account: str, button: str, **more: object) -> Card:
        """Somebody presses this."""
        card = await self.desk.press(self.origin(account, **more), read(button))  # type: ignore[arg-type]  # the same
        assert card
        return card

    async def admin(self, account: str, words: str, **more: object) -> Card:
        """An admin of the place types this."""
        return await self.ask(account, words, is_place_admin=True, **more)

    async def drawn(self, account: str, *, place: str = HERE, cost: float = 1.0) -> str:
        """Somebody asks for a picture; it waits."""
        origin = self.desk.known(self.origin(account, place=place))
        request = new_request_id()
        new = NewRequest(
            id=request,
            event_key=origin.event_key,
            owner=origin.account,
            place=place,
            reply_to=origin.reply_to,
            asker=origin.asker,
            kind="imagine",
            words="/imagine x",
            created_s=self.clock(),
        )
        job = NewJob(
            id=f"{request}-1",
            request=request,
            ordinal=1,
            first_number=1,
            label="",
            recipe=engines.RECIPE,
            n_pictures=1,
            cost=cost,
        )
        return await self.store.requests.add(new, (job,), await self.desk.admitted(origin))

    async def meet(self, *accounts: str) -> None:
        """These were here before, and nothing of theirs waits."""
        for account in accounts:
            await self.store.requests.cancel(await self.drawn(account, cost=0.01))

    async def audit(self) -> list[str]:
        """What the audit holds, newest first."""
        rows, _total = await self.store.audit.page(1, 1_000)
        return [row.act for row in rows]


def said(card: Card) -> dict[str, str]:
    """The fields of a card."""
    return {each.name: each.value for each in card.fields}


@asynccontextmanager
async def open_room(
    folder: Path, *, open_platforms: bool = True, operators: tuple[str, ...] = ()
) -> AsyncIterator[Room]:
    """A desk over a data folder. `open_platforms`: everybody on Discord is let in."""
    clock = Clock()
    finisher = Finisher()
    async with open_store(folder, clock) as store:
        papers = Papers(folder / "papers", clock)
        await papers.open()
        planner = Planner(Sources(store, finisher), finisher, store.pictures, "pocket")
        engine = Engine(engines.settings())
        steered: list[Course] = []
        announced: list[str] = []
        cancelled: list[tuple[str, str]] = []
        forgotten: list[str] = []

        async def steer(course: Course) -> None:
            steered.append(course)

        async def announce(line: str) -> None:
            announced.append(line)

        async def cancel_all(owner: str, place: str) -> int:
            cancelled.append((owner, place))
            return 2 if owner == EVE else 0

        async def forget(owner: str, _accounts: tuple[str, ...]) -> None:
            forgotten.append(owner)
            await papers.forget(owner)

        desk = Desk(
            store=store,
            engine=engine,
            finisher=finisher,
            papers=papers,
            terms=Terms(operators=frozenset(operators)),
            hands=Hands(entry=planner.entry, cancel_all=cancel_all, steer=steer, announce=announce, forget=forget),
            clock=clock,
        )
        await desk.open()
        room = Room(desk, store, papers, clock, steered, announced, cancelled, forgotten)
        if open_platforms:
            await room.run("/allow everyone", place=HERE)
            await room.run("/allow everyone", place="telegram:5")
            announced.clear()
        try:
            yield room
        finally:
            await papers.close()
            await finisher.close()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    """A desk that everybody may come to."""
    async with open_room(tmp_path) as opened:
        yield opened


# Quota


async def test_my_quota_is_told_in_pictures_as_they_are_drawn_here(room: Room) -> None:
    """A standard picture means nothing to somebody who draws 128 x 128."""
    await room.drawn(ADA, cost=2)
    card = await room.ask(ADA, "/quota")
    fields = said(card)
    assert fields["Used today"] == "2 of 100 standard pictures"
    assert fields["Left today"].startswith("98 standard pictures: about 1,500 at 128 x 128 and 20 steps")
    assert fields["Begins anew"] == "in 12 h"
    assert fields["Waiting or being drawn"] == "1 of 20 jobs"
    assert fields["Tier"] == "member"


async def test_an_operator_sees_sets_grants_and_resets_anybodys(room: Room) -> None:
    """By name, account, mention or request; each once in the audit."""
    request = await room.drawn(BOB, cost=3)
    await room.run(f"/quota set {request} daily 50")
    assert (await room.desk.answer(room.origin(BOB), parse("/quota"))).fields[1].value == "3 of 50 standard pictures"  # type: ignore[arg-type]
    await room.run("/quota grant @bob 5.5", place=HERE)
    shown = said(await room.run("/quota discord:2"))
    assert shown["Used today"] == "3 of 50 standard pictures, with 5.5 granted"
    assert shown["Left today"] == "52.5 standard pictures"
    await room.run("/quota reset <@2>", place=HERE)
    assert said(await room.run("/quota Bob"))["Used today"].startswith("0 of 50")
    await room.run("/quota set @bob daily default")
    assert said(await room.run("/quota Bob"))["Used today"].startswith("0 of 100")
    assert (await room.audit())[:4] == ["quota set", "quota reset", "quota grant", "quota set"]


async def test_limits_hold_for_tiers_groups_places_and_everyone(room: Room) -> None:
    """The most specific wins."""
    await room.meet(ADA)
    await room.run("/quota set tier:member daily 80")
    assert said(await room.ask(ADA, "/quota"))["Used today"].endswith("of 80 standard pictures")
    await room.run("/quota set everyone tier guest")
    assert said(await room.ask(ADA, "/quota"))["Tier"] == "guest"
    await room.run("/quota set here tier trusted", place=HERE)
    assert said(await room.ask(ADA, "/quota"))["Tier"] == "trusted"
    await room.run("/quota set group:77 daily unlimited", place=HERE)
    mine = said(await room.ask(ADA, "/quota", groups=("77",)))
    assert mine["Left today"] == "no limit"
    assert said(await room.run("/quota group:77")) == {"daily": "unlimited"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("/quota grant discord:777 5", "has never asked for anything here"),
        ("/quota reset nobody", "I know nobody called 'nobody'"),
        ("/quota set discord:777 daily 5", "has never asked for anything here"),
        ("/quota set tellegram:1 daily 5", "I know nobody called"),
        ("/quota set tier:vip daily 5", "There is no tier 'vip'. There is: guest, member, trusted, unlimited."),
        ("/quota set @ada tier vip", "There is no tier 'vip'"),
        ("/quota set tier:guest daily default", "A tier is where limits come from"),
        ("/quota set tier:guest tier member", "A tier has no tier of its own"),
        ("/quota set everyone tier default", "Everyone needs a tier"),
    ],
)
async def test_a_quota_for_nobody_or_of_nothing_is_a_sentence(room: Room, words: str, sentence: str) -> None:
    """And nothing is written."""
    await room.meet(ADA)
    before = await room.audit(), await room.store.tuning.values(["tier:guest", "", f"account:{ADA}"])
    with pytest.raises(UserError, match=sentence):
        await room.run(words)
    assert before == (await room.audit(), await room.store.tuning.values(["tier:guest", "", f"account:{ADA}"]))


@pytest.mark.parametrize("number", [0.0, -5.0, float("nan"), float("inf"), 1e9])
async def test_a_grant_is_a_number_above_nothing(room: Room, number: float) -> None:
    """Also where it comes from a form that does not go through our words."""
    await room.meet(ADA)
    with pytest.raises(UserError, match="Grant more than 0"):
        await room.desk.answer(room.origin(PAGE_OPERATOR), requests.GrantQuota(who=ADA, n_pictures=number))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("daily", "-1"),
        ("daily", "nan"),
        ("daily", "1e400"),
        ("rate", "0"),
        ("in_flight", "1.5"),
        ("size", "1"),
        ("burst", ""),
    ],
)
async def test_an_absurd_limit_is_a_sentence(room: Room, key: str, value: str) -> None:
    """The desk checks what it is given, whoever made the request."""
    await room.meet(ADA)
    with pytest.raises(UserError):
        await room.desk.answer(room.origin(PAGE_OPERATOR), requests.SetQuota(who=ADA, key=key, value=value))
    assert await room.store.tuning.all_of(f"account:{ADA}") == {}


async def test_a_place_admin_grants_only_what_they_have(room: Room) -> None:
    """Within the place, for the place and its groups, never above their own, and not for single people."""
    await room.meet(ADA, BOB)
    await room.admin(ADA, "/quota set here daily 20")
    assert said(await room.ask(BOB, "/quota"))["Used today"].endswith("of 20 standard pictures")
    assert said(await room.ask(BOB, "/quota", place=ELSEWHERE))["Used today"].endswith("of 100 standard pictures")
    await room.admin(ADA, "/quota set here daily 100")  # what they have around the place, not what they set in it
    for words in (
        "/quota set here daily 101",
        "/quota set here daily unlimited",
        "/quota set here tier trusted",
        "/quota set group:7 daily 200",
    ):
        with pytest.raises(UserError, match="beyond what you can give here"):
            await room.admin(ADA, words, groups=("7",))
    for words in (
        "/quota set @bob daily 5",
        "/quota set everyone daily 5",
        "/quota set group:8 daily 5",
        "/quota grant @bob 1",
    ):
        with pytest.raises(UserError, match="Only an operator"):
            await room.admin(ADA, words, groups=("7",))
    assert (await room.audit())[:2] == ["quota of a place"] * 2
    assert said(await room.admin(ADA, "/quota here")) == {"daily": "100"}
    with pytest.raises(UserError, match="Only an admin of this place"):
        await room.ask(BOB, "/quota here")
    for words in ("/quota set @nobody daily 5", "/quota @nobody", "/quota grant @nobody 5", "/allow @nobody"):
        with pytest.raises(UserError, match="Only an operator"):  # not whether Darkroom knows such a one
            await room.ask(BOB, words)


async def test_what_an_operator_set_for_a_place_its_admins_cannot_raise(room: Room) -> None:
    """And "as it was" is as the operator left it."""
    await room.meet(ADA, BOB)
    await room.run("/quota set here daily 10", place=HERE)
    with pytest.raises(UserError, match="10 is the most"):
        await room.admin(ADA, "/quota set here daily 11")
    await room.admin(ADA, "/quota set here daily 4")
    assert said(await room.ask(BOB, "/quota"))["Used today"].endswith("of 4 standard pictures")
    await room.admin(ADA, "/quota set here daily default")
    assert said(await room.ask(BOB, "/quota"))["Used today"].endswith("of 10 standard pictures")


async def test_a_demoted_admin_and_a_stranger_are_told_who_can(room: Room) -> None:
    """The right is the platform's word in this very event."""
    await room.meet(ADA, EVE)
    await room.admin(ADA, "/settings place steps 10")
    for words in ("/settings place steps 11", "/ban @eve", "/bans", "/audit", "/model default pocket"):
        with pytest.raises(UserError, match="Only an admin of this place can do that here, or an operator"):
            await room.ask(ADA, words)
    for words in ("/pause", "/stats", "/settings all steps 5", "/allow @eve", "/quota @eve"):
        with pytest.raises(UserError, match="Only an operator of this Darkroom can do that"):
            await room.admin(ADA, words)
    assert (await room.desk.looks(room.origin(EVE))).steps == 10


# Bans


async def test_a_ban_says_why_and_until_when_and_takes_back_what_waits(room: Room) -> None:
    """Here or everywhere, for a time or until it is lifted."""
    await room.meet(EVE, ADA)
    card = await room.admin(ADA, "/ban @eve floods the channel --for 7d")
    assert card.sentence == (
        "Eve (discord:3) is banned here for 7 days: floods the channel · 2 waiting requests cancelled"
    )
    assert room.cancelled == [(EVE, HERE)]
    with pytest.raises(NotAdmitted) as caught:
        await room.drawn(EVE)
    assert str(room.desk.refused(caught.value)) == "You are banned here: floods the channel. It ends in 7 days."
    await room.drawn(EVE, place=ELSEWHERE)
    assert said(await room.admin(ADA, "/bans")) == {"Eve (discord:3)": "here for 7 days: floods the channel"}
    room.clock.now_s += 7 * 86_400
    await room.drawn(EVE)
    assert (await room.admin(ADA, "/bans")).sentence == "Nobody is banned."


async def test_a_place_admin_bans_nobody_beyond_the_place(room: Room) -> None:
    """Nor lifts or sees what was banned elsewhere."""
    await room.meet(EVE, ADA)
    with pytest.raises(UserError, match="admin of this place alone"):
        await room.admin(ADA, "/ban @eve --everywhere")
    await room.run("/ban discord:3 --everywhere")
    assert (await room.admin(ADA, "/bans")).sentence == "Nobody is banned."
    with pytest.raises(UserError, match="not banned here, but everywhere"):
        await room.admin(ADA, "/unban @eve")
    with pytest.raises(UserError, match="admin of this place alone"):
        await room.admin(ADA, "/unban @eve --everywhere")
    assert (
        await room.run("/unban discord:3 --everywhere")
    ).sentence == "Eve (discord:3) is no longer banned everywhere."
    with pytest.raises(UserError, match="is not banned everywhere"):
        await room.run("/unban discord:3 --everywhere")


async def test_in_a_server_here_is_all_of_it(room: Room) -> None:
    """A ban, a limit, a model and /settings server hold in every channel; /settings place in this one alone."""
    await room.meet(EVE, ADA)
    await room.admin(ADA, "/ban @eve", community=SERVER)
    with pytest.raises(NotAdmitted):
        await room.drawn(EVE, place="discord:10:21")
    await room.admin(ADA, "/unban @eve", community=SERVER, place="discord:10:21")
    await room.drawn(EVE)
    await room.admin(ADA, "/quota set here daily 5", community=SERVER)
    own = await room.ask(BOB, "/quota", place="discord:10:21", community=SERVER)
    assert "of 5 standard pictures" in said(own)["Used today"]
    await room.admin(ADA, "/settings server steps 12", community=SERVER)
    await room.admin(ADA, "/settings place steps 30", community=SERVER)
    looks = {
        place: await room.desk.looks(room.origin(BOB, place=place)) for place in (HERE, "discord:10:21", ELSEWHERE)
    }
    assert [each.steps for each in looks.values()] == [30, 12, None]
    assert said(await room.ask(BOB, "/settings server", community=SERVER))["steps"].startswith("12")


async def test_without_a_server_around_there_is_none_to_set(room: Room) -> None:
    """Nor may an admin let one in or keep it out: that is the operator's."""
    with pytest.raises(UserError, match="no server or group around"):
        await room.admin(ADA, "/settings server steps 12")
    with pytest.raises(UserError, match="Only an operator"):
        await room.admin(ADA, "/settings server allowed no", community=SERVER)
    await room.run("/settings server allowed no", place=HERE, community=SERVER)
    with pytest.raises(UserError, match="private"):
        await room.desk.let_in(room.origin(BOB))


async def test_in_a_restricted_place_age_restricted_channels_draw_alone(room: Room) -> None:
    """Elsewhere in it a sentence says so; in private nothing is restricted."""
    await room.run("/settings place visibility restricted", place=SERVER)
    with pytest.raises(UserError, match="age-restricted channels alone"):
        await room.desk.admitted(room.origin(BOB, is_place_shared=True))
    await room.desk.admitted(room.origin(BOB, is_place_shared=True, is_age_restricted=True))
    await room.desk.admitted(room.origin(BOB))


@pytest.mark.parametrize("value", ["private", "restricted"])
async def test_a_place_is_not_promised_what_its_platform_cannot_do(room: Room, value: str) -> None:
    """On Telegram a whole chat sees what is posted: whoever sets it reads what can be set, and nothing is kept."""
    group, topic = "telegram:-100", "telegram:-100:7"
    for words, place in (("place", group), ("server", topic), ("place", topic)):
        with pytest.raises(UserError, match=r"shared, spoiler \(covered\) or default, not"):
            await room.run(f"/settings {words} visibility {value}", place=place, community=group)
        assert await room.desk.visibility(place) == "shared"
    await room.run("/settings place visibility spoiler", place=group)
    assert await room.desk.visibility(topic) == "spoiler"


async def test_what_is_set_for_all_means_on_each_platform_what_it_can(room: Room) -> None:
    """Private is covered on Telegram; restricted draws nothing in groups there, and says where one can draw."""
    group = "telegram:-100"
    assert "On Telegram" in (await room.run("/settings all visibility private")).sentence
    assert (await room.desk.visibility(HERE), await room.desk.visibility(group)) == ("private", "spoiler")
    assert "On Telegram" in (await room.run("/settings all visibility restricted")).sentence
    await room.run("/allow everyone")
    with pytest.raises(UserError, match="write to me in private"):
        await room.desk.admitted(room.origin("telegram:1", place=group, is_place_shared=True))
    await room.desk.admitted(room.origin("telegram:1", place="telegram:1"))


async def test_what_only_the_asker_sees_may_be_told_in_a_shared_place(room: Room) -> None:
    """A link code and an export, where the platform shows answers to one person."""
    with pytest.raises(UserError, match="private chat"):
        await room.ask(BOB, "/link", is_place_shared=True)
    assert "/link" in said(await room.ask(BOB, "/link", is_place_shared=True, is_answer_private=True))["Code"]


async def test_operators_and_oneself_cannot_be_banned(tmp_path: Path) -> None:
    """Nor somebody with an account that is linked to an operator's."""
    async with open_room(tmp_path, operators=(BOB,)) as room:
        await room.meet(ADA, BOB, EVE)
        await _link(room, BOB, EVE)
        for who in (BOB, EVE, "web:operator"):
            with pytest.raises(UserError, match="runs this Darkroom and cannot be banned"):
                await room.run(f"/ban {who} --everywhere", key=f"ban {who}")
        with pytest.raises(UserError, match="That is yourself"):
            await room.admin(ADA, "/ban @ada")
        for for_s in (0.0, -1.0, float("nan"), float("inf"), 1e12):
            ban = requests.BanSomebody(who=ADA, reason="", for_s=for_s, is_everywhere=True)
            with pytest.raises(UserError, match="at most ten years"):
                await room.desk.answer(room.origin(PAGE_OPERATOR), ban)


async def test_a_banned_admin_is_no_admin(room: Room) -> None:
    """They could lift their own ban; an operator still can."""
    await room.meet(ADA, EVE)
    await room.run("/ban @ada", place=HERE)
    for words in ("/unban @ada", "/ban @eve", "/settings place steps 5"):
        with pytest.raises(UserError, match="Only an admin of this place"):
            await room.admin(ADA, words)
    await room.run("/unban @ada", place=HERE)
    await room.admin(ADA, "/settings place steps 5")


# Access


async def test_strangers_are_told_what_would_let_them_in(tmp_path: Path) -> None:
    """Telegram and Discord are closed at first; the page and others are not."""
    async with open_room(tmp_path, open_platforms=False) as room:
        with pytest.raises(UserError, match="send me /claim and the code"):
            await room.ask("telegram:7", "/quota", place="telegram:7")
        with pytest.raises(UserError, match=r"private. Its operator can let you in: /allow discord:1$"):
            await room.ask(ADA, "/quota")
        with pytest.raises(UserError, match=r"/allow discord:1 \(or, here, everybody: /allow here\)$"):
            await room.desk.let_in(room.origin(ADA, is_place_shared=True))
        await room.desk.let_in(room.origin("recorder:x", place="recorder:room"))
        await room.desk.let_in(room.origin("web:x", place="web:page"))
        await room.run("/allow telegram:7")
        await room.desk.let_in(room.origin("telegram:7", place="telegram:7"))
        await room.run("/allow here", place=HERE)
        await room.desk.let_in(room.origin(ADA))
        await room.desk.let_in(room.origin(ADA, place=f"{HERE}:5"))
        with pytest.raises(UserError, match="private"):
            await room.desk.let_in(room.origin(ADA, place=ELSEWHERE))
        await room.run("/deny discord:1")
        with pytest.raises(UserError, match="private"):
            await room.desk.admitted(room.origin(ADA))
        await room.run("/allow discord:1 --default")
        await room.desk.let_in(room.origin(ADA))
        await room.run("/allow everyone", place=HERE)
        await room.desk.let_in(room.origin(ADA, place=ELSEWHERE))


async def test_whoever_is_kept_out_still_has_a_right_to_what_is_kept(room: Room) -> None:
    """A copy, and that it is forgotten; a stranger learns that there is nothing."""
    await room.drawn(EVE)
    await room.run("/deny discord:3")
    with pytest.raises(UserError, match="private"):
        await room.ask(EVE, "/quota")
    asked = await room.ask(EVE, "/forget")
    assert (await room.press(EVE, asked.buttons[0][0].id)).sentence.startswith("All of it is deleted.")
    with pytest.raises(UserError, match="private"):  # that they are kept out is not forgotten
        await room.ask(EVE, "/quota")
    assert (await room.ask("telegram:404", "/mydata", place="telegram:404")).sentence == "Nothing is kept about you."


async def test_an_operators_place_is_let_in_when_they_bring_the_bot(tmp_path: Path) -> None:
    """Anybody else's is not; nobody keeps an operator out."""
    async with open_room(tmp_path, open_platforms=False, operators=(BOB,)) as room:
        assert not await room.desk.joined(room.origin(ADA, place=SERVER))
        assert await room.desk.joined(room.origin(BOB, place=SERVER))
        await room.desk.let_in(room.origin(ADA))
        with pytest.raises(UserError, match="cannot be kept out"):
            await room.run(f"/deny {BOB}")
        await room.run("/deny everyone", place=HERE)
        assert (await room.desk.admitted(room.origin(BOB, place=ELSEWHERE))).is_exempt


async def test_a_place_admin_closes_and_opens_channels_of_what_is_open(tmp_path: Path) -> None:
    """Allowed channels are a setting of the place; the place itself is the operator's."""
    async with open_room(tmp_path, open_platforms=False) as room:
        await room.run("/allow here", place=SERVER)
        await room.admin(ADA, "/settings place allowed no", community=SERVER)
        with pytest.raises(UserError, match="private"):
            await room.desk.let_in(room.origin(BOB))
        await room.desk.let_in(room.origin(BOB, place="discord:10:21"))
        await room.admin(ADA, "/settings place allowed yes", community=SERVER)
        await room.desk.let_in(room.origin(BOB))
        with pytest.raises(UserError, match="private"):  # being an admin lets nobody in
            await room.admin(ADA, "/settings place allowed yes", place=ELSEWHERE, community="discord:99")
        await room.run("/allow discord:1")
        with pytest.raises(UserError, match="Only an operator of this Darkroom can let this place in"):
            await room.admin(ADA, "/settings place allowed yes", place=ELSEWHERE, community="discord:99")


@pytest.mark.parametrize("word", ["yes", "default", "no"])
async def test_a_groups_admin_neither_opens_nor_closes_the_group(tmp_path: Path, word: str) -> None:
    """A group without topics is its own whole: that an operator closed it holds, and nobody locks themselves out."""
    group, admin, tune = "telegram:-100", "telegram:1", f"/settings place allowed {word}"
    async with open_room(tmp_path, operators=("telegram:9",)) as room:
        await room.run("/allow here", place=group)
        with pytest.raises(UserError, match="Only an operator of this Darkroom lets a whole server or group in"):
            await room.admin(admin, tune, place=group)
        await room.desk.let_in(room.origin(admin, place=group))
        await room.run("/deny here", place=group)
        with pytest.raises(UserError, match="private"):
            await room.admin(admin, tune, place=group)
        await room.run(f"/allow {admin}", place=group)
        with pytest.raises(UserError, match="Only an operator of this Darkroom lets a whole server or group in"):
            await room.admin(admin, tune, place=group)
        with pytest.raises(UserError, match="private"):
            await room.desk.let_in(room.origin("telegram:2", place=group))


async def test_what_an_operator_closed_no_admin_opens(room: Room) -> None:
    """A channel of an open server; and a server in which an admin had opened channels before."""
    admin, in_server = "discord:7", {"community": SERVER}
    await room.meet(admin)
    await room.run(f"/allow {admin}", place=HERE)
    await room.run("/settings place allowed no", place=HERE, **in_server)
    for word in ("yes", "default"):
        with pytest.raises(UserError, match="only an operator opens it"):
            await room.admin(admin, f"/settings place allowed {word}", **in_server)
    with pytest.raises(UserError, match="private"):
        await room.desk.let_in(room.origin(ADA, is_place_admin=True, **in_server))
    await room.run("/settings place allowed default", place=HERE, **in_server)
    await room.admin(admin, "/settings place allowed yes", **in_server)
    await room.desk.let_in(room.origin(BOB))
    await room.run("/deny here", place="discord:10:21", **in_server)
    with pytest.raises(UserError, match="private"):
        await room.desk.let_in(room.origin(BOB))
    await room.run("/settings place allowed yes", place=HERE, **in_server)
    await room.desk.let_in(room.origin(BOB))
    await room.admin(admin, "/settings place allowed no", **in_server)
    await room.admin(admin, "/settings place allowed default", **in_server)
    await room.desk.let_in(room.origin(BOB))


async def test_darkroom_is_claimed_once_with_the_code_of_this_start(tmp_path: Path) -> None:
    """A new one each start until somebody did; wrong ones are counted."""
    async with open_room(tmp_path, open_platforms=False) as room:
        first = (room.desk.claim_line(["discord"]) or "").split()[-1]
    async with open_room(tmp_path, open_platforms=False) as room:
        code = (room.desk.claim_line(["discord"]) or "").split()[-1]
        assert code != first
        for wrong in (first, "k3f9-m2q7", "0000", "1111", "2222"):
            with pytest.raises(UserError, match="That is not the code"):
                await room.ask(EVE, f"/claim {wrong}")
        with pytest.raises(UserError, match="5 wrong codes"):
            await room.ask(EVE, f"/claim {code}")
        assert "You run this Darkroom now" in (await room.ask(ADA, f"/claim {code.upper()}", key="claimed")).sentence
        assert "You run this Darkroom now" in (await room.ask(ADA, f"/claim {code}", key="claimed")).sentence
        assert room.desk.claim_line(["discord"]) is None
        await room.ask(ADA, "/pause")
        with pytest.raises(UserError, match="has an operator here already"):
            await room.ask(BOB, f"/claim {code}")
    async with open_room(tmp_path, open_platforms=False) as room:
        assert room.desk.claim_line(["discord"]) is None
        await room.ask(ADA, "/resume")
        assert await room.audit() == ["course", "course", "claim"]


async def test_a_platform_without_an_operator_can_be_claimed_where_another_has_one(tmp_path: Path) -> None:
    """Who owns the bot on Discord lets nobody in on Telegram: the code is printed, and good there and nowhere else."""
    async with open_room(tmp_path, open_platforms=False) as room:
        room.desk.add_owner(ADA)
        assert room.desk.claim_line(["discord"]) is None
        line = room.desk.claim_line(["discord", "telegram"]) or ""
        assert line.startswith("No operator on Telegram yet")
        code = line.split()[-1]
        with pytest.raises(UserError, match="has an operator here already"):
            await room.ask(BOB, f"/claim {code}")
        with pytest.raises(UserError, match="send me /claim and the code"):
            await room.ask("telegram:7", "/quota", place="telegram:7")
        answer = await room.ask("telegram:7", f"/claim {code}", place="telegram:7")
        assert "You run this Darkroom now" in answer.sentence
        assert room.desk.claim_line(["discord", "telegram"]) is None
        answer = await room.ask("telegram:7", "/allow everyone", place="telegram:7")
        assert "everyone on telegram" in answer.sentence.lower()


# Course, models, settings


async def test_the_course_is_kept_over_restarts(tmp_path: Path) -> None:
    """Paused and draining say so to whoever asks, and an old event that comes again changes nothing."""
    async with open_room(tmp_path) as room:
        await room.run("/pause", key="pause")
        assert room.desk.course() is Course.PAUSE
        assert "paused" in room.desk.course_sentence()
        await room.desk.admitted(room.origin(ADA))
        await room.run("/resume")
        await room.run("/pause", key="pause")
        assert (room.desk.course(), room.steered) == (Course.RESUME, [Course.PAUSE, Course.RESUME])
        assert "draws already" in (await room.run("/resume")).sentence
        await room.run("/drain")
        with pytest.raises(UserError, match="takes nothing new"):
            await room.desk.admitted(room.origin(ADA))
    async with open_room(tmp_path) as room:
        assert await room.desk.open() is Course.DRAIN
        await room.run("/resume")
        assert room.desk.course_sentence() == ""


async def test_models_are_listed_used_and_made_the_default(room: Room) -> None:
    """For oneself, for a place, for all; one that is not here is a sentence that lists those that are."""
    card = await room.ask(ADA, "/model")
    assert said(card)["pocket"].startswith("128 x 128, 20 steps")
    assert "draws for you here" in said(card)["pocket"]
    await room.ask(ADA, "/model use pocket")
    assert await room.store.tuning.all_of(f"account:{ADA}") == {"model": "pocket"}
    await room.admin(ADA, "/model default pocket")
    await room.run("/model default pocket")
    assert (await room.desk.looks(room.origin(BOB))).model == "pocket"
    await room.ask(ADA, "/model use default")
    assert await room.store.tuning.all_of(f"account:{ADA}") == {}
    with pytest.raises(UserError, match=r"There is no model 'sdxl' here\. There is: pocket"):
        await room.ask(ADA, "/model use sdxl")
    with pytest.raises(UserError, match="There is no model"):
        await room.ask(ADA, "/settings me model ../../etc")
    assert (await room.audit())[:2] == ["model default", "model of a place"]
    assert (await room.store.tuning.values([""]))[""]["model"] == "pocket"
    await room.run("/model default default")
    values = await room.store.tuning.values(["", f"place:{HERE}"])
    assert ("model" in values.get("", {}), values[f"place:{HERE}"]["model"]) == (False, "pocket")


async def test_what_is_set_most_specifically_holds(room: Room) -> None:
    """Me, then the place and what it lies in, then all; default brings back what was."""
    await room.meet(ADA)
    await room.run("/settings all steps 5")
    await room.run("/settings place size 64x64", place=SERVER)
    await room.run("/settings place steps 6", place=HERE)
    await room.ask(ADA, "/settings me steps 7")
    await room.ask(ADA, "/settings me sampler euler_a")
    looks = await room.desk.looks(room.origin(ADA))
    assert (looks.steps, looks.size, looks.sampler, looks.guidance) == (7, "64x64", "euler_a", None)
    assert (await room.desk.looks(room.origin(ADA, place=ELSEWHERE))).size is None
    await room.ask(ADA, "/settings me steps default")
    assert (await room.desk.looks(room.origin(ADA))).steps == 6
    mine = said(await room.ask(ADA, "/settings"))
    assert mine["steps"] == "6 (set for the place discord:10:20)"
    assert mine["guidance"] == "as the model draws best"
    assert said(await room.ask(BOB, "/settings place"))["steps"].startswith("6 ")
    assert (await room.audit())[:3] == ["settings place", "settings place", "settings all"]


@pytest.mark.parametrize(
    ("scope", "key", "value"),
    [
        ("me", "size", "513x512"),
        ("me", "size", "9000x9000"),
        ("me", "steps", "0"),
        ("me", "steps", "many"),
        ("me", "sampler", "magic"),
        ("me", "retention", "5"),
        ("place", "log", "here"),
        ("all", "retention", "-1"),
        ("all", "ask_after", "nan"),
        ("all", "course", "paused"),
        ("all", "most_daily", "5"),
        ("all", "daily", "5"),
    ],
)
async def test_a_setting_that_cannot_be_is_a_sentence(room: Room, scope: str, key: str, value: str) -> None:
    """Also from a form; nothing is written."""
    before = await room.store.tuning.all_of("")
    tune = requests.Tune(scope=requests.Scope(scope), key=key, value=value)
    with pytest.raises(UserError):
        await room.desk.answer(room.origin(PAGE_OPERATOR), tune)
    assert await room.store.tuning.all_of("") == before
    assert await room.store.tuning.all_of(f"account:{PAGE_OPERATOR}") == {}


async def test_what_holds_for_all_is_read_at_once(room: Room) -> None:
    """How long a wait is asked about, how long pictures are kept, where admins' acts are posted, who sees pictures."""
    assert (room.desk.ask_after_s(), await room.desk.keep_days(), await room.desk.log_place()) == (300.0, 0, None)
    await room.run("/settings all ask_after 2.5")
    await room.run("/settings all retention 30")
    await room.run("/settings all log here", place=HERE)
    assert (room.desk.ask_after_s(), await room.desk.keep_days()) == (150.0, 30)
    assert await room.desk.log_place() == (HERE, f"to {PAGE_OPERATOR}")
    assert await room.desk.visibility(HERE) == "shared"
    await room.admin(ADA, "/settings place visibility spoiler")
    assert await room.desk.visibility(HERE) == "spoiler"
    assert room.announced[-1] == "Ada: settings place · visibility spoiler · discord:10:20"
    await room.run("/quota set here daily 5", place=HERE)
    assert room.announced[-1] == "Operator: quota of a place · everybody here: daily 5 · discord:10:20"
    await room.run("/settings all log off")
    assert await room.desk.log_place() is None


# Stats, audit


async def test_stats_have_figures_and_a_chart(room: Room) -> None:
    """The chart is a paper of the operator's."""
    await room.drawn(ADA)
    card = await room.run("/stats 7")
    assert said(card)["Requests"].startswith("1, ")
    assert said(card)["Waits"] == "none yet"
    assert card.paper
    served = await room.papers.take(PAGE_OPERATOR, card.paper.name)
    assert served.path.read_bytes()[:4] == b"\x89PNG"
    assert card.paper.alt
    with pytest.raises(UserError, match="Ask for 1 to"):
        await room.desk.answer(room.origin(PAGE_OPERATOR), requests.ShowStats(n_days=0))


async def test_the_audit_has_pages_and_shows_admins_their_place(room: Room) -> None:
    """What was done elsewhere or for all is the operator's."""
    await room.meet(ADA, EVE)
    for steps in range(1, 26):
        await room.admin(ADA, f"/settings place steps {steps}")
    await room.run("/ban discord:3 spam")
    card = await room.run("/audit")
    assert "page 1 of 2. Older ones: /audit 2" in card.sentence
    assert card.fields[0].value == "ban · Eve · until it is lifted: spam · in discord:10:20"
    assert len((await room.run("/audit 2")).fields) == 28 - 20  # with two of opening the platforms
    here = await room.admin(ADA, "/audit 2")
    assert len(here.fields) == 26 - 20
    elsewhere = await room.admin(ADA, "/audit", place=ELSEWHERE)
    assert elsewhere.sentence == "Admins have done nothing yet."
    assert (await room.run("/audit 9")).sentence == "There is no such page."


# One's own


async def test_my_data_is_a_file_for_me_alone_for_an_hour(room: Room) -> None:
    """In private."""
    await room.drawn(ADA)
    with pytest.raises(UserError, match="in a private chat"):
        await room.ask(ADA, "/mydata", is_place_shared=True)
    card = await room.ask(ADA, "/mydata")
    assert card.paper
    served = await room.papers.take(ADA, card.paper.name)
    with zipfile.ZipFile(served.path) as archive:
        assert "imagine x" in json.dumps(json.loads(archive.read("darkroom.json")))
    with pytest.raises(UserError, match="no longer here"):
        await room.papers.take(BOB, card.paper.name)
    room.clock.now_s += KEPT_S
    with pytest.raises(UserError, match="no longer here"):
        await room.papers.take(ADA, card.paper.name)
    assert not served.path.exists()


async def test_my_data_comes_in_parts_where_a_chat_takes_no_such_file(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words at once and the pictures by a button, one part at a time; the page gives all of it."""
    monkeypatch.setitem(privacy.PART_BYTES, "discord", 4_096)
    for number in range(3):
        request = await room.drawn(ADA)
        picture = await remembered.picture(room.store.pictures, 1, engines.RECIPE)
        large = await room.store.pictures.put(f"{number}".encode() * 3_000, "image/png")
        kept = dataclasses.replace(picture, file_hash=large)
        await room.store.requests.finish_job(f"{request}-1", [kept], 1.0)
    card = await room.ask(ADA, "/mydata")
    assert "but your pictures" in card.sentence
    assert "3 more files" in card.sentence
    papers = [card.paper]
    while card.buttons:
        [[button]] = card.buttons
        card = await room.press(ADA, button.id)
        papers.append(card.paper)
    assert "part 4 of 4" in card.sentence
    assert [paper.download_name for paper in papers if paper] == [
        f"darkroom-mydata-{number}-of-4.zip" for number in (1, 2, 3, 4)
    ]
    assert len(list(room.papers.folder.iterdir())) == 1
    for target in ("5", "0", "x"):
        with pytest.raises(UserError, match="no such part any more"):
            await room.press(ADA, f"mydata:{target}")
    with pytest.raises(UserError, match="in a private chat"):
        await room.press(ADA, "mydata:2", is_place_shared=True)
    whole = await room.ask(ADA, "/mydata", place="web:page")
    assert whole.paper
    assert not whole.buttons
    assert whole.paper.n_bytes > 3 * 3_000


async def test_somebody_has_one_export(room: Room) -> None:
    """It may be as large as all their pictures; a newer one takes its place, and a chart does not."""
    await room.drawn(ADA)
    chart = await room.papers.keep(ADA, b"x", "image/png", "x")
    first, second = [(await room.ask(ADA, "/mydata")).paper for _ in range(2)]
    assert first
    assert second
    with pytest.raises(UserError, match="no longer here"):
        await room.papers.take(ADA, first.name)
    assert (await room.papers.take(ADA, second.name)).path.exists()
    assert (await room.papers.take(ADA, chart.name)).path.exists()


async def test_papers_are_bounded(room: Room) -> None:
    """A newer one of the same person takes the place of an old one, and nothing stays behind."""
    kept = [await room.papers.keep(ADA, b"x" * n, "text/plain", "x") for n in range(MOST_EACH + 2)]
    with pytest.raises(UserError):
        await room.papers.take(ADA, kept[1].name)
    assert (await room.papers.take(ADA, kept[2].name)).path.stat().st_size == 2
    await room.papers.forget(ADA)
    assert list(room.papers.folder.iterdir()) == []


async def test_forgetting_asks_first_and_means_whoever_asked(room: Room) -> None:
    """A button in a group can be pressed by anybody, and deletes nothing of theirs."""
    await room.drawn(ADA)
    await room.drawn(BOB)
    asked = await room.ask(ADA, "/forget")
    button = asked.buttons[0][0].id
    with pytest.raises(UserError, match="Send /forget first"):
        await room.press(BOB, button)
    card = await room.press(ADA, button)
    assert card.sentence.startswith("All of it is deleted.")
    assert room.forgotten == [ADA]
    assert room.cancelled == [(ADA, "")]
    assert await room.store.requests.conversation(ADA, None, None, 10) == ()
    assert len(await room.store.requests.conversation(BOB, None, None, 10)) == 1
    with pytest.raises(UserError, match="Send /forget first"):
        await room.press(ADA, button)


async def test_an_answer_is_to_the_question_that_was_asked(room: Room) -> None:
    """An older button joins nobody else, and a "delete" that was meant for one account does not delete a linked one."""
    await room.meet(ADA, BOB, EVE)
    older = await room.ask(EVE, f"/link {await _code(room, ADA)}")
    newer = await room.ask(EVE, f"/link {await _code(room, BOB)}")
    assert older.buttons != newer.buttons
    with pytest.raises(UserError, match="Send /link and the code again"):
        await room.press(EVE, older.buttons[0][0].id)
    asked = await room.ask(EVE, "/forget")
    await _link(room, ADA, EVE)
    with pytest.raises(UserError, match="Send /forget first"):
        await room.press(EVE, asked.buttons[0][0].id)
    assert room.forgotten == []


async def test_two_accounts_become_one_person_and_part_again(room: Room) -> None:
    """The code goes from one to the other; whom they join is said before."""
    await room.meet(ADA)
    await _link(room, ADA, "telegram:7")
    assert room.desk.person("telegram:7") == ADA
    known = room.desk.known(room.origin("telegram:7", place="telegram:7"))
    assert (known.owner, known.account) == (ADA, "telegram:7")
    assert room.desk.known(known) == known
    await room.drawn(ADA, cost=3)
    assert said(await room.ask("telegram:7", "/quota", place="telegram:7"))["Used today"].startswith("3 of")
    await room.ask("telegram:7", "/unlink", place="telegram:7")
    assert room.desk.person("telegram:7") == "telegram:7"
    with pytest.raises(UserError, match="not linked"):
        await room.ask("telegram:7", "/unlink", place="telegram:7")


async def test_operator_rights_do_not_travel_by_linking(tmp_path: Path) -> None:
    """Nor with the history: the account has them."""
    async with open_room(tmp_path, operators=(BOB,)) as room:
        await room.meet(BOB, EVE)
        await _link(room, BOB, EVE)
        with pytest.raises(UserError, match="Only an operator"):
            await room.ask(EVE, "/pause")
        assert not (await room.desk.admitted(room.origin(EVE))).is_exempt
        await room.ask(BOB, "/pause")


async def test_a_code_is_good_once_for_ten_minutes_and_for_nobody_else(room: Room) -> None:
    """Wrong, late, reused, one's own, pressed by another, asked for in public: a sentence each, and no link."""
    await room.meet(ADA, BOB, EVE)
    with pytest.raises(UserError, match="in a private chat"):
        await room.ask(ADA, "/link", is_place_shared=True)
    with pytest.raises(UserError, match="not valid"):
        await room.ask(BOB, "/link k3f9-m2q7")
    own = await _code(room, ADA)
    with pytest.raises(UserError, match="linked already"):
        await room.ask(ADA, f"/link {own}")
    late = await _code(room, ADA)
    room.clock.now_s += 601
    with pytest.raises(UserError, match="not valid"):
        await room.ask(BOB, f"/link {late}")
    code = await _code(room, ADA)
    question = await room.ask(BOB, f"/link {code}")
    assert "one person with Ada (discord:1)" in question.sentence
    button = question.buttons[0][0].id
    with pytest.raises(UserError, match="Send /link and the code again"):
        await room.press(EVE, button)
    with pytest.raises(UserError, match="not valid"):
        await room.ask(EVE, f"/link {code}")
    assert await room.store.people.links() == {}
    assert "one person now" in (await room.press(BOB, button, key="pressed")).sentence
    assert "one person now" in (await room.press(BOB, button, key="pressed")).sentence
    for guess in range(4):
        with pytest.raises(UserError, match="not valid"):
            await room.ask(EVE, f"/link {guess:08}")
    with pytest.raises(UserError, match=r"5 wrong codes\. Try again in 10 min"):
        await room.ask(EVE, f"/link {await _code(room, ADA)}")


# Once


ACTS = (
    "/quota set @eve daily 5",
    "/quota grant @eve 5",
    "/quota reset @eve",
    "/ban @eve spam",
    "/allow @eve",
    "/deny here",
    "/drain",
    "/settings all steps 9",
    "/settings place steps 9",
    "/settings me steps 9",
    "/model default pocket",
    "/model use pocket",
)


@pytest.mark.parametrize("words", ACTS)
async def test_an_event_that_comes_twice_is_done_once_and_answered_the_same(room: Room, words: str) -> None:
    """One row in the audit, one line announced, one grant."""
    await room.meet(EVE)
    before = len(await room.audit())
    first = await room.run(words, place=HERE, key="once")
    again = await room.run(words, place=HERE, key="once")
    assert first.sentence.startswith(again.sentence)
    is_own = words in ("/settings me steps 9", "/model use pocket")
    assert len(await room.audit()) == before + (0 if is_own else 1)
    assert len(room.announced) == (0 if is_own else 1)
    if "grant" in words:
        assert (await room.store.ledger.standing(EVE, HERE, (), is_exempt=False)).given == 5


async def test_two_at_once_are_one_after_the_other(room: Room) -> None:
    """The same event on two ways in is one grant; a code that two give at once is one account's."""
    await room.meet(EVE, ADA)
    grant = [room.run("/quota grant @eve 5", place=HERE, key="once") for _ in range(5)]
    assert len({card.sentence for card in await asyncio.gather(*grant)}) == 1
    assert (await room.store.ledger.standing(EVE, HERE, (), is_exempt=False)).given == 5
    code = await _code(room, ADA)
    both = await asyncio.gather(room.ask(BOB, f"/link {code}"), room.ask(EVE, f"/link {code}"), return_exceptions=True)
    assert sum(isinstance(each, UserError) for each in both) == 1


# Whatever comes


ANYBODY = st.sampled_from((ADA, "@ada", "<@1>", "<@&7>", "here", "everyone", "tier:guest", "group:7", "k3f9m2q7xa", ""))
WHO = ANYBODY | st.text(max_size=30)
KEY = st.sampled_from(("tier", "daily", "rate", "size", "steps", "log", "allowed", "course", "most_daily")) | st.text()
VALUE = (
    st.none()
    | st.sampled_from(("unlimited", "default", "guest", "yes", "here", "-1", "nan", "7"))
    | st.text(max_size=30)
)
ANYTHING = st.one_of(
    st.builds(requests.ShowQuota, who=st.none() | WHO),
    st.builds(requests.SetQuota, who=WHO, key=KEY, value=VALUE),
    st.builds(requests.GrantQuota, who=WHO, n_pictures=st.floats()),
    st.builds(requests.ResetQuota, who=WHO),
    st.builds(
        requests.BanSomebody, who=WHO, reason=st.text(), for_s=st.none() | st.floats(), is_everywhere=st.booleans()
    ),
    st.builds(requests.UnbanSomebody, who=WHO, is_everywhere=st.booleans()),
    st.builds(requests.AllowSomebody, who=WHO, is_allowed=st.none() | st.booleans()),
    st.builds(requests.UseModel, model=st.text(), is_default=st.booleans()),
    st.builds(requests.Tune, scope=st.sampled_from(requests.Scope), key=st.none() | KEY, value=VALUE),
    st.builds(requests.ShowAudit, page=st.integers()),
    st.builds(requests.LinkAccounts, code=st.none() | st.text()),
    st.builds(requests.Claim, code=st.text()),
)


@given(st.lists(st.tuples(ANYTHING, st.sampled_from((PAGE_OPERATOR, ADA, BOB)), st.booleans()), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
async def test_whatever_is_asked_is_answered_or_a_sentence(
    room: Room, asked: list[tuple[requests.Desk, str, bool]]
) -> None:
    """From everybody, in any order; and after all of it everybody can still be told where they stand."""
    if await room.store.people.find(BOB) is None:
        await room.meet(ADA, BOB)
    for request, account, is_place_admin in asked:
        try:
            card = await room.desk.answer(room.origin(account, is_place_admin=is_place_admin), request)
        except UserError as exc:
            sentence = str(exc)
            assert sentence  # either is right
        else:
            assert card.sentence
    await room.run("/quota")
    await room.desk.looks(room.origin(ADA))


# Who is meant


async def test_names_that_could_be_several_people_are_listed(room: Room) -> None:
    """By account; a name in other capitals is the same name, and one that nobody has is said so."""
    await room.meet(ADA)
    twin = room.origin("telegram:9", place="telegram:9", asker="ADA")
    await room.desk.answer(twin, parse("/settings me steps 5"))  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"could be .*(Ada|ADA) \((discord:1|telegram:9)\) or .* Write the account\."):
        await room.run("/quota @ada")
    with pytest.raises(UserError, match="I know nobody called 'Zoe'"):
        await room.run("/quota Zoe")
    elsewhere, here = await room.drawn(BOB, place=ELSEWHERE), await room.drawn(BOB)
    with pytest.raises(UserError, match="I know nobody"):  # whose request elsewhere that is is no admin's affair
        await room.admin(EVE, f"/unban {elsewhere}")
    with pytest.raises(UserError, match=r"Bob \(discord:2\) is not banned here"):
        await room.admin(EVE, f"/unban {here}")
    await room.admin(EVE, "/ban @Ada")  # a place admin means those of their own platform
    assert (await room.store.people.bans(None))[0].account == ADA


async def test_names_are_shown_clean_and_short(room: Room) -> None:
    """A name is whatever somebody calls themselves."""
    hostile = room.origin(EVE, asker="\u202eevE @everyone " + "x" * 500)
    await room.desk.answer(hostile, parse("/settings me steps 5"))  # type: ignore[arg-type]
    card = await room.run("/quota discord:3")
    assert "\u202e" not in card.sentence
    assert len(card.sentence) < 100
    await room.run("/ban discord:3 " + "y" * 250)
    assert len(room.announced[-1]) < 400


async def test_rank_is_of_the_account_and_the_event(room: Room) -> None:
    """What the studio asks before it cancels somebody else's."""
    assert room.desk.realm(room.origin(PAGE_OPERATOR)) == ""
    assert room.desk.realm(room.origin(ADA, is_place_admin=True)) == HERE
    assert room.desk.realm(room.origin(ADA)) is None


async def _code(room: Room, account: str) -> str:
    card = await room.ask(account, "/link")
    return card.fields[0].value.removeprefix("/link ")


async def _link(room: Room, head: str, account: str) -> None:
    place = account if account.startswith("telegram") else HERE
    question = await room.ask(account, f"/link {await _code(room, head)}", place=place)
    await room.press(account, question.buttons[0][0].id, place=place)

"""Limits, long waits and admins' acts as people meet them: through the studio, with a real queue and database."""

from pathlib import Path

import pytest

from bot.cards import State
from bot.recipes import Wish, recipe_for
from engine import catalog
from engine.errors import UserError
from storage.asking import Standing
from tests.fakes import engines
from tests.fakes.houses import House, open_house
from tests.fakes.platforms import origin

ADMIN = "recorder:olga"


async def standing(house: House, account: str = "recorder:ada") -> Standing:
    return await house.store.ledger.standing(account, origin("k").place, (), is_exempt=False)


def learn_slowness(house: House, seconds: float) -> None:
    """A picture of pocket takes so long here."""
    recipe = recipe_for(Wish(prompt="a circle", seed=1), catalog.find("pocket"))
    for _ in range(9):
        house.engine.speeds.learn(recipe, 1, seconds)


async def test_a_refusal_says_what_why_and_when_and_writes_nothing(tmp_path: Path) -> None:
    """The daily quota of somebody is small: the sentence has the numbers, and no request is there."""
    async with open_house(tmp_path, operators=(ADMIN,)) as house:
        await house.drawn("/imagine a red circle")
        await house.ask("/quota set recorder:ada daily 0.1", owner=ADMIN)
        with pytest.raises(UserError, match=r"for today .* are left, and this costs .*\. Come back in \d+ h|Ask for"):
            await house.ask("/imagine a blue square --size 512x512")
        cards, _ = await house.studio.conversation("recorder:ada", None, 10)
        assert len(cards) == 1
        await house.ask("/quota grant recorder:ada 5", owner=ADMIN)
        assert (await house.drawn("/imagine a blue square --size 512x512")).state is State.DONE


async def test_what_was_taken_back_before_its_turn_is_not_charged(tmp_path: Path) -> None:
    """A cancelled waiting request costs nothing; what was drawn does."""
    async with open_house(tmp_path, *engines.SLOW) as house:
        cards = [await house.ask(f"/imagine circle {n} --n 4") for n in range(6)]
        full = (await standing(house)).used
        waiting = [card for card in cards if card.state is State.WAITING]
        assert waiting
        for card in waiting:
            await house.press(f"cancel:{card.id}")
        left = (await standing(house)).used
        assert left == pytest.approx(full * (len(cards) - len(waiting)) / len(cards))


async def test_somebody_who_asks_too_fast_reads_when_to_come_back(tmp_path: Path) -> None:
    """A burst of ten is let in, the eleventh is told the seconds."""
    async with open_house(tmp_path, *engines.SLOW) as house:
        for n in range(10):
            await house.ask(f"/imagine circle {n}")
        with pytest.raises(UserError, match=r"10 requests a minute\. Come back in \d s"):
            await house.ask("/imagine one more")


async def test_a_long_wait_is_asked_about_first(tmp_path: Path) -> None:
    """The card says how long it would be and queues nothing; a yes queues it, a no leaves nothing behind."""
    async with open_house(tmp_path, *engines.SLOW, "--row-cap", "2") as house:
        learn_slowness(house, 100.0)
        for n in range(8):
            await house.ask(f"/imagine circle {n}")
        offered = await house.ask("/imagine a patient circle")
        while offered.state is not State.OFFERED:  # how many fit beside each other is the worker's to say
            offered = await house.ask("/imagine a patient circle", owner="recorder:ada")
        assert "its turn in about" in offered.sentence
        assert [button.label for row in offered.buttons for button in row] == ["Queue it", "Not now"]
        n_waiting = house.engine.status().n_waiting
        queued = await house.press(offered.buttons[0][0].id)
        assert queued.state is State.WAITING
        assert house.engine.status().n_waiting == n_waiting + 1


async def test_a_wait_that_ran_out_is_told_as_overdue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was promised a second reads that it takes longer, not a time in the past."""
    monkeypatch.setattr("bot.runner.LOOK_EVERY_S", 0.05)
    monkeypatch.setattr("bot.live.LATE_S", 0.1)
    async with open_house(tmp_path, *engines.SLOW, "--row-cap", "2") as house:
        learn_slowness(house, 0.05)
        cards = [await house.ask(f"/imagine circle {n} --n 4") for n in range(8)]
        waiting = [card for card in cards if card.state is State.WAITING]
        overdue = await house.platform.told_card(lambda card: card.is_overdue and card.id == waiting[0].id)
        assert overdue.wait_s is None
        assert overdue.position
        assert "longer than I thought" in overdue.sentence


async def test_draining_draws_what_waits_and_takes_nothing_new(tmp_path: Path) -> None:
    """Whoever asks meanwhile reads why, and may still look at what is theirs."""
    async with open_house(tmp_path, operators=(ADMIN,)) as house:
        before = await house.ask("/imagine a red circle")
        await house.ask("/drain", owner=ADMIN)
        with pytest.raises(UserError, match="nothing new"):
            await house.ask("/imagine too late")
        assert (await house.platform.card(before.id)).state is State.DONE
        assert (await house.ask("/history")).tiles
        await house.ask("/resume", owner=ADMIN)
        assert (await house.drawn("/imagine in time")).state is State.DONE


async def test_what_admins_do_is_posted_where_they_said(tmp_path: Path) -> None:
    """A line for each act, delivered like a result, once."""
    async with open_house(tmp_path, operators=(ADMIN,)) as house:
        await house.ask("/settings all log here", owner=ADMIN, place="recorder:admins", reply_to="admins")
        await house.drawn("/imagine a red circle")
        await house.ask("/ban recorder:ada for spam --for 1h", owner=ADMIN)
        line = await house.platform.told_card(lambda card: card.kind == "notice" and "spam" in card.sentence)
        lines = [card for _, card in house.platform.told if card.id == line.id]
        assert len(lines) == 1
        with pytest.raises(UserError, match=r"You are banned .*spam.* It ends in"):
            await house.ask("/imagine again")


async def test_an_admin_cancels_somebody_elses_and_nobody_else_does(tmp_path: Path) -> None:
    """With the right to it, kept in the audit; without, it is nobody's business."""
    async with open_house(tmp_path, *engines.SLOW, operators=(ADMIN,)) as house:
        card = await house.ask("/imagine a red circle")
        with pytest.raises(UserError):
            await house.ask(f"/cancel any {card.id}", owner="recorder:eve")
        cancelled = await house.ask(f"/cancel any {card.id}", owner=ADMIN)
        assert cancelled.state is State.CANCELLED
        audit = await house.ask("/audit", owner=ADMIN)
        assert "cancel any" in str(audit.fields)


async def test_two_accounts_of_one_person_share_queue_history_and_quota(tmp_path: Path) -> None:
    """Linked with a code: pictures of both, one sum of use; parted again, each has its own pictures."""
    async with open_house(tmp_path) as house:
        await house.drawn("/imagine a red circle", owner="recorder:ada")
        await house.drawn("/imagine a blue square", owner="recorder:ada2")
        code = next(
            field.value for field in (await house.ask("/link", owner="recorder:ada")).fields if field.is_copyable
        )
        asked = await house.ask(f"/link {code.removeprefix('/link ')}", owner="recorder:ada2")
        await house.press(asked.buttons[0][0].id, owner="recorder:ada2")
        assert (await house.studio.history("recorder:ada2", "", None, 10)).total == 2
        together = (await standing(house, "recorder:ada2")).used
        assert together == pytest.approx((await standing(house, "recorder:ada")).used)
        await house.ask("/unlink", owner="recorder:ada2")
        assert (await house.studio.history("recorder:ada2", "", None, 10)).total == 1
        assert (await standing(house, "recorder:ada2")).used >= together - 1e-9


async def test_a_conversation_is_of_one_account_also_once_it_is_linked(tmp_path: Path) -> None:
    """What was asked in another chat stands there; older messages can be read on from a message of this one."""
    async with open_house(tmp_path) as house:
        first = await house.drawn("/imagine a red circle", owner="recorder:ada2")
        second = await house.drawn("/imagine a blue square", owner="recorder:ada2")
        await house.drawn("/imagine a ring", owner="recorder:ada")
        code = next(
            field.value for field in (await house.ask("/link", owner="recorder:ada")).fields if field.is_copyable
        )
        asked = await house.ask(f"/link {code.removeprefix('/link ')}", owner="recorder:ada2")
        await house.press(asked.buttons[0][0].id, owner="recorder:ada2")
        cards, _ = await house.studio.conversation("recorder:ada2", second.id, 10)
        assert [card.id for card in cards] == [first.id]


async def test_a_cancel_that_comes_twice_takes_back_one(tmp_path: Path) -> None:
    """Without a name it means the newest of that moment, also when the event is told again after newer ones."""
    async with open_house(tmp_path, "--step-s", "60") as house:
        first = await house.ask("/imagine a red circle")
        assert (await house.ask("/cancel", key="c1")).id == first.id
        second = await house.ask("/imagine a blue square")
        again = await house.ask("/cancel", key="c1")
        assert (again.id, again.state) == (first.id, State.CANCELLED)
        assert (await house.ask("/cancel", key="c2")).id == second.id


async def test_pictures_of_a_place_are_shared_private_or_covered_as_it_is_set(tmp_path: Path) -> None:
    """In a private place nobody uses another's picture; spoilers are covered, before and after they are drawn."""
    async with open_house(tmp_path, operators=(ADMIN,)) as house:
        card = await house.drawn("/imagine a red circle", is_place_shared=True)
        assert not card.is_spoiler
        shown = await house.ask(f"/recipe {card.id}", owner="recorder:eve", is_place_shared=True)
        assert card.id in shown.sentence
        await house.ask("/settings place visibility private", owner=ADMIN)
        with pytest.raises(UserError, match="no picture"):
            await house.ask(f"/recipe {card.id}", owner="recorder:eve", is_place_shared=True)
        with pytest.raises(UserError, match="no picture"):
            await house.press(f"file:{card.id}.1", owner="recorder:eve", is_place_shared=True)
        assert card.id in (await house.ask(f"/recipe {card.id}", is_place_shared=True)).sentence
        await house.ask("/settings place visibility spoiler", owner=ADMIN)
        shown = await house.ask(f"/recipe {card.id}", owner="recorder:eve", is_place_shared=True)
        assert card.id in shown.sentence
        covered = await house.drawn("/imagine a blue square")
        assert covered.is_spoiler
        assert all(told.is_spoiler for _, told in house.platform.told if told.id == covered.id)
        for button in (f"file:{covered.id}.1", f"animation:{covered.id}.1"):  # what comes as a file is covered too
            assert (await house.press(button)).is_spoiler

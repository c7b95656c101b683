"""What people are told, through the real outbox: once, in order, after losses and restarts, or kept for /collect."""

import asyncio
from pathlib import Path

import pytest

from bot import delivery
from bot.cards import State
from bot.platforms.base import Found
from engine.errors import DeliveryRefused, DeliveryUnknown, PlatformError
from storage.records import DeliveryKind, DeliveryState
from tests.fakes import engines
from tests.fakes.houses import House, open_house
from tests.fakes.platforms import Recorder, origin


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of milliseconds."""
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE_S", 0.05)


async def states(house: House) -> dict[DeliveryState, int]:
    return {state: n for state, n in (await house.store.outbox.counts()).items() if n}


async def settled(house: House, n_sent: int, state: DeliveryState = DeliveryState.SENT) -> None:
    """Wait until so many rows of the outbox are in that state."""
    async with asyncio.timeout(10):
        while (await states(house)).get(state, 0) < n_sent:  # noqa: ASYNC110 # the outbox tells nobody
            await asyncio.sleep(0.01)


async def test_an_acknowledgement_names_the_position_and_the_message_is_the_same_to_the_end(tmp_path: Path) -> None:
    """The first thing somebody reads says where they are; the result goes where the acknowledgement went."""
    async with open_house(tmp_path, *engines.SLOW, "--row-cap", "2") as house:
        cards = [await house.ask(f"/imagine circle {n}") for n in range(10)]
        cards += [await house.ask(f"/imagine circle {n}", owner="recorder:eve") for n in range(10)]
        waiting = [card for card in cards if card.state is State.WAITING]
        assert waiting
        assert all(card.position for card in waiting)
        first_told = next(card for way, card in house.platform.told if card.id == waiting[-1].id)
        assert first_told.position == waiting[-1].position


async def test_a_message_id_that_the_platform_gave_is_used_from_then_on(tmp_path: Path) -> None:
    """Acknowledging returns the id; progress and the result are addressed to it, and there is one message."""
    async with open_house(tmp_path) as house:
        card = await house.drawn("/imagine a red circle")
        ids = {to.remote_id for to in house.platform.addresses[1:] if to.request == card.id}
        assert ids == {"m1"}
        row = await house.store.requests.find(card.id)
        assert row
        assert row.remote_id == "m1"


async def test_a_call_that_failed_is_made_again_until_it_works(tmp_path: Path) -> None:
    """Two refusals of the moment delay the picture and lose nothing; it is there once."""
    platform = Recorder()
    platform.trips["deliver"] = [PlatformError("Bad gateway."), PlatformError("Too many.", retry_after_s=0.02)]
    async with open_house(tmp_path, platform=platform) as house:
        card = await house.drawn("/imagine a red circle")
        await settled(house, 2)
        assert house.platform.ways(card.id).count("deliver") == 1
        assert await states(house) == {DeliveryState.SENT: 2}


@pytest.mark.parametrize("way", ["acknowledge", "deliver"])
async def test_a_lost_reply_is_looked_for_and_not_sent_again(tmp_path: Path, way: str) -> None:
    """The call had worked and nobody said so: the platform is asked, and the message is not made twice."""
    platform = Recorder()
    platform.after[way] = [DeliveryUnknown("The connection was reset.")]
    async with open_house(tmp_path, platform=platform) as house:
        card = await house.drawn("/imagine a red circle")
        await settled(house, 2)
        assert house.platform.ways(card.id).count(way) == 1
        assert len({to.remote_id for to in platform.addresses if to.remote_id}) == 1


async def test_what_had_not_arrived_is_sent_again(tmp_path: Path) -> None:
    """The reply was lost because the call was: looking for it finds nothing, so it is sent."""
    platform = Recorder()
    platform.trips["deliver"] = [DeliveryUnknown("Timed out.")]
    async with open_house(tmp_path, platform=platform) as house:
        card = await house.drawn("/imagine a red circle")
        await settled(house, 2)
        assert house.platform.ways(card.id).count("deliver") == 1


async def test_what_nobody_can_find_out_is_left_and_can_be_collected(tmp_path: Path) -> None:
    """Sending again might double it: it is counted as ambiguous, and /collect shows it."""
    platform = Recorder()
    platform.trips["deliver"] = [DeliveryUnknown("Timed out.")]
    platform.finds = Found.UNKNOWN
    async with open_house(tmp_path, platform=platform) as house:
        card = await house.ask("/imagine a red circle")
        await house.studio.finished(card.id)
        await settled(house, 1, DeliveryState.AMBIGUOUS)
        assert "deliver" not in house.platform.ways(card.id)
        platform.finds = None
        answer = await house.ask("/collect")
        assert "1" in answer.sentence
        assert (await house.platform.card(card.id)).state is State.DONE
        assert (await house.ask("/collect")).sentence.startswith("There is nothing to collect")


async def test_a_refusal_for_good_ends_the_delivery_refunds_and_keeps_the_picture(tmp_path: Path) -> None:
    """Whoever blocked the bot has not paid for what they never saw, and finds it with /collect elsewhere."""
    platform = Recorder()
    platform.trips["deliver"] = [DeliveryRefused("The person has blocked the bot.")]
    async with open_house(tmp_path, platform=platform) as house:
        card = await house.ask("/imagine a red circle")
        await house.studio.finished(card.id)
        await settled(house, 1, DeliveryState.DEAD)
        ada = origin("k")
        standing = await house.store.ledger.standing(ada.owner, ada.place, (), is_exempt=False)
        assert standing.used == 0
        assert standing.n_pictures == 0 or standing.gpu_s >= 0
        assert await house.store.history.count("recorder:ada", "") == 1
        await house.ask("/collect", place="recorder:elsewhere", reply_to="there")
        done = await house.platform.card(card.id)
        assert done.state is State.DONE
        assert house.platform.addresses[-1].reply_to == "there"


async def test_a_restart_delivers_what_was_drawn_but_not_told(tmp_path: Path) -> None:
    """The bot ends between the picture and its delivery: the next life tells it, once."""
    platform = Recorder()
    platform.trips["deliver"] = [PlatformError("No network.", retry_after_s=3_600.0)] * 50
    async with open_house(tmp_path, platform=platform) as house:
        card = await house.ask("/imagine a red circle")
        await house.studio.finished(card.id)
        async with asyncio.timeout(10):
            while len(platform.trips["deliver"]) == 50:  # noqa: ASYNC110 # nobody is told of a call that failed
                await asyncio.sleep(0.01)
        await house.store.outbox.again(card.id, DeliveryKind.RESULT, 0.0, "for the test")
    async with open_house(tmp_path, resume=True) as house:
        assert (await house.platform.card(card.id)).state is State.DONE
        assert house.platform.ways(card.id) == ["deliver"]
        assert house.platform.addresses[0].remote_id == "m1"


async def test_a_call_that_a_kill_cut_off_is_looked_for_by_the_next_life(tmp_path: Path) -> None:
    """A row found in `sending` is not sent blindly: where the message is there, it is only written down."""
    platform = Recorder()
    async with open_house(tmp_path, platform=platform) as house:
        card = await house.drawn("/imagine a red circle")
        await settled(house, 2)
        await house.store.database.write(
            lambda writing: writing.rows("UPDATE outbox SET state = 'sending' WHERE kind = 'result'")
        )
    async with open_house(tmp_path, platform=platform, resume=True) as house:
        await settled(house, 2)
        assert platform.ways(card.id).count("deliver") == 1


async def test_a_deleted_message_is_withdrawn(tmp_path: Path) -> None:
    """Deleting is delivered like a result, also where the first try fails."""
    async with open_house(tmp_path) as house:
        card = await house.drawn("/imagine a red circle")
        await settled(house, 2)
        await house.press(f"delete:{card.id}")
        async with asyncio.timeout(10):
            await house.platform.withdrawal(card.id)


async def test_a_press_that_comes_twice_is_done_once(tmp_path: Path) -> None:
    """The same event again is answered as it was, and not with "finished already"."""
    async with open_house(tmp_path, *engines.SLOW) as house:
        card = await house.ask("/imagine a red circle")
        first = await house.press(f"cancel:{card.id}", key="press-1")
        again = await house.press(f"cancel:{card.id}", key="press-1")
        assert (first.state, again.state) == (State.CANCELLED, State.CANCELLED)
        assert again.sentence == first.sentence
        deleted = await house.press(f"delete:{card.id}", key="press-2")
        assert (await house.press(f"delete:{card.id}", key="press-2")).sentence == deleted.sentence


async def test_the_same_event_makes_one_request(tmp_path: Path) -> None:
    """A chat that tells an event twice gets the same request twice."""
    async with open_house(tmp_path) as house:
        first = await house.ask("/imagine a red circle", key="same")
        second = await house.ask("/imagine a red circle", key="same")
        assert first.id == second.id
        await house.platform.card(first.id)
        assert await house.store.history.count("recorder:ada", "") == 1

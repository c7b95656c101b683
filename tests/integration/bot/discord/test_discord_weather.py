"""Pauses that Discord asks for are kept, a first answer that got lost is given again, and a crowd is told sooner."""

import asyncio
from pathlib import Path

import pytest

from bot.platforms.discord import pauses
from bot.platforms.discord.address import MessageName
from bot.platforms.discord.reply import Reply
from engine.errors import PlatformError
from tests.fakes.discord_houses import Scene, is_over, open_discord
from tests.fakes.discord_server import Fault, RateLimit, gallery, texts

SLOW = ("--step-s", "0.2")


async def test_a_long_pause_is_the_outboxs_to_wait_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes to that route before it is over, whoever wants to; then the picture comes."""
    monkeypatch.setattr(pauses, "LONGEST_S", 0.3)
    async with open_discord(tmp_path, *SLOW) as scene:
        message = await (await scene.slash("/imagine a red circle --steps 8")).answered()
        scene.server.next_fault("PATCH", "/webhooks/*", Fault.TOO_MANY, retry_after_s=2.5)
        await message.until(is_over, 20.0)
        assert gallery(message)
        assert scene.server.offences == []


async def test_others_of_a_route_wait_for_its_pause_too(tmp_path: Path) -> None:
    """discord.py lets them go on while the call that was told to waits."""
    async with open_discord(tmp_path) as scene:
        scene.server.channel_limit = RateLimit(n_calls=5, per_s=1.0)
        calls, messages = scene.platform.calls, [await scene.drawn(), await scene.drawn()]
        names = [MessageName(each.channel.id, each.id) for each in messages]
        await calls.edit(names[0], {"allowed_mentions": {"parse": []}}, ())  # now it knows the limit
        scene.server.next_fault("PATCH", "/channels/*", Fault.TOO_MANY, retry_after_s=1.5)
        first = asyncio.create_task(calls.edit(names[0], {"allowed_mentions": {"parse": []}}, ()))
        await scene.server.until(lambda: scene.server.calls[-1].status == 429)
        told_at_s = scene.server.calls[-1].at_s
        assert await calls.edit(names[1], {"allowed_mentions": {"parse": []}}, ()) == names[1]
        assert await first == names[0]
        later = [call.at_s for call in scene.server.calls if call.at_s > told_at_s]
        assert len(later) == 2
        assert min(later) > told_at_s + 1.5


async def test_a_call_into_a_long_pause_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says at once for how long; other routes are not concerned."""
    monkeypatch.setattr(pauses, "LONGEST_S", 0.3)
    async with open_discord(tmp_path) as scene:
        message = await scene.drawn()
        name, n_calls = MessageName(message.channel.id, message.id), len(scene.server.calls)
        scene.server.next_fault("DELETE", "/channels/*", Fault.TOO_MANY, retry_after_s=60.0)
        for _ in range(2):
            with pytest.raises(PlatformError) as refused:
                await scene.platform.calls.delete(name)
            assert refused.value.retry_after_s == pytest.approx(60.0, abs=2.0)
        assert len(scene.server.calls) == n_calls + 1
        assert await scene.platform.calls.direct_channel(scene.ada.id)


@pytest.mark.parametrize("fault", [Fault.DROPPED, Fault.RESET, Fault.REPLY_LOST])
async def test_a_first_answer_that_is_lost_is_given_again_for_all_to_see(tmp_path: Path, fault: Fault) -> None:
    """An answer to the asker alone would take the picture with it when they close Discord."""
    async with open_discord(tmp_path, *SLOW) as scene:
        scene.server.next_fault("POST", "/interactions/*", fault)
        asked = await scene.slash("/imagine a red circle --steps 12")
        message = await scene.end_of(asked)
        assert not message.is_ephemeral
        assert gallery(message)
        assert [each for each in scene.channel.messages if is_over(each)] == [message]


async def test_where_pictures_are_private_a_lost_first_answer_is_given_again_too(tmp_path: Path) -> None:
    """It says where the picture comes, and stays no "thinking"."""
    async with open_discord(tmp_path, *SLOW) as scene:
        setting = {"scope": "place", "key": "visibility", "value": "private"}
        await (await scene.server.slash(scene.operator, scene.channel, "settings", setting)).answered()
        scene.server.next_fault("POST", "/interactions/*", Fault.DROPPED)
        asked = await scene.slash("/imagine a red circle --steps 4")
        assert "direct messages" in texts(await asked.answered())
        await scene.server.until(lambda: any(map(is_over, scene.server.dm(scene.ada).messages)), 20.0)


async def test_in_a_crowd_thinking_is_said_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saying it to hundreds takes a while, and all of them have three seconds."""
    async with open_discord(tmp_path, *SLOW) as scene:
        _slow_commits(scene, monkeypatch)
        replies: dict[int, Reply] = scene.platform._listener._replies
        replies |= {number: object() for number in range(400)}  # type: ignore[misc]  # others who wait
        asked = await scene.slash("/imagine a red circle")
        await asked.acked()
        assert asked.response_type == 5
        assert asked.acked_after_s is not None
        assert asked.acked_after_s < 1.2
        for number in range(400):
            del replies[number]
        assert gallery(await scene.end_of(asked))


def _slow_commits(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    add = scene.house.store.requests.add

    async def slowly(*given: object) -> object:
        await asyncio.sleep(1.4)
        return await add(*given)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(scene.house.store.requests, "add", slowly)

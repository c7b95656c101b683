"""Nothing that was said to the bot is lost, and no picture is shown twice: restarts, faults, people who leave."""

import asyncio
from pathlib import Path

import pytest

from bot.platforms.telegram.intake import DurableQueue
from bot.platforms.telegram.platform import TelegramPlatform
from bot.platforms.telegram.settings import TelegramSettings
from engine.errors import PlatformError, StorageError, UserError
from storage.store import open_store
from tests.fakes.studios import FakeStudio
from tests.fakes.telegram_houses import Scene, is_over, open_telegram, over
from tests.fakes.telegram_server import FakeTelegram, Fault, Message, texts

SLOW = ("--step-s", "0.2")


def results(scene: Scene) -> list[Message]:
    """What Ada can see of pictures."""
    return [each for each in scene.server.of_bot(scene.private) if not each.deleted and is_over(each)]


async def test_after_a_restart_the_waiting_message_becomes_the_picture(tmp_path: Path) -> None:
    """The same message, once."""
    server = FakeTelegram()
    await server.start()
    try:
        async with open_telegram(tmp_path, "--step-s", "60", server=server) as scene:
            message = await scene.say("a red circle --seed 7")
        async with open_telegram(tmp_path, server=server, is_open=False) as scene:
            await over(message)
            assert message.media is not None
            assert results(scene) == [message]
    finally:
        await server.close()


async def test_an_update_that_was_confirmed_and_not_answered_is_answered_after_a_restart(tmp_path: Path) -> None:
    """It was on disk before Telegram was told that we have it."""
    server = FakeTelegram()
    await server.start()
    try:
        async with open_telegram(tmp_path, server=server) as scene:

            async def deaf(_: object) -> None:
                await asyncio.sleep(3_600)

            scene.platform._listener.hear = deaf  # type: ignore[method-assign, assignment]  # killed in the middle
            asked = await server.send(scene.ada, scene.private, "a red circle")
            async with asyncio.timeout(10.0):
                while not await scene.house.store.arrivals.left("telegram"):  # noqa: ASYNC110  # storage tells nobody
                    await asyncio.sleep(0.02)
        async with open_telegram(tmp_path, server=server, is_open=False) as scene:
            assert (await over(await server.answer_to(asked, 20.0))).media is not None
            assert len(results(scene)) == 1
    finally:
        await server.close()


async def test_what_is_said_while_the_bot_ends_is_answered_by_its_next_life(tmp_path: Path) -> None:
    """Nobody reads that it is just stopping: it is on disk, and drawn."""
    server = FakeTelegram()
    await server.start()
    try:
        async with open_telegram(tmp_path, server=server) as scene:
            scene.house.studio.stop_taking()
            asked = await server.send(scene.ada, scene.private, "a red circle")
            async with asyncio.timeout(10.0):
                while not scene.platform._later:  # noqa: ASYNC110  # what is set aside tells nobody
                    await asyncio.sleep(0.02)
        assert [each for each in server.of_bot(scene.private) if each.reply_to is asked] == []
        async with open_telegram(tmp_path, server=server, is_open=False) as scene:
            assert (await over(await server.answer_to(asked, 20.0))).media is not None
    finally:
        await server.close()


async def test_nothing_is_confirmed_while_the_disk_is_ill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram keeps it; when the disk is well it is taken, once."""
    monkeypatch.setattr("bot.platforms.telegram.intake._PAUSE_S", 0.01)
    async with open_store(tmp_path) as store:
        tries = 0
        take = store.arrivals.take

        async def ill(*given: object) -> bool:
            nonlocal tries
            tries += 1
            if tries < 4:
                raise StorageError("The disk is full.")
            return await take(*given)  # type: ignore[arg-type]  # passed on

        monkeypatch.setattr(store.arrivals, "take", ill)
        server = FakeTelegram()
        update = _update(server)
        queue = DurableQueue(store.arrivals)
        await queue.put(update)
        await queue.put(update)
        assert queue.qsize() == 1
        assert tries == 5


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.RESET, Fault.BROKEN_AFTER, Fault.BROKEN_BEFORE])
async def test_an_edit_whose_answer_is_lost_is_made_again(tmp_path: Path, fault: Fault) -> None:
    """Which shows one picture in one message."""
    async with open_telegram(tmp_path, *SLOW) as scene:
        message = await scene.say("a red circle --steps 8")
        scene.server.next_fault("editMessageMedia", fault, n=2)
        await over(message, 40.0)
        assert results(scene) == [message]


async def test_a_chat_that_asks_for_a_pause_gets_it_and_others_do_not_wait(tmp_path: Path) -> None:
    """One chat is parked, never the bot."""
    async with open_telegram(tmp_path, *SLOW) as scene:
        message = await scene.say("a red circle --steps 8")
        scene.server.next_fault("editMessageMedia", Fault.TOO_MANY, retry_after_s=3)
        bob = scene.server.add_user("bob")
        other = await scene.say("a blue square --steps 3", bob, scene.server.private(bob))
        await over(other, 60.0)
        await over(message, 60.0)
        assert scene.server.offences == []


async def test_who_blocked_the_bot_finds_the_picture_with_collect(tmp_path: Path) -> None:
    """It is kept, and not charged."""
    async with open_telegram(tmp_path, *SLOW) as scene:
        await scene.say("a red circle --steps 8")
        scene.server.block(scene.ada)
        async with asyncio.timeout(20.0):
            while not await scene.house.store.outbox.uncollected(f"telegram:{scene.ada.id}"):  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.05)
        scene.server.unblock(scene.ada)
        assert "could not be delivered" in texts(await scene.say("/collect"))
        await scene.server.until(lambda: bool(results(scene)), 20.0)


async def test_a_deleted_message_is_sent_anew(tmp_path: Path) -> None:
    """The person deleted the line that waits, and still wants the picture."""
    async with open_telegram(tmp_path, *SLOW) as scene:
        message = await scene.say("a red circle --steps 8")
        scene.server.delete_message(message)
        await scene.server.until(lambda: bool(results(scene)), 20.0)
        assert len(results(scene)) == 1


async def test_a_wrong_token_is_one_sentence(tmp_path: Path) -> None:
    """That says whom to ask for a right one, and holds no token."""
    server = FakeTelegram()
    await server.start()
    async with open_store(tmp_path) as store:
        settings = TelegramSettings(token="123456:wrong-wrong-wrong-wrong-wrong-wrong", api_base=server.api_base)
        platform = TelegramPlatform(FakeStudio(), None, store.arrivals, settings, tmp_path)  # type: ignore[arg-type]
        try:
            with pytest.raises(UserError, match="BotFather") as caught:
                await platform.start()
            assert "wrong" not in str(caught.value)
        finally:
            await platform.close()
            await server.close()


async def test_without_a_network_it_keeps_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence now; and when Telegram is there, so are we."""
    monkeypatch.setattr("bot.platforms.telegram.platform.AGAIN_AFTER_S", 0.05)
    server = FakeTelegram()
    await server.start()
    server.next_fault("getMe", Fault.DROPPED, n=1)
    async with open_store(tmp_path) as store:
        settings = TelegramSettings(token=server.token, api_base=server.api_base)
        platform = TelegramPlatform(FakeStudio(), None, store.arrivals, settings, tmp_path)  # type: ignore[arg-type]
        try:
            with pytest.raises(PlatformError, match="cannot be reached"):
                await platform.start()
            await server.ready()
            assert platform.lines == (f"telegram: write to me at https://t.me/{server.bot.username}",)
        finally:
            await platform.close()
            await server.close()


def _update(server: FakeTelegram) -> object:
    from telegram import Update

    ada = server.add_user("ada")
    told = {
        "update_id": 7,
        "message": {
            "message_id": 1,
            "date": 1_800_000_000,
            "chat": {"id": ada.id, "type": "private"},
            "from": {"id": ada.id, "is_bot": False, "first_name": "Ada"},
            "text": "a red circle",
        },
    }
    return Update.de_json(told, None)

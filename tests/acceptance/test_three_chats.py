"""One person on Discord, on Telegram and at the page: the real bot; both chats are fakes in the test's event loop."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import discord_houses, drawer
from tests.fakes.discord_server import Channel, FakeDiscord, Interaction, gallery
from tests.fakes.discord_server import User as DiscordUser
from tests.fakes.discord_server import texts as discord_texts
from tests.fakes.lives import Lives
from tests.fakes.pages import Page
from tests.fakes.telegram_server import FakeTelegram, buttons, texts
from tests.fakes.telegram_server import User as TelegramUser

WITHIN_S = 60.0


@dataclass
class Studio:
    """Both chats with Ada in them, and the page."""

    discord: FakeDiscord
    telegram: FakeTelegram
    page: Page
    channel: Channel
    ada: DiscordUser
    her_phone: TelegramUser

    async def slash(self, user: DiscordUser, name: str, **values: object) -> Interaction:
        """A command on Discord, once it is answered."""
        asked = await self.discord.slash(user, self.channel, name, values)
        await asked.answered(WITHIN_S)
        return asked

    async def say(self, words: str) -> str:
        """On her phone; what it says then."""
        sent = await self.telegram.send(self.her_phone, self.telegram.private(self.her_phone), words)
        return texts(await self.telegram.answer_to(sent, WITHIN_S))

    async def at_the_page(self, words: str) -> Any:
        """The card that answers there."""
        return await asyncio.to_thread(self.page.type, words)


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    """In the end all that was said is by both descriptions."""
    discord, telegram = FakeDiscord(), FakeTelegram()
    await discord.start()
    await telegram.start()
    settings = {
        "DARKROOM_DISCORD_TOKEN": discord.token,
        "DARKROOM_DISCORD_API_BASE": discord.api_base,
        "DARKROOM_DISCORD_GATEWAY": discord.gateway,
        "DARKROOM_TELEGRAM_TOKEN": telegram.token,
        "DARKROOM_TELEGRAM_API_BASE": telegram.api_base,
    }
    lives = Lives(tmp_path / "data", settings, worker=" ".join(drawer.COMMAND))
    channel = discord.add_channel(discord.add_guild("home", discord.owner), "art")
    try:
        bot = await lives.begin()
        await discord.ready(n_commands=1)
        await telegram.ready()
        opened = Studio(
            discord, telegram, Page(bot.url), channel, discord.add_user("ada"), telegram.add_user("ada's phone")
        )
        await opened.slash(discord.owner, "allow", who="everyone")
        await opened.at_the_page(f"/allow telegram:{opened.her_phone.id}")
        yield opened
        assert await lives.end() == 0
        assert discord.problems() + telegram.problems() == []
        assert discord.offences + telegram.offences == []
        assert "Traceback" not in "".join(lives.written)
    finally:
        await lives.close()
        await telegram.close()
        await discord.close()


def code_in(words: str) -> str:
    """What to send from another account."""
    found = re.search(r"/link (\S+)", words)
    assert found, words
    return found[0].strip("`*")


async def test_who_asks_on_discord_finds_it_on_telegram_and_at_the_page(studio: Studio) -> None:
    """After /link: history, quota and the place in line are one person's, wherever she looks."""
    drawn = await studio.slash(studio.ada, "imagine", prompt="a red circle --seed 4711")
    assert drawn.message
    await drawn.message.until(discord_houses.is_over, WITHIN_S)
    assert len(gallery(drawn.message)) == 1
    assert "4711" not in await studio.say("/history")

    code = await studio.slash(studio.ada, "link")
    assert code.ephemeral
    assert code.message
    sent = await studio.telegram.send(
        studio.her_phone, studio.telegram.private(studio.her_phone), code_in(discord_texts(code.message))
    )
    question = await studio.telegram.answer_to(sent, WITHIN_S)
    assert "become one person with Ada" in texts(question)
    n_before = len(studio.telegram.of_bot(question.chat))
    await studio.telegram.press(studio.her_phone, question, buttons(question)[0]["callback_data"])
    joined = await studio.telegram.said(question.chat, n_before + 1, WITHIN_S)
    assert "one person now" in texts(joined)
    assert "Drawn today 1 picture," in await studio.say("/quota")
    card = await studio.at_the_page(code_in(await studio.say("/link")))
    await asyncio.to_thread(studio.page.press, card["buttons"][0][0]["id"])

    await studio.slash(studio.discord.owner, "pause")
    await studio.slash(studio.discord.add_user("bob"), "imagine", prompt="a green square")
    waiting = await studio.slash(studio.ada, "imagine", prompt="a blue ring --n 2 --seed 4712")
    assert waiting.message
    assert "Number 2 in line" in discord_texts(waiting.message)
    assert "a blue ring --n 2 --seed 4712 number 2" in await studio.say("/queue")
    [of_queue] = [each for each in (await studio.at_the_page("/queue"))["fields"] if "a blue ring" in each["name"]]
    assert of_queue["value"].startswith("number 2")
    assert "a red circle · seed 4711" in await studio.say("/history")

    await studio.slash(studio.discord.owner, "resume")
    await waiting.message.until(discord_houses.is_over, WITHIN_S)
    assert "a blue ring · seed 4713" in await studio.say("/history")
    shown = await asyncio.to_thread(studio.page.get, "/api/history")
    assert {each["seed"] for each in shown["pictures"]} >= {4711, 4712, 4713}
    drawn_by_all = f"Drawn today {shown['total']} pictures,"  # one of them by the page itself, to bid welcome
    assert drawn_by_all in await studio.say("/quota")
    of_page = {each["name"]: each["value"] for each in (await studio.at_the_page("/quota"))["fields"]}
    assert f"Drawn today {of_page['Drawn today']}".startswith(drawn_by_all)

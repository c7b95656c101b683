"""Somebody types on Discord and sees a picture: the real bot, the real worker, the model that ships, real pixels.

The bot is a child process; Discord is a server in the test's own event loop.
"""

import asyncio
import io
import re
import signal
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from bot.platforms.discord.menu import REMIX_THIS
from bot.platforms.discord.uploads import PREVIEW_NAME
from tests.fakes import drawer
from tests.fakes.bots import bot_beside
from tests.fakes.colours import colour_at, is_red_on_blue
from tests.fakes.discord_houses import is_over
from tests.fakes.discord_server import Channel, FakeDiscord, Interaction, Message, User, buttons, gallery, texts
from tests.fakes.lives import Lives

PICTURE_S = 90.0  # two busy cores
PROMPT = "a red circle on a blue background"
N_LONG = 3  # pictures of 150 steps: longer than two edits of a message are apart, on a fast machine too

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("discord"),  # one bot for all of them
    pytest.mark.timeout(300),  # a restart imports torch anew, and what was being drawn is drawn from its beginning
]


def settings_of(server: FakeDiscord, token: str = "") -> dict[str, str]:
    """What puts this server in Discord's place."""
    return {
        "DARKROOM_DISCORD_TOKEN": token or server.token,
        "DARKROOM_DISCORD_API_BASE": server.api_base,
        "DARKROOM_DISCORD_GATEWAY": server.gateway,
    }


@dataclass
class Stage:
    """A server with a channel, Ada in it, and the bot in one of its lives."""

    server: FakeDiscord
    lives: Lives
    channel: Channel
    ada: User

    async def begin(self) -> None:
        """Start the bot, and wait until it listens."""
        n_before = self.server.n_identifies
        await self.lives.begin()
        await self.server.ready(n_commands=1, n_identifies=n_before + 1)

    async def end(self, number: signal.Signals) -> int:
        """Tell the bot to stop, or kill it; its exit status."""
        status = await self.lives.end(number)
        self.server.forget_silences()
        return status

    async def imagine(self, prompt: str = PROMPT, **options: object) -> Interaction:
        """Type it."""
        return await self.server.slash(self.ada, self.channel, "imagine", {"prompt": prompt, **options})

    async def press(self, message: Message, label: str) -> Interaction:
        """The button with this on it."""
        found = next(each for each in buttons(message) if each["label"] == label)
        return await self.server.click(self.ada, message, found["custom_id"])

    def results(self) -> list[Message]:
        """All messages that show the end of a request."""
        messages = [each for channel in self.server.channels.values() for each in channel.messages]
        return [each for each in messages if not each.deleted and is_over(each)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The bot is started once, but for who restarts it; in the end all was by the specs, and no token was logged."""
    server = FakeDiscord()
    await server.start()
    guild = server.add_guild("home", server.owner)
    opened = Stage(
        server=server,
        lives=Lives(tmp_path_factory.mktemp("discord") / "data", settings_of(server)),
        channel=server.add_channel(guild, "art"),
        ada=server.add_user("ada"),
    )
    try:
        await opened.begin()
        await (await server.slash(server.owner, opened.channel, "allow", {"who": "here"})).answered()
        yield opened
        assert await opened.end(signal.SIGTERM) == 0
        assert server.problems() == []
        assert server.offences == []
        said = "".join(opened.lives.written)
        assert "Traceback" not in said
        assert [secret for secret in (server.token, *server.interactions) if secret[:24] in said] == []
    finally:
        await opened.lives.close()
        await server.close()


async def pictures(asked: Interaction, n: int = 1) -> list[Image.Image]:
    """The pixels in the message of an interaction, once it is over."""
    message = await (await asked.answered(PICTURE_S)).until(is_over, PICTURE_S)
    return pixels(message, n)


def pixels(message: Message, n: int = 1) -> list[Image.Image]:
    """Of the pictures that a message shows."""
    shown = gallery(message)
    assert len(shown) == n, texts(message)
    return [Image.open(io.BytesIO(each.attachment.content)).convert("RGB") for each in shown if each.attachment]


def is_being_drawn(message: Message) -> bool:
    """Some steps are done, and not all."""
    return bool(re.search(r"█.* [1-9]\d? %", texts(message)))


@pytest.mark.torch
async def test_the_ready_line_says_that_discord_is_on(stage: Stage) -> None:
    """And the line before it, how to add the bot to a server."""
    assert "· discord: on ·" in stage.lives.bot.lines[-1]
    assert any(f"client_id={stage.server.application_id}" in line for line in stage.lives.bot.lines)


@pytest.mark.torch
async def test_a_prompt_develops_in_one_message_before_everybody(stage: Stage) -> None:
    """Typed, seen in progress with previews, and then the right pixels with their words and seed."""
    asked = await stage.imagine(steps=150, pictures=N_LONG, seed=7)
    for image in await pictures(asked, N_LONG):
        assert is_red_on_blue(image)
    message = asked.message
    assert message
    assert [each.description for each in gallery(message)] == [f"{PROMPT} (seed {seed})" for seed in (7, 8, 9)]
    previews = [each for state in message.history for each in state.attachments if each.filename == PREVIEW_NAME]
    assert previews
    assert Image.open(io.BytesIO(previews[-1].content)).format == "WEBP"
    assert not message.is_ephemeral


@pytest.mark.torch
async def test_four_pictures_have_buttons_that_open_one_and_vary_one(stage: Stage) -> None:
    """U2 is the second one itself; V2 is four others that keep its colours."""
    message = await (await stage.imagine(pictures=4, seed=7)).answered(PICTURE_S)
    await message.until(is_over, PICTURE_S)
    second = pixels(message, 4)[1]
    [alone] = await pictures(await stage.press(message, "U2"))
    assert alone.tobytes() == second.tobytes()
    for varied in await pictures(await stage.press(message, "V2"), 4):
        assert colour_at(varied, 0.03, 0.03)[2] > 120
        assert varied.tobytes() != second.tobytes()


@pytest.mark.torch
async def test_a_picture_that_somebody_posted_is_remixed_in_a_form(stage: Stage) -> None:
    """From the menu of its message: words and strength are filled in, and it becomes a picture of its size."""
    buffer = io.BytesIO()
    Image.new("RGB", (128, 128), "white").save(buffer, format="PNG")
    posted = stage.server.say(stage.ada, stage.channel, "look", [stage.server.upload("mine.png", buffer.getvalue())])
    opened = await (await stage.server.context(stage.ada, stage.channel, posted, REMIX_THIS)).acked()
    sent = await stage.server.submit(opened, {"prompt": f"{PROMPT} --seed 7", "strength": "0.95"})
    [remixed] = await pictures(sent)
    assert remixed.size == (128, 128)
    assert is_red_on_blue(remixed)


@pytest.mark.torch
async def test_a_cancelled_job_says_so_and_the_next_one_is_drawn(stage: Stage) -> None:
    """In mid-drawing, by the button of its message."""
    message = await (await stage.imagine(steps=150, pictures=N_LONG)).answered(PICTURE_S)
    await message.until(is_being_drawn, PICTURE_S)
    await (await stage.press(message, "Cancel")).acked()
    await message.until(is_over, PICTURE_S)
    assert "Cancelled" in texts(message)
    assert not gallery(message)
    await pictures(await stage.imagine("a green square on a white background"))


@pytest.mark.torch
async def test_words_mention_nobody_and_are_no_markup(stage: Stage) -> None:
    """They come back as they were typed; nobody is told, whatever the words say."""
    hostile = f"@everyone <@{stage.server.owner.id}> **bold** [x](https://evil.example) ||b|| ```"
    asked = await stage.imagine(hostile, steps=2)
    await pictures(asked)
    message = asked.message
    assert message
    assert message.allowed_mentions == {"parse": []}
    assert "\\@everyone \\<\\@" in texts(message)
    assert "\\*\\*bold\\*\\* \\[x\\](https\\://evil.example) \\|\\|b\\|\\| \\`\\`\\`" in texts(message)


@pytest.mark.torch
async def test_a_refusal_is_one_sentence_to_this_person(stage: Stage) -> None:
    """Nothing of it stands in the channel."""
    asked = await stage.imagine("a circle --steps 9000")
    message = await asked.answered()
    assert asked.ephemeral
    assert "150" in texts(message)


@pytest.mark.torch
async def test_a_restart_in_mid_job_loses_nothing_and_old_buttons_work(stage: Stage) -> None:
    """Stopped while it draws: the same message becomes the picture, and a button from before draws."""
    old = await (await stage.imagine(seed=7)).answered(PICTURE_S)
    await old.until(is_over, PICTURE_S)
    message = await (await stage.imagine(steps=150, pictures=N_LONG)).answered(PICTURE_S)
    await message.until(is_being_drawn, PICTURE_S)
    assert await stage.end(signal.SIGTERM) == 0
    await stage.begin()
    await message.until(is_over, PICTURE_S)
    assert all(is_red_on_blue(image) for image in pixels(message, N_LONG))
    [again] = await pictures(await stage.press(old, "Again"))
    assert is_red_on_blue(again)


@pytest.mark.torch
async def test_a_kill_in_mid_job_brings_the_picture_once(stage: Stage) -> None:
    """kill -9 while it draws: the next life draws it into the message that waits, and nowhere else."""
    before = len(stage.results())
    message = await (await stage.imagine(steps=150, pictures=N_LONG)).answered(PICTURE_S)
    await message.until(is_being_drawn, PICTURE_S)
    await stage.end(signal.SIGKILL)
    await stage.begin()
    await message.until(is_over, PICTURE_S)
    assert all(is_red_on_blue(image) for image in pixels(message, N_LONG))
    await pictures(await stage.imagine("a blue square on a white background"))
    assert len(stage.results()) == before + 2


async def test_a_wrong_token_is_said_and_the_page_serves(tmp_path: Path) -> None:
    """In the ready line, with what to do; the rest of Darkroom does not need Discord."""
    server = FakeDiscord()
    await server.start()
    try:
        wrong = settings_of(server, "MTIz.wrong.altogether")
        async with bot_beside(tmp_path / "data", worker=" ".join(drawer.COMMAND), **wrong) as bot:
            assert "· discord: Discord does not know this token: " in bot.lines[-1]
            assert "Reset Token" in bot.lines[-1]
            status = await asyncio.to_thread(lambda: urllib.request.urlopen(f"{bot.url}/api/me", timeout=30).status)
            assert status == 200
            assert await asyncio.to_thread(bot.stop) == 0
        assert "wrong.altogether" not in (tmp_path / "stderr.txt").read_text()
        assert server.n_identifies == 0
    finally:
        await server.close()

"""Somebody writes on Telegram and sees a picture: the real bot, the real worker, the model that ships, real pixels.

The bot is a child process; Telegram is a server in the test's own event loop.
"""

import asyncio
import io
import re
import signal
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from engine.grid import columns_of
from tests.fakes import drawer
from tests.fakes.bots import bot_beside
from tests.fakes.colours import colour_at, is_red_on_blue
from tests.fakes.lives import Lives
from tests.fakes.telegram_houses import is_over
from tests.fakes.telegram_server import Chat, FakeTelegram, Message, User, button, texts

PICTURE_S = 240.0  # two cores that others use too
PROMPT = "a red circle on a blue background"
N_LONG = 3  # pictures of 150 steps: longer than two edits of a message are apart, on a fast machine too
LONG = f"{PROMPT} --steps 150 --seed 7"  # longer than it takes to press a button

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("telegram"),  # one bot for all of them
    pytest.mark.timeout(600),  # a restart imports torch anew, and what was being drawn is drawn from its beginning
]


def settings_of(server: FakeTelegram, token: str = "") -> dict[str, str]:
    """What puts this server in Telegram's place."""
    return {"DARKROOM_TELEGRAM_TOKEN": token or server.token, "DARKROOM_TELEGRAM_API_BASE": server.api_base}


@dataclass
class Stage:
    """People, a group, and the bot in one of its lives. `denied`: what Ada read before anybody let her in."""

    server: FakeTelegram
    lives: Lives
    owner: User
    ada: User
    group: Chat
    denied: list[str] = field(default_factory=list)

    @property
    def private(self) -> Chat:
        """Ada's with the bot."""
        return self.server.private(self.ada)

    async def begin(self) -> None:
        """Start the bot, and wait until it listens."""
        await self.lives.begin()
        await self.server.ready()

    async def end(self, number: signal.Signals) -> int:
        """Tell the bot to stop, or kill it; its exit status."""
        status = await self.lives.end(number)
        self.server.forget_silences()
        return status

    async def say(self, words: str, user: User | None = None, chat: Chat | None = None) -> Message:
        """Somebody writes; the first answer."""
        user = user or self.ada
        sent = await self.server.send(user, chat or self.server.private(user), words)
        return await self.server.answer_to(sent, PICTURE_S)

    async def drawn(self, words: str = f"{PROMPT} --seed 7", user: User | None = None) -> Message:
        """Ask, and wait for the picture."""
        return await over(await self.say(words, user))

    async def press(self, message: Message, label: str) -> Message:
        """The button with this on it; what the bot says then."""
        n_before = len(self.server.of_bot(message.chat))
        press = await self.server.press(self.ada, message, button(message, label)["callback_data"])
        await self.server.until(lambda: press.answer is not None, PICTURE_S, lambda: f"{label} was not answered")
        return await self.server.said(message.chat, n_before + 1, PICTURE_S)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The bot is started once, but for who kills it; in the end all was by the description, and no token was logged."""
    server = FakeTelegram()
    await server.start()
    owner = server.add_user("owner")
    lives = Lives(tmp_path_factory.mktemp("telegram") / "data", settings_of(server))
    opened = Stage(server, lives, owner, server.add_user("ada"), server.add_supergroup("art", owner))
    try:
        await opened.begin()
        opened.denied.append(texts(await opened.say(PROMPT)))
        code = next(line for line in lives.bot.lines if "/claim" in line).rpartition("/claim ")[2]
        await opened.say(f"/claim {code}", owner)
        opened.denied.append(texts(await opened.say(PROMPT)))
        await opened.say("/allow everyone", owner)
        await opened.say(f"/quota set {opened.ada.id} rate unlimited", owner)
        yield opened
        assert await opened.end(signal.SIGTERM) == 0
        assert server.problems() == []
        assert server.offences == []
        said = "".join(lives.written)
        assert "Traceback" not in said
        assert server.token.partition(":")[2] not in said
    finally:
        await lives.close()
        await server.close()


async def over(message: Message) -> Message:
    """The same message, once it shows an end."""
    return await message.until(is_over, PICTURE_S)


def pixels(message: Message) -> Image.Image:
    """Of the photo that a message shows."""
    assert message.media, texts(message)
    assert message.media.kind == "photo"
    return Image.open(io.BytesIO(message.media.file.content)).convert("RGB")


def in_grid(message: Message, n: int) -> list[Image.Image]:
    """The pictures of a grid, from the middle of each place."""
    whole, columns = pixels(message), columns_of(n)
    n_rows = -(-n // columns)
    width, height = whole.width // columns, whole.height // n_rows
    places = [divmod(each, columns) for each in range(n)]
    return [whole.crop((x * width, y * height, (x + 1) * width, (y + 1) * height)) for y, x in places]


def is_being_drawn(words: str) -> bool:
    """Not all steps are done."""
    return bool(re.search(r"░ \d+ %", words))


def png(colour: str = "white") -> bytes:
    """A picture that somebody has."""
    buffer = io.BytesIO()
    Image.new("RGB", (128, 128), colour).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.torch
async def test_the_ready_line_says_that_telegram_is_on(stage: Stage) -> None:
    """And the lines before it, where to find the bot and how to become its operator."""
    assert "· telegram: on ·" in stage.lives.bot.lines[-1]
    assert f"telegram: write to me at https://t.me/{stage.server.bot.username}" in stage.lives.bot.lines


@pytest.mark.torch
async def test_a_stranger_is_kept_out_until_the_operator_lets_them_in(stage: Stage) -> None:
    """Before somebody claimed it they read how to; after that whom to ask."""
    unclaimed, claimed = stage.denied
    assert "/claim" in unclaimed
    assert "/claim" not in claimed
    assert "private" in claimed
    assert is_red_on_blue(pixels(await stage.drawn()))


@pytest.mark.torch
async def test_a_prompt_develops_in_one_message_from_its_place_in_line(stage: Stage) -> None:
    """A number while the operator has paused all; progress with previews; and then the right pixels."""
    await stage.say("/pause", stage.owner)
    n_before = len(stage.server.of_bot(stage.private))
    message = await stage.say(f"{LONG} --n {N_LONG}")
    assert "Number 1 in line" in texts(message)
    await stage.say("/resume", stage.owner)
    await over(message)
    assert [is_red_on_blue(each) for each in in_grid(message, N_LONG)] == [True] * N_LONG
    assert len(stage.server.of_bot(stage.private)) == n_before + 1
    assert any(is_being_drawn(state.text) for state in message.history)
    assert any(state.media for state in message.history[:-1])


@pytest.mark.torch
async def test_a_photo_with_words_is_remixed_and_so_is_an_answer_to_a_picture(stage: Stage) -> None:
    """Theirs with a caption becomes a picture of its size; words or /upscale in answer to ours are about ours."""
    sent = await stage.server.send_photo(stage.ada, stage.private, png(), caption=f"{PROMPT} --seed 7 --strength 0.95")
    remixed = await over(await stage.server.answer_to(sent, PICTURE_S))
    assert pixels(remixed).size == (128, 128)
    assert is_red_on_blue(pixels(remixed))
    words = await stage.server.send(stage.ada, stage.private, f"{PROMPT} --strength 0.3", reply_to=remixed)
    again = await over(await stage.server.answer_to(words, PICTURE_S))
    assert "strength 0.3" in texts(again)
    assert is_red_on_blue(pixels(again))
    asked = await stage.server.send(stage.ada, stage.private, "/upscale", reply_to=remixed)
    larger = await over(await stage.server.answer_to(asked, PICTURE_S))
    assert pixels(larger).size == (256, 256)
    assert is_red_on_blue(pixels(larger))


@pytest.mark.torch
async def test_four_pictures_have_buttons_that_open_one_and_vary_one(stage: Stage) -> None:
    """U2 is the second one alone; V2 is four others that keep its colours."""
    message = await stage.drawn(f"{PROMPT} --n 4 --seed 7")
    second = in_grid(message, 4)[1]
    alone = pixels(await stage.press(message, "U2"))
    assert colour_at(alone, 0.5, 0.5) == pytest.approx(colour_at(second, 0.5, 0.5), abs=24)
    for varied in in_grid(await over(await stage.press(message, "V2")), 4):
        assert colour_at(varied, 0.06, 0.06)[2] > 120


@pytest.mark.torch
async def test_a_cancelled_job_says_so_and_the_next_one_is_drawn(stage: Stage) -> None:
    """In mid-drawing, by the button of its message."""
    message = await stage.say(LONG)
    await message.until(lambda it: is_being_drawn(texts(it)), PICTURE_S)
    await stage.server.press(stage.ada, message, button(message, "Cancel")["callback_data"])
    await over(message)
    assert "Cancelled" in texts(message)
    assert (await stage.drawn("a green square on a white background")).media


@pytest.mark.torch
async def test_in_a_group_and_in_a_topic_the_command_draws(stage: Stage) -> None:
    """For whoever calls the bot by its name, under what they said; words between people are not its business."""
    forum = stage.server.add_supergroup("forum", is_forum=True)
    topic = stage.server.add_topic(forum, "pictures")
    for chat, thread in ((stage.group, None), (forum, topic.id)):
        await stage.server.send(stage.ada, chat, PROMPT, thread=thread)
        asked = await stage.server.send(
            stage.ada, chat, f"/imagine@{stage.server.bot.username} {PROMPT} --seed 7", thread=thread
        )
        message = await over(await stage.server.answer_to(asked, PICTURE_S))
        assert is_red_on_blue(pixels(message))
        assert message.thread == thread
        assert len([each for each in stage.server.of_bot(chat) if each.thread == thread]) == 1


@pytest.mark.torch
async def test_the_original_keeps_its_recipe_which_is_read_back(stage: Stage) -> None:
    """As a file, for Telegram makes another of every photo; sent to the bot again it tells how it was made."""
    await stage.drawn(f"{PROMPT} --seed 4711")
    original = await stage.say("/original")
    assert original.media
    assert original.media.kind == "document"
    file = original.media.file.content
    with Image.open(io.BytesIO(file)) as opened:
        assert f"{PROMPT}\n" in opened.info["parameters"]
        assert "Seed: 4711" in opened.info["parameters"]
    sent = await stage.server.send_document(stage.ada, stage.private, file, "mine.png", caption="/recipe")
    assert "4711" in texts(await stage.server.answer_to(sent, PICTURE_S))


@pytest.mark.torch
async def test_words_are_no_markup_and_a_refusal_is_one_sentence(stage: Stage) -> None:
    """They come back as they were written, in bold and nothing else."""
    hostile = "**bold** <b>b</b> [x](https://evil.example) ||s|| ``` 𝄞"
    message = await stage.drawn(f"{hostile} --steps 2")
    assert texts(message).startswith(hostile)
    assert {each["type"] for each in message.entities} <= {"bold", "code"}
    refused = await stage.say("a circle --steps 9000")
    assert "150" in texts(refused)
    assert "\n" not in texts(refused)


@pytest.mark.torch
async def test_a_kill_in_mid_job_brings_the_picture_once_and_old_buttons_work(stage: Stage) -> None:
    """kill -9 while it draws: the next life draws it into the message that waits, and nowhere else."""
    old = await stage.drawn()
    message = await stage.say(f"{LONG} --n {N_LONG}")
    await message.until(lambda it: it.n_edits > 0 and is_being_drawn(texts(it)), PICTURE_S)  # it knows its message
    n_before = len(stage.server.of_bot(stage.private))
    await stage.end(signal.SIGKILL)
    await stage.begin()
    await over(message)
    assert [is_red_on_blue(each) for each in in_grid(message, N_LONG)] == [True] * N_LONG
    assert len(stage.server.of_bot(stage.private)) == n_before
    assert is_red_on_blue(pixels(await over(await stage.press(old, "Again"))))
    assert "seed" in texts(await stage.press(old, "Recipe")).lower()
    await stage.server.press(stage.ada, old, button(old, "Delete")["callback_data"])
    await old.until(lambda it: it.deleted, PICTURE_S)


async def test_a_wrong_token_is_said_and_the_page_serves(tmp_path: Path) -> None:
    """In the ready line, with what to do; the rest of Darkroom does not need Telegram."""
    server = FakeTelegram()
    await server.start()
    try:
        wrong = settings_of(server, "123456:wrong-altogether-wrong-altogether-wrong")
        async with bot_beside(tmp_path / "data", worker=" ".join(drawer.COMMAND), **wrong) as bot:
            assert "· telegram: Telegram does not know this token: " in bot.lines[-1]
            assert "@BotFather" in bot.lines[-1]
            status = await asyncio.to_thread(lambda: urllib.request.urlopen(f"{bot.url}/api/me", timeout=30).status)
            assert status == 200
            assert await asyncio.to_thread(bot.stop) == 0
        assert "wrong-altogether" not in (tmp_path / "stderr.txt").read_text()
    finally:
        await server.close()

"""Answers that are not kept: files in parts and albums, each once, whatever pause a chat asks for."""

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.desk import privacy
from tests.fakes.telegram_houses import Scene, ids_of, open_telegram, over
from tests.fakes.telegram_server import Fault, FloodLimits, Message, RateLimit, buttons, texts


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that draws at once; in the end every call and update must be by the spec."""
    async with open_telegram(tmp_path) as opened:
        yield opened
        assert opened.server.problems() == []
        assert opened.server.offences == []


async def pressed(scene: Scene, message: Message, starts: str) -> Message:
    """Ada presses the button whose id begins so; what the bot says next there."""
    n_before = len(scene.server.of_bot(message.chat))
    await scene.server.press(scene.ada, message, next(each for each in ids_of(message) if each.startswith(starts)))
    return await scene.server.said(message.chat, n_before + 1, 20.0)


def names_in(message: Message) -> list[str]:
    """Of the files in a file."""
    assert message.media is not None
    with zipfile.ZipFile(io.BytesIO(message.media.file.content)) as opened:
        return opened.namelist()


async def test_a_large_export_comes_in_parts_by_a_button_under_each(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words first, then the pictures; the last part has no button."""
    monkeypatch.setitem(privacy.PART_BYTES, "telegram", 4_096)
    await scene.drawn("a ring --n 4 --seed 9")
    part = await scene.say("/mydata")
    n_parts, names = 1, names_in(part)
    while buttons(part):
        n_parts += 1
        assert buttons(part)[0]["text"].startswith(f"Part {n_parts} of ")
        part = await pressed(scene, part, "mydata:")
        names += names_in(part)
    assert n_parts > 1
    assert f"part {n_parts} of {n_parts}" in texts(part)
    assert len([each for each in names if each.endswith(".png")]) == 4


async def test_an_album_goes_on_after_a_pause(scene: Scene) -> None:
    """Twelve pictures are two albums: what came before Telegram asked for a pause does not come again."""
    offered = await scene.say("a {red, green, blue} ring --n 4 --seed 9")
    await scene.server.press(scene.ada, offered, next(each for each in ids_of(offered) if each.startswith("go:")))
    grid = await over(offered)
    scene.server.limits = FloodLimits(private=RateLimit(n_messages=6, per_s=1.0), everywhere=None)
    await pressed(scene, grid, "album:")
    request = next(each for each in ids_of(grid) if each.startswith("album:")).partition(":")[2]
    last = f"{request}.12"
    await scene.server.until(lambda: any(texts(each) == last for each in scene.server.of_bot(scene.private)), 20.0)
    scene.server.limits = None
    await scene.say("/help")
    albums = [each for each in scene.server.of_bot(scene.private) if each.album]
    assert [texts(each) for each in albums] == [f"{request}.{number}" for number in range(1, 13)]
    assert 429 in [each.status for each in scene.server.calls if each.method == "sendMediaGroup"]


async def test_a_pause_between_words_and_their_file_repeats_no_words(scene: Scene) -> None:
    """The file comes when the pause is over."""
    long = await scene.drawn("🎈" * 1_900 + " the end --no " + "🎃" * 200)
    scene.server.next_fault("sendDocument", Fault.TOO_MANY, retry_after_s=1.0)
    n_before = len(scene.server.of_bot(scene.private))
    await pressed(scene, long, "recipe:")
    await scene.server.until(lambda: scene.server.of_bot(scene.private)[-1].media is not None, 20.0)
    await scene.say("/help")
    said = scene.server.of_bot(scene.private)[n_before:]
    assert [each.media is not None for each in said] == [False, True, False]

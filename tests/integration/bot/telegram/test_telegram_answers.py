"""Answers that are not kept: files in parts and albums, each once, whatever pause a chat asks for."""

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.desk import privacy
from tests.fakes.telegram_houses import Scene, ids_of, open_telegram
from tests.fakes.telegram_server import Message, buttons, texts


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

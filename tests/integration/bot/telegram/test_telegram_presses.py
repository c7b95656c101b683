"""Buttons that only Telegram knows, Album, Remix and Share: for nobody who may not be shown anything, and no flood."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.desk.gate import Gate
from tests.fakes.telegram_houses import Scene, ids_of, open_telegram
from tests.fakes.telegram_server import Message, User, texts

OURS = ("album:", "remix:", "share:")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that draws at once; in the end every call and update must be by the spec."""
    async with open_telegram(tmp_path) as opened:
        yield opened
        assert opened.server.problems() == []


async def alert(scene: Scene, user: User, message: Message, starts: str) -> str:
    """What whoever presses the button whose id begins so reads alone, "" for nothing."""
    data = next(each for each in ids_of(message) if each.startswith(starts))
    answered = await (await scene.server.press(user, message, data)).answered()
    return str(answered.text or "")


async def with_our_buttons(scene: Scene, user: User, message: Message) -> dict[str, Message]:
    """By button, the message that has it: a recipe is shared from under itself."""
    n_before = len(scene.server.of_bot(message.chat))
    picture = next(each for each in ids_of(message) if each.startswith("show:")).partition(":")[2]
    alone = await scene.drawn(f"/show {picture}", user, message.chat)
    recipe = await scene.say(f"/recipe {picture}", user, message.chat)
    assert len(scene.server.of_bot(message.chat)) == n_before + 2
    return {"album:": message, "remix:": alone, "share:": recipe}


async def test_who_is_banned_is_shown_nothing_and_takes_back_what_is_theirs(scene: Scene) -> None:
    """A link of theirs can be ended all the same."""
    grid = await scene.drawn("a ring --n 2 --seed 9")
    where = await with_our_buttons(scene, scene.ada, grid)
    n_before = len(scene.server.of_bot(scene.private))
    assert await alert(scene, scene.ada, where["share:"], "share:") == ""
    link = await scene.server.said(scene.private, n_before + 1, 10.0)
    banned = await scene.say(
        f"/ban telegram:{scene.ada.id} rude --everywhere", scene.operator, scene.server.private(scene.operator)
    )
    assert "banned" in texts(banned)
    n_before = len(scene.server.of_bot(scene.private))
    for starts in OURS:
        assert "rude" in await alert(scene, scene.ada, where[starts], starts), starts
    assert len(scene.server.of_bot(scene.private)) == n_before
    assert await alert(scene, scene.ada, link, "unshare:") == ""


async def test_presses_that_only_telegram_knows_are_counted(scene: Scene) -> None:
    """As all that draws nothing."""
    where = await with_our_buttons(scene, scene.ada, await scene.drawn("a ring --n 2 --seed 9"))
    scene.house.studio._desk._asking = Gate("things that draw nothing", 60.0, 1.0)
    assert await alert(scene, scene.ada, where["remix:"], "remix:") == ""
    for starts in OURS:
        assert "That was quick" in await alert(scene, scene.ada, where[starts], starts), starts


async def test_an_album_of_somebody_elses_says_so(scene: Scene) -> None:
    """As of any picture that is not for whoever asks, and not that the pictures are gone."""
    group = scene.server.add_supergroup("art", scene.operator)
    bob = scene.server.add_user("bob")
    for each in (bob, scene.ada):
        scene.server.add_member(group, each)
    said = await scene.drawn("/imagine a ring --n 2 --seed 9", chat=group)
    data = next(each for each in ids_of(await scene.drawn("a ring --n 2")) if each.startswith("album:"))
    n_before = len(scene.server.of_bot(group))
    await (await scene.server.press(bob, said, data, is_inaccessible=True)).answered()
    assert "I know no picture" in texts(await scene.server.said(group, n_before + 1, 10.0))

"""Links to the bot: to a shared recipe, to a code, to the history; and what nobody shared stays where it is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.telegram_houses import Scene, ids_of, open_telegram, over
from tests.fakes.telegram_server import Message, User, button, buttons, texts


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that draws at once; in the end every call and update must be by the spec."""
    async with open_telegram(tmp_path) as opened:
        yield opened
        assert opened.server.problems() == []


async def pressed(scene: Scene, message: Message, starts: str, user: User | None = None) -> Message:
    """Press the button whose id begins so; what the bot says next there."""
    n_before = len(scene.server.of_bot(message.chat))
    data = next(each for each in ids_of(message) if each.startswith(starts))
    await scene.server.press(user or scene.ada, message, data)
    return await scene.server.said(message.chat, n_before + 1, 10.0)


async def shared(scene: Scene) -> tuple[Message, str]:
    """A picture, shared from under its recipe: the message with the link, and its payload."""
    recipe = await pressed(scene, await scene.drawn("a red circle --seed 7"), "recipe:")
    told = await pressed(scene, recipe, "share:")
    link = button(told, "Copy link")["copy_text"]
    assert link in texts(told)
    base, _, payload = link.partition("?start=")
    assert base == f"https://t.me/{scene.server.bot.username}"
    return told, payload


async def opened(scene: Scene, user: User, payload: str) -> Message:
    """Somebody opens the link; the answer."""
    return await scene.server.answer_to(await scene.server.start_bot(user, payload), 10.0)


async def test_a_shared_recipe_is_shown_to_whoever_has_the_link(scene: Scene) -> None:
    """With what it takes to draw it again, which is theirs then."""
    _, payload = await shared(scene)
    bob = scene.server.add_user("bob")
    recipe = await opened(scene, bob, payload)
    assert "a red circle" in texts(recipe)
    assert "Seed 7" in texts(recipe)
    again = await over(await pressed(scene, recipe, "again:", bob))
    assert again.media is not None
    assert "a red circle" in texts(await scene.say("/recipe", bob, scene.server.private(bob)))


async def test_what_nobody_shared_is_not_there(scene: Scene) -> None:
    """The same kind sentence for what is not shared, not any more, deleted, or never was."""
    told, payload = await shared(scene)
    bob = scene.server.add_user("bob")
    unshared = await scene.drawn("a blue square --seed 8")
    other = next(each for each in ids_of(unshared) if each.startswith("again:")).partition(":")[2]
    assert "not shared" in texts(await opened(scene, bob, f"r_{other.replace('.', '-')}"))
    assert "not shared" in texts(await opened(scene, bob, "r_k3f9m2q7xa-1"))
    assert "nothing any more" in texts(await pressed(scene, told, "unshare:"))
    assert "not shared" in texts(await opened(scene, bob, payload))


async def test_a_link_to_a_deleted_picture_leads_nowhere(scene: Scene) -> None:
    """Nor does a button from while it was shared."""
    message = await scene.drawn("a red circle --seed 7")
    recipe = await pressed(scene, message, "recipe:")
    payload = button(await pressed(scene, recipe, "share:"), "Copy link")["copy_text"].partition("?start=")[2]
    bob = scene.server.add_user("bob")
    seen = await opened(scene, bob, payload)
    await scene.server.press(scene.ada, message, next(each for each in ids_of(message) if each.startswith("delete:")))
    await scene.server.until(lambda: message.deleted, 10.0)
    assert "not shared" in texts(await opened(scene, bob, payload))
    press = await scene.server.press(bob, seen, next(each for each in ids_of(seen) if each.startswith("again:")))
    assert "I know no picture" in (await press.answered()).text


async def test_who_is_forgotten_shares_nothing_any_more(scene: Scene) -> None:
    """The links go with the pictures."""
    _, payload = await shared(scene)
    confirm = await scene.say("/forget")
    await scene.server.press(scene.ada, confirm, ids_of(confirm)[0])
    bob = scene.server.add_user("bob")
    async with asyncio.timeout(20.0):
        while "not shared" not in texts(await opened(scene, bob, payload)):  # noqa: ASYNC110  # it takes a moment
            await asyncio.sleep(0.1)


async def test_only_its_owner_shares_a_picture(scene: Scene) -> None:
    """In a group others see it, and may not give it away."""
    group = scene.server.add_supergroup("art", scene.operator)
    bob = scene.server.add_user("bob")
    for each in (scene.ada, bob):
        scene.server.add_member(group, each)
    message = await scene.drawn("/imagine a red circle --seed 7", chat=group)
    recipe = await pressed(scene, message, "recipe:", bob)
    press = await scene.server.press(bob, recipe, next(each for each in ids_of(recipe) if each.startswith("share:")))
    answer = await press.answered()
    assert "somebody else's" in answer.text
    assert answer.show_alert
    payload = next(each for each in ids_of(recipe) if each.startswith("share:")).partition(":")[2].replace(".", "-")
    eve = scene.server.add_user("eve")
    assert "not shared" in texts(await opened(scene, eve, f"r_{payload}"))


async def test_a_link_with_a_code_asks_whether_to_join(scene: Scene) -> None:
    """As /link and the code do."""
    code = next(word for word in texts(await scene.say("/link")).split() if "-" in word and word[0].isalnum())
    bob = scene.server.add_user("bob")
    asked = await opened(scene, bob, f"link_{code}")
    assert "become one person" in texts(asked)
    assert [each["text"] for each in buttons(asked)] == ["Join them"]


@pytest.mark.parametrize("payload", ["", "start", "r_", "r_nothing", "x" * 64, "r_k3f9m2q7xa-1-1"])
async def test_any_other_link_is_a_welcome(scene: Scene, payload: str) -> None:
    """Whatever somebody made of it."""
    assert "/help" in texts(await opened(scene, scene.ada, payload))


async def test_strangers_behind_a_link_read_how_to_be_let_in(tmp_path: Path) -> None:
    """Before anything is shown to them."""
    async with open_telegram(tmp_path, is_open=False) as scene:
        for payload in ("", "r_k3f9m2q7xa-1", "history"):
            assert "private" in texts(await opened(scene, scene.ada, payload))

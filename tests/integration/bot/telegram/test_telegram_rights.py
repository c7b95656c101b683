"""Who may what in a group of Telegram, by who Telegram says they are: a matrix, over the wire.

Each row is somebody who writes in a way of their own; each column is something to be drawn, a place's setting, and
something for operators alone.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.fakes.telegram_houses import Scene, ids_of, open_telegram
from tests.fakes.telegram_server import ALL, Chat, Message, User, texts

DRAW, TUNE, STEER = "/imagine a red circle", "/settings place steps 12", "/resume"
DRAWN, TUNED, STEERED = "a red circle", "steps is 12", "draws already"
ADMINS, OPERATORS, NOTHING = "Only an admin", "Only an operator", ""

Way = Callable[[Scene, Chat, str], Awaitable[Message]]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that draws slowly enough for its first line to be read."""
    async with open_telegram(tmp_path, "--step-s", "60") as opened:
        yield opened
        assert opened.server.problems() == []


def joined(scene: Scene, group: Chat, name: str, status: str, **more: object) -> User:
    """Somebody new in the group."""
    user = scene.server.add_user(name)
    scene.server.add_member(group, user, status, ALL if status == "administrator" else frozenset(), **more)  # type: ignore[arg-type]  # passed on
    return user


async def member(scene: Scene, group: Chat, words: str) -> Message:
    """An ordinary one."""
    return await scene.server.send(joined(scene, group, "mia", "member"), group, words)


async def named_as_the_operator(scene: Scene, group: Chat, words: str) -> Message:
    """A name is nobody's."""
    return await scene.server.send(joined(scene, group, scene.operator.name, "member"), group, words)


async def admin(scene: Scene, group: Chat, words: str) -> Message:
    """As Telegram says."""
    return await scene.server.send(joined(scene, group, "mona", "administrator"), group, words)


async def demoted(scene: Scene, group: Chat, words: str) -> Message:
    """Who was one until a minute ago."""
    user = joined(scene, group, "dora", "administrator")
    asked = await scene.server.send(user, group, "/settings place")
    await scene.server.answer_to(asked, 10.0)
    scene.server.add_member(group, user, "member")
    for who in list(scene.platform._listener._admins._known):
        scene.platform._listener._admins._known[who] = (0.0, True)  # what was known of them has run out
    return await scene.server.send(user, group, words)


async def anonymous(scene: Scene, group: Chat, words: str) -> Message:
    """An admin behind the group: Telegram lets nobody else hide there."""
    return await scene.server.send(joined(scene, group, "ann", "administrator", is_anonymous=True), group, words)


async def anonymous_operator(scene: Scene, group: Chat, words: str) -> Message:
    """Who hides is an admin, and nobody's number."""
    scene.server.add_member(group, scene.operator, "administrator", ALL, is_anonymous=True)
    return await scene.server.send(scene.operator, group, words)


async def channel(scene: Scene, group: Chat, words: str) -> Message:
    """Somebody who speaks for a channel of theirs, an admin too."""
    own = scene.server.add_channel("own", scene.ada, has_bot=False)
    return await scene.server.send(joined(scene, group, "cleo", "administrator"), group, words, as_channel=own)


async def forwarded(scene: Scene, group: Chat, words: str) -> Message:
    """What an admin sends on is somebody else's."""
    user = joined(scene, group, "fay", "administrator")
    said = await scene.server.send(user, scene.server.private(user), "x")
    said.text, said.entities = words, [{"type": "bot_command", "offset": 0, "length": len(words.partition(" ")[0])}]
    return await scene.server.forward(user, said, group)


async def edited(scene: Scene, group: Chat, words: str) -> Message:
    """What was something else when it was said."""
    user = joined(scene, group, "eda", "administrator")
    said = await scene.server.send(user, group, "good morning")
    return await scene.server.edit(user, said, words)


async def linked_channel(scene: Scene, group: Chat, words: str) -> Message:
    """A post of the channel whose group this is."""
    news = scene.server.add_channel("news", scene.operator, linked=group)
    await scene.server.post(news, words)
    return list(group.messages.values())[-1]


async def operator(scene: Scene, group: Chat, words: str) -> Message:
    """By number, an ordinary member here."""
    scene.server.add_member(group, scene.operator, "member")
    return await scene.server.send(scene.operator, group, words)


@pytest.mark.parametrize(
    ("way", "draw", "tune", "steer"),
    [
        (member, DRAWN, ADMINS, OPERATORS),
        (named_as_the_operator, DRAWN, ADMINS, OPERATORS),
        (admin, DRAWN, TUNED, OPERATORS),
        (demoted, DRAWN, ADMINS, OPERATORS),
        (anonymous, DRAWN, TUNED, OPERATORS),
        (anonymous_operator, DRAWN, TUNED, OPERATORS),
        (channel, NOTHING, NOTHING, NOTHING),
        (forwarded, NOTHING, NOTHING, NOTHING),
        (edited, NOTHING, NOTHING, NOTHING),
        (linked_channel, NOTHING, NOTHING, NOTHING),
        (operator, DRAWN, TUNED, STEERED),
    ],
)
async def test_who_may_what_in_a_group(scene: Scene, way: Way, draw: str, tune: str, steer: str) -> None:
    """Each is answered by their rank, or not heard at all."""
    creator = scene.server.add_user("creator")
    for words, expected in ((DRAW, draw), (TUNE, tune), (STEER, steer)):
        group = scene.server.add_supergroup(f"of {words}", creator)
        scene.server.hears_everything = True
        said = await way(scene, group, words)
        if expected:
            answer = texts(await scene.server.answer_to(said, 10.0))
            assert expected in answer, f"{way.__name__} {words}: {answer}"
            continue
        await scene.say("/help")  # whatever there was to say has been said
        assert not [each for each in scene.server.of_bot(group) if each.reply_to is said]


async def test_a_button_is_its_askers_and_an_admins(scene: Scene) -> None:
    """Somebody else reads no, alone."""
    group = scene.server.add_supergroup("art", scene.server.add_user("creator"))
    mona, bob = joined(scene, group, "mona", "administrator"), joined(scene, group, "bob", "member")
    message = await scene.say("/imagine a red circle", chat=group)
    cancel = next(each for each in ids_of(message) if each.startswith("cancel:"))
    refused = await (await scene.server.press(bob, message, cancel)).answered()
    assert "somebody else's" in refused.text
    assert refused.show_alert
    await (await scene.server.press(mona, message, cancel)).answered()
    await message.until(lambda it: "Cancelled" in texts(it), 10.0)


@pytest.mark.parametrize(("starts", "then"), [("go:", "cancel:"), ("no:", "delete:")])
@pytest.mark.parametrize(("who", "may"), [("herself", False), ("shown", True), ("admin", True), ("member", False)])
async def test_what_the_group_asked_is_its_admins(scene: Scene, who: str, may: bool, starts: str, then: str) -> None:
    """Ann hides behind it, presses under her own name, and Telegram does not say she is an admin: she reads how."""
    group = scene.server.add_supergroup("art", scene.server.add_user("creator"))
    ann = joined(scene, group, "ann", "administrator", is_anonymous=True)
    scene.server.methods.places.shows_anonymous = who == "shown"
    asked = await scene.server.send(ann, group, "/imagine a {red,blue} circle")
    offered = await scene.server.answer_to(asked, 10.0)
    button = next(each for each in ids_of(offered) if each.startswith(starts))
    presser = (
        ann
        if who in ("herself", "shown")
        else joined(scene, group, who, "member" if who == "member" else "administrator")
    )
    answer = await (await scene.server.press(presser, offered, button)).answered()
    if may:
        await offered.until(lambda it: any(each.startswith(then) for each in ids_of(it)), 10.0)
        return
    cancel = f"/cancel {button.partition(':')[2]}"
    assert cancel in answer.text
    assert button in ids_of(offered)
    await scene.server.send(ann, group, cancel)
    await offered.until(lambda it: any(each.startswith("delete:") for each in ids_of(it)), 10.0)

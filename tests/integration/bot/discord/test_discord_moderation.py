"""Who may do what with somebody else's message; posts of a forum; buttons that outlived what they are about."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.buttons import Verb
from tests.fakes.discord_houses import Scene, ids_of, is_over, open_discord
from tests.fakes.discord_server import (
    MANAGER,
    Channel,
    FakeDiscord,
    Fault,
    Interaction,
    Message,
    Permission,
    User,
    gallery,
    texts,
)

QUARTER_OF_AN_HOUR_S = 16 * 60.0


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that draws at once; in the end every call and event must be by the specs."""
    async with open_discord(tmp_path) as opened:
        yield opened
        assert opened.server.problems() == []


def manager_of(scene: Scene) -> User:
    """Somebody who manages the server."""
    mona = scene.server.add_user("mona")
    scene.server.add_member(scene.guild, mona, MANAGER)
    return mona


def forum_post(scene: Scene) -> Channel:
    """A thread of a forum, where nobody can write but in posts."""
    forum = scene.server.add_channel(scene.guild, "ideas", kind="forum")
    return scene.server.add_channel(scene.guild, "logos", kind="thread", parent=forum)


def id_of(message: Message, verb: Verb) -> str:
    """Of the first button that does this."""
    return next(each for each in ids_of(message) if each.startswith(f"{verb}:"))


async def refusal(pressed: Interaction) -> str:
    """What only the presser reads."""
    told = pressed.followups[-1] if pressed.followups else await pressed.answered()
    assert told.is_ephemeral
    assert told.seen_by is pressed.user
    return texts(told)


async def test_who_may_take_messages_away_may_take_ours_away(scene: Scene) -> None:
    """Discord's own right for it is enough for the button; admins' commands are not even offered to them."""
    message = await scene.drawn()
    moderator = scene.server.add_user("mod")
    member = scene.guild.member(scene.ada).permissions
    scene.server.add_member(scene.guild, moderator, member | int(Permission.MANAGE_MESSAGES))
    await (await scene.server.click(moderator, message, id_of(message, Verb.DELETE))).acked()
    await scene.server.until(lambda: message.deleted)


async def test_a_press_whose_answer_got_lost_overwrites_nothing(scene: Scene) -> None:
    """The first reply of a press that was taken is the message that was pressed on: the pictures."""
    message = await scene.drawn()
    eve = scene.server.add_user("eve")
    scene.server.next_fault("POST", "/interactions/*", Fault.REPLY_LOST)
    pressed = await scene.server.click(eve, message, id_of(message, Verb.DELETE))
    await scene.server.until(lambda: bool(pressed.followups), 10.0)
    assert "somebody else's" in await refusal(pressed) or "admin of this place" in await refusal(pressed)
    assert gallery(message)
    scene.server.next_fault("POST", "/interactions/*", Fault.REPLY_LOST)
    await scene.server.click(scene.ada, message, id_of(message, Verb.DELETE))
    await scene.server.until(lambda: message.deleted, 10.0)


async def test_a_manager_deletes_somebody_elses_message_and_a_member_may_not(scene: Scene) -> None:
    """The member reads why, the picture goes with the message, and the audit keeps who did it."""
    message = await scene.drawn()
    eve, mona = scene.server.add_user("eve"), manager_of(scene)
    pressed = await scene.server.click(eve, message, id_of(message, Verb.DELETE))
    await scene.server.until(lambda: bool(pressed.followups))
    assert "admin of this place" in await refusal(pressed) or "somebody else's" in await refusal(pressed)
    assert not message.deleted
    await (await scene.server.click(mona, message, id_of(message, Verb.DELETE))).acked()
    await scene.server.until(lambda: message.deleted)
    assert not gallery(await (await scene.slash("/history")).answered())
    audit = await (await scene.server.slash(mona, scene.channel, "audit")).answered()
    assert "Mona" in texts(audit)
    assert "delete any" in texts(audit)


async def test_a_manager_cancels_somebody_elses_request_and_a_member_may_not(tmp_path: Path) -> None:
    """In the same message, which says so to everybody."""
    async with open_discord(tmp_path, "--step-s", "60") as scene:
        message = await (await scene.slash("/imagine a red circle")).answered()
        eve, mona = scene.server.add_user("eve"), manager_of(scene)
        cancel = id_of(message, Verb.CANCEL)
        assert "somebody else's" in await refusal(await scene.server.click(eve, message, cancel))
        await (await scene.server.click(mona, message, cancel)).acked()
        await message.until(is_over)
        assert "Cancelled" in texts(message)


async def test_a_manager_of_one_server_is_nobody_in_another(tmp_path: Path) -> None:
    """Also where they know the name of what is waiting there."""
    async with open_discord(tmp_path, "--step-s", "60") as scene:
        message = await (await scene.slash("/imagine a red circle")).answered()
        await (await scene.server.slash(scene.operator, scene.channel, "allow", {"who": "everyone"})).answered()
        zoe = scene.server.add_user("zoe")
        theirs = scene.server.add_guild("theirs", zoe, has_bot=False)
        scene.server.invite(theirs, zoe)
        hall = scene.server.add_channel(theirs, "hall")
        request = id_of(message, Verb.CANCEL).partition(":")[2]
        tried = await scene.server.slash(zoe, hall, "cancel", {"request": request, "any": True})
        assert await refusal(tried)
        assert not is_over(message)
        assert scene.house.engine.status().n_running == 1


async def test_a_post_of_a_forum_is_a_place_like_any_other(scene: Scene) -> None:
    """The picture comes, its buttons work, and what is set for the forum holds in it."""
    post = forum_post(scene)
    settings = {"scope": "server", "key": "visibility", "value": "spoiler"}
    await (await scene.server.slash(scene.operator, post, "settings", settings)).answered()
    message = await scene.end_of(await scene.slash("/imagine a star", channel=post))
    assert message.channel is post
    assert gallery(message)[0].is_spoiler
    varied = await scene.server.click(scene.ada, message, id_of(message, Verb.SUBTLE))
    assert len(gallery(await scene.end_of(varied))) == 4


async def test_a_post_that_was_closed_meanwhile_takes_nothing_more(tmp_path: Path) -> None:
    """Neither an edit nor a message, for it is locked too: so the picture comes by direct message."""
    async with open_discord(tmp_path, "--step-s", "0.2") as scene:
        post = forum_post(scene)
        await (await scene.slash("/imagine a star --steps 12", channel=post)).answered()
        scene.server.pass_time(QUARTER_OF_AN_HOUR_S)
        scene.server.archive(post, is_locked=True)
        private = scene.server.dm(scene.ada)
        await scene.server.until(lambda: bool(private.messages) and is_over(private.messages[-1]), 20.0)
        assert gallery(private.messages[-1])


async def test_buttons_of_what_the_database_has_forgotten_answer_kindly(tmp_path: Path) -> None:
    """Each with a sentence for the presser alone, and the message stays as it is."""
    server = FakeDiscord()
    await server.start()
    try:
        async with open_discord(tmp_path / "old", server=server) as scene:
            one = await scene.drawn()
            four = await scene.drawn("/imagine a ring --n 4")
        async with open_discord(tmp_path / "new", server=server) as scene:
            for message in (one, four):
                shown = message.components
                for custom_id in ids_of(message):
                    pressed = await scene.server.click(scene.ada, message, custom_id)
                    await pressed.acked()
                    await scene.server.until(lambda: bool(pressed.followups or pressed.message is not message))  # noqa: B023
                    said = await refusal(pressed)
                    assert "I know no picture" in said, f"{custom_id}: {said}"
                assert message.components == shown
                assert not message.deleted
        assert server.problems() == []
    finally:
        await server.close()

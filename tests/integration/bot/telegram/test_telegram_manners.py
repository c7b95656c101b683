"""How a person of Telegram expects a bot to behave: albums, captions, pings, welcomes, floods, groups that move."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from bot.platforms.telegram import listener, menus
from bot.platforms.telegram.platform import NOT_KNOWN
from tests.fakes.telegram_houses import Scene, ids_of, is_over, open_telegram, over
from tests.fakes.telegram_server import FakeTelegram, Fault, FloodLimits, Message, RateLimit, buttons, texts
from tests.fakes.telegram_world import units

SLOW = ("--step-s", "0.2")


def png(width_px: int, height_px: int) -> bytes:
    """A picture that somebody has."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width_px, height_px)).convert("RGB").save(buffer, format="PNG")
    return buffer.getvalue()


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


def mentions(message: Message) -> list[int]:
    """Who is told of it by name."""
    return [each["user"]["id"] for each in message.entities if each["type"] == "text_mention"]


# Albums


async def test_an_album_of_theirs_is_one_remix(scene: Scene) -> None:
    """Of the picture with the words; the others are not asked about."""
    album = await scene.server.send_album(
        scene.ada, scene.private, [png(64, 64), png(64, 72), png(72, 64)], caption="a blue ring --strength 0.6"
    )
    assert "strength 0.6" in texts(await over(await scene.server.answer_to(album[0], 10.0)))
    await scene.say("/help")
    assert not [each for each in scene.server.of_bot(scene.private) if each.reply_to in album[1:]]


async def test_an_album_without_words_is_asked_about_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each picture."""
    monkeypatch.setattr(listener, "ALBUM_S", 0.3)
    album = await scene.server.send_album(scene.ada, scene.private, [png(64, 64), png(64, 72), png(72, 64)])
    await scene.server.until(lambda: any(each.reply_to in album for each in scene.server.of_bot(scene.private)), 10.0)
    await scene.say("/help")
    answers = [each for each in scene.server.of_bot(scene.private) if each.reply_to in album]
    assert len(answers) == 1
    assert "what to make of it" in texts(answers[0])


async def test_all_pictures_come_as_an_album(scene: Scene) -> None:
    """Each whole, each named, so that an answer to one redraws that one."""
    grid = await scene.drawn("a ring --n 4 --seed 9")
    first = await pressed(scene, grid, "album:")
    await scene.server.until(
        lambda: sum(each.album == first.album for each in scene.server.of_bot(scene.private)) == 4, 10.0
    )
    album = [each for each in scene.server.of_bot(scene.private) if each.album and each.album == first.album]
    assert [each.media.kind for each in album if each.media] == ["photo"] * 4
    request = next(each for each in ids_of(grid) if each.startswith("album:")).partition(":")[2]
    assert [texts(each) for each in album] == [f"{request}.{number}" for number in range(1, 5)]
    answered = await scene.server.send(scene.ada, scene.private, "/recipe", reply_to=album[2])
    assert "Seed 11" in texts(await scene.server.answer_to(answered, 10.0))


async def test_an_album_is_covered_where_pictures_are(scene: Scene) -> None:
    """As the place has it."""
    group = scene.server.add_supergroup("art", scene.operator)
    await scene.say("/settings place visibility spoiler", scene.operator, group)
    grid = await scene.drawn("/imagine a ring --n 2 --seed 9", chat=group)
    assert grid.media
    assert grid.media.is_spoiler
    first = await pressed(scene, grid, "album:")
    assert first.media
    assert first.media.is_spoiler


async def test_what_is_too_thin_for_a_photo_comes_as_a_file(scene: Scene) -> None:
    """By editing, as ever; and it is whole. An album of such pictures is one of files."""
    message = await scene.drawn("a red circle --size 1920x64 --seed 7")
    assert message.media is not None
    assert message.media.kind == "document"
    assert b"parameters" in message.media.file.content
    assert "seed 7" in texts(message)
    grid = await scene.drawn("a red circle --size 1920x64 --seed 7 --n 2")
    assert grid.media is not None
    first = await pressed(scene, grid, "album:")
    assert first.media
    assert first.media.kind == "document"


# Words


async def test_a_caption_is_cut_and_the_recipe_has_it_all(scene: Scene) -> None:
    """In UTF-16 units; the message still names its request, and the recipe comes as a file where it is too long."""
    prompt = "🎈" * 1_200 + " the end"
    message = await scene.drawn(prompt)
    assert message.media is not None
    assert units(texts(message)) <= 1_024
    answered = await scene.server.send(scene.ada, scene.private, "a star --strength 0.5", reply_to=message)
    assert "strength 0.5" in texts(await over(await scene.server.answer_to(answered, 10.0)))
    recipe = await pressed(scene, message, "recipe:")
    assert texts(recipe).endswith("the end")
    longer = await scene.drawn("🎈" * 1_900 + " the end --no " + "🎃" * 200)
    n_before = len(scene.server.of_bot(scene.private))
    recipe = await pressed(scene, longer, "recipe:")
    assert "Seed" in texts(recipe)
    assert units(texts(recipe)) <= 4_096
    whole = await scene.server.said(scene.private, n_before + 2, 10.0)
    assert whole.media
    said = whole.media.file.content.decode()
    assert said.count("🎈") == 1_900
    assert said.count("🎃") == 200


async def test_the_seed_is_copied_and_examples_are_tapped(scene: Scene) -> None:
    """Three of them under /start; each is drawn for who taps it."""
    hello = await scene.say("/start")
    taps = [each for each in buttons(hello) if (each["callback_data"] or "").startswith("draw:")]
    assert len(taps) == 3
    drawn = await over(await pressed(scene, hello, "draw:"))
    assert taps[0]["text"] in texts(drawn)
    assert any(each["copy_text"] for each in buttons(drawn))


# Being told


async def test_who_wants_it_is_told_when_a_picture_is_done(scene: Scene) -> None:
    """In private by a message; in a group by name, for others are there too."""
    await scene.say("/settings me ping yes")
    message = await scene.drawn()
    ping = await scene.server.answer_to(message, 10.0)
    assert texts(ping) == "Your picture is done."
    group = scene.server.add_supergroup("art", scene.operator)
    drawn = await scene.drawn("/imagine a red circle", chat=group)
    ping = await scene.server.answer_to(drawn, 10.0)
    assert texts(ping) == "ada: your picture is done."
    assert mentions(ping) == [scene.ada.id]


async def test_it_is_seen_that_we_are_at_work(tmp_path: Path) -> None:
    """In the chat, or in its topic, but never in General by a number."""
    async with open_telegram(tmp_path, *SLOW) as scene:
        forum = scene.server.add_supergroup("forum", scene.operator, is_forum=True)
        await scene.server.send(scene.operator, forum, "hello")
        topic = scene.server.add_topic(forum, "pictures")
        asked = await scene.server.send(scene.ada, forum, "/imagine a star --steps 40", thread=topic.id)
        other = await scene.server.send(scene.ada, forum, "/imagine a star --steps 40")
        for each in (asked, other):
            await over(await scene.server.answer_to(each, 20.0), 40.0)
        assert {each.action for each in forum.actions} == {"upload_photo"}
        assert {each.thread for each in forum.actions} <= {topic.id, None}
        assert topic.id in {each.thread for each in forum.actions}
        assert scene.server.problems() == []


async def test_a_group_is_greeted_and_a_channel_is_not(scene: Scene) -> None:
    """With what can be typed and tapped there."""
    group = scene.server.add_supergroup("art", scene.operator, has_bot=False)
    await scene.server.add_to_group(scene.operator, group)
    hello = await scene.server.said(group, 1, 10.0)
    assert "/imagine a red circle" in texts(hello)
    drawn = await over(await pressed(scene, hello, "draw:"))
    assert drawn.media is not None
    channel = scene.server.add_channel("news", scene.operator, has_bot=False)
    scene.server.promote_bot(scene.operator, channel)
    await scene.say("/help")
    assert scene.server.of_bot(channel) == []


async def test_a_group_that_nobody_let_in_reads_how(tmp_path: Path) -> None:
    """From whoever brought the bot there."""
    async with open_telegram(tmp_path, is_open=False) as scene:
        group = scene.server.add_supergroup("art", scene.ada, has_bot=False)
        await scene.server.add_to_group(scene.ada, group)
        assert "/allow here" in texts(await scene.server.said(group, 1, 10.0))


# What goes wrong


async def test_answers_that_come_too_fast_come_later(tmp_path: Path) -> None:
    """None is lost, none comes twice, and nobody speaks where quiet was asked for; other chats do not wait."""
    async with open_telegram(tmp_path) as scene:
        group = scene.server.add_supergroup("art", scene.operator)
        scene.server.limits = FloodLimits(private=None, group=RateLimit(n_messages=3, per_s=2.0), everywhere=None)
        asked = [await scene.server.send(scene.ada, group, "/help imagine") for _ in range(8)]
        assert "/imagine" in texts(await scene.say("/help"))
        for each in asked:
            await scene.server.answer_to(each, 40.0)
        answered = [each.reply_to for each in scene.server.of_bot(group)]
        assert sorted(each.id for each in answered if each) == sorted(each.id for each in asked)
        assert scene.server.offences == []
        assert scene.server.problems() == []


async def test_a_button_of_long_ago_works(scene: Scene) -> None:
    """Telegram tells too little of its message; the button says it all."""
    message = await scene.drawn()
    n_before = len(scene.server.of_bot(scene.private))
    recipe = next(each for each in ids_of(message) if each.startswith("recipe:"))
    press = await scene.server.press(scene.ada, message, recipe, is_inaccessible=True)
    await press.answered()
    assert "a red circle" in texts(await scene.server.said(scene.private, n_before + 1, 10.0))


async def test_a_group_that_becomes_a_supergroup_is_the_same_place(tmp_path: Path) -> None:
    """What waits there is told in the new one; what was allowed and set holds; what was drawn is there for all."""
    async with open_telegram(tmp_path, *SLOW, is_open=False) as scene:
        group = scene.server.add_group("art", scene.operator)
        bob = scene.server.add_user("bob")
        for each in (scene.ada, bob):
            scene.server.add_member(group, each)
        await scene.say("/allow here", scene.operator, group)
        await scene.say("/settings place steps 4", scene.operator, group)
        before = await scene.drawn("/imagine a ring --seed 5", chat=group)
        await scene.say("/imagine a red circle --steps 12", chat=group)
        moved = scene.server.upgrade(group)
        await scene.server.until(lambda: any(is_over(each) for each in scene.server.of_bot(moved)), 40.0)
        assert len([each for each in scene.server.of_bot(moved) if each.media]) == 1
        assert "4 steps" in texts(await scene.drawn("/imagine a star", chat=moved))
        picture = next(each for each in ids_of(before) if each.startswith("recipe:")).partition(":")[2]
        assert "Seed 5" in texts(await scene.say(f"/recipe {picture}", bob, moved))
        assert scene.server.problems() == []


async def test_a_move_that_nobody_told_is_found_out(tmp_path: Path) -> None:
    """By the refusal: the picture is said in the new chat, once."""
    async with open_telegram(tmp_path, *SLOW) as scene:
        group = scene.server.add_group("art", scene.operator)
        scene.server.add_member(group, scene.ada)
        message = await scene.say("/imagine a red circle --steps 8", chat=group)
        scene.server.updates.allow(["message_reaction"])  # what is said of it is lost on the way
        moved = scene.server.upgrade(group)
        await scene.server.until(lambda: any(each.media for each in scene.server.of_bot(moved)), 40.0)
        assert len(scene.server.of_bot(moved)) == 1
        assert message.media is None


async def test_who_blocked_us_is_told_nothing_more(tmp_path: Path) -> None:
    """Progress stops at once; what is drawn waits; who comes back is heard."""
    async with open_telegram(tmp_path, *SLOW) as scene:
        await scene.say("a red circle --steps 30")
        scene.server.block(scene.ada)
        await scene.server.until(lambda: scene.ada.id in scene.platform._closed, 10.0)
        n_before = len([each for each in scene.server.calls if each.method.startswith("edit")])
        async with asyncio.timeout(30.0):
            while not await scene.house.store.outbox.uncollected(f"telegram:{scene.ada.id}"):  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.05)
        n_after = len([each for each in scene.server.calls if each.method.startswith("edit")])
        assert n_after <= n_before + 2  # one that was on its way, and the picture itself
        scene.server.unblock(scene.ada)
        assert "could not be delivered" in texts(await scene.say("/collect"))
        assert scene.ada.id not in scene.platform._closed


async def test_what_waits_where_we_were_put_out_is_cancelled(scene: Scene) -> None:
    """In a group everybody's, after it has become another chat too; what was asked elsewhere is drawn."""
    group = scene.server.add_group("art", scene.operator)
    scene.server.add_member(group, scene.ada)
    elsewhere = scene.server.add_supergroup("elsewhere", scene.operator)
    scene.server.add_member(elsewhere, scene.ada)
    await scene.say("/pause", scene.operator, scene.server.private(scene.operator))
    for user in (scene.ada, scene.operator):
        await scene.say("/imagine a red circle", user, group)
    in_private, there = await scene.say("a ring"), await scene.say("/imagine a ring", scene.ada, elsewhere)
    assert len(waiting(scene)) == 4
    moved = scene.server.upgrade(group)
    await scene.server.until(lambda: f"telegram:{moved.id}" in waiting(scene), 10.0)
    scene.server.remove_bot(scene.operator, moved)
    left = [f"telegram:{scene.ada.id}", f"telegram:{elsewhere.id}"]
    await scene.server.until(lambda: waiting(scene) == left, 10.0)
    scene.server.block(scene.ada)
    await scene.server.until(lambda: waiting(scene) == left[1:], 10.0)
    await scene.say("/resume", scene.operator, scene.server.private(scene.operator))
    assert (await over(there)).media is not None
    assert in_private.media is None
    scene.server.unblock(scene.ada)
    said = texts(await scene.say("/quota"))
    assert "Drawn today 1 picture," in said
    assert "Waiting or being drawn 0 of" in said


def waiting(scene: Scene) -> list[str]:
    """Where what waits or is being drawn was asked, oldest first."""
    return [each.request.place for each in scene.house.runner.live_requests()]


async def test_a_refused_token_does_not_end_the_listening(scene: Scene) -> None:
    """A proxy may have said so; the library alone would never ask again."""
    scene.server.next_fault("getUpdates", Fault.BROKEN_BEFORE, n=2, status=401)
    await scene.say("/help")
    assert "a red circle" in texts(await scene.drawn())


async def test_a_token_that_is_taken_back_is_said_while_it_is(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """As what is wrong with Telegram here; and once it is good again all goes on."""
    assert scene.platform.trouble == ""
    monkeypatch.setattr(scene.server.methods, "_token", "123456:another")
    await scene.server.send(scene.ada, scene.private, "/help")
    await scene.server.until(lambda: scene.platform.trouble == NOT_KNOWN, 10.0)
    monkeypatch.undo()
    await scene.server.until(lambda: scene.platform.trouble == "", 10.0)
    assert "a red circle" in texts(await scene.drawn())


async def test_a_picture_that_cannot_be_fetched_is_a_sentence(scene: Scene) -> None:
    """Its address was good for an hour; or the line broke."""
    scene.server.next_fault("download", Fault.BROKEN_BEFORE, status=404)
    sent = await scene.server.send_photo(scene.ada, scene.private, png(64, 64), caption="a blue ring")
    assert "send it again" in texts(await scene.server.answer_to(sent, 10.0))


async def test_the_token_is_in_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever breaks, and however much is logged."""
    caplog.set_level(logging.DEBUG)
    async with open_telegram(tmp_path) as scene:
        secret = scene.server.token.partition(":")[2]
        for method, status in (("sendMessage", 500), ("getUpdates", 401), ("getFile", 401), ("download", 404)):
            scene.server.next_fault(method, Fault.BROKEN_BEFORE, status=status)
        for method in ("editMessageMedia", "answerCallbackQuery", "getChatMember"):
            scene.server.next_fault(method, Fault.RESET)
        await scene.server.send_photo(scene.ada, scene.private, png(64, 64), caption="a blue ring")
        message = await scene.drawn()
        await scene.server.press(scene.ada, message, next(each for each in ids_of(message) if "recipe:" in each))
        await scene.say("/help")
        assert secret not in repr(scene.platform.bot)
    printed = capsys.readouterr()
    for said in (caplog.text, printed.out, printed.err):
        assert secret not in said


async def test_menus_that_are_refused_keep_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes is answered meanwhile; what was refused is sent again, and what was not is not."""
    monkeypatch.setattr(menus, "AGAIN_AFTER_S", 0.05)
    server = FakeTelegram()
    await server.start()
    server.next_fault("setMyCommands", Fault.BROKEN_BEFORE, n=1, status=502)
    server.next_fault("setMyCommands", Fault.TOO_MANY, n=1, retry_after_s=1.0)
    server.next_fault("setMyCommands", Fault.REFUSED, n=1)
    try:
        async with open_telegram(tmp_path, server=server) as scene:
            assert scene.platform.trouble == ""
            await scene.server.until(lambda: len(server.methods.profile.commands) == 21, 20.0)
            assert len([each for each in server.calls if each.method == "setMyCommands"]) == 24
            assert len([each for each in server.calls if each.method == "getMe"]) == 1
    finally:
        await server.close()


async def test_menus_are_there_for_each_kind_of_place_and_language(scene: Scene) -> None:
    """Groups are offered what is of use there, their admins what is theirs."""
    sent = scene.server.methods.profile.commands
    await scene.server.until(lambda: len(sent) == 21, 10.0)
    of = {
        (json.loads(scope)["type"], language): {each["command"] for each in commands}
        for (scope, language), commands in sent.items()
    }
    assert {scope for scope, _ in of} == {"default", "all_group_chats", "all_chat_administrators"}
    assert {language for _, language in of} == {"", "de", "es", "fr", "pt", "ru", "ja"}
    assert {"imagine", "link", "quota"} <= of["default", ""]
    assert "link" not in of["all_group_chats", ""]
    assert "ban" in of["all_chat_administrators", ""] - of["default", ""]

"""People talk to the real adapter: real python-telegram-bot over real sockets, real database, real engine front."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes.telegram_houses import Scene, ids_of, is_over, open_telegram, over
from tests.fakes.telegram_server import buttons, texts


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


async def test_in_private_a_plain_message_is_a_prompt(scene: Scene) -> None:
    """One message from its place in line to the picture, with buttons and the seed to copy."""
    message = await scene.drawn()
    assert message.media is not None
    assert message.media.kind == "photo"
    assert "a red circle --seed 7" in texts(message)
    assert "seed 7" in texts(message)
    assert [each["text"] for each in buttons(message)][:4] == ["Again", "Vary subtle", "Vary strong", "Remix"]
    assert buttons(message)[-1]["text"] == "Copy seed 7"


async def test_several_pictures_are_one_grid_and_u_opens_one(scene: Scene) -> None:
    """By editing the same message; U2 is a message of its own."""
    message = await scene.drawn("a ring --n 4 --seed 9")
    assert [each["text"] for each in buttons(message)][:4] == ["U1", "U2", "U3", "U4"]
    n_before = len(scene.server.of_bot(scene.private))
    second = [each for each in ids_of(message) if each.startswith("show:")][1]
    await scene.server.press(scene.ada, message, second)
    shown = await scene.server.said(scene.private, n_before + 1, 10.0)
    assert "seed 10" in texts(shown)


async def test_a_photo_with_a_caption_is_a_remix(scene: Scene) -> None:
    """And so is an answer with words to a photo, or to a picture of ours."""
    sent = await scene.server.send_photo(scene.ada, scene.private, png(64, 64), caption="a blue ring --strength 0.6")
    assert "strength 0.6" in texts(await over(await scene.server.answer_to(sent, 10.0)))
    bare = await scene.server.send_photo(scene.ada, scene.private, png(64, 64))
    assert "what to make of it" in texts(await scene.server.answer_to(bare, 10.0))
    answered = await scene.server.send(scene.ada, scene.private, "a heart --strength 0.5", reply_to=bare)
    assert "strength 0.5" in texts(await over(await scene.server.answer_to(answered, 10.0)))
    ours = await scene.drawn()
    onto = await scene.server.send(scene.ada, scene.private, "a green star --strength 0.4", reply_to=ours)
    assert "strength 0.4" in texts(await over(await scene.server.answer_to(onto, 10.0)))


async def test_upscale_is_an_answer_to_a_picture(scene: Scene) -> None:
    """Of ours or of theirs."""
    ours = await scene.drawn()
    asked = await scene.server.send(scene.ada, scene.private, "/upscale", reply_to=ours)
    assert (await over(await scene.server.answer_to(asked, 10.0))).media is not None


async def test_a_refusal_is_a_sentence_under_what_was_said(scene: Scene) -> None:
    """And nothing is drawn."""
    assert "multiple of 8" in texts(await scene.say("a ring --size 500x501"))


async def test_remix_asks_for_words_and_takes_the_answer(scene: Scene) -> None:
    """The message that asks names the picture; whoever answers it redraws that."""
    ours = await scene.drawn()
    remix = next(each for each in ids_of(ours) if each.startswith("remix:"))
    n_before = len(scene.server.of_bot(scene.private))
    press = await scene.server.press(scene.ada, ours, remix)
    question = await scene.server.said(scene.private, n_before + 1, 10.0)
    assert press.answered_after_s is not None
    answer = await scene.server.send(scene.ada, scene.private, "a blue square --strength 0.5", reply_to=question)
    assert "strength 0.5" in texts(await over(await scene.server.answer_to(answer, 10.0)))


async def test_who_speaks_russian_reads_russian_to_the_end(scene: Scene) -> None:
    """The line in the queue, the buttons, the end and a refusal; in the same group somebody else reads English."""
    ada, eve = scene.server.add_user("ада", language="ru"), scene.server.add_user("eve")
    group = scene.server.add_supergroup("art", scene.operator)
    for user in (ada, eve):
        scene.server.add_member(group, user)
    drawn = await over(await scene.say("/imagine a red circle", ada, group))
    assert "шагов: " in texts(drawn)
    assert "с работы устройства" in texts(drawn)
    assert "Удалить" in [each["text"] for each in buttons(drawn)]
    assert "У тебя ничего не ждёт" in texts(await scene.say("/cancel", ada, group))
    assert "Nothing of yours is waiting" in texts(await scene.say("/cancel", eve, group))


async def test_what_waits_can_be_taken_back(tmp_path: Path) -> None:
    """By whoever asked; in a group somebody else reads no in an alert."""
    async with open_telegram(tmp_path, "--step-s", "60") as scene:
        group = scene.server.add_supergroup("art", scene.operator)
        eve = scene.server.add_user("eve")
        scene.server.add_member(group, scene.ada)
        scene.server.add_member(group, eve)
        message = await scene.say("/imagine a red circle", chat=group)
        cancel = next(each for each in ids_of(message) if each.startswith("cancel:"))
        refused = await scene.server.press(eve, message, cancel)
        await scene.server.until(lambda: refused.answer is not None, 5.0)
        assert refused.answer is not None
        assert "somebody else's" in refused.answer.text
        await scene.server.press(scene.ada, message, cancel)
        await message.until(is_over, 10.0)
        assert "Cancelled" in texts(message)


async def test_in_groups_only_what_is_for_us_is_heard(scene: Scene) -> None:
    """A command, an answer to us, a mention; never another bot's command or a word between people."""
    group = scene.server.add_supergroup("art", scene.operator)
    scene.server.add_member(group, scene.ada)
    n_before = len(scene.server.of_bot(group))
    await scene.server.send(scene.ada, group, "hello everybody")
    await scene.server.send(scene.ada, group, "/imagine@another_bot a red circle")
    drawn = await scene.drawn(f"/imagine@{scene.server.bot.username} a red circle", chat=group)
    assert drawn.media is not None
    assert len(scene.server.of_bot(group)) == n_before + 1


async def test_topics_keep_their_answers(scene: Scene) -> None:
    """In the topic it was asked in."""
    forum = scene.server.add_supergroup("forum", scene.operator, is_forum=True)
    await scene.server.send(scene.operator, forum, "hello")
    topic = scene.server.add_topic(forum, "pictures")
    scene.server.add_member(forum, scene.ada)
    asked = await scene.server.send(scene.ada, forum, "/imagine a star", thread=topic.id)
    answer = await over(await scene.server.answer_to(asked, 10.0))
    assert answer.thread == topic.id


async def test_deleting_takes_the_message_away(scene: Scene) -> None:
    """From the chat and from us."""
    message = await scene.drawn()
    await scene.server.press(scene.ada, message, next(each for each in ids_of(message) if each.startswith("delete:")))
    await scene.server.until(lambda: message.deleted, 10.0)


async def test_the_original_comes_as_a_file(scene: Scene) -> None:
    """With its recipe in it, which Telegram takes out of photos."""
    await scene.drawn()
    answer = await scene.say("/original")
    assert answer.media is not None
    assert answer.media.kind == "document"
    assert b"parameters" in answer.media.file.content


async def test_strangers_are_told_how_to_be_let_in(tmp_path: Path) -> None:
    """Until an operator does."""
    async with open_telegram(tmp_path, is_open=False) as scene:
        assert "private" in texts(await scene.say("a red circle"))
        await scene.say(f"/allow telegram:{scene.ada.id}", scene.operator, scene.server.private(scene.operator))
        assert (await scene.drawn()).media is not None


async def test_who_starts_reads_three_examples(scene: Scene) -> None:
    """Each to be tapped and sent."""
    assert texts(await scene.say("/start")).count("circle") >= 1


async def test_admins_are_those_that_telegram_names(scene: Scene) -> None:
    """Also one who hides behind the group; an ordinary member is told no."""
    group = scene.server.add_supergroup("art", scene.operator)
    mona = scene.server.add_user("mona")
    scene.server.add_member(group, mona, "administrator")
    scene.server.add_member(group, scene.ada)
    assert "Only an admin" in texts(await scene.say("/settings place steps 12", chat=group))
    assert "steps is 12" in texts(await scene.say("/settings place steps 12", mona, group))

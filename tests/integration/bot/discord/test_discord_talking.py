"""People talk to the real adapter: real discord.py over real sockets, real database, real engine front."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.platforms.discord.recent import Recent
from tests.fakes.discord_houses import Scene, ids_of, is_over, open_discord
from tests.fakes.discord_server import (
    Channel,
    FakeDiscord,
    Fault,
    Interaction,
    Permission,
    User,
    buttons,
    gallery,
    texts,
)
from tests.fakes.engines import until


def png(width_px: int, height_px: int) -> bytes:
    """A picture that somebody has."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width_px, height_px)).convert("RGB").save(buffer, format="PNG")
    return buffer.getvalue()


async def remembered(scene: Scene) -> None:
    """Until Ada's pictures are in memory, and nothing is being read any more."""
    await until(lambda: bool(scene.platform.recent.of(f"discord:{scene.ada.id}")))
    await scene.platform.recent.settled()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that draws at once; in the end every call and event must be by the specs."""
    async with open_discord(tmp_path) as opened:
        yield opened
        assert opened.server.problems() == []
        assert opened.server.offences == []


async def test_a_command_becomes_a_picture_in_one_message(scene: Scene) -> None:
    """Acknowledged at once, edited to the picture, with alt text, seed and buttons."""
    asked = await scene.slash("/imagine a red circle --seed 7")
    await asked.acked()
    assert asked.response_type == 4
    message = await scene.end_of(asked)
    [shown] = gallery(message)
    assert shown.description == "a red circle (seed 7)"
    assert "seed 7" in texts(message)
    labels = [each["label"] for each in buttons(message)]
    assert labels[:4] == ["Again", "Vary subtle", "Vary strong", "Remix"]
    assert [each for each in scene.channel.messages if not each.is_ephemeral] == [message]
    assert message.allowed_mentions == {"parse": []}


async def test_four_pictures_are_one_gallery_and_u_opens_one(scene: Scene) -> None:
    """Each with its own alt text; U2 is that picture alone, V3 four variations of the third."""
    asked = await scene.server.slash(
        scene.ada, scene.channel, "imagine", {"prompt": "a ring", "pictures": 4, "seed": 9}
    )
    message = await scene.end_of(asked)
    assert [each.description for each in gallery(message)] == [f"a ring (seed {seed})" for seed in (9, 10, 11, 12)]
    assert [each["label"] for each in buttons(message)][:8] == ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4"]
    opened = await scene.server.click(
        scene.ada, message, next(each for each in ids_of(message) if each.startswith("show:"))
    )
    alone = await opened.answered()
    assert [each.description for each in gallery(alone)] == ["a ring (seed 9)"]
    third = [each for each in ids_of(message) if each.startswith("vary-strong:")][2]
    varied = await scene.end_of(await scene.server.click(scene.ada, message, third))
    assert len(gallery(varied)) == 4


async def test_a_refusal_is_for_the_asker_alone(scene: Scene) -> None:
    """One sentence that says what to do, and nothing in the channel."""
    asked = await scene.slash("/imagine a red circle --size 500x501")
    message = await asked.answered()
    assert asked.ephemeral
    assert "multiple of 8" in texts(message)


async def test_a_remix_is_asked_for_in_a_form_that_is_filled_in(scene: Scene) -> None:
    """The picture's own words stand in it; sent, it is a picture of its own."""
    message = await scene.drawn()
    remix = next(each for each in ids_of(message) if each.startswith("remix:"))
    opened = await (await scene.server.click(scene.ada, message, remix)).acked()
    assert opened.modal
    assert opened.modal["components"][0]["component"]["value"] == "a red circle"
    sent = await scene.server.submit(opened, {"prompt": "a green square --seed 3", "strength": "0.5"})
    drawn = await scene.end_of(sent)
    assert gallery(drawn)[0].description == "a green square (seed 3)"
    assert "strength 0.5" in texts(drawn)


async def test_an_attachment_is_remixed(scene: Scene) -> None:
    """Fetched at once; another file than a picture is refused with a sentence."""
    picture = scene.server.upload("mine.png", png(64, 64))
    asked = await scene.server.slash(
        scene.ada, scene.channel, "remix", {"prompt": "a blue ring", "upload": picture, "strength": 0.6}
    )
    assert "strength 0.6" in texts(await scene.end_of(asked))
    text = scene.server.upload("notes.png", b"no picture at all")
    refused = await scene.server.slash(scene.ada, scene.channel, "remix", {"prompt": "x", "upload": text})
    assert "picture" in texts(await refused.answered())
    assert refused.ephemeral


async def test_any_message_with_a_picture_has_a_menu(scene: Scene) -> None:
    """Of ours, the picture is known by its buttons; of others, it is fetched. Without one there is a sentence."""
    ours = await scene.drawn()
    enlarged = await scene.end_of(await scene.server.context(scene.ada, scene.channel, ours, "Upscale this"))
    assert gallery(enlarged)
    recipe = await (await scene.server.context(scene.ada, scene.channel, ours, "Read its recipe")).answered()
    assert "a red circle" in texts(recipe)
    posted = scene.server.say(scene.ada, scene.channel, "look", [scene.server.upload("mine.png", png(64, 64))])
    form = await (await scene.server.context(scene.ada, scene.channel, posted, "Remix this")).acked()
    remixed = await scene.end_of(await scene.server.submit(form, {"prompt": "a heart", "strength": "0.7"}))
    assert "strength 0.7" in texts(remixed)
    words = scene.server.say(scene.ada, scene.channel, "no picture here")
    refused = await scene.server.context(scene.ada, scene.channel, words, "Remix this")
    assert "no picture in that message" in texts(await refused.answered())


async def test_a_message_that_discord_does_not_show_us_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is to be done with it: a sentence at once, not silence until Discord gives up."""
    words, interact = scene.server.say(scene.ada, scene.channel, "look"), scene.server._interact

    async def without_the_message(
        kind: int, user: User, channel: Channel, data: dict[str, Any], **more: Any
    ) -> Interaction:
        return await interact(kind, user, channel, data | {"resolved": {}}, **more)

    monkeypatch.setattr(scene.server, "_interact", without_the_message)
    for what in ("Remix this", "Upscale this", "Read its recipe"):
        asked = await scene.server.context(scene.ada, scene.channel, words, what)
        assert "I cannot see that message; answer with the picture attached" in texts(await asked.answered())
        assert asked.ephemeral


async def test_who_speaks_german_reads_german_from_the_place_in_line_to_the_end(tmp_path: Path) -> None:
    """Also after a restart, and whatever the language of who presses; refusals too, and English stays English."""
    server = FakeDiscord()
    await server.start()
    try:
        async with open_discord(tmp_path, server=server) as scene:
            await (await server.slash(scene.operator, scene.channel, "pause")).answered()
            words = {"prompt": "a red circle"}
            german = await (await server.slash(scene.ada, scene.channel, "imagine", words, locale="de")).answered()
            english = await (await scene.slash("/imagine a red circle")).answered()
            assert "Nummer 1 in der Schlange" in texts(german)
            assert "Abbrechen" in str(german.components)
            assert "Number 2 in line" in texts(english)
        async with open_discord(tmp_path, server=server, is_open=False) as scene:
            await (await server.slash(scene.operator, scene.channel, "resume", locale="ja")).answered()
            for message in (german, english):
                await message.until(is_over, 20.0)
            assert "Rechenzeit" in texts(german)
            assert "Löschen" in str(german.components)
            assert "of the device" in texts(english)
            refused = await server.slash(scene.ada, scene.channel, "cancel", {}, locale="fr")
            assert "Rien à toi n'attend" in texts(await refused.answered())
    finally:
        await server.close()


async def test_what_is_waiting_can_be_taken_back(tmp_path: Path) -> None:
    """By whoever asked; somebody else is told no, to themselves."""
    async with open_discord(tmp_path, "--step-s", "60") as scene:
        message = await (await scene.slash("/imagine a red circle")).answered()
        cancel = next(each for each in ids_of(message) if each.startswith("cancel:"))
        eve = scene.server.add_user("eve")
        refused = await scene.server.click(eve, message, cancel)
        assert "somebody else's" in texts(await refused.answered())
        assert refused.ephemeral
        await (await scene.server.click(scene.ada, message, cancel)).acked()
        await message.until(is_over)
        assert "Cancelled" in texts(message)


async def test_deleting_takes_the_message_away(scene: Scene) -> None:
    """And a button of it that somebody still sees answers kindly."""
    message = await scene.drawn()
    again, delete = (next(each for each in ids_of(message) if each.startswith(verb)) for verb in ("again:", "delete:"))
    shown = message.components
    await (await scene.server.click(scene.ada, message, delete)).acked()
    await scene.server.until(lambda: message.deleted)
    message.deleted, message.components = False, shown  # somebody's client has not heard of it yet
    late = await scene.server.click(scene.ada, message, again)
    assert "no picture" in texts(await late.answered())


async def test_a_page_of_the_history_opens_pictures(scene: Scene) -> None:
    """Thumbnails in a gallery, and a menu that opens one."""
    await scene.drawn()
    page = await (await scene.slash("/history")).answered()
    assert len(gallery(page)) == 1
    [chosen] = [
        part for row in page.components[0]["components"] for part in row.get("components", []) if part["type"] == 3
    ]
    opened = await scene.server.choose(scene.ada, page, "pick", [chosen["options"][0]["value"]])
    assert gallery(await opened.answered())


async def test_the_original_is_the_very_file(scene: Scene) -> None:
    """With its recipe in it."""
    await scene.drawn()
    asked = await scene.slash("/original")
    answer = await asked.answered()
    assert asked.response_type == 5  # a file can take longer than Discord's three seconds
    [file] = answer.attachments
    assert file.content.startswith(b"\x89PNG")
    assert b"parameters" in file.content


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.DROPPED, Fault.BROKEN_BEFORE])
async def test_a_file_whose_answer_gets_lost_is_no_eternal_thinking(scene: Scene, fault: Fault) -> None:
    """It is sent once more."""
    await scene.drawn()
    scene.server.next_fault("PATCH", "/webhooks/*", fault, n=2)  # aiohttp asks once more by itself
    answer = await (await scene.slash("/original")).answered(10.0)
    assert answer.attachments


async def test_a_file_that_turns_out_too_large_is_a_sentence(scene: Scene) -> None:
    """Discord takes less than it said."""
    await scene.drawn()
    asked = await scene.slash("/original")
    scene.server.attachment_size_limit = 500
    assert "too large for this place" in texts(await asked.answered(10.0))


async def test_a_long_prompt_can_be_read_in_full(scene: Scene) -> None:
    """A message has no room for it; a file beside the recipe has."""
    prompt = "a red circle " + "in a wide landscape with hills and trees " * 40
    await scene.drawn(f"/imagine {prompt}")
    answer = await (await scene.slash("/recipe")).answered()
    [file] = [each for each in answer.attachments if each.filename == "in-full.txt"]
    assert prompt.strip() in file.content.decode()


async def test_names_and_models_are_suggested_while_typing(scene: Scene) -> None:
    """Their own newest pictures, with words; what fits, first."""
    await scene.drawn()
    await remembered(scene)
    found = await scene.server.autocomplete(scene.ada, scene.channel, "show", "source", "")
    assert [each["name"].split("  ")[1] for each in found] == ["a red circle"]
    models = await scene.server.autocomplete(scene.ada, scene.channel, "imagine", "model", "po")
    assert models[0]["value"] == "pocket"


async def test_what_can_be_cancelled_is_suggested_and_nothing_that_is_over(tmp_path: Path) -> None:
    """Of the asker alone."""
    async with open_discord(tmp_path, "--step-s", "1") as scene:
        message = await (await scene.slash("/imagine a blue square")).answered()
        request = texts(message).rpartition("-# ")[2].partition(" ")[0]
        found = await scene.server.autocomplete(scene.ada, scene.channel, "cancel", "request", "blue")
        assert [each["value"] for each in found] == [request]
        assert await scene.server.autocomplete(scene.operator, scene.channel, "cancel", "request", "") == []
        await (await scene.slash("/cancel")).acked()
        await message.until(lambda each: "ancelled" in texts(each), 10.0)
        assert await scene.server.autocomplete(scene.ada, scene.channel, "cancel", "request", "") == []


async def test_what_is_suggested_waits_for_no_database(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that never answers: their pictures are offered all the same; a start remembers who drew last."""
    message = await scene.drawn()
    await remembered(scene)
    never = asyncio.Event()

    async def stuck(*_: Any) -> Any:
        await never.wait()

    monkeypatch.setattr(scene.house.studio, "history", stuck)
    for typed in ("", "cir", "a red", texts(message).rpartition("-# ")[2][:4]):
        found = await scene.server.autocomplete(scene.ada, scene.channel, "show", "source", typed)
        assert [each["name"].split("  ")[1] for each in found] == ["a red circle"], typed
    assert await scene.server.autocomplete(scene.ada, scene.channel, "show", "source", "square") == []
    monkeypatch.undo()
    again = Recent(scene.house.studio)
    again.warm()
    await again.settled()
    assert [each.prompt for each in again.of(f"discord:{scene.ada.id}")] == ["a red circle"]
    await again.close()


async def test_who_is_forgotten_is_not_suggested_to(scene: Scene) -> None:
    """What was remembered of their prompts goes with all else."""
    await scene.drawn()
    await remembered(scene)
    asked = await (await scene.slash("/forget")).answered()
    await (await scene.server.click(scene.ada, asked, "forget:yes")).answered()
    await scene.platform.recent.settled()
    assert await scene.server.autocomplete(scene.ada, scene.channel, "show", "source", "") == []


async def test_a_missing_right_is_said_before_anything_is_drawn(scene: Scene) -> None:
    """By its name, and where it can be given."""
    scene.channel.app_permissions = int(Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES)
    refused = await (await scene.slash("/imagine a red circle")).answered()
    assert "“Attach Files”" in texts(refused)
    assert scene.house.engine.status().n_running == 0


async def test_direct_messages_and_threads_work(scene: Scene) -> None:
    """Whoever is let in asks in private; a thread lies in its channel."""
    await (await scene.server.slash(scene.operator, scene.channel, "allow", {"who": "everyone"})).answered()
    thread = scene.server.add_channel(scene.guild, "post", kind="thread", parent=scene.channel)
    assert gallery(await scene.end_of(await scene.slash("/imagine a star", channel=thread)))
    private = scene.server.dm(scene.ada)
    assert gallery(await scene.end_of(await scene.slash("/imagine a star", channel=private)))


async def test_who_takes_the_bot_along_gets_pictures_elsewhere(scene: Scene) -> None:
    """Through the token alone: the bot is not in that server."""
    await (await scene.server.slash(scene.operator, scene.channel, "allow", {"who": "everyone"})).answered()
    elsewhere = scene.server.add_guild("elsewhere", scene.server.add_user("zoe"), has_bot=False)
    channel = scene.server.add_channel(elsewhere, "talk")
    asked = await scene.server.slash(scene.ada, channel, "imagine", {"prompt": "a heart"}, install="user")
    assert gallery(await scene.end_of(asked))


async def test_covered_and_private_places(scene: Scene) -> None:
    """A cover over every picture; or the picture in direct messages, and a word in the channel for the asker alone."""
    settings = {"scope": "server", "key": "visibility", "value": "spoiler"}
    await (await scene.server.slash(scene.operator, scene.channel, "settings", settings)).answered()
    assert gallery(await scene.drawn())[0].is_spoiler
    await (
        await scene.server.slash(scene.operator, scene.channel, "settings", settings | {"value": "private"})
    ).answered()
    asked = await scene.slash("/imagine a blue square --seed 4")
    assert "direct messages" in texts(await asked.answered())
    assert asked.ephemeral
    private = scene.server.dm(scene.ada)
    await scene.server.until(lambda: bool(private.messages) and is_over(private.messages[-1]), 20.0)
    assert gallery(private.messages[-1])[0].description == "a blue square (seed 4)"


async def test_in_restricted_places_only_age_restricted_channels_draw(scene: Scene) -> None:
    """Elsewhere a sentence says where."""
    settings = {"scope": "server", "key": "visibility", "value": "restricted"}
    await (await scene.server.slash(scene.operator, scene.channel, "settings", settings)).answered()
    assert "age-restricted" in texts(await (await scene.slash("/imagine a star")).answered())
    adult = scene.server.add_channel(scene.guild, "adult", nsfw=True)
    assert gallery(await scene.end_of(await scene.slash("/imagine a star", channel=adult)))
    thread = scene.server.add_channel(scene.guild, "a thread of it", kind="thread", parent=adult)
    assert gallery(await scene.end_of(await scene.slash("/imagine a star", channel=thread)))


async def test_hostile_words_mention_nobody(scene: Scene) -> None:
    """They come back as they were written, and no call lets anything be parsed."""
    words = "@everyone <@1> <@&2> [x](https://evil.example) ||b||"
    message = await scene.drawn(f"/imagine {words}")
    assert "\\@everyone" in texts(message)
    bodies = [call.body for call in scene.server.calls if isinstance(call.body, dict)]
    sent = [each for each in (*bodies, *(each.get("data") or {} for each in bodies)) if "components" in each]
    assert sent
    assert all(each["allowed_mentions"] == {"parse": []} for each in sent if each.get("flags", 0) & (1 << 15))


async def test_a_link_code_and_an_export_are_given_in_a_server_too(scene: Scene) -> None:
    """The answer is seen by the asker alone."""
    await scene.drawn()
    linked = await scene.slash("/link")
    assert "/link" in texts(await linked.answered())
    assert linked.ephemeral
    data = await scene.slash("/mydata")
    message = await data.answered(20.0)
    assert data.ephemeral
    assert message.attachments[0].filename.endswith(".zip")


async def test_who_wants_it_is_pinged_when_a_picture_is_done(scene: Scene) -> None:
    """They alone, once, under the picture: an edit notifies nobody. At first nobody is."""
    await scene.drawn()
    await (await scene.server.slash(scene.ada, scene.channel, "settings", {"key": "ping", "value": "yes"})).answered()
    message = await scene.drawn()
    await scene.server.until(lambda: scene.channel.messages[-1].reply_to is message, 10.0)
    pings = [each for each in scene.channel.messages if each.reply_to]
    assert [texts(each) for each in pings] == [f"<@{scene.ada.id}> your picture is done."]
    assert pings[0].allowed_mentions == {"parse": [], "users": [str(scene.ada.id)]}

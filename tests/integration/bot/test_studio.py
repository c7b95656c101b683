"""The studio with a real database, a real engine front and the torch-free drawer: what people can do, what is kept."""

import asyncio
import hashlib
import io
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot import app
from bot import house as house_module
from bot.app import open_bot
from bot.cards import Card, Paper, State
from bot.library import Library
from bot.making import MOST_LOSSES
from bot.parser import parse
from bot.settings import Settings
from bot.sources import MAX_UPLOADS_EACH
from engine.engine import EngineSettings
from engine.errors import BadPicture, StorageError, UserError
from engine.finish import Finished, Finisher
from storage import records
from storage.records import JobRow, RequestRow
from storage.requests import Requests
from tests.fakes import drawer, engines
from tests.fakes.houses import House, open_house
from tests.fakes.platforms import Recorder, origin


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


class Listening(Recorder):
    """A chat with a life of its own."""

    lines = ()
    is_listening = False

    async def start(self) -> None:
        """From now on people may ask."""
        self.is_listening = True

    async def close(self) -> None:
        """Nothing is to be let go of."""


async def png_of(house: House, picture: str | None, owner: str = "recorder:ada") -> Image.Image:
    assert picture
    served = await house.studio.file(owner, picture, "picture")
    return Image.open(io.BytesIO(await asyncio.to_thread(served.path.read_bytes)))


def upload_png(width_px: int = 96, height_px: int = 64) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width_px, height_px)).convert("RGB").save(buffer, format="PNG")
    return buffer.getvalue()


async def test_a_prompt_becomes_pictures_that_are_kept(house: House) -> None:
    """Acknowledged first, delivered last, with files, seeds, the pixel hash and a place in the history."""
    card = await house.drawn("/imagine a red circle --n 2 --seed 7")
    assert card.state is State.DONE
    assert [tile.seed for tile in card.tiles] == [7, 8]
    ways = house.platform.ways(card.id)
    assert (ways[0], ways[-1]) == ("acknowledge", "deliver")
    row = await house.store.history.picture(card.id, 2)
    assert row
    image = await png_of(house, card.tiles[1].picture)
    assert image.size == (128, 128)
    assert hashlib.sha256(image.convert("RGB").tobytes()).hexdigest() == row.pixel_hash
    history = await house.studio.history("recorder:ada", "circle", None, 10)
    assert {line.seed for line in history.pictures} == {7, 8}


async def test_progress_shows_previews_and_the_development_is_kept(house: House) -> None:
    """What people saw while it developed can be seen again."""
    card = await house.drawn("/imagine a red circle")
    assert any(tile.preview for _, told in house.platform.told for tile in told.tiles)
    assert card.tiles[0].has_animation
    served = await house.studio.file("recorder:ada", f"{card.id}.1", "animation")
    with Image.open(served.path) as animation:
        assert getattr(animation, "n_frames", 1) > 1


async def test_the_same_event_twice_is_one_request(house: House) -> None:
    """A repeated click or a reconnecting page draws nothing twice."""
    asked = parse("/imagine a red circle")
    first, second = [await house.studio.ask(origin("same"), asked) for _ in range(2)]
    assert first.id == second.id
    await house.platform.card(first.id)
    assert await house.store.history.count("recorder:ada", "") == 1


async def test_permutations_are_counted_before_they_are_drawn(house: House) -> None:
    """Nothing is drawn until the person says yes; then each has the same seed."""
    offered = await house.ask("/imagine a {red,blue} circle")
    assert offered.state is State.OFFERED
    assert "2" in offered.sentence
    assert house.engine.status().n_waiting == 0
    await house.press(f"go:{offered.id}")
    done = await house.platform.card(offered.id)
    assert [tile.prompt for tile in done.tiles] == ["a red circle", "a blue circle"]
    assert len({tile.seed for tile in done.tiles}) == 1


async def test_an_offer_can_be_refused(house: House) -> None:
    """And is then over."""
    offered = await house.ask("/imagine a {red,blue} circle")
    card = await house.press(f"no:{offered.id}")
    assert card.state is State.CANCELLED
    assert await house.store.history.count("recorder:ada", "") == 0


async def test_yes_twice_draws_once(house: House) -> None:
    """Impatient fingers cost nothing."""
    offered = await house.ask("/imagine a {red,blue} circle")
    await asyncio.gather(house.press(f"go:{offered.id}"), house.press(f"go:{offered.id}"))
    await house.platform.card(offered.id)
    assert await house.store.history.count("recorder:ada", "") == 2


async def test_remix_takes_an_upload_its_shape_and_the_strength(house: House) -> None:
    """Model-sized, of the upload's proportions, from the upload's pixels."""
    upload = await house.studio.take_upload(origin("an upload", "recorder:ada"), upload_png(192, 128))
    card = await house.drawn("/remix a blue square --strength 0.5", uploads=(upload.id,))
    assert card.state is State.DONE
    row = await house.store.history.picture(card.id, 1)
    assert row
    assert row.recipe.source
    assert row.recipe.source.strength == 0.5
    assert row.width_px > row.height_px


async def test_a_picture_beside_a_prompt_is_what_it_starts_from(house: House) -> None:
    """As people expect who attach a picture to /imagine."""
    upload = await house.studio.take_upload(origin("an upload", "recorder:ada"), upload_png())
    card = await house.drawn("/imagine a blue square", uploads=(upload.id,))
    assert card.kind == "remix"


async def test_remix_of_an_earlier_picture_keeps_its_words_if_none_are_given(house: House) -> None:
    """And its size."""
    first = await house.drawn("/imagine a red circle --size 192x128")
    card = await house.drawn(f"/remix {first.id}.1")
    assert card.tiles[0].prompt == "a red circle"
    assert (card.tiles[0].width_px, card.tiles[0].height_px) == (192, 128)


async def test_upscale_enlarges_without_the_model(house: House) -> None:
    """The picture is twice the size, its recipe stays what was drawn."""
    first = await house.drawn("/imagine a red circle --seed 7")
    card = await house.drawn(f"/upscale {first.id}.1 2")
    image = await png_of(house, card.tiles[0].picture)
    assert image.size == (256, 256)
    row = await house.store.history.picture(card.id, 1)
    assert row
    assert (row.recipe.seed, row.treatment) == (7, "resample 2")


async def test_refine_enlarges_and_redraws(house: House) -> None:
    """A recipe of twice the size, with the small picture as source."""
    first = await house.drawn("/imagine a red circle --seed 7")
    card = await house.drawn(f"/upscale {first.id} 2 refine")
    row = await house.store.history.picture(card.id, 1)
    assert row
    assert (row.recipe.width_px, row.recipe.seed, row.treatment) == (256, 7, None)
    assert row.recipe.source


async def test_a_refinement_too_large_is_refused_with_the_way_out(house: House) -> None:
    """The sentence names the other road."""
    first = await house.drawn("/imagine a red circle --size 1024x1024 --steps 1")
    with pytest.raises(UserError, match="without refine"):
        await house.ask(f"/upscale {first.id} 4 refine")


async def test_an_upload_can_be_enlarged_though_nobody_knows_its_recipe(house: House) -> None:
    """It says that no model drew it."""
    upload = await house.studio.take_upload(origin("an upload", "recorder:ada"), upload_png(100, 60))
    card = await house.drawn("/upscale 2", uploads=(upload.id,))
    image = await png_of(house, card.tiles[0].picture)
    assert image.size == (200, 120)
    assert "recipe" not in image.info["darkroom"]
    recipe = await house.ask(f"/recipe {card.id}")
    assert "uploaded" in recipe.fields[0].value


async def test_variations_are_four_with_new_seeds(house: House) -> None:
    """V2 varies picture 2; strong repaints more than subtle."""
    first = await house.drawn("/imagine a red circle --n 2 --seed 7")
    strong = await house.press(f"vary-strong:{first.id}.2")
    subtle = await house.press(f"subtle:{first.id}.2")
    strengths = []
    for card in (strong, subtle):
        done = await house.platform.card(card.id)
        assert len(done.tiles) == 4
        assert done.tiles[0].seed not in (7, 8)
        strengths.append(done.tiles[0].strength)
    assert strengths[0] is not None
    assert strengths[1] is not None
    assert strengths[0] > strengths[1]


async def test_again_draws_the_same_words_with_another_seed(house: House) -> None:
    """For one picture, and for all of a message."""
    first = await house.drawn("/imagine a red circle --n 2 --seed 7 --steps 3")
    one = await house.press(f"again:{first.id}.1")
    both = await house.press(f"again:{first.id}")
    assert len((await house.platform.card(one.id)).tiles) == 1
    tiles = (await house.platform.card(both.id)).tiles
    assert [tile.prompt for tile in tiles] == ["a red circle"] * 2
    assert tiles[0].seed != 7


async def test_again_of_a_remix_starts_from_the_same_source(house: House) -> None:
    """The source is kept with the job."""
    upload = await house.studio.take_upload(origin("an upload", "recorder:ada"), upload_png())
    first = await house.drawn("/remix a blue square", uploads=(upload.id,))
    again = await house.drawn(f"/again {first.id}")
    rows = [await house.store.history.picture(card.id, 1) for card in (first, again)]
    sources = [row.recipe.source for row in rows if row]
    assert sources[0] == sources[1]
    assert sources[0]


async def test_again_of_an_enlarged_remix_starts_where_the_remix_did(house: House) -> None:
    """Not from the picture that was enlarged; and once the remix is deleted it says so."""
    upload = await house.studio.take_upload(origin("an upload", "recorder:ada"), upload_png())
    remix = await house.drawn("/remix a blue square", uploads=(upload.id,))
    large = await house.drawn(f"/upscale {remix.id} 2")
    again = await house.drawn(f"/again {large.id}")
    sources = []
    for card in (remix, again):
        [job] = await house.store.requests.jobs_of(card.id)
        sources.append(job.source_file)
    assert sources[0] == sources[1]
    for card in (remix, again):
        await house.press(f"delete:{card.id}")
    with pytest.raises(UserError, match="no longer kept"):
        await house.ask(f"/again {large.id}")


async def test_compare_makes_a_labelled_grid_from_one_seed(house: House) -> None:
    """One tile a value and one picture of them all."""
    card = await house.drawn("/compare a red circle --over guidance 2,4,8")
    assert card.state is State.DONE
    assert len({tile.seed for tile in card.tiles}) == 1
    assert [tile.label for tile in card.tiles] == ["guidance 2", "guidance 4", "guidance 8"]
    assert card.grid == f"{card.id}.0"
    grid = await png_of(house, card.grid)
    assert grid.width > 3 * 128


async def test_the_original_comes_as_a_file(house: House) -> None:
    """By command, by its alias and by button: named as it is saved, as large as it is, described by its prompt."""
    card = await house.drawn("/imagine a red circle --n 2 --seed 7")
    name = f"{card.id}.2"
    served = await house.studio.file("recorder:ada", name, "picture")
    asked = [await house.ask(f"/original {name}"), await house.ask(f"/file {name}"), await house.press(f"file:{name}")]
    for answer in asked:
        assert (answer.id, answer.kind, answer.state) == ("", "original", State.NOTE)
        assert name in answer.sentence
        assert answer.paper == Paper(
            name=name,
            media_type="image/png",
            download_name=served.download_name,
            n_bytes=(await asyncio.to_thread(served.path.stat)).st_size,
            alt="a red circle",
            kind="picture",
        )
    newest = await house.ask("/original")
    assert newest.paper
    assert newest.paper.name.startswith(card.id)
    again = await house.studio.file_for(origin("x"), name, asked[0].paper.kind if asked[0].paper else "")
    assert again == served


async def test_the_original_of_what_is_answered_to_or_shown_alone_is_the_picture_itself(house: House) -> None:
    """Not the message that it stands in."""
    first = await house.drawn("/imagine a red circle --n 2")
    await house.drawn("/imagine a blue square")
    shown = await house.press(f"show:{first.id}.2")
    for answer in (await house.ask("/original", answered=shown.id), await house.press(f"file:{shown.id}")):
        assert answer.paper
        assert answer.paper.name == f"{first.id}.2"


async def test_a_labelled_grid_comes_as_a_file(house: House) -> None:
    """Under the name that its button has; a request without one has no such picture."""
    card = await house.drawn("/compare a red circle --over guidance 2,4")
    answer = await house.press(f"file:{card.id}.0")
    assert answer.paper
    assert (answer.paper.name, answer.paper.kind) == (f"{card.id}.0", "picture")
    assert answer.paper.alt == card.words
    assert card.id in answer.sentence
    served = await house.studio.file_for(origin("x"), answer.paper.name, answer.paper.kind)
    assert served.download_name == answer.paper.download_name == f"darkroom-{card.id}-compared.png"
    plain = await house.drawn("/imagine a red circle")
    with pytest.raises(UserError, match="no longer kept"):
        await house.press(f"file:{plain.id}.0")
    with pytest.raises(UserError, match="no picture"):
        await house.press(f"animation:{card.id}.0")


async def test_the_development_comes_as_a_file(house: House) -> None:
    """An animation; a picture that was made at once has none."""
    card = await house.drawn("/imagine a red circle")
    answer = await house.press(f"animation:{card.id}.1")
    assert (answer.id, answer.kind, answer.state) == ("", "development", State.NOTE)
    assert answer.paper
    assert (answer.paper.kind, answer.paper.media_type) == ("animation", "image/webp")
    served = await house.studio.file_for(origin("x"), answer.paper.name, answer.paper.kind)
    assert served.path.stat().st_size == answer.paper.n_bytes
    large = await house.drawn(f"/upscale {card.id} 2")
    with pytest.raises(UserError, match="no development"):
        await house.press(f"animation:{large.id}.1")


async def test_an_original_that_had_to_make_room_says_how_to_draw_it_anew(house: House) -> None:
    """By its name, and with the command."""
    card = await house.drawn("/imagine a red circle --seed 7")
    await house.store.pictures.prune(0)
    for asked in (house.ask(f"/original {card.id}"), house.press(f"file:{card.id}.1")):
        with pytest.raises(UserError, match=rf"{card.id}\.1 is no longer kept.*/again"):
            await asked
    with pytest.raises(UserError, match="no development"):
        await house.press(f"animation:{card.id}.1")


async def test_originals_are_for_those_who_see_the_picture(house: House) -> None:
    """Where it is shared, in that place; papers and uploads for their owner alone, wherever they are."""
    kinds = ("picture", "thumbnail", "animation")
    hidden = await house.drawn("/imagine a red circle")
    shared = await house.drawn("/imagine a blue square", is_place_shared=True)
    eve = origin("e", "recorder:eve", is_place_shared=True)
    for text in (f"/original {hidden.id}", f"/original {hidden.id}.0"):
        with pytest.raises(UserError, match=f"no picture {hidden.id}"):
            await house.ask(text, owner="recorder:eve")
    for button in (f"file:{hidden.id}.1", f"animation:{hidden.id}.1"):
        with pytest.raises(UserError, match="no picture"):
            await house.press(button, owner="recorder:eve")
    answer = await house.press(f"file:{shared.id}.1", owner="recorder:eve", is_place_shared=True)
    assert answer.paper
    for kind in kinds:
        assert (await house.studio.file_for(eve, f"{shared.id}.1", kind)).path.exists()
        for elsewhere in (origin("e", "recorder:eve"), replace(eve, place="recorder:other")):
            with pytest.raises(UserError, match="no picture"):
                await house.studio.file_for(elsewhere, f"{shared.id}.1", kind)
        with pytest.raises(UserError, match="no picture"):
            await house.studio.file("recorder:eve", f"{shared.id}.1", kind)
    paper = await house.all.papers.keep("recorder:ada", b"all about ada", "application/zip", "mydata.zip")
    upload = await house.studio.take_upload(origin("an upload", "recorder:ada"), upload_png())
    for name, kind in ((paper.name, "paper"), (upload.id, "upload")):
        assert (await house.studio.file_for(origin("a", is_place_shared=True), name, kind)).path.exists()
        with pytest.raises(UserError, match="no longer here"):
            await house.studio.file_for(eve, name, kind)


async def test_showing_a_picture_alone_is_a_message_that_stays(house: House) -> None:
    """U2: nothing is drawn, and it is in the conversation."""
    first = await house.drawn("/imagine a red circle --n 2")
    shown = await house.press(f"show:{first.id}.2")
    assert [tile.picture for tile in shown.tiles] == [f"{first.id}.2"]
    cards, _ = await house.studio.conversation("recorder:ada", None, 10)
    assert [card.id for card in cards] == [first.id, shown.id]
    again = await house.press(f"x2:{shown.id}")
    assert (await house.platform.card(again.id)).tiles[0].width_px == 256


async def test_cancelling_what_is_drawn_and_what_waits(tmp_path: Path) -> None:
    """Both end as cancelled, and the engine is free again."""
    async with open_house(tmp_path, *engines.SLOW) as house:
        cards = [await house.ask("/imagine a red circle") for _ in range(2)]
        for card in cards:
            await house.press(f"cancel:{card.id}")
    # the drawer never comes back from its step: the request is over for the person all the same
    async with open_house(tmp_path, resume=True) as house:
        told, _ = await house.studio.conversation("recorder:ada", None, 10)
        assert {card.state for card in told} == {State.CANCELLED}
        with pytest.raises(UserError, match="finished already"):
            await house.press(f"cancel:{cards[0].id}")


async def test_what_is_drawn_and_not_yet_a_file_is_neither_idle_nor_cancelled(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue counts it as being finished, and a cancel says that it is too late; the picture comes."""
    go, finish = asyncio.Event(), house.all.finisher.finish

    async def late(*args: Any, **more: Any) -> Finished:
        await go.wait()
        return await finish(*args, **more)

    monkeypatch.setattr(house.all.finisher, "finish", late)
    card = await house.ask("/imagine a red circle")
    await engines.until(lambda: house.all.runner.is_drawn(card.id))
    for owner, rest in (("recorder:ada", [("/imagine a red circle", f"drawn, being finished ({card.id})")]), ("e", [])):
        told = await house.ask("/queue", owner=owner)
        assert "Nothing waits" not in told.sentence
        fields = [("Being drawn", "0"), ("Being finished", "1"), ("Waiting", "0"), *rest]
        assert [(field.name, field.value) for field in told.fields] == fields
    for act in (house.ask("/cancel"), house.press(f"cancel:{card.id}")):
        with pytest.raises(UserError, match="Too late to cancel: it is drawn already"):
            await act
    go.set()
    assert (await house.platform.card(card.id)).state is State.DONE
    assert "Nothing waits" in (await house.ask("/queue")).sentence


async def test_nobody_touches_what_is_somebody_elses(house: House) -> None:
    """Pictures are private to their owner: the sentence is the one for a picture that does not exist."""
    card = await house.drawn("/imagine a red circle")
    for text in (f"/remix {card.id} a cat", f"/upscale {card.id}", f"/recipe {card.id}", f"/cancel {card.id}"):
        with pytest.raises(UserError, match="no picture"):
            await house.ask(text, owner="recorder:eve")
    for button in (f"show:{card.id}.1", f"delete:{card.id}", f"again:{card.id}"):
        with pytest.raises(UserError, match="no picture"):
            await house.press(button, owner="recorder:eve")
    for kind in ("picture", "thumbnail", "animation"):
        with pytest.raises(UserError, match="no picture"):
            await house.studio.file("recorder:eve", f"{card.id}.1", kind)
    with pytest.raises(UserError):
        await house.studio.conversation("recorder:eve", card.id, 10)
    assert (await house.studio.history("recorder:eve", "", None, 10)).total == 0


async def test_in_a_shared_place_people_build_on_each_other(house: House) -> None:
    """They may remix and vary, and still not delete or cancel."""
    card = await house.drawn("/imagine a red circle", is_place_shared=True)
    remix = await house.ask(f"/remix {card.id} a cat", owner="recorder:eve", is_place_shared=True)
    assert (await house.platform.card(remix.id)).state is State.DONE
    with pytest.raises(UserError, match="somebody else"):
        await house.ask(f"/cancel {card.id}", owner="recorder:eve", is_place_shared=True)


async def test_deleting_takes_message_pictures_and_files(house: House) -> None:
    """Unless another picture is the very same file."""
    card = await house.drawn("/imagine a red circle --seed 7")
    kinds = ("picture", "thumbnail", "animation")
    files = [(await house.studio.file("recorder:ada", f"{card.id}.1", kind)).path for kind in kinds]
    await house.press(f"delete:{card.id}")
    assert house.platform.withdrawn == [card.id]
    assert [path for path in files if path.exists()] == []
    with pytest.raises(UserError, match="no picture"):
        await house.ask(f"/recipe {card.id}")


async def test_a_picture_whose_file_had_to_make_room_keeps_its_thumbnail_and_recipe(house: House) -> None:
    """It can be drawn again, to the same pixels, and what cannot be done any more is not offered."""
    card = await house.drawn("/imagine a red circle --seed 7")
    await house.store.pictures.prune(0)
    [[old], _] = await house.studio.conversation("recorder:ada", None, 10)
    assert not old.tiles[0].is_kept
    assert [button.label for button in old.tiles[0].buttons] == ["Again", "Recipe"]
    assert (await house.studio.file("recorder:ada", f"{card.id}.1", "thumbnail")).path.exists()
    for text in (f"/remix {card.id} a cat", f"/upscale {card.id}"):
        with pytest.raises(UserError, match="no longer kept"):
            await house.ask(text)
    [line] = (await house.studio.history("recorder:ada", "", None, 10)).pictures
    assert not line.is_kept
    assert [button.label for button in line.buttons] == ["Again", "Recipe"]


async def test_deleting_one_of_two_equal_pictures_keeps_the_other(house: House) -> None:
    """They are the same file."""
    twins = [await house.drawn("/imagine a red circle --seed 7") for _ in range(2)]
    await house.press(f"delete:{twins[0].id}")
    assert (await png_of(house, f"{twins[1].id}.1")).size == (128, 128)


async def test_what_was_not_finished_goes_on_after_a_restart(tmp_path: Path) -> None:
    """The same request, drawn once, by the next life."""
    async with open_house(tmp_path, *engines.SLOW) as house:
        card = await house.ask("/imagine a red circle --seed 7")
    async with open_house(tmp_path, resume=True) as house:
        done = await house.platform.card(card.id)
        assert done.state is State.DONE
        assert await house.store.history.count("recorder:ada", "") == 1


async def test_a_worker_that_never_comes_up_costs_no_request(tmp_path: Path) -> None:
    """A bad driver: people are answered, what they ask waits beside what waits already, and the next life draws it."""
    async with open_house(tmp_path, *engines.SLOW) as house:
        cards = [await house.ask(f"/imagine a red circle --seed {seed}") for seed in range(3)]
    broken = Settings(data_dir=tmp_path, web_port=0, worker_command=(*drawer.COMMAND, "--misbehave", "exit"))
    chat = Listening()
    async with open_bot(broken, chats=(lambda house: chat,)) as bot:
        assert chat.is_listening
        await engines.until(lambda: bot.studio.status().workers[0].n_losses >= 2)
        assert "no brushes" in bot.studio.status().workers[0].last_loss
        late = await bot.studio.ask(origin("late"), parse("/imagine a red circle --seed 3"), words="/imagine …")
        assert "acknowledge" in chat.ways(late.id)
        assert bot.studio.status().n_waiting == 4
    async with open_house(tmp_path, resume=True) as house:
        assert {(await house.platform.card(card.id)).state for card in [*cards, late]} == {State.DONE}


async def test_a_worker_that_dies_while_the_bot_starts_is_started_again(tmp_path: Path) -> None:
    """The bot goes on, and says that it draws once the next one is there."""
    once = tmp_path / "once"
    command = (
        "/bin/sh",
        "-c",
        f'[ -e {once} ] || {{ touch {once}; kill -9 $$; }}; exec "$@"',
        "worker",
        *drawer.COMMAND,
    )
    async with open_bot(Settings(data_dir=tmp_path / "data", web_port=0, worker_command=command), chats=()) as bot:
        await bot.ready()
        [worker] = bot.studio.status().workers
        assert worker.ready
        assert worker.n_losses == 1
        assert "SIGKILL" in worker.last_loss


async def test_a_stop_has_ten_seconds_whatever_stalls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn, told and closed has shares that add up to less, for a chat and a worker end beside each other."""
    share_s = house_module.BEGUN_WITHIN_S + house_module.TOLD_WITHIN_S + app.CLOSE_WITHIN_S
    assert share_s <= house_module.STOP_WITHIN_S - 1.0
    assert EngineSettings().close_grace_s < app.CLOSE_WITHIN_S
    monkeypatch.setattr(app, "CLOSE_WITHIN_S", 60.0)  # so that a busy machine decides nothing

    class Waits(Listening):
        """Its end takes until that of the worker."""

        pid = 0
        saw_the_worker_end = False

        async def close(self) -> None:
            """Wait for it."""
            await engines.until(lambda: not engines.is_alive(self.pid), patience_s=30.0)
            self.saw_the_worker_end = True

    chat = Waits()
    settings = Settings(data_dir=tmp_path, web_port=0, worker_command=drawer.COMMAND)
    async with app.open_bot(settings, chats=(lambda house: chat,)) as bot:
        await bot.ready()
        ready = bot.studio.status().workers[0].ready
        assert ready
        chat.pid = ready.pid
    assert chat.saw_the_worker_end


async def test_old_buttons_work_after_a_restart(tmp_path: Path) -> None:
    """They hold all they need."""
    async with open_house(tmp_path) as house:
        card = await house.drawn("/imagine a red circle --seed 7")
    async with open_house(tmp_path) as house:
        varied = await house.press(f"vary-strong:{card.id}.1")
        assert len((await house.platform.card(varied.id)).tiles) == 4


async def test_a_job_that_kills_its_workers_is_given_up(tmp_path: Path) -> None:
    """After the third death, with a sentence."""
    async with open_house(tmp_path) as house:
        card = await house.drawn("/imagine die@1")
        assert card.state is State.FAILED
        assert "three times" in card.sentence
        [job] = await house.store.requests.jobs_of(card.id)
        assert job.n_losses == MOST_LOSSES


async def test_a_job_that_kills_its_workers_costs_its_neighbours_nothing_but_time(tmp_path: Path) -> None:
    """Those that were drawn beside it when it killed for the first time are drawn; it is given up alone."""
    async with open_house(tmp_path, "--step-s", "0.02") as house:
        neighbours = [
            await house.ask(f"/imagine circle {n} --steps 30", owner=f"recorder:{n}", place=f"recorder:{n}")
            for n in range(3)
        ]
        poison = await house.drawn("/imagine die@1")
        assert poison.state is State.FAILED
        assert {(await house.platform.card(each.id)).state for each in neighbours} == {State.DONE}
        assert house.engine.status().workers[0].n_losses == MOST_LOSSES


async def test_a_worker_lost_once_costs_nothing_but_time(tmp_path: Path) -> None:
    """The job is drawn by the next worker."""
    async with open_house(tmp_path / "data", "--once", str(tmp_path / "once")) as house:
        assert (await house.drawn("/imagine die@1")).state is State.DONE


async def test_what_the_engine_refuses_is_said_and_can_be_tried_again(house: House) -> None:
    """A failed request has a button for it."""
    card = await house.drawn("/imagine broke@1")
    assert card.state is State.FAILED
    assert card.sentence
    assert any(button.id == f"again:{card.id}" for row in card.buttons for button in row)


async def test_part_of_a_request_may_fail(house: House) -> None:
    """The rest is there, and the sentence counts."""
    offered = await house.ask("/imagine {a circle,broke@1}")
    await house.press(f"go:{offered.id}")
    card = await house.platform.card(offered.id)
    assert card.state is State.DONE
    assert len(card.tiles) == 1
    assert card.sentence.startswith("1 of 2")


async def test_a_chat_that_refuses_to_be_told_stops_nothing(tmp_path: Path) -> None:
    """The picture is there when they come back."""
    async with open_house(tmp_path, refuses=True) as house:
        card = await house.ask("/imagine a red circle")
        await house.studio.finished(card.id)
        assert await house.store.history.count("recorder:ada", "") == 1


async def test_a_disk_that_takes_no_file_is_said_and_loses_nothing(tmp_path: Path) -> None:
    """The request fails with the reason, the bot lives, and once the disk is well it can be tried again."""
    async with open_house(tmp_path) as house:
        incoming = tmp_path / "pictures" / "incoming"
        shutil.rmtree(incoming)
        incoming.touch()  # a file where the folder should be: no new file can be begun
        card = await house.drawn("/imagine a red circle --seed 7")
        assert card.state is State.FAILED
        assert str(tmp_path) in card.sentence
        incoming.unlink()
        again = await house.press(f"again:{card.id}")
        assert (await house.platform.card(again.id)).state is State.DONE


async def test_a_request_that_cannot_be_read_ends_with_a_word(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is ill for a moment, at any of the runner's reads, leaves no message waiting for ever."""
    real = Requests.jobs_of
    for nth in range(2, 6):
        n_calls = 0

        async def jobs_of(requests: Requests, request_id: str) -> tuple[JobRow, ...]:
            nonlocal n_calls
            n_calls += 1
            if n_calls == nth:  # noqa: B023  # it is of this round
                raise StorageError("The disk is ill.")
            return await real(requests, request_id)

        monkeypatch.setattr(Requests, "jobs_of", jobs_of)
        card = await house.ask("/imagine a red circle")
        await house.studio.finished(card.id)
        row = await house.store.requests.find(card.id)
        assert row
        assert row.state in (records.State.DONE, records.State.FAILED)


async def test_a_disk_that_takes_nothing_at_all_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the failure can be written: the message says why and that it goes on, and then it does."""
    monkeypatch.setattr("bot.runner.TRY_AGAIN_S", 0.5)
    is_ill = True

    def unless_ill(real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **more: Any) -> Any:
            if is_ill:
                raise StorageError("The disk is full.")
            return await real(*args, **more)

        return call

    for name in ("finish_job", "fail_job", "end"):
        monkeypatch.setattr(Requests, name, unless_ill(getattr(Requests, name)))
    card = await house.ask("/imagine a red circle")
    await house.platform.told_that(card.id, "The disk is full. I will try again")
    [[seen], _] = await house.studio.conversation("recorder:ada", None, 10)
    assert seen.sentence.startswith("The disk is full.")
    is_ill = False
    assert (await house.platform.card(card.id)).state is State.DONE
    assert await house.store.history.count("recorder:ada", "") == 1


async def test_what_was_typed_is_shown_without_what_cannot_be_seen(house: House) -> None:
    """Marks that turn text around or control a terminal are not kept in the message either."""
    card = await house.drawn("/imagine a\u202ered evil\u202c \x1b[31m\x00circle")
    assert not {"\u202e", "\u202c", "\x1b", "\x00"} & set(card.words + card.tiles[0].prompt)


async def test_a_search_too_long_for_a_button_says_how_to_turn_the_page(house: House) -> None:
    """A button holds 64 bytes."""
    words = "a circle that is red and rather large on a background that is blue and quite dark"
    for _ in range(4):
        await house.drawn(f"/imagine {words} --n 4 --steps 1")
    answer = await house.ask(f"/history {words}")
    assert answer.buttons == ()
    assert answer.sentence.endswith("Add --page 2 for older ones.")


async def test_a_grid_that_cannot_be_made_costs_no_picture(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures are delivered without it."""

    async def grid(*_: object) -> bytes:
        raise RuntimeError("the font is broken")

    monkeypatch.setattr(Finisher, "grid", grid)
    card = await house.drawn("/compare a red circle --over guidance 2,4")
    assert card.state is State.DONE
    assert len(card.tiles) == 2
    assert card.grid is None


async def test_the_last_card_told_is_the_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where an older state takes long to be read: nothing is told after it."""
    real = Library.card

    async def slow(library: Library, row: RequestRow) -> Card:
        card = await real(library, row)
        for _ in range(2_000):  # turns of the loop: what runs meanwhile gets far ahead
            await asyncio.sleep(0)
        return card

    offered = await house.ask("/imagine a {red,blue} circle --steps 2")
    monkeypatch.setattr(Library, "card", slow)
    await house.press(f"go:{offered.id}")
    await house.platform.card(offered.id)
    await house.studio.finished(offered.id)
    assert [card.state for _, card in house.platform.told if card.id == offered.id][-1] is State.DONE


async def test_one_persons_uploads_push_out_their_own_only(house: House) -> None:
    """However many somebody sends, what another has attached stays."""
    adas = await house.studio.take_upload(origin("an upload", "recorder:ada"), upload_png())
    eves = [
        await house.studio.take_upload(origin("an upload", "recorder:eve"), upload_png())
        for _ in range(MAX_UPLOADS_EACH + 1)
    ]
    assert (await house.studio.file("recorder:ada", adas.id, "upload")).path.exists()
    with pytest.raises(UserError, match="attach the picture again"):
        await house.studio.file("recorder:eve", eves[0].id, "upload")


async def test_a_place_whose_platform_is_switched_off_is_drawn_for_all_the_same(tmp_path: Path) -> None:
    """A token may be taken away between two starts; the picture waits in the history."""
    async with open_house(tmp_path, *engines.SLOW) as house:
        card = await house.ask("/imagine a red circle", place="elsewhere:room")
    async with open_house(tmp_path, resume=True) as house:
        await house.studio.finished(card.id)
        assert await house.store.history.count("recorder:ada", "") == 1


async def test_history_queue_recipe_and_help_answer_without_being_kept(house: House) -> None:
    """Their cards have no id and leave no message."""
    card = await house.drawn("/imagine a red circle --seed 7")
    for text in ("/history circle", "/queue", f"/recipe {card.id}", "/help", "/help model", "/help imagine"):
        answer = await house.ask(text)
        assert answer.id == ""
        assert answer.state is State.NOTE
        assert answer.sentence
    cards, _ = await house.studio.conversation("recorder:ada", None, 10)
    assert len(cards) == 1


async def test_an_uploaded_picture_of_ours_offers_to_be_drawn_again(house: House) -> None:
    """Its recipe travels in the file, and the words given draw the same picture."""
    first = await house.drawn("/imagine a red circle --seed 7 --steps 5")
    served = await house.studio.file("recorder:ada", f"{first.id}.1", "picture")
    upload = await house.studio.take_upload(
        origin("an upload", "recorder:ada"), await asyncio.to_thread(served.path.read_bytes)
    )
    assert upload.recipe
    assert upload.words
    second = await house.drawn(upload.words)
    hashes = [row.pixel_hash for card in (first, second) if (row := await house.store.history.picture(card.id, 1))]
    assert hashes[0] == hashes[1]


async def test_a_picture_of_another_program_can_be_drawn_again(house: House) -> None:
    """By the words offered, and by /again with it attached."""
    words = PngInfo()
    words.add_text("parameters", "a red circle\nSteps: 6, Sampler: Euler a, CFG scale: 3, Seed: 5, Size: 128x128")
    buffer = io.BytesIO()
    Image.new("RGB", (128, 128)).save(buffer, format="PNG", pnginfo=words)
    upload = await house.studio.take_upload(origin("an upload", "recorder:ada"), buffer.getvalue())
    assert upload.words
    offered = await house.drawn(upload.words)
    again = await house.drawn("/again", uploads=(upload.id,))
    assert (offered.tiles[0].prompt, offered.tiles[0].seed) == ("a red circle", 5)
    assert again.tiles[0].prompt == "a red circle"
    assert again.tiles[0].seed != 5


async def test_a_file_that_is_no_picture_is_refused_with_a_sentence(house: House) -> None:
    """Before anything is kept."""
    with pytest.raises(BadPicture):
        await house.studio.take_upload(origin("an upload", "recorder:ada"), b"%PDF-1.7 nothing to see")


@pytest.mark.parametrize(
    "text",
    [
        "/remix a cat",
        "/upscale",
        "/vary",
        "/again",
        "/recipe",
        "/cancel",
        "/upscale 0123456789.3",
        "/imagine x --model /etc",
    ],
)
async def test_what_has_nothing_to_work_on_says_what_to_do(house: House, text: str) -> None:
    """One sentence, and no request is kept."""
    with pytest.raises(UserError) as refused:
        await house.ask(text)
    assert str(refused.value).endswith(".")
    assert (await house.studio.conversation("recorder:ada", None, 10))[0] == ()


async def test_answering_a_message_means_its_picture(house: House) -> None:
    """A reply to a message is a reply to its first picture."""
    older = await house.drawn("/imagine a red circle")
    await house.drawn("/imagine a blue square")
    card = await house.drawn("/upscale", answered=older.id)
    assert card.tiles[0].prompt == "a red circle"

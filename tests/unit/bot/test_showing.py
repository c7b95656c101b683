"""Cards: what a request's message says at each moment of its life."""

from dataclasses import replace

from bot.cards import State
from bot.live import Live
from bot.showing import card_of, one_line, recipe_fields
from engine.domain import Progress, Raster, Source, Waiting
from storage import records
from tests.fakes.rows import RECIPE, job_row, picture_row, request_row

PREVIEW = Raster(width_px=1, height_px=1, rgb=b"abc")


def test_a_waiting_card_has_room_for_every_picture() -> None:
    """Sizes and seeds are known before anything is drawn, so nothing jumps later."""
    request, jobs = request_row(), (job_row(n_pictures=3),)
    live = Live(request, jobs, ())
    live.hear(jobs[0].id, Waiting(position=2, wait_s=9.0))
    card = card_of(request, jobs, (), live)
    assert (card.state, card.position, card.wait_s) == (State.WAITING, 2, 9.0)
    assert [(tile.number, tile.seed, tile.width_px, tile.picture) for tile in card.tiles] == [
        (1, 7, 128, None),
        (2, 8, 128, None),
        (3, 9, 128, None),
    ]
    assert [button.label for row in card.buttons for button in row] == ["Cancel"]


def test_a_drawing_card_shows_previews_where_they_belong() -> None:
    """The preview of picture 2 is on tile 2."""
    request, jobs = request_row(), (job_row(n_pictures=2),)
    live = Live(request, jobs, ())
    live.hear(jobs[0].id, Progress(step=4, n_steps=8, previews={1: PREVIEW}))
    card = card_of(request, jobs, (), live)
    assert (card.state, card.fraction) == (State.DRAWING, 0.5)
    assert [tile.preview for tile in card.tiles] == [None, PREVIEW]


def test_a_done_card_names_its_pictures_and_says_how_they_were_made() -> None:
    """With the seed of the first in its line."""
    request, jobs = request_row(state=records.State.DONE), (job_row(n_pictures=2, state=records.State.DONE),)
    card = card_of(request, jobs, (picture_row(1), picture_row(2)))
    assert [tile.picture for tile in card.tiles] == ["k3f9m2q7xa.1", "k3f9m2q7xa.2"]
    assert "seed 7" in card.sentence
    assert "1.0 s of the device" in card.sentence


def test_a_part_that_failed_leaves_no_empty_tile() -> None:
    """What is there is shown, and the sentence says the rest."""
    request = request_row(state=records.State.DONE, sentence="1 of 2 could not be drawn: no.")
    jobs = (job_row(1, state=records.State.DONE), job_row(2, first_number=2, state=records.State.FAILED))
    card = card_of(request, jobs, (picture_row(1),))
    assert len(card.tiles) == 1
    assert card.sentence.startswith("1 of 2")


def test_a_picture_shown_alone_keeps_its_own_name() -> None:
    """The message of U2 is about picture 2 of the other request."""
    request = request_row(id="zzzzzzzzz1", kind="show", parent="k3f9m2q7xa.2", state=records.State.DONE)
    card = card_of(request, (), (picture_row(2),))
    assert [tile.picture for tile in card.tiles] == ["k3f9m2q7xa.2"]
    assert any(button.id == "x2:k3f9m2q7xa.2" for row in card.buttons for button in row)
    assert any(button.id == "delete:zzzzzzzzz1" for row in card.buttons for button in row)


def test_a_shown_picture_that_was_deleted_says_so() -> None:
    """Instead of an empty message."""
    card = card_of(request_row(kind="show", parent="k3f9m2q7xa.2", state=records.State.DONE), (), ())
    assert card.sentence == "Its pictures were deleted."


def test_an_offer_says_how_many_it_would_draw() -> None:
    """On the button."""
    request = request_row(state=records.State.OFFERED, sentence="2 prompts, 4 pictures in all.")
    jobs = tuple(job_row(at, first_number=2 * at - 1, n_pictures=2, state=records.State.OFFERED) for at in (1, 2))
    card = card_of(request, jobs, ())
    assert [button.label for row in card.buttons for button in row] == ["Draw all 4", "Not now"]
    assert card.tiles == ()


def test_a_recipe_in_a_line_names_what_matters() -> None:
    """The strength too, if it began with a picture."""
    line = one_line(replace(RECIPE, source=Source(sha256="0" * 64, strength=0.6)))
    assert line == "seed 7 · 20 steps · Euler a · guidance 4 · strength 0.6 · pocket"


def test_recipe_fields_give_the_seed_to_copy() -> None:
    """And the size of the picture itself, not of what was drawn before enlarging."""
    fields = {field.name: field for field in recipe_fields(picture_row(treatment="resample 2", width_px=256))}
    assert fields["Seed"].is_copyable
    assert fields["Seed"].value == "7"
    assert fields["Size"].value == "256 x 128 px"
    assert fields["Enlarged"].value.startswith("2 times")

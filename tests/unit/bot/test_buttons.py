"""Buttons: ids that mean the same for ever."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import buttons
from bot.buttons import MAX_ID_BYTES, Verb
from bot.cards import Button, State, Tile
from bot.presses import request_of
from bot.requests import Collect, Development, Original
from engine.errors import UserError

REQUEST = "k3f9m2q7xa"


def tiles(n: int) -> tuple[Tile, ...]:
    return tuple(
        Tile(number=at, prompt="p", seed=at, width_px=64, height_px=64, picture=f"{REQUEST}.{at}", has_animation=True)
        for at in range(1, n + 1)
    )


def flat(rows: tuple[tuple[Button, ...], ...]) -> list[Button]:
    return [button for row in rows for button in row]


@pytest.mark.parametrize("verb", Verb)
def test_what_was_written_is_read(verb: Verb) -> None:
    """An id gives back its verb and target."""
    written = buttons.button(verb, f"{REQUEST}.16", "x", "y")
    press = buttons.read(written.id)
    assert (press.verb, press.target) == (verb, f"{REQUEST}.16")


def test_ids_of_the_first_version_stay() -> None:
    """These stand in chats already: each must be read for ever."""
    for verb in (
        *("show", "subtle", "vary-strong", "again", "remix", "x2", "x4", "refine", "recipe", "file", "animation"),
        *("delete", "cancel", "go", "no", "page"),
        *("link", "forget", "collect"),
        *("draw", "share", "unshare", "album"),
    ):
        assert buttons.read(f"{verb}:{REQUEST}").verb == verb


@given(st.text())
def test_any_other_id_gets_a_sentence(text: str) -> None:
    """Whatever comes back from a chat is a press or a UserError."""
    with contextlib.suppress(UserError):
        assert buttons.read(text).target


@pytest.mark.parametrize("n", range(1, 17))
@pytest.mark.parametrize("state", State)
def test_every_card_fits_the_narrowest_platform(n: int, state: State) -> None:
    """At most five rows of five, ids in 64 bytes and unique, labels and names there."""
    rows = buttons.of_card(REQUEST, state, tiles(n), n_offered=n, has_grid=True)
    assert len(rows) <= 5
    assert all(1 <= len(row) <= 5 for row in rows)
    each = flat(rows)
    assert len({button.id for button in each}) == len(each)
    assert all(len(button.id.encode()) <= MAX_ID_BYTES and button.label and button.name for button in each)


def test_four_pictures_have_u_and_v_as_people_know_them() -> None:
    """Two rows of four."""
    shows, varies, _ = buttons.of_card(REQUEST, State.DONE, tiles(4))
    assert [button.label for button in shows] == ["U1", "U2", "U3", "U4"]
    assert [button.label for button in varies] == ["V1", "V2", "V3", "V4"]


def test_one_picture_has_everything_at_once() -> None:
    """With one picture there is nothing to choose first."""
    labels = [button.label for button in flat(buttons.of_card(REQUEST, State.DONE, tiles(1)))]
    assert {"Again", "Remix", "Upscale 2x", "Upscale 4x", "Refine 2x", "Recipe", "Download", "Delete"} <= set(labels)


def test_a_question_about_one_picture_is_about_its_wait() -> None:
    """Several are counted, one is queued."""
    one = flat(buttons.of_card(REQUEST, State.OFFERED, (), n_offered=1))
    assert [(button.id, button.label) for button in one] == [
        (f"go:{REQUEST}", "Queue it"),
        (f"no:{REQUEST}", "Not now"),
    ]
    several = flat(buttons.of_card(REQUEST, State.OFFERED, (), n_offered=8))
    assert [button.label for button in several] == ["Draw all 8", "Not now"]


def test_a_confirmation_says_what_and_never_who() -> None:
    """Whoever presses it is who is meant, so no account stands in it."""
    [[link]], [[forget]], [[collect]] = buttons.of_link("k3f9-m2q7"), buttons.of_forgetting(), buttons.of_collecting()
    assert (link.id, link.label) == ("link:k3f9-m2q7", "Join them")
    assert buttons.read(forget.id) == buttons.Press(verb=Verb.FORGET, target="yes")
    assert request_of(buttons.read(collect.id)) == (Collect(), "/collect")
    assert request_of(buttons.read(link.id)) == (None, "")


def test_a_button_for_a_file_asks_for_the_file() -> None:
    """The original, the labelled grid, the development: what a chat is answered, while the page helps itself."""
    assert request_of(buttons.read(f"file:{REQUEST}.2")) == (Original(source=f"{REQUEST}.2"), f"/original {REQUEST}.2")
    assert request_of(buttons.read(f"file:{REQUEST}.0"))[0] == Original(source=f"{REQUEST}.0")
    assert request_of(buttons.read(f"animation:{REQUEST}"))[0] == Development(source=REQUEST)


def test_what_is_being_made_can_be_cancelled_and_nothing_else() -> None:
    """Until it is over."""
    for state in (State.WAITING, State.LOADING, State.DRAWING):
        assert [button.label for button in flat(buttons.of_card(REQUEST, state, ()))] == ["Cancel"]

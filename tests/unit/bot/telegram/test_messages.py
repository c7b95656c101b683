"""Cards as Telegram takes them: lengths in UTF-16 units, names that survive cutting, keyboards."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineKeyboardMarkup, MessageEntity

from bot import answers
from bot.cards import Card, Field, State, Tile
from bot.platforms.telegram import messages
from bot.platforms.telegram.messages import MAX_CAPTION, MAX_TEXT, units_of
from tests.fakes.rows import REQUEST, picture_row

TILE = Tile(number=1, prompt="p", seed=7, width_px=64, height_px=64, picture=f"{REQUEST}.1")


def card(**changes: object) -> Card:
    """A picture that is there."""
    done = Card(id=REQUEST, kind="imagine", state=State.DONE, words="/imagine a red circle", tiles=(TILE,))
    return replace(done, **changes)  # type: ignore[arg-type]  # fields of a card


def labels(keys: InlineKeyboardMarkup | None) -> list[str]:
    """Of all buttons."""
    return [each.text for row in keys.inline_keyboard for each in row] if keys else []


@given(st.text(max_size=2_000), st.text(max_size=2_000), st.sampled_from([MAX_CAPTION, MAX_TEXT]))
def test_a_card_fits_and_names_its_request(words: str, sentence: str, most: int) -> None:
    """Whatever people wrote: within the units, entities within the text, the id whole and last."""
    said = messages.of_card(card(words=words, sentence=sentence), most)
    assert units_of(said.text) <= most
    assert said.text.endswith(REQUEST)
    assert messages.named_in(said.text, said.entities) == REQUEST
    assert all(each.offset >= 0 and each.offset + each.length <= units_of(said.text) for each in said.entities)


def test_what_is_cut_is_told() -> None:
    """So that it can be given as a file, whole."""
    short = answers.note("recipe", "How:", Field(name="Prompt", value="a ring", is_copyable=True))
    long = answers.note("recipe", "How:", Field(name="Prompt", value="🎈" * 3_000), Field(name="Seed", value="7"))
    assert not messages.of_card(short, MAX_TEXT).is_cut
    said = messages.of_card(long, MAX_TEXT)
    assert said.is_cut
    assert "Seed 7" in said.text
    assert messages.in_full(long).count("🎈") == 3_000


def test_a_message_that_names_several_pictures_names_none() -> None:
    """Whoever answers a page of the history means none of them."""
    page = answers.history_page((picture_row(1), picture_row(2)), "", 1, 2)
    said = messages.of_card(page, MAX_TEXT)
    assert messages.named_in(said.text, said.entities) is None
    alone = messages.of_card(answers.history_page((picture_row(1),), "", 1, 1), MAX_TEXT)
    assert messages.named_in(alone.text, alone.entities) == f"{REQUEST}.1"


def test_a_prompt_that_looks_like_a_name_is_none() -> None:
    """Ten letters are a word: ids have a digit in them."""
    code = [MessageEntity(MessageEntity.CODE, offset=0, length=10)]
    assert messages.named_in("strawberry", code) is None


def test_one_picture_has_a_seed_to_copy_and_several_an_album() -> None:
    """And what waits, failed or was deleted has neither."""
    assert labels(messages.keyboard(card())) == ["Copy seed 7"]
    two = (TILE, replace(TILE, number=2, picture=f"{REQUEST}.2"))
    assert labels(messages.keyboard(card(tiles=two))) == ["Album"]
    assert messages.keyboard(card(tiles=())) is None
    assert messages.keyboard(card(state=State.DRAWING, tiles=two)) is None


def test_a_recipe_of_ours_can_be_shared_and_one_of_a_file_cannot() -> None:
    """A file is nothing that a link could lead to."""
    assert labels(messages.keyboard(answers.recipe_of_ours(picture_row()))) == ["Again", "Show", "Share"]
    assert messages.keyboard(answers.recipe_of_a_file(picture_row().recipe, None, "/imagine x")) is None


@pytest.mark.parametrize(
    ("account", "name", "language", "said", "told"),
    [
        ("telegram:7", "", "", "Your picture is done.", []),
        ("telegram:7", "Ada", "", "Ada: your picture is done.", [7]),
        ("telegram:7", "🎈🎈", "", "🎈🎈: your picture is done.", [7]),
        ("telegram:7", "Uwe", "de", "Uwe: dein Bild ist fertig.", [7]),
        ("telegram:7", "", "ja", "画像ができました。", []),
        ("telegram:-100", "Group", "", "Your picture is done.", []),
    ],
)
def test_a_ping_names_who_can_be_told(account: str, name: str, language: str, said: str, told: list[int]) -> None:
    """A group that speaks for its admin is nobody to tell."""
    words = messages.of_ping(account, name, language)
    assert words.text == said
    assert [each.user.id for each in words.entities if each.user] == told
    assert all(each.length == units_of(name) for each in words.entities)


@given(st.text(max_size=1_500), st.text(max_size=200))
def test_a_picture_beside_others_is_named(prompt: str, label: str) -> None:
    """Within a caption."""
    words = messages.of_picture(f"{REQUEST}.2", prompt, label)
    assert units_of(words.text) <= MAX_CAPTION
    assert messages.named_in(words.text, words.entities) == f"{REQUEST}.2"

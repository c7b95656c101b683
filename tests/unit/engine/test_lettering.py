import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from engine import lettering
from engine.lettering import letter


@pytest.fixture
def _only_the_font_that_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_wide", lambda _size_px: None)


def test_short_words_are_one_line() -> None:
    """As they are, but for spaces."""
    assert letter(" a  red\ncircle ", 20, 400, 3).lines == ("a red circle",)


def test_long_words_are_wrapped_between_them() -> None:
    """Each line fits, and no word is torn."""
    words = "a red circle on a blue background with a green border"
    lines = letter(words, 20, 180, 9).lines
    assert " ".join(lines) == words
    assert len(lines) > 2


def test_what_does_not_fit_is_cut() -> None:
    """An ellipsis tells that there was more."""
    lettered = letter("a red circle " * 50, 20, 200, 2)
    assert len(lettered.lines) == 2
    assert lettered.lines[-1].endswith("...")


def test_no_words_are_no_lines() -> None:
    """And take no room."""
    assert letter(" \n\t", 20, 200, 2).height_px == 0


@given(st.text(max_size=300), st.integers(10, 40), st.integers(60, 600), st.integers(1, 3))
def test_any_words_fit_the_width_and_can_be_drawn(words: str, size_px: int, width_px: int, max_lines: int) -> None:
    """Whatever they hold."""
    lettered = letter(words, size_px, width_px, max_lines)
    assert len(lettered.lines) <= max_lines
    assert all(lettered.font.getlength(line) <= width_px for line in lettered.lines if len(line) > 4)
    lettered.draw(ImageDraw.Draw(Image.new("RGB", (width_px, 200))), width_px / 2, 0, "white")


@pytest.mark.usefixtures("_only_the_font_that_comes_along")
def test_letters_that_the_font_lacks_lose_their_accents_or_become_a_sign() -> None:
    """So something readable is left, and no row of boxes."""
    assert letter("Rhône × 日本 ¾", 20, 400, 1).lines == ("Rhone ? ?? 3⁄4",)


def test_a_font_that_does_not_exist_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container has no fonts."""
    monkeypatch.setattr(lettering, "_WIDE_FONTS", ("no such font.ttf",))
    lettering._wide.cache_clear()
    assert letter("é", 20, 400, 1).lines == ("e",)
    lettering._wide.cache_clear()

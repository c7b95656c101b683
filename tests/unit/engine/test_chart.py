"""Bars of figures: always a picture, with words in any script, on the product's dark ground."""

import io
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.chart import WIDTH_PX, DayFigures, Figures, PersonFigures, chart, end_of_scale, str_of_seconds

GROUND, PICTURES, SECONDS = (0x11, 0x11, 0x13), (0xFF, 0x7A, 0x59), (0x6E, 0xA8, 0xFF)


def days(*counts: int) -> tuple[DayFigures, ...]:
    """Days in a row with so many pictures each, two seconds for one."""
    first = date(2026, 11, 24) - timedelta(days=len(counts) - 1)
    return tuple(
        DayFigures(day=first + timedelta(days=n), n_pictures=count, gpu_s=2.0 * count) for n, count in enumerate(counts)
    )


def drawn(figures: Figures) -> Image.Image:
    """The chart as pixels."""
    image = Image.open(io.BytesIO(chart(figures)))
    image.load()
    return image


def amount(image: Image.Image, colour: tuple[int, int, int]) -> int:
    """Pixels of exactly this colour."""
    return next((n for n, each in image.getcolors(image.width * image.height) or [] if each == colour), 0)


@pytest.mark.parametrize("n_days", [0, 1, 7, 90, 400])
@pytest.mark.parametrize("names", [(), ("Ada",), ("Łukasz", "Дмитрий", "陈小明", "🎨", "", "x" * 300) * 2])
def test_any_figures_are_a_picture(n_days: int, names: tuple[str, ...]) -> None:
    """From nothing at all to more than is shown, dark and of one width."""
    people = tuple(PersonFigures(name=name, n_pictures=3, gpu_s=1.0) for name in names)
    image = drawn(Figures(title="The last days", days=days(*range(n_days)), people=people))
    assert (image.format, image.mode, image.width) == ("PNG", "RGB", WIDTH_PX)
    assert image.getpixel((3, 3)) == GROUND
    assert image.height < 2_000


def test_taller_bars_for_more() -> None:
    """What is drawn in the colour of a series grows with its figures; an empty series draws nothing in it."""
    few, many = (
        drawn(Figures(title="", days=days(10, 1), people=())),
        drawn(Figures(title="", days=days(10, 9), people=())),
    )
    assert amount(few, PICTURES) < amount(many, PICTURES)
    assert amount(few, SECONDS) < amount(many, SECONDS)


@given(st.floats(min_value=0, max_value=1e9))
def test_a_scale_ends_above_what_it_shows(most: float) -> None:
    """At a round number whose half is one too, and not so far above that the bars are small."""
    end = end_of_scale(most)
    assert end >= most
    assert end / 2 == int(end / 2)
    assert end <= max(2.0, 2.0 * most)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (1.25, "1.2 s"), (89, "89 s"), (90, "1.5 min"), (600, "10 min"), (9_000, "2.5 h"), (7.2e6, "2,000 h")],
)
def test_seconds_are_said_in_a_unit_that_fits(seconds: float, words: str) -> None:
    """The largest of which there is one and a half."""
    assert str_of_seconds(seconds) == words

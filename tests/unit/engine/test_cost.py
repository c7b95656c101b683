"""Prices of recipes, and seconds learned from what ran."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cost import SpeedBook, cost_of
from engine.domain import Recipe, Sampler, Source

STANDARD = Recipe(
    prompt="a lighthouse",
    model="pocket",
    seed=1,
    steps=20,
    guidance=7.5,
    sampler=Sampler.DDIM,
    width_px=512,
    height_px=512,
)


@pytest.mark.parametrize(
    ("recipe", "n_pictures", "cost"),
    [
        (STANDARD, 1, 1.0),
        (STANDARD, 4, 4.0),
        (replace(STANDARD, steps=50), 1, 2.5),
        (replace(STANDARD, guidance=1.0), 1, 0.5),  # one row
        (replace(STANDARD, width_px=1024, height_px=1024), 1, 4.0),
        (replace(STANDARD, width_px=128, height_px=128), 1, 1 / 16),
        (replace(STANDARD, source=Source(sha256="0" * 64, strength=0.5)), 1, 0.5),  # half of the steps
    ],
)
def test_cost_goes_with_rows_pixels_and_steps(recipe: Recipe, n_pictures: int, cost: float) -> None:
    """The standard picture costs 1, and every factor counts once."""
    assert cost_of(recipe, n_pictures) == pytest.approx(cost)


def test_nothing_is_estimated_before_something_ran() -> None:
    """A model that never ran here has no estimate, also when another has."""
    speeds = SpeedBook()
    assert speeds.estimate_s(STANDARD) is None
    speeds.learn(STANDARD, 1, 3.0)
    assert speeds.estimate_s(replace(STANDARD, model="other")) is None


def test_an_estimate_scales_with_cost() -> None:
    """Seconds of one request tell those of another number of steps and pictures."""
    speeds = SpeedBook()
    speeds.learn(STANDARD, 2, 6.0)
    assert speeds.estimate_s(STANDARD) == pytest.approx(3.0)
    assert speeds.estimate_s(replace(STANDARD, steps=40), 4) == pytest.approx(24.0)


def test_a_slow_first_run_does_not_count_for_long() -> None:
    """The estimate is the median of the latest runs, so that one outlier moves it little."""
    speeds = SpeedBook()
    for gpu_s in (60.0, 2.0, 2.0):
        speeds.learn(STANDARD, 1, gpu_s)
    assert speeds.estimate_s(STANDARD) == pytest.approx(2.0)


def test_a_faster_machine_is_noticed() -> None:
    """Old runs are forgotten."""
    speeds = SpeedBook()
    for gpu_s in [9.0] * 20 + [1.0] * 9:
        speeds.learn(STANDARD, 1, gpu_s)
    assert speeds.estimate_s(STANDARD) == pytest.approx(1.0)


def test_an_unknown_size_is_estimated_from_the_nearest_of_its_model() -> None:
    """Among the sizes that ran, the one with the most similar number of pixels speaks."""
    speeds = SpeedBook()
    small, large = replace(STANDARD, width_px=128, height_px=128), replace(STANDARD, width_px=1024, height_px=1024)
    speeds.learn(small, 1, 5.0 * cost_of(small))
    speeds.learn(large, 1, 1.0 * cost_of(large))
    assert speeds.estimate_s(replace(STANDARD, width_px=192, height_px=128)) == pytest.approx(5.0 * 192 / 128 / 16)
    assert speeds.estimate_s(replace(STANDARD, width_px=768, height_px=768)) == pytest.approx(2.25)


@pytest.mark.parametrize("gpu_s", [0.0, -1.0, float("nan"), float("inf")])
def test_seconds_that_are_none_teach_nothing(gpu_s: float) -> None:
    """A clock that stood still or ran backwards leaves the book as it was."""
    speeds = SpeedBook()
    speeds.learn(STANDARD, 1, gpu_s)
    assert speeds.estimate_s(STANDARD) is None


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(8, 256), st.floats(0.001, 1e4)), max_size=40))
def test_a_book_made_from_its_plain_values_knows_the_same(runs: list[tuple[str, int, float]]) -> None:
    """What a book has learned goes out and in again without loss."""
    speeds = SpeedBook()
    for model, eighths, gpu_s in runs:
        speeds.learn(replace(STANDARD, model=model, width_px=eighths * 8), 1, gpu_s)
    again = SpeedBook(speeds.speeds())
    assert again.speeds() == speeds.speeds()
    assert again.estimate_s(replace(STANDARD, model="a")) == speeds.estimate_s(replace(STANDARD, model="a"))


def test_a_book_stays_small() -> None:
    """Free choice of sizes cannot make the book grow for ever."""
    speeds = SpeedBook()
    for width in range(64, 2049, 8):
        for height in (64, 128, 256):
            speeds.learn(replace(STANDARD, width_px=width, height_px=height), 1, 1.0)
    assert len(speeds.speeds()) == 512

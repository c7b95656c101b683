"""Recipes and jobs that exist are within their bounds; others say in a sentence what to change."""

from dataclasses import replace
from typing import Any

import pytest

from engine.domain import MAX_SEED, Job, Raster, Recipe, Sampler, Source
from engine.errors import InvalidRecipe

RECIPE = Recipe(
    prompt="a lighthouse",
    model="pocket",
    seed=1,
    steps=20,
    guidance=7.5,
    sampler=Sampler.DDIM,
    width_px=128,
    height_px=64,
)
RASTER = Raster(width_px=128, height_px=64, rgb=bytes(128 * 64 * 3))
SOURCE = Source(sha256=RASTER.sha256(), strength=0.5)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "", "negative": ""},
        {"prompt": "x" * 4_000, "negative": "灯" * 4_000},
        {"seed": 0},
        {"seed": MAX_SEED},
        {"steps": 1},
        {"steps": 150},
        {"steps": 50, "sampler": Sampler.LCM},
        {"guidance": 0.0},
        {"guidance": 30.0},
        {"width_px": 64, "height_px": 2_048},
        {"source": Source(sha256="0" * 64, strength=1.0)},
        {"source": Source(sha256="0" * 64, strength=0.05)},  # one step of twenty
    ],
)
def test_the_edge_of_every_bound_is_inside(change: dict[str, Any]) -> None:
    """The smallest and largest allowed values are allowed."""
    recipe = replace(RECIPE, **change)
    assert recipe.evaluations_at_most >= 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompt": "x" * 4_001}, "4,000 is the most"),
        ({"negative": "x" * 4_001}, "negative prompt"),
        ({"prompt": "\ud800"}, "no valid Unicode"),
        ({"seed": -1}, "seed"),
        ({"seed": MAX_SEED + 1}, "seed"),
        ({"steps": 0}, "number of steps"),
        ({"steps": 151}, "from 1 to 150"),
        ({"steps": 51, "sampler": Sampler.LCM}, "LCM"),
        ({"guidance": -0.1}, "guidance"),
        ({"guidance": 30.1}, "guidance"),
        ({"guidance": float("nan")}, "guidance"),
        ({"width_px": 56}, "width"),
        ({"height_px": 2_056}, "height"),
        ({"width_px": 130}, "use 128 or 136"),
        ({"source": Source(sha256="0" * 64, strength=0.01)}, "at least 100 steps"),
    ],
)
def test_beyond_a_bound_a_sentence_says_what_to_change(change: dict[str, Any], sentence: str) -> None:
    """A value just outside is refused, by its name."""
    with pytest.raises(InvalidRecipe, match=sentence):
        replace(RECIPE, **change)


@pytest.mark.parametrize("strength", [0.0, -0.5, 1.01, float("nan"), float("inf")])
def test_a_strength_is_a_fraction(strength: float) -> None:
    """A source's strength is above 0 and at most 1."""
    with pytest.raises(InvalidRecipe, match="strength"):
        Source(sha256="0" * 64, strength=strength)


@pytest.mark.parametrize(
    ("steps", "strength", "evaluations"), [(20, None, 20), (20, 1.0, 20), (20, 0.5, 10), (30, 0.99, 29), (10, 0.1, 1)]
)
def test_a_source_skips_the_first_steps(steps: int, strength: float | None, evaluations: int) -> None:
    """Only the last `strength` of the steps runs, rounded down as diffusers does."""
    source = None if strength is None else Source(sha256="0" * 64, strength=strength)
    assert replace(RECIPE, steps=steps, source=source).evaluations_at_most == evaluations


@pytest.mark.parametrize(("guidance", "n_rows"), [(0.0, 1), (1.0, 1), (1.01, 2), (7.5, 2)])
def test_guidance_up_to_one_needs_one_row(guidance: float, n_rows: int) -> None:
    """The second row, without the prompt, exists only where guidance does something."""
    assert replace(RECIPE, guidance=guidance).n_rows == n_rows


@pytest.mark.parametrize(("width", "height", "n_bytes"), [(2, 2, 11), (2, 2, 13), (0, 2, 0), (2, 0, 0)])
def test_a_raster_has_three_bytes_for_every_pixel(width: int, height: int, n_bytes: int) -> None:
    """A raster whose bytes do not fit its size cannot exist."""
    with pytest.raises(InvalidRecipe, match="raster"):
        Raster(width_px=width, height_px=height, rgb=bytes(n_bytes))


@pytest.mark.parametrize(
    "change",
    [
        {"n_pictures": 0},
        {"n_pictures": 5},
        {"recipe": replace(RECIPE, seed=MAX_SEED), "n_pictures": 2},
        {"deadline_s": 0.0},
        {"deadline_s": float("inf")},
        {"source": RASTER},
        {"recipe": replace(RECIPE, source=SOURCE), "source": replace(RASTER, width_px=64, height_px=128)},
    ],
)
def test_a_job_that_does_not_fit_its_recipe_cannot_exist(change: dict[str, Any]) -> None:
    """Number, last seed, deadline and source are checked when the job is made."""
    with pytest.raises(InvalidRecipe):
        replace(Job(id="j", owner="o", recipe=RECIPE), **change)


def test_picture_i_has_seed_plus_i() -> None:
    """Each picture of a job has a recipe of its own, which draws it alone."""
    job = Job(id="j", owner="o", recipe=replace(RECIPE, source=SOURCE), n_pictures=4, source=RASTER)
    assert [job.recipe_of(index).seed for index in range(4)] == [1, 2, 3, 4]
    assert job.recipe_of(0) == job.recipe


def test_the_identity_of_a_picture_is_its_pixels() -> None:
    """Equal pixels have equal hashes, and one bit makes another."""
    other = replace(RASTER, rgb=b"\x01" + RASTER.rgb[1:])
    assert RASTER.sha256() == replace(RASTER).sha256() != other.sha256()

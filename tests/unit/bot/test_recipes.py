import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recipes import Wish, random_seed, recipe_for, sampler_named, size_named
from engine import catalog
from engine.domain import Mode, Sampler
from engine.errors import InvalidRecipe

POCKET = catalog.find("pocket")


def test_what_nobody_named_comes_from_the_model() -> None:
    """Every default is filled, the seed is fixed."""
    recipe = recipe_for(Wish(prompt="x"), POCKET)
    assert (recipe.model, recipe.steps, recipe.guidance, recipe.sampler, recipe.width_px, recipe.height_px) == (
        "pocket",
        POCKET.steps,
        POCKET.guidance,
        POCKET.sampler,
        POCKET.width_px,
        POCKET.height_px,
    )
    assert 0 <= recipe.seed < 2**32


def test_what_was_named_is_kept() -> None:
    """Also where it is 0."""
    wish = Wish(prompt="x", negative="y", seed=0, steps=3, guidance=0.0, sampler="plms", size="64x72", mode=Mode.EXACT)
    recipe = recipe_for(wish, POCKET)
    assert (recipe.negative, recipe.seed, recipe.steps, recipe.guidance) == ("y", 0, 3, 0.0)
    assert (recipe.sampler, recipe.width_px, recipe.height_px, recipe.mode) == (Sampler.PLMS, 64, 72, Mode.EXACT)


@pytest.mark.parametrize(
    ("words", "sampler"),
    [
        ("Euler a", Sampler.EULER_A),
        ("euler_a", Sampler.EULER_A),
        ("k_euler_ancestral", Sampler.EULER_A),
        ("EULER", Sampler.EULER),
        ("DPM++ 2M", Sampler.DPMPP_2M),
        ("dpmpp-2m", Sampler.DPMPP_2M),
        ("PNDM", Sampler.PLMS),
        (" UniPC ", Sampler.UNIPC),
    ],
)
def test_a_sampler_is_known_however_it_is_spelt(words: str, sampler: Sampler) -> None:
    """Our names, A1111's, k-diffusion's and diffusers'."""
    assert sampler_named(words) is sampler


def test_every_sampler_is_known_by_its_own_name() -> None:
    """None hides another."""
    assert [sampler_named(sampler) for sampler in Sampler] == list(Sampler)


def test_an_unknown_sampler_names_the_nearest_and_all() -> None:
    """So that nobody has to look them up."""
    with pytest.raises(InvalidRecipe, match=r"'eulr'; did you mean euler\? Known: ddim, plms, euler, euler_a,"):
        sampler_named("eulr")
    with pytest.raises(InvalidRecipe, match=r"'foo'\. Known: ddim"):
        sampler_named("foo")


@given(st.text())
def test_any_sampler_gives_one_or_a_short_sentence(words: str) -> None:
    """Whatever is typed."""
    try:
        assert sampler_named(words) in Sampler
    except InvalidRecipe as exc:
        sentence = str(exc)
        assert len(sentence) < 500  # either is right


@pytest.mark.parametrize("words", ["512x768", "512X768", " 512 x 768 ", "512*768", "512×768"])
def test_a_size_is_read_however_it_is_spelt(words: str) -> None:
    """Width first."""
    assert size_named(words) == (512, 768)


@given(st.text() | st.from_regex(r"\d{0,9}x\d{0,9}", fullmatch=True))
def test_any_size_gives_two_numbers_or_a_sentence(words: str) -> None:
    """Bounds are the recipe's to check, so these numbers are merely short."""
    try:
        width_px, height_px = size_named(words)
    except InvalidRecipe:
        return
    assert 0 <= width_px <= 99_999
    assert 0 <= height_px <= 99_999


def test_drawn_seeds_differ() -> None:
    """Two people who name no seed get two pictures."""
    assert len({random_seed() for _ in range(100)}) > 90

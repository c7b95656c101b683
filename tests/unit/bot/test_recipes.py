from dataclasses import replace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.parser import parse
from bot.recipes import (
    Looks,
    Wish,
    random_seed,
    recipe_for,
    sampler_at_start,
    sampler_named,
    size_named,
    size_of_aspect,
    wish_with,
    words_for,
    words_of,
)
from bot.requests import Imagine, Remix
from bot.typography import clean
from engine import catalog
from engine.domain import MAX_GUIDANCE, MAX_LCM_STEPS, MAX_SEED, MAX_SIDE_PX, MIN_SIDE_PX, Mode, Recipe, Sampler, Source
from engine.errors import InvalidRecipe, UserError

POCKET = catalog.find("pocket")
LARGE = replace(POCKET, name="large", width_px=512, height_px=512)
SIDES = st.integers(MIN_SIDE_PX // 8, MAX_SIDE_PX // 8).map(lambda eighth: 8 * eighth)
# Words as a prompt may hold them, with a liking for what the parser has an eye for.
WORDS = st.lists(
    st.one_of(
        st.sampled_from(["{a,b}", "--seed 7", "—no", "\\", '"x"', "“", "-", " ", "/imagine", "k3f9m2q7xa.2"]), st.text()
    ),
    max_size=8,
).map(lambda parts: clean("".join(parts)))
RECIPES = st.builds(
    Recipe,
    prompt=WORDS.filter(bool),
    negative=WORDS,
    model=WORDS.filter(bool),
    seed=st.integers(0, MAX_SEED),
    steps=st.integers(1, MAX_LCM_STEPS),
    guidance=st.floats(0, MAX_GUIDANCE),
    sampler=st.sampled_from(Sampler),
    width_px=SIDES,
    height_px=SIDES,
    mode=st.sampled_from(Mode),
)


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


EVERY_LOOK = Looks(size="256x256", steps=9, sampler="plms", model="large", mode=Mode.EXACT, guidance=2.0, pictures=4)


def test_what_was_set_stands_for_what_a_wish_does_not_say() -> None:
    """Every one of them."""
    assert wish_with(Wish(prompt="x"), EVERY_LOOK) == Wish(
        prompt="x",
        size="256x256",
        steps=9,
        sampler="plms",
        model="large",
        mode=Mode.EXACT,
        guidance=2.0,
        n_pictures=4,
    )


@pytest.mark.parametrize(
    "wish",
    [
        Wish(
            prompt="x", size="64x64", steps=3, sampler="ddim", model="pocket", mode=Mode.FAST, guidance=0, n_pictures=1
        ),
        Wish(
            prompt="x", aspect=(3, 2), steps=3, sampler="ddim", model="pocket", mode=Mode.FAST, guidance=0, n_pictures=1
        ),
    ],
)
def test_what_was_said_wins_over_what_was_set(wish: Wish) -> None:
    """Also where it is the usual, 0 or 1; a ratio is said about the size."""
    assert wish_with(wish, EVERY_LOOK) == wish


@pytest.mark.parametrize(
    ("wish", "looks", "left_out"),
    [
        (Wish(prompt="x", sampler="lcm"), Looks(steps=100), "steps"),
        (Wish(prompt="x", steps=100), Looks(sampler="lcm"), "sampler"),
        (Wish(prompt="x"), Looks(steps=100, sampler="lcm"), "sampler"),
        (Wish(prompt="x", strength=0.3), Looks(steps=3), "steps"),
        (Wish(prompt="x", seed=MAX_SEED), Looks(pictures=2), "n_pictures"),
    ],
)
def test_what_was_set_makes_nothing_impossible(wish: Wish, looks: Looks, left_out: str) -> None:
    """A default that does not go with the words is left out, instead of a sentence about what nobody said."""
    filled = wish_with(wish, looks)
    assert getattr(filled, left_out) is None
    recipe_for(replace(filled, strength=None), POCKET)


@given(
    st.builds(
        Wish,
        prompt=st.just("x"),
        steps=st.none() | st.integers(1, MAX_LCM_STEPS),
        sampler=st.none() | st.sampled_from(["lcm", "Euler a"]),
        strength=st.none() | st.sampled_from([0.02, 0.5, 1.0]),
        aspect=st.none() | st.just((3, 2)),
    ),
    st.builds(
        Looks,
        size=st.none() | st.just("512x64"),
        steps=st.none() | st.integers(1, 150),
        sampler=st.none() | st.sampled_from(["lcm", "plms"]),
        guidance=st.none() | st.just(0.0),
        mode=st.none() | st.sampled_from(Mode),
        pictures=st.none() | st.integers(1, 4),
    ),
)
def test_a_wish_that_can_be_drawn_can_be_drawn_with_any_looks(wish: Wish, looks: Looks) -> None:
    """From nothing, or from a picture."""

    def drawn(wish: Wish) -> Recipe:
        recipe = recipe_for(replace(wish, strength=None), POCKET)
        return recipe if wish.strength is None else replace(recipe, source=Source(sha256="", strength=wish.strength))

    try:
        drawn(wish)
    except InvalidRecipe:
        return
    drawn(wish_with(wish, looks))


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


@given(RECIPES)
def test_words_of_a_recipe_draw_that_recipe(recipe: Recipe) -> None:
    """Copied as a command, sent again: the very same recipe, whatever stands in its prompt."""
    request = parse(words_of(recipe))
    assert isinstance(request, Imagine)
    [wish] = request.wishes
    assert wish.model == recipe.model
    assert recipe_for(wish, replace(POCKET, name=wish.model)) == recipe


def test_words_of_a_recipe_with_a_source_are_for_that_picture() -> None:
    """/remix, to be sent beside it, with the strength."""
    recipe = replace(recipe_for(Wish(prompt="x", seed=7), POCKET), source=Source(sha256="", strength=0.5))
    request = parse(words_of(recipe))
    assert isinstance(request, Remix)
    assert (request.wish.prompt, request.wish.seed, request.wish.strength) == ("x", 7, 0.5)


def test_words_of_a_recipe_are_short_where_they_can_be() -> None:
    """Whole numbers without a point, no flag that says nothing."""
    words = "/imagine a red circle --size 128x128 --seed 7 --steps 20 --guidance 4 --sampler ddim --model pocket"
    assert words_of(recipe_for(Wish(prompt="a red circle", seed=7), POCKET)) == words


@given(st.none() | st.integers(1, 4), st.booleans())
def test_words_for_a_wish_say_all_of_it(n_pictures: int | None, has_aspect: bool) -> None:
    """What is not fixed yet stays open, and what was said stays said."""
    mode = Mode.FAST if has_aspect else None
    wish = Wish(prompt="x", aspect=(3, 2) if has_aspect else None, n_pictures=n_pictures, negative='"y" z', mode=mode)
    assert parse(words_for(wish)) == Imagine(wishes=(wish,))


@pytest.mark.parametrize(
    ("aspect", "size"),
    [((1, 1), (512, 512)), ((3, 2), (624, 416)), ((2, 3), (416, 624)), ((16, 9), (640, 360)), ((1, 4), (256, 1024))],
)
def test_a_ratio_keeps_the_models_area(aspect: tuple[int, int], size: tuple[int, int]) -> None:
    """Exact where multiples of 8 allow it."""
    assert size_of_aspect(*aspect, LARGE) == size


@given(st.integers(1, 99_999), st.integers(1, 99_999), st.sampled_from([POCKET, LARGE, replace(POCKET, width_px=64)]))
def test_any_ratio_within_bounds_can_be_drawn(width: int, height: int, entry: catalog.Entry) -> None:
    """Near the ratio, and within what a recipe may have; beyond 4:1 it is refused."""
    if max(width, height) > 4 * min(width, height):
        with pytest.raises(InvalidRecipe, match="from 1:4 to 4:1"):
            size_of_aspect(width, height, entry)
        return
    recipe = recipe_for(Wish(prompt="x", aspect=(width, height)), entry)
    assert abs(log(recipe.width_px / recipe.height_px * height / width)) < 0.07


def test_a_size_and_a_ratio_exclude_each_other() -> None:
    """One of them has to go."""
    with pytest.raises(InvalidRecipe, match="not both"):
        recipe_for(Wish(prompt="x", size="64x64", aspect=(1, 1)), POCKET)


def test_a_strength_needs_a_picture() -> None:
    """It would be lost without a word."""
    with pytest.raises(UserError, match="attach a picture, or use /remix"):
        recipe_for(Wish(prompt="x", strength=0.5), POCKET)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("euler a", "euler a"),
        ("euler a ring", "euler"),
        ("DPM++ 2M a ring", "DPM++ 2M"),
        ("DPM++ 2M Karras", "DPM++ 2M Karras"),
        ("euler, a", "euler,"),
        ("ring euler", None),
        ("", None),
    ],
)
def test_a_sampler_is_found_at_the_start_of_words(words: str, name: str | None) -> None:
    """The longest name; an article is none of it; a schedule is, to be refused with it."""
    found = sampler_at_start(words)
    assert (found[0] if found else None) == name
    assert found is None or "".join(found) == words

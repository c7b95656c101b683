import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import a1111
from bot.parser import parse
from bot.recipes import Wish, recipe_for
from bot.requests import Imagine
from engine import catalog
from engine.domain import Sampler
from engine.label import parameters_text

POCKET = catalog.find("pocket")
SETTINGS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x640"
PIECES = [
    "Steps: ",
    "Sampler: ",
    "Euler a",
    "Size: ",
    "512x",
    "Negative prompt: ",
    "\n",
    ", ",
    '"',
    "\\",
    ": ",
    "9" * 25,
]


def read(text: str) -> a1111.Imported:
    found = a1111.read(text)
    assert found
    return found


def test_what_the_web_ui_writes_becomes_a_wish() -> None:
    """Several lines of prompt, a negative one, a line of settings."""
    found = read(f"a red circle,\n(blue:1.2) background\nNegative prompt: text,\nframe\n{SETTINGS}, Model hash: abc")
    assert found.notes == ()
    assert found.wish == Wish(
        prompt="a red circle, (blue:1.2) background",
        negative="text, frame",
        seed=1,
        steps=20,
        guidance=7,
        sampler="euler_a",
        size="512x640",
    )
    assert parse(found.words) == Imagine(wishes=(found.wish,))


@pytest.mark.parametrize("sampler", Sampler)
def test_what_we_write_ourselves_is_read_again(sampler: Sampler) -> None:
    """The same recipe."""
    recipe = recipe_for(Wish(prompt="a, b: {c,d}", negative="--no e", seed=7, sampler=sampler), POCKET)
    found = read(parameters_text(recipe))
    assert found.notes == ()
    assert recipe_for(found.wish, POCKET) == recipe


@pytest.mark.parametrize(
    ("settings", "field", "value", "note"),
    [
        ("Sampler: DPM++ 2M Karras", "sampler", "dpmpp_2m", "The Karras schedule is not here"),
        ("Sampler: DPM++ 2M, Schedule type: Karras", "sampler", "dpmpp_2m", "The Karras schedule is not here"),
        ("Sampler: Euler, Schedule type: Automatic", "sampler", "euler", ""),
        ("Sampler: DPM++ SDE", "sampler", None, "no sampler DPM++ SDE here"),
        ("CFG scale: 99", "guidance", 30, "CFG scale, 99, became 30"),
        ("CFG scale: much", "guidance", None, "is no number"),
        ("Seed: -1", "seed", 0, "Seed, -1, became 0"),
        ("Size: 500x5000", "size", "504x2048", "Its size, 500x5000, became 504x2048"),
        ("Size: large", "size", None, "cannot be read"),
        ("Model: pocket", "model", "pocket", ""),
        ('Model: "other, one"', "model", None, "Its model, other, one, is not here"),
        ("Denoising strength: 0.5", "strength", 0.5, "drawn from another picture"),
        ("Denoising strength: 0.5, Hires upscale: 2", "strength", None, ""),
    ],
)
def test_what_cannot_be_had_is_said(settings: str, field: str, value: object, note: str) -> None:
    """Left out or brought into bounds, never refused."""
    found = read(f"x\nSteps: 20, {settings}")
    assert getattr(found.wish, field) == value
    assert any(note in each for each in found.notes) if note else found.notes == ()


@pytest.mark.parametrize("text", ["", "a red circle", "Steps: 20", "\n\nSteps: 20, Seed: 1", '{"prompt": {}}'])
def test_a_text_that_is_none_is_none(text: str) -> None:
    """Without settings or without a prompt there is nothing to draw again."""
    assert a1111.read(text) is None


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=20))
def test_any_text_gives_a_wish_that_can_be_drawn_or_nothing(pieces: list[str]) -> None:
    """And words that say the same wish."""
    found = a1111.read("x\nSteps: 3, " + "".join(pieces))
    if found is None:
        return
    recipe_for(Wish(prompt=found.wish.prompt, size=found.wish.size, sampler=found.wish.sampler), POCKET)
    request = parse(found.words)
    wish = request.wishes[0] if isinstance(request, Imagine) else getattr(request, "wish", None)
    assert wish == found.wish

from dataclasses import replace
from pathlib import Path

import pytest

from bot.imagine import paths_for
from bot.recipes import recipe_for
from bot.serving import WELCOME
from engine import catalog
from engine.domain import MAX_SEED
from engine.errors import UserError

RECIPE = recipe_for(WELCOME, catalog.find("pocket"))


def test_one_picture_goes_where_it_was_asked_for() -> None:
    """Under exactly that name."""
    assert paths_for(Path("a/b.png"), RECIPE, 1) == (Path("a/b.png"),)


def test_several_pictures_are_numbered_from_1() -> None:
    """The name stays, the number comes before the ending."""
    assert paths_for(Path("a/b.PNG"), RECIPE, 2) == (Path("a/b-1.PNG"), Path("a/b-2.PNG"))


def test_a_picture_nobody_named_is_called_after_its_seed() -> None:
    """Picture i has seed + i."""
    assert paths_for(None, RECIPE, 2) == (Path("seed-7.png"), Path("seed-8.png"))


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.txt", "png"])
def test_a_name_that_promises_no_png_is_refused(name: str) -> None:
    """Nothing but PNG is written."""
    with pytest.raises(UserError, match=r"ends in \.png"):
        paths_for(Path(name), RECIPE, 1)


@pytest.mark.parametrize("n_pictures", [-1, 0, 5, 10**30])
def test_an_impossible_number_of_pictures_is_refused_at_once(n_pictures: int) -> None:
    """Before a list of that length is made."""
    with pytest.raises(UserError, match="number of pictures"):
        paths_for(None, RECIPE, n_pictures)


def test_the_last_picture_needs_a_seed_too() -> None:
    """Seed + i may not pass the largest."""
    with pytest.raises(UserError, match="last picture"):
        paths_for(None, replace(RECIPE, seed=MAX_SEED), 2)

"""What was set for pictures, and what they cost, in the plans of requests."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.cards import Origin
from bot.parser import parse
from bot.planning import Making, Plan, Planner
from bot.recipes import NO_LOOKS, Looks, Wish, recipe_for
from bot.sources import Found
from engine import catalog
from engine.cost import cost_of
from engine.domain import Mode, Raster, Recipe, Sampler

POCKET = catalog.find("pocket")
ORIGIN = Origin(platform="wire", owner="wire:1", place="wire", reply_to="1", event_key="w:1", asker="Ada")
PHOTO = Found(file_hash="0" * 64, width_px=300, height_px=200)
DRAWN = replace(PHOTO, recipe=recipe_for(Wish(prompt="a ring", seed=7, size="192x128"), POCKET))


@dataclass
class OneSource:
    """Sources, files and a finisher that know one picture."""

    found: Found

    async def find(self, *_: object) -> Found:
        """That one."""
        return self.found

    async def read(self, _: str) -> bytes:
        """A file."""
        return b""

    async def read_source(self, _: bytes, width_px: int, height_px: int) -> Raster:
        """Black, at any size."""
        return Raster(width_px=width_px, height_px=height_px, rgb=bytes(3 * width_px * height_px))


async def planned(text: str, looks: Looks = NO_LOOKS, found: Found = PHOTO) -> Plan:
    one = cast(Any, OneSource(found))  # only what planning asks of each
    return await Planner(one, one, one, "pocket").plan(ORIGIN, cast(Making, parse(text)), (), looks)


async def recipe(text: str, looks: Looks = NO_LOOKS, found: Found = PHOTO) -> Recipe:
    plan = await planned(text, looks, found)
    return plan.drafts[0].recipe


async def test_what_was_set_is_drawn_with() -> None:
    """By /imagine, and by each prompt of several."""
    looks = Looks(size="64x72", steps=9, sampler="plms", mode=Mode.EXACT, guidance=2.0, pictures=4)
    plan = await planned("a {red,blue} ring", looks)
    for draft in plan.drafts:
        drawn = draft.recipe
        assert (drawn.width_px, drawn.height_px, drawn.steps, drawn.sampler) == (64, 72, 9, Sampler.PLMS)
        assert (drawn.mode, drawn.guidance, draft.n_pictures) == (Mode.EXACT, 2.0, 4)
    assert plan.question == "2 prompts, 8 pictures in all."


async def test_pictures_that_were_set_leave_room_for_every_prompt() -> None:
    """Eight prompts are eight pictures, and no sentence about a number that nobody said."""
    plan = await planned("a {1,2,3,4,5,6,7,8} ring", Looks(pictures=4))
    assert plan.question == "8 prompts, 8 pictures in all."
    assert [draft.n_pictures for draft in plan.drafts] == [1] * 8


async def test_a_model_that_was_set_and_is_gone_is_none() -> None:
    """Who names no model must not hear of one; who names one does."""
    assert (await recipe("x", Looks(model="sold"))).model == "pocket"
    with pytest.raises(Exception, match="There is no model 'sold' here"):
        await recipe("x --model sold", Looks(model="pocket"))


async def test_a_remix_keeps_the_shape_of_its_picture() -> None:
    """Whatever size was set; steps and the rest are as they were set."""
    looks = Looks(size="512x64", steps=9, pictures=2)
    ours = await recipe(
        "/remix a square", looks, replace(DRAWN, picture=cast(Any, SimpleNamespace(name="k3f9m2q7xa.2")))
    )
    assert (ours.width_px, ours.height_px, ours.steps) == (192, 128, 9)
    theirs = await recipe("/remix a square", looks)
    assert theirs.width_px > theirs.height_px


async def test_steps_that_were_set_too_few_for_a_strength_are_left_out() -> None:
    """One step of strength 0.7 would be none."""
    assert (await recipe("/remix a square", Looks(steps=1))).steps == POCKET.steps


async def test_a_comparison_is_filled_up_but_for_what_it_compares() -> None:
    """A value that it names is its own, and each picture is one."""
    plan = await planned("/compare a ring --over sampler euler,lcm", Looks(steps=100, sampler="plms", pictures=4))
    assert [(draft.recipe.sampler, draft.recipe.steps, draft.n_pictures) for draft in plan.drafts] == [
        (Sampler.EULER, 100, 1),
        (Sampler.LCM, POCKET.steps, 1),
    ]


async def test_variations_repeat_their_recipe() -> None:
    """What was set is for wishes alone."""
    plan = await planned("/vary", Looks(steps=9, pictures=1), DRAWN)
    assert (plan.drafts[0].recipe.steps, plan.drafts[0].n_pictures) == (POCKET.steps, 4)


async def test_a_draft_says_what_it_costs() -> None:
    """In standard pictures, all of its pictures; enlarging without the model is free."""
    plan = await planned("a ring --n 3 --size 512x512 --steps 20 --guidance 7")
    assert plan.drafts[0].cost == 3.0
    [remix] = (await planned("/remix a ring --strength 0.5", found=DRAWN)).drafts
    assert remix.cost == cost_of(remix.recipe) < cost_of(replace(remix.recipe, source=None))
    [enlarged] = (await planned("/upscale", found=DRAWN)).drafts
    assert enlarged.cost == 0.0

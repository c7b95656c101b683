"""A request and what it starts from → the jobs that make it: every default filled, every seed fixed, nothing drawn yet.

Knows the models and the recipes; knows nothing of platforms, queues or how jobs are run.
"""

import asyncio
from dataclasses import dataclass, replace

from bot import a1111
from bot.building import MAX_PICTURES_AT_ONCE
from bot.cards import Origin
from bot.parser import count_sentence
from bot.recipes import (
    DEFAULT_STRENGTH,
    NO_LOOKS,
    Looks,
    Wish,
    random_seed,
    recipe_for,
    sampler_named,
    source_for,
    wish_with,
)
from bot.requests import Again, Axis, Compare, Imagine, Remix, Upscale, Vary
from bot.sources import Found, Sources
from engine import catalog
from engine.catalog import Entry
from engine.cost import cost_of
from engine.domain import MAX_SIDE_PX, MIN_SIDE_PX, SIDE_MULTIPLE_PX, Recipe, Sampler
from engine.errors import UnknownModel, UserError
from engine.finish import Finisher
from engine.label import A1111_SAMPLERS
from engine.resample import check_enlarged
from storage.pictures import PictureFiles

Making = Imagine | Remix | Upscale | Vary | Again | Compare

SUBTLE_STRENGTH, STRONG_STRENGTH = 0.45, 0.8
REFINE_STRENGTH = 0.3  # the composition stays, details are drawn anew; at 0.45 pocket begins to draw another shape
LONGEST_ASPECT = 4  # as in `--ar`
_NEEDS_WORDS = "Say what to draw as well: /remix a green square."
_NO_RECIPE = "That picture was not drawn here, so there is no recipe to draw again. Try /remix with some words."


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A job to be: `recipe` complete, `label` for a comparison, `source_file` the stored file it starts from."""

    recipe: Recipe
    n_pictures: int = 1
    label: str = ""
    source_file: str | None = None
    treatment: str | None = None

    @property
    def cost(self) -> float:
        """What it is charged, in standard pictures; what no model draws costs nothing."""
        return 0.0 if self.treatment else cost_of(self.recipe, self.n_pictures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a request comes to. `question` is asked before anything is drawn, "" means nothing to ask."""

    kind: str
    drafts: tuple[Draft, ...]
    parent: str | None = None
    question: str = ""


class Planner:
    """Makes plans. `default_model` is for whoever names none."""

    def __init__(self, sources: Sources, finisher: Finisher, files: PictureFiles, default_model: str) -> None:
        self._sources = sources
        self._finisher = finisher
        self._files = files
        self._default_model = default_model

    async def plan(self, origin: Origin, asked: Making, uploads: tuple[str, ...], looks: Looks = NO_LOOKS) -> Plan:
        """What a request comes to. `looks` are for what is drawn by a wish; what repeats a recipe repeats it.

        Raises: UserError for what cannot be made as asked; StorageError.
        """
        if looks.model not in self._known():  # it was there when it was set; who names no model must not hear of it
            looks = replace(looks, model=None)
        match asked:
            case Imagine() if uploads:  # a picture beside the words is what people start from
                if len(asked.wishes) > 1:
                    raise UserError("One picture and several prompts: remix them one after the other.")
                return await self._remix(origin, Remix(source=None, wish=asked.wishes[0]), uploads, looks)
            case Imagine():
                return await self._imagine(asked, looks)
            case Remix():
                return await self._remix(origin, asked, uploads, looks)
            case Upscale():
                return await self._upscale(origin, asked, uploads)
            case Vary():
                return await self._vary(origin, asked, uploads)
            case Again():
                return await self._again(origin, asked, uploads)
            case Compare():
                return await self._compare(origin, asked, uploads, looks)

    async def entry(self, model: str | None = None) -> Entry:
        """A model that people here may name: one of the catalogue, or the operator's choice. Raises: UnknownModel."""
        name = model or self._default_model
        if name not in self._known():  # a chat must not find out what else lies on the operator's disk
            raise UnknownModel(f"There is no model {name[:40]!r} here. There is: {', '.join(self._known())}.")
        return await asyncio.to_thread(catalog.find, name)

    def _known(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self._default_model, *catalog.names())))

    async def _imagine(self, asked: Imagine, looks: Looks) -> Plan:
        wishes = [wish_with(wish, looks) for wish in asked.wishes]
        if sum(wish.n_wanted for wish in wishes) > MAX_PICTURES_AT_ONCE:  # with the words alone it was few enough
            wishes = [wish_with(wish, replace(looks, pictures=None)) for wish in asked.wishes]
        drafts = []
        for wish in wishes:
            recipe = recipe_for(wish, await self.entry(wish.model))
            drafts.append(Draft(recipe=recipe, n_pictures=wish.n_wanted))
        several = len(drafts) > 1
        return Plan(kind="imagine", drafts=tuple(drafts), question=count_sentence(wishes) if several else "")

    async def _remix(self, origin: Origin, asked: Remix, uploads: tuple[str, ...], looks: Looks) -> Plan:
        found = await self._sources.find(origin, asked.source, uploads)
        wish, recipe = asked.wish, found.recipe
        if not wish.prompt and not (recipe and recipe.prompt):
            raise UserError(_NEEDS_WORDS)
        if recipe and not wish.prompt:
            wish = replace(wish, prompt=recipe.prompt, negative=wish.negative or recipe.negative)
        draft = await self._from_picture(wish, found, looks)
        return Plan(kind="remix", drafts=(draft,), parent=found.name)

    async def _upscale(self, origin: Origin, asked: Upscale, uploads: tuple[str, ...]) -> Plan:
        found = await self._sources.find(origin, asked.source, uploads)
        if not asked.is_refined:
            check_enlarged(found.width_px, found.height_px, asked.factor)
            recipe = found.recipe or _nobodys_recipe(found)
            draft = Draft(recipe=recipe, source_file=found.file_hash, treatment=f"resample {asked.factor}")
            return Plan(kind="upscale", drafts=(draft,), parent=found.name)
        width_px, height_px = (_rounded(side * asked.factor) for side in (found.width_px, found.height_px))
        if max(width_px, height_px) > MAX_SIDE_PX:
            raise UserError(
                f"Refined it would be {width_px} x {height_px} pixels; {MAX_SIDE_PX:,} on a side is the most. "
                f"Try a smaller factor, or /upscale without refine."
            )
        entry = await self.entry(found.recipe.model if found.recipe and found.recipe.model else None)
        recipe = found.recipe if found.recipe and found.recipe.model else recipe_for(Wish(prompt=""), entry)
        draft = await self._starting(
            replace(recipe, width_px=width_px, height_px=height_px, source=None), found.file_hash, REFINE_STRENGTH
        )
        return Plan(kind="upscale", drafts=(draft,), parent=found.name)

    async def _vary(self, origin: Origin, asked: Vary, uploads: tuple[str, ...]) -> Plan:
        found = await self._sources.find(origin, asked.source, uploads)
        if not found.recipe or not found.recipe.model:
            raise UserError(_NO_RECIPE)
        strength = STRONG_STRENGTH if asked.is_strong else SUBTLE_STRENGTH
        recipe = replace(found.recipe, seed=random_seed(), source=None)
        draft = await self._starting(recipe, found.file_hash, strength)
        return Plan(kind="vary", drafts=(replace(draft, n_pictures=asked.n_pictures),), parent=found.name)

    async def _again(self, origin: Origin, asked: Again, uploads: tuple[str, ...]) -> Plan:
        if uploads:
            recipe = await self._recipe_of_upload(origin, uploads)
            return Plan(kind="again", drafts=(Draft(recipe=recipe.with_seed(random_seed())),))
        picture = await self._sources.find_kept_or_not(origin, asked.source)
        if not picture.recipe.model:
            raise UserError(_NO_RECIPE)
        recipe = picture.recipe.with_seed(random_seed())
        source_file = await self._sources.source_file(picture) if recipe.source else None
        return Plan(
            kind="again",
            drafts=(Draft(recipe=recipe, source_file=source_file),),
            parent=picture.name,
        )

    async def _recipe_of_upload(self, origin: Origin, uploads: tuple[str, ...]) -> Recipe:
        """What an upload says of how it was made, by us or by another program. Raises: UserError if nothing."""
        found = await self._sources.find(origin, None, uploads)
        if found.recipe and not found.recipe.source:
            return found.recipe
        parameters = self._sources.parameters(origin.owner, uploads[0])
        imported = a1111.read(parameters) if parameters and not found.recipe else None
        if imported is None:
            raise UserError(_NO_RECIPE)
        wish = replace(imported.wish, strength=None)
        return recipe_for(wish, await self.entry(wish.model))

    async def again_all(self, origin: Origin, request: str) -> Plan:
        """All jobs of a request once more, with one new seed where they had one. Raises: UserError."""
        jobs = await self._sources.jobs(origin, request)
        if not jobs:
            raise UserError("There is nothing to draw again in that message.")
        seeds = {seed: random_seed() for seed in {job.recipe.seed for job in jobs}}
        drafts = tuple(
            Draft(
                recipe=job.recipe if job.treatment else job.recipe.with_seed(seeds[job.recipe.seed]),
                n_pictures=job.n_pictures,
                label=job.label,
                source_file=job.source_file,
                treatment=job.treatment,
            )
            for job in jobs
        )
        row = await self._sources.request(origin, request)
        return Plan(kind=row.kind, drafts=drafts, parent=row.parent)

    async def _compare(self, origin: Origin, asked: Compare, uploads: tuple[str, ...], looks: Looks) -> Plan:
        wish = asked.wish if asked.wish.seed is not None else replace(asked.wish, seed=random_seed())
        wishes = [_with(wish, asked.axis, value) for value in asked.values]
        is_from_picture = asked.axis is Axis.STRENGTH or asked.source or uploads
        found = await self._sources.find(origin, asked.source, uploads) if is_from_picture else None
        drafts = []
        for each, value in zip(wishes, asked.values):
            if found:
                draft = await self._from_picture(each, found, looks)
            else:
                filled = wish_with(each, looks)
                draft = Draft(recipe=recipe_for(filled, await self.entry(filled.model)))
            drafts.append(replace(draft, label=_label(asked.axis, value), n_pictures=1))
        return Plan(kind="compare", drafts=tuple(drafts), parent=found.name if found else None)

    async def _from_picture(self, wish: Wish, found: Found, looks: Looks) -> Draft:
        """Redraw a picture: at its own size if it is ours, else at the model's with the picture's shape.

        It keeps its shape and its model where the wish does not say, whatever `looks` say.
        """
        model = found.recipe.model if found.recipe and found.recipe.model else looks.model
        strength = DEFAULT_STRENGTH if wish.strength is None else wish.strength
        wish = wish_with(replace(wish, strength=strength), replace(looks, size=None, model=model))
        entry = await self.entry(wish.model)
        if wish.size is None and wish.aspect is None:
            own = found.recipe if found.picture and found.recipe and found.recipe.model == entry.name else None
            if own:
                wish = replace(wish, size=f"{own.width_px}x{own.height_px}")
            else:
                wish = replace(wish, aspect=_shape(found.width_px, found.height_px))
        recipe = recipe_for(replace(wish, strength=None), entry)
        draft = await self._starting(recipe, found.file_hash, wish.strength)
        return replace(draft, n_pictures=wish.n_wanted)

    async def _starting(self, recipe: Recipe, file_hash: str, strength: float | None) -> Draft:
        """The recipe with its source in it: what the source's pixels are at that size is found out here."""
        file = await self._files.read(file_hash)
        raster = await self._finisher.read_source(file, recipe.width_px, recipe.height_px)
        source = await asyncio.to_thread(source_for, raster, strength)
        return Draft(recipe=replace(recipe, source=source), source_file=file_hash)


def _with(wish: Wish, axis: Axis, value: str) -> Wish:
    match axis:
        case Axis.SAMPLER:
            return replace(wish, sampler=value)
        case Axis.STEPS:
            return replace(wish, steps=int(value))
        case Axis.GUIDANCE:
            return replace(wish, guidance=float(value))
        case Axis.STRENGTH:
            return replace(wish, strength=float(value))
        case Axis.MODEL:
            return replace(wish, model=value)


def _label(axis: Axis, value: str) -> str:
    return A1111_SAMPLERS[sampler_named(value)] if axis is Axis.SAMPLER else f"{axis} {value}"


def _shape(width_px: int, height_px: int) -> tuple[int, int]:
    """The aspect ratio of a picture, within what can be drawn."""
    if width_px > LONGEST_ASPECT * height_px:
        return LONGEST_ASPECT, 1
    if height_px > LONGEST_ASPECT * width_px:
        return 1, LONGEST_ASPECT
    return width_px, height_px


def _rounded(side_px: int) -> int:
    return max(MIN_SIDE_PX, round(side_px / SIDE_MULTIPLE_PX) * SIDE_MULTIPLE_PX)


def _nobodys_recipe(found: Found) -> Recipe:
    """For a picture that no model drew: only its size means anything, and no model is named."""
    return Recipe(
        prompt="",
        model="",
        seed=0,
        steps=1,
        guidance=0.0,
        sampler=Sampler.DDIM,
        width_px=min(MAX_SIDE_PX, _rounded(found.width_px)),
        height_px=min(MAX_SIDE_PX, _rounded(found.height_px)),
    )

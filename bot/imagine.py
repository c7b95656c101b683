"""`darkroom imagine`: arguments → a request → lines that name each picture.

Everything that can be refused is refused before an engine starts.
"""

import argparse
from pathlib import Path

from bot import files
from bot.app import open_app
from bot.drawing import Request, draw_and_write
from bot.progress import progress_on
from bot.recipes import Wish, recipe_for
from bot.settings import Settings
from engine import catalog
from engine.domain import MAX_PICTURES, MAX_SEED, Recipe
from engine.errors import InvalidRecipe, UserError


async def imagine(settings: Settings, arguments: argparse.Namespace) -> int:
    """Draw what was asked for and print file, seed and seconds of each picture."""
    wish = Wish(
        prompt=arguments.prompt,
        negative=arguments.negative,
        seed=arguments.seed,
        steps=arguments.steps,
        guidance=arguments.guidance,
        sampler=arguments.sampler,
        size=arguments.size,
        mode=arguments.mode,
    )
    if arguments.strength is not None and arguments.init is None:
        raise UserError("--strength says how much of a picture to repaint: give the picture too, with --init FILE.")
    recipe = recipe_for(wish, catalog.find(arguments.model or settings.model))
    paths = paths_for(arguments.out, recipe, arguments.n)
    files.check_writable(paths[0].parent)
    await _draw(settings, Request(recipe=recipe, paths=paths, init=arguments.init, strength=arguments.strength))
    return 0


async def _draw(settings: Settings, request: Request) -> None:
    async with open_app(settings) as app:
        with progress_on() as show:
            written = await draw_and_write(app, request, show)
        for one in written:
            print(f"{one.path}  seed {one.seed}  {one.seconds:.2f} s", flush=True)


def paths_for(out: Path | None, recipe: Recipe, n_pictures: int) -> tuple[Path, ...]:
    """Where each picture goes: `out`, or out-1.png, out-2.png …; named after the seed where only a folder is given.

    Raises: InvalidRecipe, UserError.
    """
    if not 1 <= n_pictures <= MAX_PICTURES:
        raise InvalidRecipe(f"The number of pictures must be from 1 to {MAX_PICTURES}; you gave {n_pictures:,}.")
    seeds = range(recipe.seed, recipe.seed + n_pictures)
    if seeds[-1] > MAX_SEED:
        raise InvalidRecipe(f"The seed of the last picture must be at most {MAX_SEED:,}.")
    if out is None or out.is_dir():
        return tuple((out or Path()) / f"seed-{seed}.png" for seed in seeds)
    if out.suffix.lower() != ".png":
        raise UserError(f"Pictures are written as PNG: choose a name that ends in .png instead of {out.name}.")
    if n_pictures == 1:
        return (out,)
    return tuple(out.with_stem(f"{out.stem}-{number}") for number in range(1, n_pictures + 1))

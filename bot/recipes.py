"""What somebody asked for → a `Recipe`: every default filled, every bound checked, the seed fixed here.

Pure but for the drawing of a seed. Knows nothing of command lines or chats.
"""

import difflib
import re
import secrets
from dataclasses import dataclass

from engine.catalog import Entry
from engine.domain import RANDOM_SEED_BITS, Mode, Raster, Recipe, Sampler, Source
from engine.errors import InvalidRecipe
from engine.finish import A1111_SAMPLERS

DEFAULT_STRENGTH = 0.7  # enough to repaint and little enough to keep the composition; A1111 has 0.75, diffusers 0.8
_SIZE = re.compile(r"\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*", re.IGNORECASE)
_ALIASES = {"pndm": Sampler.PLMS, "eulera": Sampler.EULER_A, "eulerancestral": Sampler.EULER_A}
_SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asked for, before any default; None is "you choose"."""

    prompt: str
    negative: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    size: str | None = None
    mode: Mode = Mode.FAST


def recipe_for(wish: Wish, entry: Entry) -> Recipe:
    """The recipe of a picture drawn from nothing. Raises: InvalidRecipe."""
    width_px, height_px = size_named(wish.size) if wish.size is not None else (entry.width_px, entry.height_px)
    return Recipe(
        prompt=wish.prompt,
        negative=wish.negative,
        model=entry.name,
        seed=random_seed() if wish.seed is None else wish.seed,
        steps=entry.steps if wish.steps is None else wish.steps,
        guidance=entry.guidance if wish.guidance is None else wish.guidance,
        sampler=entry.sampler if wish.sampler is None else sampler_named(wish.sampler),
        width_px=width_px,
        height_px=height_px,
        mode=wish.mode,
    )


def source_for(raster: Raster, strength: float | None) -> Source:
    """What a recipe says of the picture it starts from. Raises: InvalidRecipe."""
    return Source(sha256=raster.sha256(), strength=DEFAULT_STRENGTH if strength is None else strength)


def random_seed() -> int:
    """A seed short enough to read out to a friend."""
    return secrets.randbits(RANDOM_SEED_BITS)


def sampler_named(words: str) -> Sampler:
    """A sampler by our name or the one people know, however it is spelt ("Euler a", "dpm++ 2m", "k_euler").

    Raises: InvalidRecipe, naming all and the nearest.
    """
    known = _samplers_by_letters()
    letters = _letters(words)
    if sampler := known.get(letters) or known.get(letters.removeprefix("k")):
        return sampler
    near = difflib.get_close_matches(letters, known, n=1)
    hint = f"; did you mean {known[near[0]]}?" if near else "."
    raise InvalidRecipe(f"There is no sampler {_shown(words)}{hint} Known: {', '.join(Sampler)}.")


def size_named(words: str) -> tuple[int, int]:
    """Width and height from "512x768", in pixels; the recipe checks their bounds. Raises: InvalidRecipe."""
    match = _SIZE.fullmatch(words)
    if not match:
        raise InvalidRecipe(f"The size must be width x height in pixels, such as 512x768, not {_shown(words)}.")
    return int(match[1]), int(match[2])


def _samplers_by_letters() -> dict[str, Sampler]:
    ours = {_letters(sampler): sampler for sampler in Sampler}
    theirs = {_letters(name): sampler for sampler, name in A1111_SAMPLERS.items()}
    return ours | theirs | _ALIASES


def _letters(words: str) -> str:
    return re.sub(r"[^a-z0-9]", "", words.casefold().replace("++", "pp"))


def _shown(words: str) -> str:
    return repr(words if len(words) <= _SHOWN_CHARS else words[: _SHOWN_CHARS - 1] + "…")

"""What somebody asked for → a `Recipe`: every default filled, every bound checked, the seed fixed here. And back.

Pure but for the drawing of a seed. Knows nothing of command lines, and of chats only how `/imagine` is written.
"""

import difflib
import itertools
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import log

from bot.typography import QUOTES, clean, escape, quote, shown
from engine.catalog import Entry
from engine.domain import (
    MAX_LCM_STEPS,
    MAX_SEED,
    MAX_SIDE_PX,
    MIN_SIDE_PX,
    RANDOM_SEED_BITS,
    SIDE_MULTIPLE_PX,
    Mode,
    Raster,
    Recipe,
    Sampler,
    Source,
)
from engine.errors import InvalidRecipe
from engine.label import A1111_SAMPLERS

DEFAULT_STRENGTH = 0.7  # enough to repaint and little enough to keep the composition; A1111 has 0.75, diffusers 0.8
_SIZE = re.compile(r"\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*", re.IGNORECASE)
_ALIASES = {"pndm": Sampler.PLMS, "eulera": Sampler.EULER_A, "eulerancestral": Sampler.EULER_A}
LONGEST_ASPECT = 4  # 4:1; past it models repeat their subject side by side
_RATIO_WEIGHT = 80  # 16:9 is exact at 512 px (640 x 360), and not bought with half the area at 128 px (184 x 104)
SCHEDULES = frozenset({"karras", "exponential", "polyexponential"})  # part of samplers' names elsewhere
_MOST_SAMPLER_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asked for, before any default; None is "you choose".

    `size` ("512x768") and `aspect` (width, height) exclude each other. `strength` is for drawing from a picture.
    """

    prompt: str
    negative: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    size: str | None = None
    aspect: tuple[int, int] | None = None
    n_pictures: int | None = None
    model: str | None = None
    strength: float | None = None
    mode: Mode | None = None

    @property
    def n_wanted(self) -> int:
        """How many pictures, where no default says otherwise."""
        return self.n_pictures or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How pictures look where a wish does not say, as somebody set it; None is "as the model draws best"."""

    size: str | None = None
    steps: int | None = None
    sampler: str | None = None
    model: str | None = None
    mode: Mode | None = None
    guidance: float | None = None
    pictures: int | None = None


NO_LOOKS = Looks()


def wish_with(wish: Wish, looks: Looks) -> Wish:
    """The wish with what was set in the place of what it does not say.

    What was set never makes a wish impossible that is possible alone: a default that does not go with its words (a size
    beside a ratio, 100 steps with LCM, a strength that would leave no step, a seed too high for more pictures) is left
    out. Whether the model that was set is still there is for whoever looks it up.
    """
    named = None if wish.sampler is None else sampler_named(wish.sampler)
    steps = looks.steps if wish.steps is None and _is_possible(looks.steps, named, wish.strength) else wish.steps
    sampler = wish.sampler or looks.sampler
    if wish.sampler is None and looks.sampler and not _is_possible(steps, sampler_named(looks.sampler), None):
        sampler = None
    n_pictures = wish.n_pictures or looks.pictures
    if wish.n_pictures is None and n_pictures and (wish.seed or 0) + n_pictures - 1 > MAX_SEED:
        n_pictures = None
    return replace(
        wish,
        size=looks.size if wish.size is None and wish.aspect is None else wish.size,
        steps=steps,
        sampler=sampler,
        model=wish.model or looks.model,
        mode=wish.mode or looks.mode,
        guidance=looks.guidance if wish.guidance is None else wish.guidance,
        n_pictures=n_pictures,
    )


def recipe_for(wish: Wish, entry: Entry) -> Recipe:
    """The recipe of a picture drawn from nothing; what model the wish names was looked up. Raises: InvalidRecipe."""
    if wish.strength is not None:
        raise InvalidRecipe("--strength says how much of a picture to repaint: attach a picture, or use /remix.")
    width_px, height_px = _sides(wish, entry)
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
        mode=wish.mode or Mode.FAST,
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
    near = difflib.get_close_matches(letters[:100], known, n=1)
    hint = f"; did you mean {known[near[0]]}?" if near else "."
    raise InvalidRecipe(f"There is no sampler {shown(words)}{hint} Known: {', '.join(Sampler)}.")


def sampler_at_start(words: str) -> tuple[str, str] | None:
    """The longest name of a sampler that `words` begin with, as it is spelt there, and what follows; None if none is.

    An "a" with more words behind it is their article: "euler a red circle".
    """
    ends = list(_ends_of_names(words))
    known = [end for end in ends if _letters(words[:end]) in _samplers_by_letters()]
    if known and words[: known[-1]].casefold().endswith(" a") and words[known[-1] :].strip():
        known.pop()
    if not known:
        return None
    end = known[-1]
    following = next((each for each in ends if each > end), end)
    if _letters(words[end:following]) in SCHEDULES:  # to be refused as a whole
        end = following
    return words[:end], words[end:]


def size_named(words: str) -> tuple[int, int]:
    """Width and height from "512x768", in pixels; the recipe checks their bounds. Raises: InvalidRecipe."""
    match = _SIZE.fullmatch(words)
    if not match:
        raise InvalidRecipe(f"The size must be width x height in pixels, such as 512x768, not {shown(words)}.")
    return int(match[1]), int(match[2])


@lru_cache(maxsize=256)
def size_of_aspect(width: int, height: int, entry: Entry) -> tuple[int, int]:
    """Sides in pixels, multiples of 8, with about the area that the model draws best and nearly that ratio.

    Raises: InvalidRecipe for a ratio beyond 4:1.
    """
    if min(width, height) < 1 or max(width, height) > LONGEST_ASPECT * min(width, height):
        raise InvalidRecipe(
            f"The ratio must be from 1:{LONGEST_ASPECT} to {LONGEST_ASPECT}:1; {width}:{height} is not."
        )
    area_px, ratio = entry.width_px * entry.height_px, width / height

    def how_wrong(sides: tuple[int, int]) -> float:
        return _RATIO_WEIGHT * abs(log(sides[0] / sides[1] / ratio)) + abs(log(sides[0] * sides[1] / area_px))

    sides_px = range(MIN_SIDE_PX, MAX_SIDE_PX + 1, SIDE_MULTIPLE_PX)
    candidates = [
        (width_px, height_px)
        for width_px in sides_px
        for height_px in (_multiple(width_px / ratio), _multiple(width_px / ratio) + SIDE_MULTIPLE_PX)
        if MIN_SIDE_PX <= height_px <= MAX_SIDE_PX
    ]
    return min(candidates, key=how_wrong)


def words_of(recipe: Recipe) -> str:
    """The line that draws this recipe again, pixel for pixel; with a source, it is to be sent beside that picture."""
    wish = Wish(
        prompt=recipe.prompt,
        negative=recipe.negative,
        seed=recipe.seed,
        steps=recipe.steps,
        guidance=recipe.guidance,
        sampler=recipe.sampler,
        size=f"{recipe.width_px}x{recipe.height_px}",
        model=recipe.model or None,
        strength=recipe.source.strength if recipe.source else None,
        mode=None if recipe.mode is Mode.FAST else recipe.mode,
    )
    return words_for(wish)


def words_for(wish: Wish) -> str:
    """How a wish is typed: /imagine and flags; /remix where it has a strength."""
    command = "/imagine" if wish.strength is None else "/remix"
    negative = clean(wish.negative)
    flags = {
        "--no": quote(negative) if negative and negative[0] in QUOTES else escape(negative),
        "--ar": f"{wish.aspect[0]}:{wish.aspect[1]}" if wish.aspect else "",
        "--size": wish.size,
        "--n": _written(wish.n_pictures),
        "--seed": _written(wish.seed),
        "--steps": _written(wish.steps),
        "--guidance": _written(wish.guidance),
        "--sampler": wish.sampler,
        "--model": quote(clean(wish.model)) if wish.model else "",
        "--strength": _written(wish.strength),
        "--mode": wish.mode,
    }
    said = (f"{flag} {value}" for flag, value in flags.items() if value)
    return " ".join((command, escape(clean(wish.prompt)), *said))


def _written(value: float | None) -> str:
    """7 for 7.0, and every digit that counts."""
    return "" if value is None else str(int(value)) if value == int(value) else repr(value)


def _is_possible(steps: int | None, sampler: Sampler | None, strength: float | None) -> bool:
    if steps is None:
        return True
    return (sampler is not Sampler.LCM or steps <= MAX_LCM_STEPS) and (strength is None or int(steps * strength) >= 1)


def _sides(wish: Wish, entry: Entry) -> tuple[int, int]:
    if wish.size is not None and wish.aspect is not None:
        raise InvalidRecipe("Give a size or a ratio, not both: --size 512x768, or --ar 2:3.")
    if wish.size is not None:
        return size_named(wish.size)
    return size_of_aspect(*wish.aspect, entry) if wish.aspect else (entry.width_px, entry.height_px)


def _multiple(side_px: float) -> int:
    """The multiple of 8 at or below it."""
    return int(side_px // SIDE_MULTIPLE_PX) * SIDE_MULTIPLE_PX


def _ends_of_names(words: str) -> Iterator[int]:
    """Where the first words end that could be one name together: a comma ends it."""
    for match in itertools.islice(re.finditer(r"\S+", words), _MOST_SAMPLER_WORDS):
        if not _letters(match[0]):
            return
        yield match.end()
        if match[0][-1] in ",;":
            return


@cache
def _samplers_by_letters() -> dict[str, Sampler]:
    ours = {_letters(sampler): sampler for sampler in Sampler}
    theirs = {_letters(name): sampler for sampler, name in A1111_SAMPLERS.items()}
    return ours | theirs | _ALIASES


def _letters(words: str) -> str:
    return re.sub(r"[^a-z0-9]", "", words.casefold().replace("++", "pp"))

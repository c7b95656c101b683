"""The nouns everything else is made of: a recipe, a job, a picture, and what can be told about a job.

The floor of the house: standard library and `errors` only. Knows nothing of tensors, processes, chats or databases.
A `Recipe` or `Job` that exists is within its bounds: both check themselves, also when decoded from the wire.
"""

import hashlib
import math
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.errors import InvalidRecipe

MAX_PROMPT_CHARS = 4_000  # Telegram's longest message is 4,096; CLIP reads 77 tokens (about 350 letters) of it anyway
MIN_STEPS, MAX_STEPS = 1, 150  # A1111's own ceiling; every sampler here is long converged by then
MAX_LCM_STEPS = 50  # LCMScheduler.original_inference_steps: it distils a 50-step schedule and raises above it
MAX_GUIDANCE = 30.0
MIN_SIDE_PX, MAX_SIDE_PX = 64, 2_048
SIDE_MULTIPLE_PX = 8  # the VAE's factor; StableDiffusionPipeline.check_inputs refuses anything else
MAX_PICTURES = 4  # one grid, U1-U4
MAX_SEED = 2**53 - 1  # the largest whole number that JSON readers and Discord's option type carry exactly
RANDOM_SEED_BITS = 32  # a seed we draw ourselves stays short enough to read out to a friend


class Sampler(StrEnum):
    """A sampler, by the short name people type. The worker maps each to a diffusers scheduler."""

    DDIM = "ddim"
    PLMS = "plms"
    EULER = "euler"
    EULER_A = "euler_a"
    DPMPP_2M = "dpmpp_2m"
    UNIPC = "unipc"
    DDPM = "ddpm"
    LCM = "lcm"


class Mode(StrEnum):
    """What a crowd may change in a picture.

    FAST: rows of any batch; the last bit of a few pixels may differ from the lone run.
    STABLE: fixed padded row counts; bitwise independent of neighbours.
    EXACT: rows run alone through `scheduler.step`; bit for bit what the diffusers pipeline gives.
    """

    FAST = "fast"
    STABLE = "stable"
    EXACT = "exact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an image-to-image picture starts: `sha256` of the source's RGB pixels, `strength` in (0, 1]."""

    sha256: str
    strength: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.strength) and 0 < self.strength <= 1):
            raise InvalidRecipe(f"The strength must be above 0 and at most 1; you gave {self.strength:g}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What to draw: one picture, complete. The same recipe on the same machine gives the same picture.

    `model` is a catalogue name, a folder, a file or a hub id. Sizes are of the finished picture.

    Raises: InvalidRecipe.
    """

    prompt: str
    negative: str = ""
    model: str
    seed: int
    steps: int
    guidance: float
    sampler: Sampler
    width_px: int
    height_px: int
    mode: Mode = Mode.FAST
    source: Source | None = None

    def __post_init__(self) -> None:
        check_words("prompt", self.prompt)
        check_words("negative prompt", self.negative)
        check_words("name of the model", self.model)
        _check_range("seed", self.seed, 0, MAX_SEED)
        _check_range("number of steps", self.steps, MIN_STEPS, MAX_STEPS)
        if self.sampler is Sampler.LCM:
            _check_range("number of steps with the LCM sampler", self.steps, MIN_STEPS, MAX_LCM_STEPS)
        if not (math.isfinite(self.guidance) and 0 <= self.guidance <= MAX_GUIDANCE):
            raise InvalidRecipe(f"The guidance must be a number from 0 to {MAX_GUIDANCE:g}; you gave {self.guidance}.")
        check_side("width", self.width_px)
        check_side("height", self.height_px)
        if self.source and self.evaluations_at_most < 1:
            need = math.ceil(1 / self.source.strength)
            raise InvalidRecipe(
                f"Strength {self.source.strength:g} of {self.steps} steps leaves no step to draw: "
                f"use at least {need} steps or a higher strength."
            )

    @property
    def evaluations_at_most(self) -> int:
        """Denoising steps that will really run: all of them, or the last `strength` of them from a source."""
        return min(int(self.steps * self.source.strength), self.steps) if self.source else self.steps

    @property
    def n_rows(self) -> int:
        """Rows in the running batch: with and without the prompt, or one where guidance does nothing."""
        return 2 if self.guidance > 1 else 1

    def with_seed(self, seed: int) -> "Recipe":
        """The same recipe with another seed."""
        return replace(self, seed=seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """Pixels: `rgb` holds height x width x 3 bytes, row by row, no padding."""

    width_px: int
    height_px: int
    rgb: bytes

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1 or len(self.rgb) != self.width_px * self.height_px * 3:
            raise InvalidRecipe(
                f"A raster of {self.width_px}x{self.height_px} needs {self.width_px * self.height_px * 3} bytes, "
                f"not {len(self.rgb)}."
            )

    def sha256(self) -> str:
        """The identity of a picture: SHA-256 of its pixels before marking, in hex. Slow for big pictures."""
        return hashlib.sha256(self.rgb).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A recipe that someone asked for. Picture *i* of `n_pictures` has seed + i.

    `owner` is opaque. `source` holds the pixels that `recipe.source` names, already at the recipe's size; None while
    they are still to be read, and a worker is given no such job. `deadline_s` counts from the moment the worker takes
    the job.

    Raises: InvalidRecipe.
    """

    id: str
    owner: str
    recipe: Recipe
    n_pictures: int = 1
    source: Raster | None = None
    deadline_s: float = 3_600.0

    def __post_init__(self) -> None:
        _check_range("number of pictures", self.n_pictures, 1, MAX_PICTURES)
        _check_range("seed of the last picture", self.recipe.seed + self.n_pictures - 1, 0, MAX_SEED)
        if not (math.isfinite(self.deadline_s) and self.deadline_s > 0):
            raise InvalidRecipe("The deadline must be a positive number of seconds.")
        if self.source and not self.recipe.source:
            raise InvalidRecipe("Only a recipe with a source can be given a source's pixels.")
        if self.source and (self.source.width_px, self.source.height_px) != (
            self.recipe.width_px,
            self.recipe.height_px,
        ):
            raise InvalidRecipe("The source picture must have the size that the recipe asks for.")

    @property
    def lacks_source(self) -> bool:
        """Whether the pixels that its recipe names are still to be read."""
        return self.recipe.source is not None and self.source is None

    def recipe_of(self, index: int) -> Recipe:
        """The one-picture recipe of picture `index`, 0-based."""
        return self.recipe.with_seed(self.recipe.seed + index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One finished picture of a job: 0-based `index`, its own `recipe`, its pixels before marking."""

    index: int
    recipe: Recipe
    raster: Raster


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """In the queue: `position` counts from 1; `wait_s` is None until something has been learned."""

    position: int
    wait_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """Its model is on the way to the device: `fraction` in [0, 1], `doing` in words ("reading the UNet")."""

    model: str
    fraction: float
    doing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Being drawn: `step` of `n_steps` summed over all its pictures; `previews` by picture index, small RGB."""

    step: int
    n_steps: int
    previews: dict[int, Raster]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Every picture is there. `gpu_s`: seconds of the device that this job's rows used, shared ticks by rows."""

    pictures: tuple[Picture, ...]
    gpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It cannot be drawn. `sentence` is for the person; `their_fault` tells whether asking differently helps."""

    sentence: str
    their_fault: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Taken back, between two steps at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The worker was lost while it had this job; it may be submitted again. `reason` is for the log and operator.

    `is_ours`: it was ended on purpose (a pause, a close) or never had the job; no sign that the job kills workers.
    """

    reason: str
    is_ours: bool = False


Outcome = Done | Failed | Cancelled | Lost
Event = Waiting | Loading | Progress | Outcome


def check_words(what: str, words: str) -> None:
    """Raises: InvalidRecipe if `words` are too long or are no text."""
    if len(words) > MAX_PROMPT_CHARS:
        raise InvalidRecipe(
            f"The {what} has {len(words):,} characters; {MAX_PROMPT_CHARS:,} is the most. Please shorten it."
        )
    try:
        words.encode()
    except UnicodeEncodeError as exc:
        raise InvalidRecipe(f"The {what} holds a character that is no valid Unicode text; please retype it.") from exc


def check_side(name: str, side_px: int) -> None:
    """Raises: InvalidRecipe if a side is out of bounds or not a multiple of 8."""
    _check_range(name, side_px, MIN_SIDE_PX, MAX_SIDE_PX)
    if side_px % SIDE_MULTIPLE_PX:
        lower = side_px - side_px % SIDE_MULTIPLE_PX
        raise InvalidRecipe(
            f"The {name} must be a multiple of {SIDE_MULTIPLE_PX}; instead of {side_px} "
            f"use {lower} or {lower + SIDE_MULTIPLE_PX}."
        )


def _check_range(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidRecipe(f"The {what} must be from {low:,} to {high:,}; you gave {value:,}.")

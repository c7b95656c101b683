"""What people ask for, once their words are understood: one frozen type a command. Knows nothing of platforms.

A picture is named `<request>.<number>` ("k3f9m2q7xa.2"), or by the request alone where it has one picture. None is "the
one at hand": what is attached, else the message answered to, else the asker's newest picture.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.recipes import Wish


class Axis(StrEnum):
    """What `/compare` lets differ."""

    SAMPLER = "sampler"
    STEPS = "steps"
    GUIDANCE = "guidance"
    STRENGTH = "strength"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagine:
    """Draw from words: one wish for each permutation of `{red,blue}`, at least one, in the order they were written."""

    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remix:
    """Redraw a picture by `wish`; an empty prompt means the picture's own."""

    source: str | None
    wish: Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Upscale:
    """Enlarge a picture `factor` times: by resampling, or with `refine` through the model as well."""

    source: str | None
    factor: int
    is_refined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Vary:
    """Variations of a picture: the same words, new seeds, a little (subtle) or a lot (strong) repainted."""

    source: str | None
    is_strong: bool
    n_pictures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The same recipe with a new seed."""

    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """One wish and one seed over several `values` of one axis (as typed, checked): a labelled grid.

    `source` is the picture that strengths are compared on.
    """

    wish: Wish
    axis: Axis
    values: tuple[str, ...]
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """One picture alone, with everything that can be done with it."""

    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The asker's own pictures, newest first: those with all of `words` in their prompt; `page` counts from 1."""

    words: str
    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowRecipe:
    """How a picture was made: of ours by its name, of anybody's by the file."""

    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowQueue:
    """What waits and what is being drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Take a request back; None is the asker's newest that is not finished."""

    request: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """The commands; or one of them, or "model", in full. `topic` is "" for all."""

    topic: str


Request = Imagine | Remix | Upscale | Vary | Again | Compare | Show | History | ShowRecipe | ShowQueue | Cancel | Help

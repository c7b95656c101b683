"""What a command is and what can be said with it: the kinds of options, and the options that several commands share.

Bounds come from `engine.domain`. Knows nothing of how values are read: that is `bot/reading.py`.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.recipes import DEFAULT_STRENGTH
from engine.domain import MAX_GUIDANCE, MAX_PICTURES, MAX_SEED, MAX_STEPS, MIN_STEPS, Mode, Sampler

MIN_STRENGTH = 0.01  # of the most steps, 150, that is one; less leaves nothing to draw


class OptionKind(StrEnum):
    """What a value of an option is; each has its field in a form and its reader in `bot/reading.py`."""

    WORDS = "words"
    WHOLE = "whole"
    NUMBER = "number"
    CHOICE = "choice"
    SIZE = "size"
    RATIO = "ratio"
    PICTURE = "picture"  # the name of a picture or request of ours
    DURATION = "duration"  # "7d", "2 weeks"
    FLAG = "flag"  # there or not
    UPLOAD = "upload"  # travels beside the words, never in them


class Audience(StrEnum):
    """Who may use a command: menus and help show it to them first. What is allowed is for the desk to say."""

    EVERYBODY = "everybody"
    ADMIN = "admin"  # of a place
    OPERATOR = "operator"


class Group(StrEnum):
    """What a command is for, in the order in which menus show it."""

    MAKING = "making"
    LOOKING = "looking"
    YOURS = "yours"
    ADMINS = "admins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that can be said with a command.

    `choices` are all there are for a CHOICE; for WORDS they are some to offer, and anything else may be said too.
    `low` and `high` are inclusive. `takes_rest`: all words up to the next flag, or with no flag the command's own text.
    `default_text` says in words what holds without it; `example` is a value that works.
    """

    name: str
    kind: OptionKind
    summary: str
    flags: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    is_required: bool = False
    takes_rest: bool = False
    is_common: bool = False
    default_text: str = ""
    example: str = ""


# Shared by several commands.
PROMPT = Option(
    name="prompt",
    kind=OptionKind.WORDS,
    summary="What to draw. Flags work in here too; {red,blue} draws one of each",
    is_required=True,
    takes_rest=True,
    is_common=True,
    example="a red circle on a blue background",
)
UPLOAD = Option(
    name="upload",
    kind=OptionKind.UPLOAD,
    summary="A picture of your own: PNG, JPEG or WebP",
    is_common=True,
)
SOURCE = Option(
    name="source",
    kind=OptionKind.PICTURE,
    summary="The name of an earlier picture",
    flags=("--source", "--from"),
    is_common=True,
    default_text="what you attach or answer to, else your newest",
    example="k3f9m2q7xa.2",
)
NEGATIVE = Option(
    name="negative",
    kind=OptionKind.WORDS,
    summary="What to keep out of the picture",
    flags=("--no", "--negative"),
    takes_rest=True,
    is_common=True,
    default_text="nothing",
    example="text",
)
ASPECT = Option(
    name="aspect",
    kind=OptionKind.RATIO,
    summary="Width to height, from 1:4 to 4:1",
    flags=("--ar", "--aspect"),
    is_common=True,
    default_text="the model's",
    example="3:2",
)
SIZE = Option(
    name="size",
    kind=OptionKind.SIZE,
    summary="Width x height in pixels, multiples of 8, instead of a ratio",
    flags=("--size",),
    default_text="the model's",
    example="512x512",
)
PICTURES = Option(
    name="pictures",
    kind=OptionKind.WHOLE,
    summary="How many pictures: seed, seed + 1, …",
    flags=("--n", "--pictures"),
    low=1,
    high=MAX_PICTURES,
    is_common=True,
    default_text="1",
    example=str(MAX_PICTURES),
)
SEED = Option(
    name="seed",
    kind=OptionKind.WHOLE,
    summary="The same seed and words draw the same picture",
    flags=("--seed",),
    low=0,
    high=MAX_SEED,
    is_common=True,
    default_text="drawn anew",
    example="7",
)
STEPS = Option(
    name="steps",
    kind=OptionKind.WHOLE,
    summary="Denoising steps: more take longer, and past the model's own help little",
    flags=("--steps",),
    low=MIN_STEPS,
    high=MAX_STEPS,
    default_text="the model's",
    example="30",
)
GUIDANCE = Option(
    name="guidance",
    kind=OptionKind.NUMBER,
    summary="How closely to follow the words",
    flags=("--guidance", "--cfg", "--scale"),
    low=0,
    high=MAX_GUIDANCE,
    default_text="the model's",
    example="7",
)
SAMPLER = Option(
    name="sampler",
    kind=OptionKind.CHOICE,
    summary="How noise is taken away, step by step",
    flags=("--sampler",),
    choices=tuple(Sampler),
    default_text="the model's",
    example="euler",
)
MODEL = Option(
    name="model",
    kind=OptionKind.WORDS,
    summary="Which model draws",
    flags=("--model",),
    default_text="the one in /help model",
    example="pocket",
)
STRENGTH = Option(
    name="strength",
    kind=OptionKind.NUMBER,
    summary="How much of the source picture to repaint, up to 1",
    flags=("--strength",),
    low=MIN_STRENGTH,
    high=1,
    default_text=f"{DEFAULT_STRENGTH:g}",
    example="0.6",
)
MODE = Option(
    name="mode",
    kind=OptionKind.CHOICE,
    summary="exact: bit for bit what diffusers gives, and slower in a crowd",
    flags=("--mode",),
    choices=tuple(Mode),
    default_text=str(Mode.FAST),
    example=str(Mode.EXACT),
)
LOOK = (ASPECT, SIZE, SEED, STEPS, GUIDANCE, SAMPLER, MODEL, STRENGTH, MODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command. `aliases` are other names it answers to; `examples` can be sent as they stand.

    `rank` is the lowest that may use any of it. `is_ordered`: words without a flag are its options, in their order, and
    what is no choice of one may be the next one's.
    """

    name: str
    summary: str
    group: Group
    rank: Audience = Audience.EVERYBODY
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    is_ordered: bool = False

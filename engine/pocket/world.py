"""Pocket's world: captioned pictures drawn from a seed, and the combinations kept back for the evaluation.

Knows nothing of torch, latents or training. A wider world adds kinds of picture beside `_single`; colours, shapes and
phrasings each have their own module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from PIL import Image, ImageDraw

from engine.pocket.captions import Subject, caption
from engine.pocket.colours import PALETTE, are_told_apart, jittered
from engine.pocket.shapes import SHAPES, Pen

PICTURE_PX = 128
# Drawn four times as large and box-averaged: edges get 16 grey levels of anti-aliasing.
_OVERSAMPLING = 4

# Radius as a share of the picture's side, per size word. "" is what one gets without a word.
SIZES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "tiny": (0.11, 0.13),
        "small": (0.16, 0.19),
        "": (0.25, 0.32),
        "big": (0.37, 0.41),
        "large": (0.37, 0.41),
        "huge": (0.43, 0.47),
    }
)
# 30 % of the pictures have a size word; the usual size is the rule because most people name none.
_SIZED_SHARE = 0.3
_MAX_OFF_CENTRE = 0.05
_COLOUR_JITTER = 8

# 300 of the 2,300 or so visible combinations: enough for an evaluation whose 95 % interval is under +-4 points at n=200
# and 90 % accuracy, and few enough that every shape and colour is still seen in many others.
HELD_OUT_COUNT = 300
_HELD_OUT_SEED = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A picture (RGB, `PICTURE_PX` square), what is in it, and a caption that says so."""

    picture: Image.Image
    caption: str
    subject: Subject


def combination(subject: Subject) -> tuple[str, str, str]:
    """Return what the evaluation keeps apart: shape, colour and background."""
    return subject.shape, subject.colour, subject.background


def visible_combinations() -> list[tuple[str, str, str]]:
    """List every combination whose shape is plainly seen on its background, in a fixed order."""
    return [
        (shape, colour, background)
        for shape in SHAPES
        for colour in PALETTE
        for background in PALETTE
        if are_told_apart(colour, background)
    ]


def _choose_held_out() -> tuple[tuple[str, str, str], ...]:
    return tuple(Random(_HELD_OUT_SEED).sample(visible_combinations(), HELD_OUT_COUNT))


HELD_OUT = _choose_held_out()
_HELD_OUT_SET = frozenset(HELD_OUT)


def sample(seed: int) -> Sample:
    """Draw the training picture of this seed; never one of the held-out combinations."""
    rng = Random(seed)
    subject = _single(rng)
    while combination(subject) in _HELD_OUT_SET:
        subject = _single(rng)
    return Sample(picture=draw(subject, rng), caption=caption(subject, rng), subject=subject)


def draw(subject: Subject, rng: Random) -> Image.Image:
    """Draw the subject; the seed moves its place, size and colours a little."""
    side = PICTURE_PX * _OVERSAMPLING
    picture = Image.new("RGB", (side, side), jittered(subject.background, rng, _COLOUR_JITTER))
    radius = rng.uniform(*SIZES[subject.size])
    reach = min(0.5 - radius, _MAX_OFF_CENTRE)
    pen = Pen(
        canvas=ImageDraw.Draw(picture),
        centre_x=(0.5 + rng.uniform(-reach, reach)) * side,
        centre_y=(0.5 + rng.uniform(-reach, reach)) * side,
        radius=radius * side,
    )
    SHAPES[subject.shape](pen, jittered(subject.colour, rng, _COLOUR_JITTER))
    return picture.reduce(_OVERSAMPLING)


def _single(rng: Random) -> Subject:
    background = rng.choice(list(PALETTE))
    colour = rng.choice([name for name in PALETTE if are_told_apart(name, background)])
    size = rng.choice([name for name in SIZES if name]) if rng.random() < _SIZED_SHARE else ""
    return Subject(shape=rng.choice(list(SHAPES)), colour=colour, background=background, size=size)

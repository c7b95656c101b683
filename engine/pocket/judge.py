"""Say what is in a picture of Pocket's world, without a network: background, colour, and shape by overlap.

Corners give the background, the median of what differs from it the colour, and the best overlap with nine templates the
shape. Knows nothing of the model. A picture whose shape nobody could name still gets a shape or None: no abstention.
"""

from dataclasses import dataclass
from functools import cache
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.pocket.captions import Subject
from engine.pocket.colours import PALETTE
from engine.pocket.shapes import SHAPES
from engine.pocket.world import draw

_CORNER_SHARE = 0.08  # side of each corner that is looked at; no shape of the world reaches into it
_TEMPLATE_SIDE = 40
_MIN_SHARE = 0.002  # of the picture's area: smaller than a third of a "tiny" shape is nothing
# Absolute channel differences summed; 60 is seven times the jitter of a background.
_MIN_DIFFERENCE = 60.0
# The eye tells greens apart best and blues worst; near the weights of luminance without their extremes.
_CHANNEL_WEIGHTS = np.array([0.8, 1.0, 0.7])

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was seen. `colour` and `shape` are None where nothing stands out from the background."""

    background: str
    colour: str | None
    shape: str | None


def judge(picture: Image.Image) -> Verdict:
    """Look at a square RGB picture of any size."""
    pixels = np.asarray(picture.convert("RGB"))
    background = _corner_colour(pixels)
    mask = _differs(pixels, background)
    outline = _outline(mask)
    if outline is None:
        return Verdict(background=_nearest(background), colour=None, shape=None)
    templates = _templates()
    overlap = {name: float((outline & mine).sum() / (outline | mine).sum()) for name, mine in templates.items()}
    return Verdict(
        background=_nearest(background),
        colour=_nearest(np.median(pixels[mask], axis=0)),
        shape=max(overlap, key=overlap.__getitem__),
    )


def _corner_colour(pixels: Pixels) -> NDArray[np.float64]:
    k = max(2, int(pixels.shape[0] * _CORNER_SHARE))
    corners = [pixels[:k, :k], pixels[:k, -k:], pixels[-k:, :k], pixels[-k:, -k:]]
    median: NDArray[np.float64] = np.median(np.concatenate([corner.reshape(-1, 3) for corner in corners]), axis=0)
    return median


def _differs(pixels: Pixels, background: NDArray[np.float64]) -> Mask:
    difference = np.abs(pixels.astype(np.float64) - background).sum(-1)
    # 0.4 of nearly the largest difference lies about in the middle of an anti-aliased or blurred edge.
    mask: Mask = difference > max(_MIN_DIFFERENCE, 0.4 * float(np.percentile(difference, 99.5)))
    return mask


def _outline(mask: Mask) -> Mask | None:
    """Return the mask's bounding box scaled to the templates' size, or None if it is next to empty."""
    if mask.mean() < _MIN_SHARE:
        return None
    rows, columns = np.where(mask)
    cut = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scaled = Image.fromarray(cut.astype(np.uint8) * 255).resize((_TEMPLATE_SIDE, _TEMPLATE_SIDE))
    outline: Mask = np.asarray(scaled) > 127
    return outline


def _nearest(colour: NDArray[np.float64]) -> str:
    distances = {name: (((np.array(rgb) - colour) * _CHANNEL_WEIGHTS) ** 2).sum() for name, rgb in PALETTE.items()}
    return min(distances, key=distances.__getitem__)


@cache
def _templates() -> dict[str, Mask]:
    templates = {}
    for name in SHAPES:
        subject = Subject(shape=name, colour="black", background="white", size="large")
        pixels = np.asarray(draw(subject, Random(0)))
        outline = _outline(_differs(pixels, _corner_colour(pixels)))
        assert outline is not None
        templates[name] = outline
    return templates

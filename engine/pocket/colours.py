"""The seventeen colours of Pocket's world, by name.

Knows nothing of drawing or of captions.
"""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType

RGB = tuple[int, int, int]

# Chosen by hand so that no two are nearer than 130 (sum of absolute channel differences) except the pairs that
# `are_told_apart` refuses to put on each other.
PALETTE: Mapping[str, RGB] = MappingProxyType(
    {
        "red": (222, 38, 38),
        "orange": (250, 135, 20),
        "yellow": (252, 222, 40),
        "lime": (160, 230, 40),
        "green": (40, 155, 60),
        "teal": (0, 130, 130),
        "cyan": (60, 215, 235),
        "blue": (40, 90, 225),
        "navy": (20, 28, 92),
        "purple": (125, 45, 180),
        "magenta": (225, 30, 170),
        "pink": (255, 160, 195),
        "brown": (125, 75, 35),
        "beige": (236, 218, 180),
        "gray": (135, 138, 142),
        "white": (250, 250, 250),
        "black": (18, 18, 22),
    }
)

# Below this a shape is hard to see on its background (green on teal, white on beige).
_TOLD_APART = 130


def are_told_apart(first: str, second: str) -> bool:
    """Say whether a shape of one colour is plainly seen on the other."""
    return sum(abs(a - b) for a, b in zip(PALETTE[first], PALETTE[second], strict=True)) > _TOLD_APART


def jittered(name: str, rng: Random, amount: int) -> RGB:
    """Return the colour with each channel moved by at most `amount` (of 255)."""
    red, green, blue = (max(0, min(255, channel + rng.randint(-amount, amount))) for channel in PALETTE[name])
    return red, green, blue

"""The nine basic shapes, drawn flat with a pen in the shape's own coordinates.

Knows nothing of backgrounds, captions or sampling. A shape fills about the square [-1, 1] x [-1, 1], y down.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from PIL.ImageDraw import ImageDraw

from engine.pocket.colours import RGB

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """A pen whose origin is the shape's centre and whose unit is the shape's radius. Centre and radius in pixels."""

    canvas: ImageDraw
    centre_x: float
    centre_y: float
    radius: float

    def at(self, x: float, y: float) -> Point:
        """Return a point of the shape in pixels of the canvas."""
        return self.centre_x + x * self.radius, self.centre_y + y * self.radius

    def polygon(self, points: Sequence[Point], colour: RGB) -> None:
        """Fill the polygon through `points`."""
        self.canvas.polygon([self.at(*point) for point in points], fill=colour)

    def ellipse(self, radius: float, colour: RGB) -> None:
        """Fill a disc about the centre."""
        self.canvas.ellipse([self.at(-radius, -radius), self.at(radius, radius)], fill=colour)

    def rectangle(self, half_width: float, half_height: float, colour: RGB) -> None:
        """Fill an upright rectangle about the centre."""
        self.canvas.rectangle([self.at(-half_width, -half_height), self.at(half_width, half_height)], fill=colour)

    def annulus(self, radius: float, thickness: float, colour: RGB) -> None:
        """Draw a circle line that ends at `radius` and is `thickness` wide, inwards."""
        width = max(1, int(thickness * self.radius))
        self.canvas.arc([self.at(-radius, -radius), self.at(radius, radius)], 0, 360, fill=colour, width=width)


Shape = Callable[[Pen, RGB], None]


def _on_circle(angle_degrees: float, radius: float = 1.0) -> Point:
    return radius * math.cos(math.radians(angle_degrees)), radius * math.sin(math.radians(angle_degrees))


def _circle(pen: Pen, colour: RGB) -> None:
    pen.ellipse(0.95, colour)


def _square(pen: Pen, colour: RGB) -> None:
    pen.rectangle(0.85, 0.85, colour)


def _triangle(pen: Pen, colour: RGB) -> None:
    pen.polygon([(0, -0.95), (1, 0.8), (-1, 0.8)], colour)


def _star(pen: Pen, colour: RGB) -> None:
    # Five points; the inner corners at 0.42 of the radius make it a little fatter than a pentagram (0.38).
    pen.polygon([_on_circle(-90 + 36 * corner, 0.42 if corner % 2 else 1.0) for corner in range(10)], colour)


def _heart(pen: Pen, colour: RGB) -> None:
    # The well-known sine heart, 16 units wide and 17 high from centre to tip, scaled by 1/17.
    outline = []
    for step in range(80):
        t = step * math.pi / 40
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        outline.append((16 * math.sin(t) ** 3 / 17, -y / 17))
    pen.polygon(outline, colour)


def _diamond(pen: Pen, colour: RGB) -> None:
    pen.polygon([(0, -1), (0.7, 0), (0, 1), (-0.7, 0)], colour)


def _hexagon(pen: Pen, colour: RGB) -> None:
    pen.polygon([_on_circle(-90 + 60 * corner) for corner in range(6)], colour)


def _ring(pen: Pen, colour: RGB) -> None:
    pen.annulus(0.95, 0.34, colour)


def _cross(pen: Pen, colour: RGB) -> None:
    pen.rectangle(0.3, 0.95, colour)
    pen.rectangle(0.95, 0.3, colour)


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "circle": _circle,
        "square": _square,
        "triangle": _triangle,
        "star": _star,
        "heart": _heart,
        "diamond": _diamond,
        "hexagon": _hexagon,
        "ring": _ring,
        "cross": _cross,
    }
)

"""What was drawn, day by day and by whom → one dark picture of bars. Pure; runs in the pool.

Knows nothing of databases: it is given the figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from PIL import Image, ImageDraw

from engine.compose import plain_png
from engine.lettering import letter

WIDTH_PX = 1_200
MAX_DAYS, MAX_PEOPLE = 90, 10
_SCALE = 2  # drawn larger and made smaller, or rounded corners would be jagged
# The page's dark colours. Letters are 24 px and more: shown at 600 px wide, as a chat does, they are 12.
_GROUND, _PANEL, _LINE, _TRACK = "#111113", "#19191c", "#2b2b30", "#232327"
_TEXT, _MUTED = "#f2f2f3", "#a2a3ab"
_PICTURES, _SECONDS = "#ff7a59", "#6ea8ff"
_MARGIN_PX, _PAD_PX, _GAP_PX = 36, 32, 24
_TITLE_PX, _HEADING_PX, _LETTERS_PX = 42, 27, 24
_BARS_PX = {"pictures": 230, "seconds": 150}
_ROW_PX = 54
_DAYS_NAMED = 6
_UNITS = {3_600: "h", 60: "min", 1: "s"}
_STEPS = (2, 4, 6, 8, 10)  # what a scale may end in: its half is a round number too


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """One day: pictures drawn, and seconds of the device that they took."""

    day: date
    n_pictures: int
    gpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFigures:
    """One person over all the days, by the name they go by."""

    name: str
    n_pictures: int
    gpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the chart shows: `days` oldest first, the last 90 are shown; `people` by rank, the first 10 are shown."""

    title: str
    days: tuple[DayFigures, ...]
    people: tuple[PersonFigures, ...]


def chart(figures: Figures) -> bytes:
    """A PNG, legible at 600 px wide. Total: no days and no people are shown as such."""
    days, people = figures.days[-MAX_DAYS:], figures.people[:MAX_PEOPLE]
    seconds = [day.gpu_s for day in days]
    unit_s = _unit_s(max(seconds, default=0))
    panels: list[_Bars | _People] = [
        _Bars(
            "Pictures a day", days, [day.n_pictures for day in days], _PICTURES, str_of_count, 1, _BARS_PX["pictures"]
        ),
        _Bars("Time of the device", days, seconds, _SECONDS, str_of_seconds, unit_s, _BARS_PX["seconds"]),
        _People(people),
    ]
    top_px = _MARGIN_PX + round(_TITLE_PX * 1.35) + _GAP_PX
    height_px = top_px + sum(panel.height_px + _GAP_PX for panel in panels) - _GAP_PX + _MARGIN_PX
    canvas = _Canvas(WIDTH_PX, height_px)
    canvas.left(figures.title, _MARGIN_PX, _MARGIN_PX, _TITLE_PX, _TEXT, WIDTH_PX - 2 * _MARGIN_PX)
    for panel in panels:
        canvas.box((_MARGIN_PX, top_px, WIDTH_PX - _MARGIN_PX, top_px + panel.height_px), _PANEL, 18)
        panel.draw(canvas, top_px)
        top_px += panel.height_px + _GAP_PX
    return plain_png(canvas.finished())


def str_of_count(count: float) -> str:
    """Of pictures."""
    return f"{count:,.0f}"


def str_of_seconds(seconds: float) -> str:
    """In the largest unit of which there is at least one and a half."""
    unit_s = _unit_s(seconds)
    return f"{_short(seconds / unit_s)} {_UNITS[unit_s]}"


def end_of_scale(most: float) -> float:
    """The round number at which a scale ends that has to show `most`; 2 if there is nothing to show."""
    end = 1.0
    while end * 10 < most:
        end *= 10
    return next(end * step for step in _STEPS if end * step >= most)


def _unit_s(seconds: float) -> int:
    return next(unit_s for unit_s in _UNITS if seconds >= 1.5 * unit_s or unit_s == 1)


class _Canvas:
    """A picture in the making; all measures in pixels of the finished one."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._image = Image.new("RGB", (width_px * _SCALE, height_px * _SCALE), _GROUND)
        self._draw = ImageDraw.Draw(self._image)

    def finished(self) -> Image.Image:
        return self._image.reduce(_SCALE)

    def box(self, corners: tuple[float, float, float, float], colour: str, radius_px: float) -> None:
        left, top, right, bottom = (round(each * _SCALE) for each in corners)
        if right > left and bottom > top:
            radius = min(radius_px * _SCALE, (right - left) / 2, (bottom - top) / 2)
            self._draw.rounded_rectangle((left, top, right - 1, bottom - 1), radius, fill=colour)

    def line(self, left_px: float, right_px: float, y_px: float) -> None:
        y = round(y_px * _SCALE)
        self._draw.line((left_px * _SCALE, y, right_px * _SCALE, y), fill=_LINE, width=_SCALE)

    def left(self, words: str, x_px: float, top_px: float, size_px: int, colour: str, width_px: float) -> None:
        self._write(words, x_px, top_px, size_px, colour, width_px, 0)

    def right(self, words: str, x_px: float, top_px: float, size_px: int, colour: str, width_px: float) -> None:
        self._write(words, x_px, top_px, size_px, colour, width_px, 1)

    def middle(self, words: str, x_px: float, top_px: float, size_px: int, colour: str, width_px: float) -> None:
        self._write(words, x_px, top_px, size_px, colour, width_px, 0.5)

    def _write(
        self, words: str, x_px: float, top_px: float, size_px: int, colour: str, width_px: float, anchor: float
    ) -> None:
        """`anchor`: how much of the words is to the left of x."""
        lettering = letter(words, size_px * _SCALE, round(width_px * _SCALE), 1)
        for line in lettering.lines:
            middle = x_px * _SCALE + (0.5 - anchor) * lettering.font.getlength(line)
            lettering.draw(self._draw, middle, top_px * _SCALE, colour)


class _Bars:
    """A panel of a bar for each day under the sum of them all."""

    def __init__(
        self,
        heading: str,
        days: Sequence[DayFigures],
        amounts: Sequence[float],
        colour: str,
        words: Callable[[float], str],
        unit: int,
        bars_px: int,
    ) -> None:
        self._heading, self._days, self._amounts = heading, days, amounts
        self._colour, self._words, self._unit, self._bars_px = colour, words, unit, bars_px
        self._head_px = round(_HEADING_PX * 1.35) + 34
        self.height_px = 2 * _PAD_PX + self._head_px + bars_px + 14 + round(_LETTERS_PX * 1.35)

    def draw(self, canvas: _Canvas, top_px: float) -> None:
        left, right = _MARGIN_PX + _PAD_PX, WIDTH_PX - _MARGIN_PX - _PAD_PX
        canvas.left(self._heading, left, top_px + _PAD_PX, _HEADING_PX, _TEXT, (right - left) * 0.6)
        total = f"{self._words(sum(self._amounts))} in all"
        canvas.right(total, right, top_px + _PAD_PX, _HEADING_PX, self._colour, (right - left) * 0.4)
        top, bottom = top_px + _PAD_PX + self._head_px, top_px + _PAD_PX + self._head_px + self._bars_px
        most = end_of_scale(max(self._amounts, default=0) / self._unit) * self._unit
        axis_px = 112
        if not any(self._amounts):
            canvas.line(left, right, bottom)
            canvas.middle("Nothing was drawn.", (left + right) / 2, (top + bottom) / 2, _LETTERS_PX, _MUTED, 600)
            return
        for share in (0.0, 0.5, 1.0):
            y = bottom - share * self._bars_px
            canvas.line(left + axis_px, right, y)
            label = self._words(most * share) if share else "0"
            canvas.right(label, left + axis_px - 16, y - _LETTERS_PX * 0.67, _LETTERS_PX, _MUTED, axis_px - 16)
        self._draw_days(canvas, left + axis_px + 8, right, bottom, most)

    def _draw_days(self, canvas: _Canvas, left: float, right: float, bottom: float, most: float) -> None:
        slot_px = (right - left) / max(1, len(self._days))
        bar_px = min(slot_px * 0.72, 72.0)
        every = -(-len(self._days) // _DAYS_NAMED)
        for number, (day, amount) in enumerate(zip(self._days, self._amounts, strict=True)):
            middle = left + (number + 0.5) * slot_px
            tall_px = max(3.0, amount / most * self._bars_px) if amount else 0.0
            if tall_px:
                canvas.box((middle - bar_px / 2, bottom - tall_px, middle + bar_px / 2, bottom), self._colour, 6)
                canvas.box(  # the foot stands flat on the line
                    (middle - bar_px / 2, bottom - min(tall_px / 2, 6), middle + bar_px / 2, bottom), self._colour, 0
                )
            if (len(self._days) - 1 - number) % every == 0:  # the last day is always named
                half_px = min(60.0, every * slot_px / 2)
                x = min(max(middle, left + half_px), right - 42)
                canvas.middle(_name_of(day.day), x, bottom + 14, _LETTERS_PX, _MUTED, 2 * max(half_px, 42))


class _People:
    """A panel of a line for each person, with the share of the first one as a bar."""

    def __init__(self, people: Sequence[PersonFigures]) -> None:
        self._people = people
        self._head_px = round(_HEADING_PX * 1.35) + 16
        self.height_px = 2 * _PAD_PX + self._head_px + _ROW_PX * max(1, len(people)) - 8

    def draw(self, canvas: _Canvas, top_px: float) -> None:
        left, right = _MARGIN_PX + _PAD_PX, WIDTH_PX - _MARGIN_PX - _PAD_PX
        canvas.left("Who drew most", left, top_px + _PAD_PX, _HEADING_PX, _TEXT, (right - left) / 2)
        canvas.right("pictures, time", right, top_px + _PAD_PX, _LETTERS_PX, _MUTED, (right - left) / 2)
        y = top_px + _PAD_PX + self._head_px
        if not self._people:
            canvas.left("Nobody yet.", left, y, _LETTERS_PX, _MUTED, right - left)
        most = max((person.n_pictures for person in self._people), default=0) or 1
        for person in self._people:
            bar_left, bar_right = left + 360, right - 270
            canvas.left(person.name.strip() or "?", left, y, _LETTERS_PX, _TEXT, 336)
            middle = y + _LETTERS_PX * 0.67
            canvas.box((bar_left, middle - 9, bar_right, middle + 9), _TRACK, 9)
            share = person.n_pictures / most
            if share > 0:
                filled = bar_left + max(18.0, share * (bar_right - bar_left))
                canvas.box((bar_left, middle - 9, filled, middle + 9), _PICTURES, 9)
            canvas.right(str_of_count(person.n_pictures), right - 140, y, _LETTERS_PX, _TEXT, 120)
            canvas.right(str_of_seconds(person.gpu_s), right, y, _LETTERS_PX, _SECONDS, 126)
            y += _ROW_PX


def _name_of(day: date) -> str:
    return f"{day.day} {day:%b}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == round(number) else f"{number:.1f}"

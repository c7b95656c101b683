"""The `parameters` text that AUTOMATIC1111's web UI and its like write into pictures → a wish. Total over any text.

What cannot be drawn here is left out or brought into bounds, and said. Knows nothing of files.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.options import MIN_STRENGTH
from bot.recipes import SCHEDULES, Wish, sampler_named, size_named, words_for
from bot.typography import clean, cut
from engine import catalog
from engine.domain import (
    MAX_GUIDANCE,
    MAX_PROMPT_CHARS,
    MAX_SEED,
    MAX_SIDE_PX,
    MAX_STEPS,
    MIN_SIDE_PX,
    MIN_STEPS,
    SIDE_MULTIPLE_PX,
)
from engine.errors import InvalidRecipe

MAX_CHARS = 50_000  # more is no such text
_NEGATIVE = re.compile(r"^Negative prompt:", re.MULTILINE)
_STEPS = re.compile(r"\s*Steps:\s*\d")
# As the web UI's own reader has it: a name, a colon, and a JSON string or whatever has no comma.
# Names are bounded, so that no line takes long.
_SETTING = re.compile(r'(?:^|,)\s{0,4}([\w \-/]{1,40}):\s{0,4}("(?:\\.|[^\\"])*"|[^,]*)(?=,|$)')
_USUAL_SCHEDULES = ("", "automatic", "normal", "uniform")
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{0,20})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A wish from another program, and what of it cannot be had here, in sentences."""

    wish: Wish
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """How it would be typed."""
        return words_for(self.wish)


def read(text: str, models: tuple[str, ...] = catalog.names()) -> Imported | None:
    """None for a text that is no such thing: without a prompt, or without a line of settings. Raises nothing.

    `models` are those that may be named here.
    """
    lines = text[:MAX_CHARS].splitlines()
    at = next((n for n in range(len(lines) - 1, -1, -1) if _STEPS.match(lines[n])), None)
    if at is None:
        return None
    said = "\n".join(lines[:at])
    prompt, *negatives = _NEGATIVE.split(said, maxsplit=1)
    reader = _Reader(_settings(lines[at]), models)
    prompt, negative = reader.words("prompt", prompt), reader.words("negative prompt", "".join(negatives))
    if not prompt:
        return None
    sampler = reader.sampler()
    wish = Wish(
        prompt=prompt,
        negative=negative,
        seed=reader.whole("Seed", 0, MAX_SEED),
        steps=reader.whole("Steps", MIN_STEPS, MAX_STEPS),
        guidance=reader.number("CFG scale", 0, MAX_GUIDANCE),
        sampler=sampler,
        size=reader.size(),
        model=reader.model(),
        strength=reader.strength(),
    )
    return Imported(wish=wish, notes=tuple(reader.notes))


def _settings(line: str) -> dict[str, str]:
    return {match[1].strip(): _unquoted(match[2].strip()) for match in _SETTING.finditer(line)}


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value.strip('"')


class _Reader:
    """Reads settings one by one and notes what it had to change."""

    def __init__(self, settings: Mapping[str, str], models: tuple[str, ...]) -> None:
        self._settings = settings
        self._models = models
        self.notes: list[str] = []

    def words(self, what: str, said: str) -> str:
        said = clean(said)
        if len(said) > MAX_PROMPT_CHARS:
            self.notes.append(f"The {what} was cut to {MAX_PROMPT_CHARS:,} characters.")
        return said[:MAX_PROMPT_CHARS].strip()

    def whole(self, name: str, low: int, high: int) -> int | None:
        value = self.number(name, low, high)
        if value is None:
            return None
        written = self._settings[name].strip()
        return max(low, min(high, int(written))) if written.lstrip("+-").isdecimal() else int(value)

    def number(self, name: str, low: float, high: float) -> float | None:
        written = self._settings.get(name, "").strip()
        if not written:
            return None
        if not _NUMBER.fullmatch(written):
            self.notes.append(f"Its {name}, {cut(written)}, is no number and is left out.")
            return None
        value = float(written)
        within = max(low, min(high, value))
        if within != value:
            self.notes.append(f"Its {name}, {cut(written)}, became {within:g}.")
        return within

    def sampler(self) -> str | None:
        written = self._settings.get("Sampler", "").strip()
        schedule = self._settings.get("Schedule type", "").strip()
        name, _, last = written.rpartition(" ")
        if last.casefold() in SCHEDULES:  # as older versions have it: "DPM++ 2M Karras"
            written, schedule = name, last
        if not written:
            return None
        try:
            sampler = str(sampler_named(written))
        except InvalidRecipe:
            self.notes.append(f"There is no sampler {cut(written)} here; the model's own takes its place.")
            return None
        if schedule.casefold() not in _USUAL_SCHEDULES:
            self.notes.append(f"The {cut(schedule)} schedule is not here; the sampler's own takes its place.")
        return sampler

    def size(self) -> str | None:
        written = self._settings.get("Size", "").strip()
        if not written:
            return None
        try:
            sides_px = size_named(written)
        except InvalidRecipe:
            self.notes.append(f"Its size, {cut(written)}, cannot be read and is left out.")
            return None
        near_px = [_side(side_px) for side_px in sides_px]
        if near_px != list(sides_px):
            self.notes.append(f"Its size, {cut(written)}, became {near_px[0]}x{near_px[1]}.")
        return f"{near_px[0]}x{near_px[1]}"

    def model(self) -> str | None:
        written = self._settings.get("Model", "").strip()
        if not written or written in self._models:
            return written or None
        self.notes.append(f"Its model, {cut(written)}, is not here; the one that is draws another picture.")
        return None

    def strength(self) -> float | None:
        if self._settings.keys() & {"Hires upscale", "Hires resize", "Hires upscaler"}:
            return None  # of its second pass, which is not here
        strength = self.number("Denoising strength", MIN_STRENGTH, 1)
        if strength is not None:
            self.notes.append("It was drawn from another picture: give that one with it.")
        return strength


def _side(side_px: int) -> int:
    return max(MIN_SIDE_PX, min(MAX_SIDE_PX, math.floor(side_px / SIDE_MULTIPLE_PX + 0.5) * SIDE_MULTIPLE_PX))

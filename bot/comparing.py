"""What `/compare` lets differ: "guidance 2,4,8" → the axis and its values, each checked as its own option would be.

Commas or spaces between; words behind the last value are none. Knows nothing of flags.
"""

import difflib
import re

from bot import reading
from bot.commands import Command
from bot.options import Option, OptionKind
from bot.recipes import sampler_at_start
from bot.requests import Axis
from bot.typography import COMMAS, shown
from engine.errors import UserError

MIN_VALUES, MAX_VALUES = 2, 9  # a grid of 3 x 3
_HOW = "such as --over guidance 2,4,8"
_AXIS = re.compile(r"[^\s:=,]+")
_BETWEEN = re.compile(rf"\s*[{COMMAS};]?\s*")
_NUMBER_AT_START = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(?=[\s,，;]|$)")
_WORD_AT_START = re.compile(rf"[^\s{COMMAS};]+")


def axis_and_rest(said: str) -> tuple[Axis, str]:
    """Raises: UserError."""
    match = _AXIS.match(said.strip())
    word = match[0].casefold() if match else ""
    axes = {name: axis for axis in Axis for name in (str(axis), f"{axis}s")}
    if axis := axes.get(word):
        return axis, said.strip()[len(word) :].lstrip(" :=")
    near = difflib.get_close_matches(word[:100], list(Axis), n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Choose {', '.join(Axis)}, {_HOW}."
    raise UserError(f"I cannot compare over {shown(word)}. {hint}")


def values_of(command: Command, axis: Axis, said: str) -> tuple[tuple[str, ...], str]:
    """The values as they are written best, and the words behind them. Raises: UserError."""
    option = next(each for each in command.options if each.name == axis)
    found: list[str] = []
    at, is_due = 0, True  # a value must come at the start and after a comma
    while at < len(said) and len(found) <= MAX_VALUES:
        end = _end_of_value(axis, said, at, is_due)
        if end is None:
            break
        found.append(_checked(option, said[at:end]))
        between = _BETWEEN.match(said, end)
        assert between
        at, is_due = between.end(), bool(between[0].strip())
    if not MIN_VALUES <= len(found) <= MAX_VALUES:
        many = "no more" if len(found) > MAX_VALUES else "with commas between"
        raise UserError(f"Give {MIN_VALUES} to {MAX_VALUES} values of {axis} to compare, {many}, {_HOW}.")
    if twice := [value for value in found if found.count(value) > 1]:
        raise UserError(f"The {axis} {shown(twice[0])} is there twice; please give different values.")
    return tuple(found), said[at:]


def _end_of_value(axis: Axis, said: str, at: int, is_due: bool) -> int | None:
    """Where the value at `at` ends; None if what stands there is none, and none is due."""
    word = _WORD_AT_START.match(said, at)
    if axis is Axis.MODEL:
        return word.end() if word and is_due else None
    if axis is Axis.SAMPLER:
        known = sampler_at_start(said[at : at + 200])
        if known:
            return at + len(known[0])
    elif number := _NUMBER_AT_START.match(said, at):
        return number.end()
    return word.end() if word and is_due else None


def _checked(option: Option, said: str) -> str:
    match option.kind:
        case OptionKind.WHOLE:
            return str(reading.whole(option, said))
        case OptionKind.NUMBER:
            return f"{reading.number(option, said):g}"
        case OptionKind.CHOICE:
            return reading.choice(option, said)
        case _:
            return said

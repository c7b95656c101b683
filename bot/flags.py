"""A command's text → its own words and the values given with flags, as they were written. Linear in the text.

What a flag takes depends on what its option is; whether the value is any good is for `bot/reading.py` to say.
"""

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from bot import durations
from bot.commands import COMMANDS, Command
from bot.options import Option, OptionKind
from bot.recipes import sampler_at_start
from bot.typography import DASHES, LONG_DASHES, cut, quoted_at_start, unescape
from engine.errors import UserError

# At the start of a word: two hyphens or more, or one long dash, and a letter at once. With a space behind it a dash is
# punctuation, and a single hyphen is always part of the prose.
_FLAG = re.compile(rf"(?<!\S)(?:[{DASHES}]{{2,}}|[{LONG_DASHES}])(?P<name>[^\W\d_][\w\-]*)(?P<equals>[=＝]?)")
_SIZE_AT_START = re.compile(r"\d+\s*[x×*]\s*\d+(?!\S)", re.IGNORECASE)
_RATIO_AT_START = re.compile(r"[\d.]+\s*[:/x×∶：]\s*[\d.]+(?!\S)", re.IGNORECASE)
_FIRST_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """`words`: what is left without flags; `values`: by the option's name. Escapes are undone in both."""

    words: str
    values: Mapping[str, str]


def read(command: Command, text: str) -> Spoken:
    """Raises: UserError for a flag that is unknown, given twice or without a value."""
    flags = list(_FLAG.finditer(text))
    ends = [flag.start() for flag in flags[1:]] + [len(text)]
    words, values = [text[: flags[0].start()] if flags else text], {}
    for flag, end in zip(flags, ends):
        option = option_of(command, flag["name"])
        if option.name in values:
            raise UserError(f"--{cut(flag['name'])} is given twice; please give it once.")
        value, rest = _taken(option, text[flag.end() : end].strip(), bool(flag["equals"]))
        if value is None:
            example = f", such as {option.flags[0]} {option.example}" if option.example else ""
            raise UserError(f"--{cut(flag['name'])} needs a value after it{example}.")
        values[option.name] = unescape(value)
        words.append(rest)
    return Spoken(words=unescape(" ".join(filter(None, (part.strip() for part in words)))), values=values)


def option_of(command: Command, name: str) -> Option:
    """The option of a command that a flag means. Raises: UserError, naming the nearest."""
    flag = "--" + unicodedata.normalize("NFKC", name[:100]).casefold().replace("_", "-")
    own = {each: option for option in command.options for each in option.flags}
    if option := own.get(flag):
        return option
    if not own:
        raise UserError(f"/{command.name} takes no flags; please leave out {cut(flag)}.")
    if any(flag in option.flags for other in COMMANDS for option in other.options):
        names = ", ".join(option.flags[0] for option in command.options if option.flags)
        raise UserError(f"/{command.name} does not take {flag}; it takes {names}.")
    near = difflib.get_close_matches(flag, own, n=1)
    hint = f"did you mean {near[0]}?" if near else f"/help {command.name} lists them."
    raise UserError(f"There is no flag {cut(flag)}; {hint} To write a dash, put a space after it.")


def _taken(option: Option, segment: str, has_equals: bool) -> tuple[str | None, str]:
    """The part of what follows a flag that is its value, None if there is none, and the rest."""
    if option.kind is OptionKind.FLAG:
        return _first(segment) if has_equals else ("yes", segment)
    quoted = quoted_at_start(segment)
    if quoted and not (option.takes_rest and quoted[1]):
        return quoted
    if not segment:
        return None, ""
    if option.takes_rest:
        return segment, ""
    return _first_value(option, segment)


def _first_value(option: Option, segment: str) -> tuple[str | None, str]:
    match option.kind:
        case OptionKind.SIZE:
            return _matched(_SIZE_AT_START, segment)
        case OptionKind.DURATION:
            return durations.at_start(segment) or _first(segment)
        case OptionKind.RATIO:
            return _matched(_RATIO_AT_START, segment)
        case OptionKind.CHOICE if option.name == "sampler":
            return sampler_at_start(segment) or _first(segment)
        case _:
            return _first(segment)


def _matched(pattern: re.Pattern[str], segment: str) -> tuple[str | None, str]:
    match = pattern.match(segment)
    return (match[0], segment[match.end() :]) if match else _first(segment)


def _first(segment: str) -> tuple[str | None, str]:
    match = _FIRST_WORD.match(segment)
    return (match[0], segment[match.end() :]) if match else (None, segment)

"""One value of an option, as it was written → what it means; or one sentence that says what it must be.

The bounds are the option's own. Knows nothing of flags and commands.
"""

import difflib
import re
from fractions import Fraction

from bot.options import Option
from bot.recipes import LONGEST_ASPECT, sampler_named, size_named
from bot.typography import plain, shown
from engine.domain import check_side, check_words
from engine.errors import UserError
from storage.ids import ALPHABET, ID_CHARS

_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d{1,20}([.,]\d{0,20})?|[.,]\d{1,20})(e[+-]?\d{1,3})?", re.IGNORECASE)
_MAX_DIGITS = 20  # a longer number is out of all bounds here
_RATIO = re.compile(r"(\d{1,5}(?:\.\d{1,4})?)\s*[:/x×∶]\s*(\d{1,5}(?:\.\d{1,4})?)", re.IGNORECASE)
# Crockford reads o as 0, and i and l as 1.
_NAME = re.compile(rf"([{ALPHABET}iol]{{{ID_CHARS}}})(\.\d{{1,2}})?", re.ASCII | re.IGNORECASE)
_AS_READ = str.maketrans("oil", "011")
_SAME = {"here": "place", "mine": "me", "everyone": "all", "everybody": "all", "inflight": "in_flight"}
_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def whole(option: Option, written: str) -> int:
    """Raises: UserError."""
    words = plain(written)
    value = int(words) if len(words) <= _MAX_DIGITS and _WHOLE.fullmatch(words) else None
    if value is None or not _is_within(option, value):
        raise UserError(f"{_name(option)} must be a whole number {_bounds(option)}; you gave {shown(written)}.")
    return value


def number(option: Option, written: str) -> float:
    """Also with a decimal comma. Raises: UserError."""
    words = plain(written)
    value = float(words.replace(",", ".")) if _NUMBER.fullmatch(words) else None
    if value is None or not _is_within(option, value):
        raise UserError(f"{_name(option)} must be a number {_bounds(option)}; you gave {shown(written)}.")
    return value + 0.0  # -0 is 0


def choice(option: Option, written: str) -> str:
    """Raises: UserError, naming the nearest."""
    if option.name == "sampler":
        return sampler_named(plain(written))
    if value := _choice(option, written):
        return value
    near = difflib.get_close_matches(plain(written).casefold().lstrip("/")[:100], option.choices, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose {_listed(option.choices)}."
    raise UserError(f"{_name(option)} cannot be {shown(written)}; {hint}")


def is_choice(option: Option, word: str) -> bool:
    """Whether a word is one of the choices."""
    return _choice(option, word) is not None


def flag(option: Option, written: str) -> bool:
    """Raises: UserError."""
    words = plain(written).casefold()
    if words in (*_YES, option.name):
        return True
    if words in _NO:
        return False
    raise UserError(f"{_name(option)} is yes or no; you gave {shown(written)}.")


def ratio(option: Option, written: str) -> tuple[int, int]:
    """Width and height; whole numbers stay as they were written. Raises: UserError."""
    match = _RATIO.fullmatch(plain(written))
    sides = [Fraction(side) for side in match.groups()] if match else []
    if not sides or not min(sides) or not Fraction(1, LONGEST_ASPECT) <= sides[0] / sides[1] <= LONGEST_ASPECT:
        raise UserError(
            f"{_name(option)} must be a ratio such as 3:2, from 1:{LONGEST_ASPECT} to {LONGEST_ASPECT}:1; "
            f"you gave {shown(written)}."
        )
    scale = sides[0].denominator * sides[1].denominator
    return int(sides[0] * scale), int(sides[1] * scale)


def size(written: str) -> str:
    """Width x height, within what can be drawn. Raises: UserError."""
    width_px, height_px = size_named(plain(written))
    check_side("width", width_px)
    check_side("height", height_px)
    return f"{width_px}x{height_px}"


def words(what: str, written: str) -> str:
    """Words of a prompt, and not too many. Raises: UserError."""
    check_words(what, written)
    return written


def picture(option: Option, written: str) -> str:
    """The name of a picture or request as we write it. Raises: UserError."""
    name = picture_name(written)
    if name is None:
        raise UserError(
            f"{shown(written)} is no picture's name; they look like {option.example}. /history lists yours."
        )
    return name


def picture_name(word: str, *, in_prose: bool = False) -> str | None:
    """The name that a word spells, by its form only. In prose it must have a digit, or it may be a word of theirs."""
    match = _NAME.fullmatch(word.strip().rstrip(",;:"))
    if not match or (in_prose and word.isalpha()):
        return None
    return match[1].lower().translate(_AS_READ) + (match[2] or "")


def _choice(option: Option, written: str) -> str | None:
    """Also x2 and 2x for 2, /imagine for imagine, in-flight for in_flight, here for place."""
    words = plain(written).casefold().lstrip("/")
    joined = words.replace("-", "_").replace(" ", "_")
    spellings = (words, words.strip("x×"), joined, _SAME.get(words, ""))
    return next((each for each in spellings if each in option.choices), None)


def _is_within(option: Option, value: float) -> bool:
    return (option.low is None or value >= option.low) and (option.high is None or value <= option.high)


def _bounds(option: Option) -> str:
    assert option.low is not None
    assert option.high is not None
    return f"from {_told(option.low)} to {_told(option.high)}"


def _told(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"


def _name(option: Option) -> str:
    return option.flags[0] if option.flags else f"The {option.name}"


def _listed(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"

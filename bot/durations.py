"""A stretch of time as people write it: "7d", "12h", "30 min", "2 weeks", "1d 12h". Pure; knows nothing of clocks."""

import re

from bot.typography import plain, shown
from engine.errors import UserError

MIN_S = 60
MAX_S = 10 * 365 * 86_400  # ten years: past that "until it is lifted" is meant
_UNITS_S = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 7 * 86_400),
    **dict.fromkeys(("mo", "month", "months"), 30 * 86_400),
    **dict.fromkeys(("y", "yr", "year", "years"), 365 * 86_400),
}
_PART = re.compile(
    rf"(\d{{1,9}}(?:[.,]\d{{1,3}})?)\s?({'|'.join(sorted(_UNITS_S, key=len, reverse=True))})", re.IGNORECASE
)
_AT_START = re.compile(rf"(?:{_PART.pattern}\s?)+(?!\S)", re.IGNORECASE)


def seconds(written: str) -> float:
    """From a minute to ten years. Raises: UserError."""
    words = plain(written)
    match = _AT_START.fullmatch(words)
    value = sum(_seconds(part) for part in _PART.finditer(words)) if match else 0
    if not MIN_S <= value <= MAX_S:
        raise UserError(
            f"Say how long as 30m, 12h, 7d or 2 weeks, from a minute to ten years; you gave {shown(written)}."
        )
    return value


def at_start(words: str) -> tuple[str, str] | None:
    """The stretch of time that `words` begin with, as it is written there, and what follows; None if there is none."""
    match = _AT_START.match(words)
    return (match[0].strip(), words[match.end() :]) if match else None


def _seconds(part: re.Match[str]) -> float:
    return float(part[1].replace(",", ".")) * _UNITS_S[part[2].casefold()]

"""Amounts, times and refusals in words. Pure."""

import math

from bot.typography import cut
from engine.errors import UserError
from storage.asking import Limit, Refused

_MINUTE_S, _HOUR_S, _DAY_S, _YEAR_S = 60, 3_600, 86_400, 31_557_600
_LONGEST_S = 100 * _YEAR_S


def span(seconds: float) -> str:
    """A time from now, rounded up: "12 s", "4 min", "5 h 12 min", "3 days 4 h", "more than 100 years"."""
    if seconds > _LONGEST_S:
        return "more than 100 years"
    s = max(1, math.ceil(seconds))
    if s < 100:
        return f"{s} s"
    if s < _HOUR_S:
        return f"{math.ceil(s / _MINUTE_S)} min"
    if s < _DAY_S:
        return _two(math.ceil(s / _MINUTE_S), 60, "h", "min")
    hours = math.ceil(s / _HOUR_S)
    return _two(hours, 24, "day" if hours < 48 else "days", "h")


def _two(n_small: int, of_large: int, large: str, small: str) -> str:
    n_large, rest = divmod(n_small, of_large)
    return f"{n_large} {large} {rest} {small}" if rest else f"{n_large} {large}"


def amount(number: float) -> str:
    """At most two decimals: "3", "0.06", "1,250", "no limit"."""
    if math.isinf(number):
        return "no limit"
    if 0 < number < 0.005:
        return "less than 0.01"
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def seconds(number: float) -> str:
    """Seconds of the device: "0.4 s", "12 s", "5 h 12 min"."""
    return f"{number:.1f} s" if number < 10 else span(number)


def count(number: float, one: str, more: str = "") -> str:
    """How many of what: "1 picture", "2 pictures"."""
    return f"{amount(number)} {one if number == 1 else more or one + 's'}"


def each(items: list[str]) -> str:
    """Choices: "a, b or c"."""
    return " or ".join((", ".join(items[:-1]), items[-1])) if len(items) > 1 else "".join(items)


def person(name: str, account: str) -> str:
    """A name and an account, "Ada (discord:123)", clean and short; names are whatever people call themselves."""
    shown = cut(name)
    return f"{shown} ({cut(account)})" if shown else cut(account)


def where(place: str, here: str = "") -> str:
    """A place at the end of a sentence."""
    if not place:
        return "everywhere"
    return "here" if place == here else f"in {cut(place)}"


def refused(refused: Refused, now_s: float) -> UserError:
    """What a limit says: what, why, when to come back."""
    match refused.limit:
        case Limit.BANNED:
            return UserError(_banned(refused, now_s))
        case Limit.RATE:
            return UserError(
                f"That was quick: you have {_per_minute(refused.most)}. {_back(refused, now_s, 'a little later')}"
            )
        case Limit.IN_FLIGHT:
            return UserError(_in_flight(refused))
        case Limit.DAILY:
            return UserError(_daily(refused, now_s))
        case Limit.FULL:
            return UserError(
                f"The queue is full: {amount(refused.has)} jobs of all people wait, and {amount(refused.most)} is the "
                f"most. {_back(refused, now_s, 'in some minutes')}"
            )


def _per_minute(most: float) -> str:
    if 0 < most < 1:
        return f"one request in {span(_MINUTE_S / most)}"
    return f"{count(most, 'request')} a minute"


def _back(refused: Refused, now_s: float, otherwise: str) -> str:
    if refused.come_back_s is None:
        return f"Come back {otherwise}."
    return f"Come back in {span(refused.come_back_s - now_s)}."


def _banned(refused: Refused, now_s: float) -> str:
    place = "here" if refused.place else "from this Darkroom"
    line = _line(refused.reason)
    reason = f": {line}" if line else ""
    if refused.come_back_s is None:
        return f"You are banned {place}{reason}. It holds until an admin lifts it."
    return f"You are banned {place}{reason}. It ends in {span(refused.come_back_s - now_s)}."


def _line(words: str) -> str:
    """A reason in one line, whose own full stop ours replaces."""
    return " ".join(words.split()).rstrip(" .")


def _in_flight(refused: Refused) -> str:
    if refused.wants > refused.most:
        return (
            f"That would be {count(refused.wants, 'job')} at once, and you may have "
            f"{amount(refused.most)} waiting or being drawn. Ask for fewer at a time."
        )
    return (
        f"You have {amount(refused.has)} of {count(refused.most, 'job')} waiting or being drawn, and this would be "
        f"{amount(refused.wants)} more. Come back when some are done, or take one back with /cancel."
    )


def _daily(refused: Refused, now_s: float) -> str:
    left = max(0.0, refused.most - refused.has)
    told = (
        f"You have {amount(left)} of {count(refused.most, 'standard picture')} left for today, and this costs "
        f"{amount(refused.wants)}."
    )
    if refused.come_back_s is None or refused.wants > refused.most:
        return f"{told} Ask for smaller or fewer pictures; /quota says more."
    smaller = ", or ask for something smaller" if left > 0 else ""
    return f"{told} Come back in {span(refused.come_back_s - now_s)}{smaller}; /quota says more."

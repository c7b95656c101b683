"""Which limits hold for somebody, out of what is set for whom. Pure.

Each limit by itself: the most specific subject that says anything about it decides; person before groups before places,
small before large, before everybody. Of several groups the most generous. A subject's own number beats its tier's. A
value that is no limit is as if it were not there, with a line in the log: it must keep nobody out.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import structlog

from storage.asking import Limits

TIER = "tier"
UNLIMITED = Limits(rate=math.inf, burst=math.inf, in_flight=math.inf, daily=math.inf)
FALLBACK = Limits(rate=10.0, burst=10.0, in_flight=20.0, daily=100.0)  # nothing at all is set: as a member at first

Settings = Mapping[str, Mapping[str, str]]  # subject → key → value

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


def places_of(place: str) -> tuple[str, ...]:
    """The place and all that it lies in, smallest first: "discord:1:2", "discord:1", "discord"."""
    parts = place.split(":") if place else []
    return tuple(":".join(parts[:n]) for n in range(len(parts), 0, -1))


def own_levels(person: int, groups: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Subjects that name the person or a group of theirs; those of a level are equally specific."""
    return ((f"person:{person}",), tuple(f"group:{group}" for group in groups))


def levels(person: int, groups: Sequence[str], place: str) -> tuple[tuple[str, ...], ...]:
    """All subjects that can say something, most specific first."""
    return (*own_levels(person, groups), *((f"place:{each}",) for each in places_of(place)), ("",))


def limits_of(settings: Settings, subjects: Iterable[Sequence[str]], otherwise: Limits) -> Limits:
    """The limits that hold; `otherwise` where no subject says anything."""
    subjects = tuple(subjects)
    return Limits(
        rate=_resolved(settings, subjects, "rate", otherwise.rate),
        burst=_resolved(settings, subjects, "burst", otherwise.burst),
        in_flight=_resolved(settings, subjects, "in_flight", otherwise.in_flight),
        daily=_resolved(settings, subjects, "daily", otherwise.daily),
    )


def tier_of(settings: Settings, subjects: Iterable[Sequence[str]]) -> str:
    """The name of the tier that is set most specifically; "" where none is."""
    for level in subjects:
        for subject in level:
            name = settings.get(subject, {}).get(TIER)
            if name and f"tier:{name}" in settings:
                return name
    return ""


def _resolved(settings: Settings, subjects: Iterable[Sequence[str]], key: str, otherwise: float) -> float:
    for level in subjects:
        said = [value for subject in level if (value := _said(settings, subject, key)) is not None]
        if said:
            return max(said)
    return otherwise


def _said(settings: Settings, subject: str, key: str) -> float | None:
    """What a subject says about a limit: by itself, else by its tier."""
    own = settings.get(subject, {})
    plain = _number(own.get(key), subject, key)
    if plain is not None or TIER not in own:
        return plain
    tier = f"tier:{own[TIER]}"
    return _number(settings.get(tier, {}).get(key), tier, key)


def _number(value: str | None, subject: str, key: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number) or number < 0:
        log.warning("a stored limit is none", subject=subject, key=key)
        return None
    return number

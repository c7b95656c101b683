"""What can be limited and set at the desk: ONE table of keys with what their values may be and for whom.

A value is checked here as far as its words go; whether there is such a tier or model, and who may set it, is for the
desk to say. Values come out as they are stored: plain words and numbers. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot import reading
from bot.options import GUIDANCE, MODE, MODEL, PICTURES, SAMPLER, SIZE, STEPS, Option, OptionKind
from bot.requests import Scope
from bot.typography import plain, shown
from engine.errors import UserError

DEFAULT = "default"
UNLIMITED = "unlimited"
MAX_WORD_CHARS = 100  # of a model's or tier's name
MAX_RETENTION_DAYS = 3_650
MAX_ASK_AFTER_MIN = 1_440.0  # a day
# More of a limit than this is a typing error; "unlimited" says so.
MAX_RATE, MAX_BURST, MAX_IN_FLIGHT, MAX_DAILY = 1_000, 10_000, 100_000, 1_000_000
MIN_RATE = 0.1  # a request in ten minutes; whoever is to have none is banned, and reads why
_UNLIMITED = frozenset({UNLIMITED, "infinite", "infinity", "inf", "∞", "none"})
_DEFAULT = frozenset({DEFAULT, "reset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Something that can be set. `can_be` completes "<key> can be …"; `scopes`: for whom, the usual one first."""

    can_be: str
    example: str
    scopes: tuple[Scope, ...]
    read: Callable[[str], str]


def _whole(option: Option) -> Callable[[str], str]:
    return lambda written: str(reading.whole(option, written))


def _number(option: Option) -> Callable[[str], str]:
    return lambda written: told(reading.number(option, written))


def _choice(option: Option) -> Callable[[str], str]:
    return lambda written: str(reading.choice(option, written))


def _between(name: str, low: float, high: float, *, is_whole: bool) -> Option:
    kind = OptionKind.WHOLE if is_whole else OptionKind.NUMBER
    return Option(name=name, kind=kind, summary=name, low=low, high=high)


def _one_of(name: str, *choices: str) -> Option:
    return Option(name=name, kind=OptionKind.CHOICE, summary=name, choices=choices)


def told(value: float) -> str:
    """A number with at most six decimals, and without a point where it needs none."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def name(written: str) -> str:
    """A model's name as it was written. Raises: UserError."""
    if not 0 < len(written) <= MAX_WORD_CHARS:
        raise UserError(f"A model's name has 1 to {MAX_WORD_CHARS} characters; you gave {shown(written)}.")
    return written


def _bounds(option: Option, of: str = "") -> str:
    assert option.low is not None
    assert option.high is not None
    kind = "a whole number" if option.kind is OptionKind.WHOLE else "a number"
    return f"{kind}{of} from {told(option.low)} to {int(option.high):,}"


_EVERY = (Scope.ME, Scope.PLACE, Scope.SERVER, Scope.ALL)
_SHARED = (Scope.PLACE, Scope.SERVER, Scope.ALL)
_ALLOWED = _one_of("allowed", "yes", "no")
_VISIBILITY = _one_of("visibility", "shared", "private", "spoiler", "restricted")
_SEEN_BY_ALL = {"telegram": "Telegram"}  # a chat there sees all that is posted in it, and none is restricted by age
_PING = _one_of("ping", "yes", "no")  # a short message when a picture is done, where edits notify nobody
_LOG = _one_of("log", "here", "off")
_RETENTION = _between("retention", 1, MAX_RETENTION_DAYS, is_whole=True)
_ASK_AFTER = _between("ask_after", 0, MAX_ASK_AFTER_MIN, is_whole=False)

SETTINGS: dict[str, Setting] = {
    "size": Setting(can_be="width x height in pixels", example=SIZE.example, scopes=_EVERY, read=reading.size),
    "steps": Setting(can_be=_bounds(STEPS), example=STEPS.example, scopes=_EVERY, read=_whole(STEPS)),
    "sampler": Setting(
        can_be=", ".join(SAMPLER.choices), example=SAMPLER.example, scopes=_EVERY, read=_choice(SAMPLER)
    ),
    "model": Setting(can_be="a model's name", example=MODEL.example, scopes=_EVERY, read=name),
    "mode": Setting(can_be="fast, stable or exact", example=MODE.example, scopes=_EVERY, read=_choice(MODE)),
    "guidance": Setting(can_be=_bounds(GUIDANCE), example=GUIDANCE.example, scopes=_EVERY, read=_number(GUIDANCE)),
    "pictures": Setting(can_be=_bounds(PICTURES), example=PICTURES.example, scopes=_EVERY, read=_whole(PICTURES)),
    "visibility": Setting(
        can_be="shared, private, spoiler (covered) or restricted (drawn in age-restricted channels alone)",
        example="spoiler",
        scopes=_SHARED,
        read=_choice(_VISIBILITY),
    ),
    "allowed": Setting(can_be="yes or no", example="yes", scopes=_SHARED, read=_choice(_ALLOWED)),
    "ping": Setting(can_be="yes or no", example="yes", scopes=(Scope.ME, Scope.ALL), read=_choice(_PING)),
    "retention": Setting(
        can_be=_bounds(_RETENTION, " of days"), example="30", scopes=(Scope.ALL,), read=_whole(_RETENTION)
    ),
    "log": Setting(can_be="here or off", example="here", scopes=(Scope.ALL,), read=_choice(_LOG)),
    "ask_after": Setting(
        can_be=_bounds(_ASK_AFTER, " of minutes"), example="5", scopes=(Scope.ALL,), read=_number(_ASK_AFTER)
    ),
}
_OWN_SENTENCES = frozenset({"size", "sampler"})  # theirs name the nearest, or say which side is wrong
_UNITS = {"retention": ("days", "day", "d"), "ask_after": ("minutes", "minute", "min", "m")}

_LIMITS = {
    "rate": _between("rate", MIN_RATE, MAX_RATE, is_whole=False),
    "burst": _between("burst", 1, MAX_BURST, is_whole=True),
    "in_flight": _between("in_flight", 1, MAX_IN_FLIGHT, is_whole=True),
    "daily": _between("daily", 0, MAX_DAILY, is_whole=False),
}
LIMIT_UNITS = {
    "tier": "all limits at once, by a name such as guest, member or trusted",
    "rate": "requests a minute, on average",
    "burst": "requests at once",
    "in_flight": "jobs that wait or are being drawn",
    "daily": "standard pictures a UTC day: 512 x 512 px, 20 steps, guided",
}
LIMITS: tuple[str, ...] = tuple(LIMIT_UNITS)


_WHOM = {Scope.ME: "me", Scope.PLACE: "a place", Scope.SERVER: "a server", Scope.ALL: "all"}


def setting(key: str, scope: Scope, written: str) -> str | None:
    """A value of a key as it is stored, None for "default". Raises: UserError that says what is possible."""
    one = SETTINGS[key]
    if scope not in one.scopes:
        whom = " or ".join(_WHOM[each] for each in one.scopes)
        raise UserError(f"{key} is set for {whom}: /settings {one.scopes[0]} {key} {one.example}.")
    if is_default(written):
        return None
    if not written:
        raise UserError(f"{key} can be {one.can_be}, or default: /settings {scope} {key} {one.example}.")
    try:
        return one.read(_without_unit(key, written))
    except UserError:
        if key in _OWN_SENTENCES:
            raise
        raise UserError(f"{key} can be {one.can_be}, or default; you gave {shown(written)}.") from None


def check_fits(key: str, value: str | None, place: str) -> None:
    """Whether a platform can do what is set for a place of its own. Raises: UserError that says what it can."""
    platform = _SEEN_BY_ALL.get(place.partition(":")[0])
    if platform and key == "visibility" and value in ("private", "restricted"):
        raise UserError(
            f"On {platform} visibility can be shared, spoiler (covered) or default, not {value}: everybody in a chat "
            "sees what is posted there, and no chat is restricted by age."
        )


def visibility_at(place: str, value: str) -> str:
    """What a visibility that is set for all means at a place: what cannot be shown to one person alone is covered."""
    return "spoiler" if value == "private" and place.partition(":")[0] in _SEEN_BY_ALL else value


def restricted(place: str) -> str:
    """What is said where only age-restricted channels draw, and this is none."""
    if platform := _SEEN_BY_ALL.get(place.partition(":")[0]):
        return (
            f"Visibility is restricted here, so no pictures are drawn in groups of {platform}; write to me in private."
        )
    return "Here pictures are drawn in age-restricted channels alone; ask in one of those."


def limit(key: str, written: str) -> str | None:
    """A value of a limit as it is stored, None for "default". Raises: UserError that says what is possible."""
    if is_default(written):
        return None
    if key == "tier":
        return _tier(written)
    if plain(written).casefold() in _UNLIMITED:
        return UNLIMITED
    option = _LIMITS[key]
    read = reading.whole if option.kind is OptionKind.WHOLE else reading.number
    try:
        return told(read(option, written))
    except UserError:
        raise UserError(f"{key} can be {_bounds(option)}, unlimited or default; you gave {shown(written)}.") from None


def is_default(written: str) -> bool:
    """Whether this means "as it was at first"."""
    return plain(written).casefold() in _DEFAULT


def _tier(written: str) -> str:
    name = plain(written).casefold().removeprefix("tier:")
    if not (name and len(name) <= MAX_WORD_CHARS and name.replace("-", "").replace("_", "").isalnum()):
        raise UserError(f"A tier's name is one word, such as guest, member or trusted; you gave {shown(written)}.")
    if name.replace(".", "").isdigit():
        raise UserError(f"Say which limit shall be {shown(written)}: /quota set @ada daily {name[:20]}.")
    return name


def _without_unit(key: str, written: str) -> str:
    """Where days are meant, "30 days" is 30."""
    words = plain(written)
    for unit in _UNITS.get(key, ()):
        number = words.casefold().removesuffix(unit).strip()
        if number != words.casefold() and number.replace(".", "").isdigit():
            return number
    return written

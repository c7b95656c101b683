"""What is set for oneself, a place or all: how pictures look where a wish does not say, and how Darkroom behaves.

The most specific wins, key by key: a person, their groups, the place and what it lies in, all. Limits are not set here.
"""

from collections.abc import Iterable
from typing import Any

from bot import answers, desk_values
from bot.cards import Card, Field, Origin
from bot.desk.access import ALLOWED, Access, said_of
from bot.desk.office import Deed, Office
from bot.desk.places import EVERYWHERE, around, places_of
from bot.desk.rights import Act, Rank
from bot.desk_values import SETTINGS
from bot.recipes import Looks, Wish, recipe_for
from bot.requests import Scope, Tune
from bot.typography import cut, shown
from engine.domain import Mode
from engine.errors import UserError
from storage.changes import Change, Set

LOOKS = ("size", "steps", "sampler", "model", "mode", "guidance", "pictures")
DEFAULT_ASK_AFTER_MIN = 5.0
DEFAULT_VISIBILITY = "shared"
_OF_ALL = ""
_ACTS = {
    Scope.ME: Act.TUNE_ME,
    Scope.PLACE: Act.TUNE_PLACE,
    Scope.SERVER: Act.TUNE_PLACE,
    Scope.ALL: Act.TUNE_ALL,
}
_SEEN = _ACTS | {Scope.PLACE: Act.SEE_PLACE, Scope.SERVER: Act.SEE_PLACE}
_WHOSE = {
    Scope.ME: "you",
    Scope.PLACE: "this place",
    Scope.SERVER: "this whole server",
    Scope.ALL: "all of Darkroom",
}
_WHOLE_SERVER = (
    "Only an operator of this Darkroom lets a whole server or group in or keeps it out; an admin closes single "
    "channels of a server with /settings place allowed no."
)
_ON_TELEGRAM = {
    "private": " On Telegram, where a whole chat sees what is posted, they are covered.",
    "restricted": " On Telegram none are drawn in groups, for no chat there is restricted by age.",
}
_CLOSED = "An operator of this Darkroom closed this place, and only an operator opens it."
_NOT_LET_IN = "Only an operator of this Darkroom can let this place in: /allow here."


class Tuner:
    """Answers /settings, and says what is set."""

    def __init__(self, office: Office, access: Access) -> None:
        self._office = office
        self._access = access

    async def looks(self, origin: Origin) -> Looks:
        """How pictures are drawn for somebody here where the wish does not say."""
        found = await self._found(origin)
        return _looks({key: value for key, (value, _subject) in found.items() if key in LOOKS})

    async def visibility(self, place: str) -> str:
        """Who sees pictures that are made in a place: shared, private, spoiler or restricted, as its platform can."""
        found = await self._first([*(f"place:{each}" for each in places_of(place)), _OF_ALL])
        return desk_values.visibility_at(place, found.get("visibility", (DEFAULT_VISIBILITY, ""))[0])

    async def wants_ping(self, account: str) -> bool:
        """Whether somebody wants a message of its own when a picture is done."""
        found = await self._first([f"account:{account}", _OF_ALL])
        return found.get("ping", ("no", ""))[0] == "yes"

    async def answer(self, origin: Origin, asked: Tune) -> Card:
        """Show what is set, or set one key."""
        if asked.key is None:
            return await self._show(origin, asked.scope)
        return await self._set(origin, asked.scope, asked.key, asked.value)

    async def _set(self, origin: Origin, scope: Scope, key: str, written: str | None) -> Card:
        if key not in SETTINGS:
            raise UserError(f"There is no setting {shown(key)}. There is: {', '.join(SETTINGS)}.")
        place = _place(origin, scope)
        self._office.check(origin, _ACTS[scope], place)
        value = desk_values.setting(key, scope, desk_values.DEFAULT if written is None else written)
        desk_values.check_fits(key, value, place)
        if value is not None and key in LOOKS:
            await self._check_look(key, value)
        stored = _stored(origin, key, value)
        changes: tuple[Change, ...] = (Set(subject=_subject(origin, scope), key=key, value=stored),)
        if key == ALLOWED and self._office.rank(origin) is Rank.OPERATOR:
            changes = said_of(_subject(origin, scope), value)
        elif key == ALLOWED:
            await self._check_may_open(origin, value, place)
            if value is None:  # as an operator left it
                changes = (
                    Set(subject=_subject(origin, scope), key=key, value=await self._access.operators_word(place)),
                )
        deed = Deed(
            act=_ACTS[scope],
            kind="settings",
            answer=_sentence(scope, key, value),
            changes=changes,
            words=f"{key} {cut(value or desk_values.DEFAULT)}",
            place=place,
            is_audited=scope is not Scope.ME,
        )
        return await self._office.do(origin, deed)

    async def _check_look(self, key: str, value: str) -> None:
        """Raises: UserError for a value with which nothing could be drawn."""
        if key == "model":
            await self._office.hands.entry(value)
            return
        looks = _looks({key: value})
        wish = Wish(
            prompt="",
            size=looks.size,
            steps=looks.steps,
            sampler=looks.sampler,
            guidance=looks.guidance,
            mode=looks.mode,
        )
        recipe_for(wish, await self._office.hands.entry(None))

    async def _check_may_open(self, origin: Origin, value: str | None, place: str) -> None:
        """A place admin opens only within what is open around: a place is let in by an operator. Raises: UserError."""
        if place == origin.sphere:
            raise UserError(_WHOLE_SERVER)
        if value == "no":
            return
        if await self._access.is_closed_by_operator(place):
            raise UserError(_CLOSED)
        if value and not await self._access.is_place_allowed(around(place)):
            raise UserError(_NOT_LET_IN)

    async def _show(self, origin: Origin, scope: Scope) -> Card:
        self._office.check(origin, _SEEN[scope], _place(origin, scope))
        found = await (self._found(origin) if scope is Scope.ME else self._first(_subjects_of(origin, scope)))
        keys = [key for key, setting in SETTINGS.items() if scope in setting.scopes]
        fields = [Field(name=key, value=self._told(key, found.get(key))) for key in keys]
        sentence = f"What is set for {_WHOSE[scope]}. Change it with, for example: /settings {scope} {_example(scope)}"
        return answers.note("settings", sentence, *fields)

    def _told(self, key: str, found: tuple[str, str] | None) -> str:
        if found:
            value, subject = found
            return f"{'here' if key == 'log' else cut(value)} (set for {_shown_subject(subject)})"
        match key:
            case "ask_after":
                return f"{DEFAULT_ASK_AFTER_MIN:g} minutes"
            case "retention":
                days = self._office.terms.retention_days
                return f"{days} days" if days else "for ever"
            case "visibility":
                return DEFAULT_VISIBILITY
            case "ping":
                return "no"
            case "allowed" | "log":
                return "not set"
            case "pictures":
                return "1"
            case "mode":
                return str(Mode.FAST)
            case _:
                return "as the model draws best" if key != "model" else cut(self._office.terms.model)

    async def _found(self, origin: Origin) -> dict[str, tuple[str, str]]:
        return await self._first(_subjects_of(origin, Scope.ME))

    async def _first(self, subjects: list[str]) -> dict[str, tuple[str, str]]:
        """Each key's most specific value, and for what it is set."""
        values = await self._office.store.tuning.values(subjects)
        found: dict[str, tuple[str, str]] = {}
        for subject in subjects:
            for key, value in values.get(subject, {}).items():
                found.setdefault(key, (value, subject))
        return found


def _place(origin: Origin, scope: Scope) -> str:
    """Where a scope holds: "" is not bound to a place. Raises: UserError where there is no server around."""
    match scope:
        case Scope.PLACE:
            return origin.place
        case Scope.SERVER if origin.community:
            return origin.community
        case Scope.SERVER:
            raise UserError("There is no server or group around here; /settings place is for this place alone.")
        case _:
            return EVERYWHERE


def _subjects_of(origin: Origin, scope: Scope) -> list[str]:
    """What counts for a scope, most specific first."""
    place = origin.community if scope is Scope.SERVER else origin.place
    places = [f"place:{each}" for each in places_of(place)]
    match scope:
        case Scope.ME:
            groups = [f"group:{group}" for group in origin.groups]
            return [f"account:{origin.account}", *groups, *places, _OF_ALL]
        case Scope.PLACE | Scope.SERVER:
            return [*places, _OF_ALL]
        case Scope.ALL:
            return [_OF_ALL]


def _subject(origin: Origin, scope: Scope) -> str:
    return _subjects_of(origin, scope)[0]


def _stored(origin: Origin, key: str, value: str | None) -> str | None:
    """`log` is where this was said; "off" is not set."""
    if key != "log":
        return value
    return f"{origin.place} {origin.reply_to}" if value == "here" else None


def _looks(values: dict[str, str]) -> Looks:
    """Stored words as looks; a value that an older version wrote and that means nothing any more is left out."""
    readers: dict[str, Any] = {"steps": int, "pictures": int, "guidance": float, "mode": Mode}
    known: dict[str, Any] = {}
    for key, value in values.items():
        try:
            known[key] = readers.get(key, str)(value)
        except ValueError:
            continue
    return Looks(**known)


def _shown_subject(subject: str) -> str:
    kind, _, name = subject.partition(":")
    return {"": "all", "account": "you", "place": f"the place {cut(name)}"}.get(kind, f"the {kind} {cut(name)}")


def _sentence(scope: Scope, key: str, value: str | None) -> str:
    if value is None or (key == "log" and value == "off"):
        return f"{key} is no longer set for {_WHOSE[scope]}."
    if key == "log":
        return "What admins do is posted here from now on."
    more = _ON_TELEGRAM.get(value, "") if key == "visibility" and scope is Scope.ALL else ""
    return f"{key} is {cut(value)} for {_WHOSE[scope]} from now on.{more}"


def _example(scope: Scope) -> str:
    usual = Scope.PLACE if scope is Scope.SERVER else scope
    keys: Iterable[str] = (key for key, setting in SETTINGS.items() if setting.scopes[0] is usual)
    key = next(iter(keys))
    return f"{key} {SETTINGS[key].example}"

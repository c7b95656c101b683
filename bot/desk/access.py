"""Who may use this Darkroom at all: a person's own permission, else the place's, else the platform's default.

Strangers on Telegram and Discord are kept out until an operator lets in a person, a place or everyone. Where an
operator said no, no admin's yes within it counts.
"""

from bot.cards import Card, Origin
from bot.desk.office import Deed, Office
from bot.desk.places import EVERYWHERE, around, places_of
from bot.desk.rights import Act, Rank
from bot.desk.whom import Kind, Meant, Whom
from bot.requests import AllowSomebody
from engine.errors import UserError
from storage.changes import Allow, Change, Set

CLOSED_AT_FIRST = frozenset({"discord", "telegram"})  # strangers find a bot there; the page has its own door
ALLOWED = "allowed"
MOST_ALLOWED = "most_allowed"  # what an operator said of a place: its admins close it further, and open no more
_UNCLAIMED = (
    "This Darkroom has no operator on Telegram. If it is yours, send me /claim and the code that it printed at start."
)


class Access:
    """Lets people in, and keeps them out."""

    def __init__(self, office: Office, whom: Whom) -> None:
        self._office = office
        self._whom = whom

    async def check(self, origin: Origin) -> None:
        """Raises: UserError that says what would let them in."""
        rank = self._office.rank(origin)
        if rank is Rank.OPERATOR or await self._is_allowed(origin):
            return
        if rank is Rank.PLACE_ADMIN and await self._is_place_within_allowed(origin.place):
            return  # an admin who closed a channel can open it again
        if origin.platform == "telegram" and not self._office.has_operator_on("telegram"):
            raise UserError(_UNCLAIMED)
        raise UserError(_closed(origin))

    async def change(self, origin: Origin, asked: AllowSomebody) -> Card:
        """Let in, keep out, or as it was at first."""
        self._office.check(origin, Act.ALLOW, EVERYWHERE)
        meant = await self._whom.find(origin, asked.who, EVERYWHERE)
        if asked.is_allowed is False and any(self._office.is_operator(account) for account in meant.accounts):
            raise UserError(f"{meant.shown} runs this Darkroom and cannot be kept out.")
        changes, shown = _changes(origin, meant, asked.is_allowed)
        deed = Deed(
            act=Act.ALLOW,
            kind="allow",
            answer=_answer(shown, asked.is_allowed),
            changes=changes,
            target=meant.account or None,
            target_name=meant.shown,
            words=_word(asked.is_allowed) if meant.account else f"{_word(asked.is_allowed)} {shown}",
            place=origin.sphere if meant.kind is Kind.HERE else EVERYWHERE,
        )
        return await self._office.do(origin, deed)

    async def joined(self, origin: Origin) -> bool:
        """The bot was brought into a place: an operator's is let in at once. Whether it is in."""
        if not self._office.is_operator(origin.account):
            return await self._is_allowed(origin)
        deed = Deed(
            act=Act.ALLOW,
            kind="allow",
            answer=f"Everybody in {origin.sphere} may use this Darkroom now.",
            changes=said_of(f"place:{origin.sphere}", "yes"),
            words="invited by an operator",
            place=origin.sphere,
        )
        await self._office.do(origin, deed)
        return True

    async def _is_allowed(self, origin: Origin) -> bool:
        person = await self._office.store.people.find(origin.account)
        if person and person.is_allowed is not None:
            return person.is_allowed
        by_group = await self._office.store.tuning.values([f"group:{group}" for group in origin.groups])
        for group in origin.groups:
            if said := by_group.get(f"group:{group}", {}).get(ALLOWED):
                return said == "yes"
        return await self.is_place_allowed(origin.place)

    async def is_place_allowed(self, place: str) -> bool:
        """What the place says to everybody in it, the most specific first."""
        if await self.is_closed_by_operator(place):
            return False
        if said := await self._said(ALLOWED, place):
            return said == "yes"
        return place.partition(":")[0] not in CLOSED_AT_FIRST

    async def is_closed_by_operator(self, place: str) -> bool:
        """Whether an operator closed it, or what it lies in, and none opened what is nearer."""
        return await self._said(MOST_ALLOWED, place) == "no"

    async def operators_word(self, place: str) -> str | None:
        """What an operator said of this very place."""
        return (await self._office.store.tuning.values([f"place:{place}"])).get(f"place:{place}", {}).get(MOST_ALLOWED)

    async def _said(self, key: str, place: str) -> str | None:
        """What is said most specifically."""
        subjects = [*(f"place:{each}" for each in places_of(place)), ""]
        values = await self._office.store.tuning.values(subjects)
        return next((said for each in subjects if (said := values.get(each, {}).get(key))), None)

    async def _is_place_within_allowed(self, place: str) -> bool:
        if not around(place) or await self.is_closed_by_operator(place):
            return False
        return await self.is_place_allowed(around(place))


def said_of(subject: str, value: str | None) -> tuple[Change, ...]:
    """What an operator says of a place, which is the bound for its admins too."""
    return Set(subject=subject, key=ALLOWED, value=value), Set(subject=subject, key=MOST_ALLOWED, value=value)


def _closed(origin: Origin) -> str:
    here = " (or, here, everybody: /allow here)" if origin.is_place_shared else ""
    return f"This Darkroom is private. Its operator can let you in: /allow {origin.account}{here}"


def _changes(origin: Origin, meant: Meant, is_allowed: bool | None) -> tuple[tuple[Change, ...], str]:
    value = None if is_allowed is None else _yes_or_no(is_allowed)
    match meant.kind:
        case Kind.PERSON:
            return (Allow(account=meant.account, is_allowed=is_allowed),), meant.shown
        case Kind.GROUP:
            return (Set(subject=meant.subject, key=ALLOWED, value=value),), meant.shown
        case Kind.HERE:
            return said_of(meant.subject, value), meant.shown
        case Kind.EVERYONE:
            platform = origin.platform
            return said_of(f"place:{platform}", value), f"everyone on {platform}"
        case Kind.TIER:
            raise UserError("A tier says how much, not whether. Name a person, a group, here or everyone.")


def _answer(shown: str, is_allowed: bool | None) -> str:
    if is_allowed is None:
        return f"For {shown} it is again as it was at first."
    may = "may use" if is_allowed else "may no longer use"
    return f"{shown[0].upper()}{shown[1:]} {may} this Darkroom."


def _word(is_allowed: bool | None) -> str:
    return "as at first" if is_allowed is None else "let in" if is_allowed else "keep out"


def _yes_or_no(is_it: bool) -> str:
    return "yes" if is_it else "no"

"""Limits, set, granted and reset by those who may.

A limit holds for a person, a group, a place, a tier or everyone; the most specific wins. A place admin limits the place
and groups of its own, never beyond what they have around it, and never beyond what an operator set for it.
"""

import math

from bot import desk_values
from bot.cards import Card, Origin
from bot.desk import sentences
from bot.desk.office import Deed, Office
from bot.desk.places import EVERYWHERE, around, places_of
from bot.desk.rights import Act, Rank
from bot.desk.whom import Kind, Meant, Whom
from bot.requests import GrantQuota, ResetQuota, SetQuota
from bot.typography import shown
from engine.errors import UserError
from storage.asking import Limits
from storage.changes import Change, Grant, Reset, Set
from storage.records import PersonRow

TIER = "tier"
UNITS = {
    "rate": "requests a minute",
    "burst": "requests at once",
    "in_flight": "jobs waiting or being drawn",
    "daily": "standard pictures a day",
}
CEILING = "most_"  # what an operator set for a place or a group is the most that its admins can set: "most_daily"
_OF_A_PLACE = (Kind.HERE, Kind.GROUP)


class Limiting:
    """Answers /quota set, grant and reset."""

    def __init__(self, office: Office, whom: Whom) -> None:
        self._office = office
        self._whom = whom

    async def change(self, origin: Origin, asked: SetQuota) -> Card:
        """Set one limit, or with None let it be as it was."""
        is_operator = self._office.rank(origin) is Rank.OPERATOR
        meant = self._whom.of_place(origin, asked.who)
        act = self._check(origin, meant)  # before anybody is looked up: whom Darkroom knows is no stranger's affair
        meant = meant or await self._whom.find(origin, asked.who, EVERYWHERE)
        if meant.kind is Kind.PERSON:
            known(meant)
        value = await self._value(asked.key, asked.value, meant)
        if not is_operator:
            value = await self._within_own(origin, meant, asked.key, value)
        deed = Deed(
            act=act,
            kind="quota",
            answer=_sentence(meant, asked.key, value),
            changes=_changes(meant, asked.key, value, is_operator=is_operator),
            target=meant.account or None,
            target_name=meant.shown,
            words=" ".join((*(() if meant.account else (f"{meant.shown}:",)), asked.key, told(value))),
            place=origin.sphere if act is Act.LIMIT_PLACE else EVERYWHERE,
        )
        return await self._office.do(origin, deed)

    async def grant(self, origin: Origin, asked: GrantQuota) -> Card:
        """More for today."""
        self._office.check(origin, Act.GRANT, EVERYWHERE)
        if not (math.isfinite(asked.n_pictures) and 0 < asked.n_pictures <= desk_values.MAX_DAILY):
            raise UserError(
                f"Grant more than 0 and at most {desk_values.MAX_DAILY:,} standard pictures. To take some away, "
                "set a daily limit: /quota set."
            )
        meant = await self._whom.person(origin, asked.who, EVERYWHERE)
        known(meant)
        granted = sentences.count(asked.n_pictures, "standard picture")
        deed = Deed(
            act=Act.GRANT,
            kind="quota",
            answer=f"{meant.shown} may draw {granted} more today.",
            changes=(Grant(account=meant.account, cost=asked.n_pictures),),
            target=meant.account,
            target_name=meant.shown,
            words=granted,
        )
        return await self._office.do(origin, deed)

    async def reset(self, origin: Origin, asked: ResetQuota) -> Card:
        """Today begins anew."""
        self._office.check(origin, Act.RESET, EVERYWHERE)
        meant = await self._whom.person(origin, asked.who, EVERYWHERE)
        known(meant)
        deed = Deed(
            act=Act.RESET,
            kind="quota",
            answer=f"What {meant.shown} drew today no longer counts.",
            changes=(Reset(account=meant.account),),
            target=meant.account,
            target_name=meant.shown,
        )
        return await self._office.do(origin, deed)

    def _check(self, origin: Origin, meant: Meant | None) -> Act:
        """The act that this is; groups of a place are those the platform names in this event. Raises: UserError."""
        is_here = meant is not None and meant.kind is Kind.HERE
        is_group_here = meant is not None and meant.subject.removeprefix("group:") in origin.groups
        act, place = (Act.LIMIT_PLACE, origin.sphere) if is_here or is_group_here else (Act.LIMIT_ANY, EVERYWHERE)
        self._office.check(origin, act, place)
        return act

    async def _value(self, key: str, value: str | None, meant: Meant) -> str | None:
        """As it is stored. Raises: UserError."""
        if key == TIER:
            return await self._tier(value, meant)
        if key not in UNITS:
            raise UserError(f"There is no limit {shown(key)}. There is: {', '.join((TIER, *UNITS))}.")
        limit = None if value is None else desk_values.limit(key, value)
        if limit is None and meant.kind is Kind.TIER:
            raise UserError("A tier is where limits come from, so it needs each of them: give a number.")
        return "inf" if limit == desk_values.UNLIMITED else limit

    async def _tier(self, value: str | None, meant: Meant) -> str | None:
        if meant.kind is Kind.TIER:
            raise UserError("A tier has no tier of its own: set its rate, burst, in_flight or daily.")
        if value is None and meant.kind is Kind.EVERYONE:
            raise UserError("Everyone needs a tier to begin with: name one.")
        if value is None:
            return None
        name, tiers = desk_values.limit(TIER, value), await self._whom.tiers()
        if name is not None and name not in tiers:
            raise UserError(f"There is no tier {shown(value)}. There is: {', '.join(tiers)}.")
        return name

    async def _within_own(self, origin: Origin, meant: Meant, key: str, value: str | None) -> str | None:
        """Nobody grants what they do not have. "As it was" is as an operator left it. Raises: UserError."""
        subjects = [*(f"place:{place}" for place in places_of(origin.sphere)), meant.subject]
        values = await self._office.store.tuning.values(subjects)
        if value is None:
            return values.get(meant.subject, {}).get(CEILING + key)
        most = await self._own(origin)
        for subject in subjects:
            for each, number in (await self._numbers(_ceilings(values.get(subject, {})))).items():
                most[each] = min(most.get(each, math.inf), number)
        for each, number in (await self._numbers({key: value})).items():
            if number > most.get(each, math.inf):
                raise UserError(
                    f"{_amount(number)} {UNITS[each]} is beyond what you can give here: "
                    f"{sentences.amount(most[each])} is the most. An operator can set more."
                )
        return value

    async def _own(self, origin: Origin) -> dict[str, float]:
        """What the admin has around the place: what they set within it must not lower what they can set next."""
        _tier, limits = await self._office.store.ledger.limits_of(origin.account, around(origin.sphere), origin.groups)
        return _as_numbers(limits)

    async def _numbers(self, said: dict[str, str]) -> dict[str, float]:
        """Limits as numbers; a tier stands for all of its own."""
        numbers: dict[str, float] = {}
        if tier := said.get(TIER):
            subject = f"tier:{tier}"
            of_tier = (await self._office.store.tuning.values([subject])).get(subject, {})
            numbers = {key: float(text) for key, text in of_tier.items() if key in UNITS}
        return numbers | {key: float(text) for key, text in said.items() if key in UNITS}


def known(meant: Meant) -> PersonRow:
    """The row of a person who was here before. Raises: UserError for one who was not, and for what is no person."""
    if meant.row is None:
        raise UserError(f"{meant.shown} has never asked for anything here, so there is nothing to count or to limit.")
    return meant.row


def told(value: str | None) -> str:
    """A stored limit in words."""
    if value is None:
        return "as before"
    return desk_values.UNLIMITED if value == "inf" else value


def _changes(meant: Meant, key: str, value: str | None, *, is_operator: bool) -> tuple[Change, ...]:
    limit = Set(subject=meant.subject, key=key, value=value)
    if is_operator and meant.kind in _OF_A_PLACE:
        return (limit, Set(subject=meant.subject, key=CEILING + key, value=value))
    return (limit,)


def _amount(number: float) -> str:
    return "Unlimited" if math.isinf(number) else sentences.amount(number)


def _ceilings(values: dict[str, str]) -> dict[str, str]:
    return {key.removeprefix(CEILING): value for key, value in values.items() if key.startswith(CEILING)}


def _as_numbers(limits: Limits) -> dict[str, float]:
    return {"rate": limits.rate, "burst": limits.burst, "in_flight": limits.in_flight, "daily": limits.daily}


def _sentence(meant: Meant, key: str, value: str | None) -> str:
    whom = meant.shown[0].upper() + meant.shown[1:]
    if value is None:
        return f"{whom}: {key} is no longer set; what is set more generally holds."
    if key == TIER:
        return f"{whom}: the tier is {value} now."
    return f"{whom}: {told(value)} {UNITS[key]} from now on."

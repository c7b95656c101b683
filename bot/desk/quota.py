"""How much somebody may draw and has drawn today, in words that mean something: pictures as they are drawn here.

Changes nothing.
"""

import math

from bot import answers
from bot.cards import Card, Field, Origin
from bot.desk import sentences
from bot.desk.limiting import TIER, UNITS, known, told
from bot.desk.office import Office
from bot.desk.places import EVERYWHERE
from bot.desk.rights import Act
from bot.desk.tuning import Tuner
from bot.desk.whom import Kind, Meant, Whom
from bot.recipes import Wish, recipe_for, wish_with
from bot.requests import ShowQuota
from engine.cost import cost_of
from engine.errors import UserError
from storage.asking import Standing


class Quota:
    """Answers /quota and /quota show."""

    def __init__(self, office: Office, whom: Whom, tuner: Tuner) -> None:
        self._office = office
        self._whom = whom
        self._tuner = tuner

    async def show(self, origin: Origin, asked: ShowQuota) -> Card:
        """The asker's own; for admins what is set here; for operators somebody's, or what is set for a tier."""
        if asked.who is None:
            return await self._mine(origin)
        meant = self._whom.of_place(origin, asked.who)
        if meant and meant.kind is Kind.HERE:
            self._office.check(origin, Act.LIMIT_PLACE, origin.sphere)
            return await self._what_is_set(meant)
        self._office.check(origin, Act.SEE_QUOTA, EVERYWHERE)
        meant = await self._whom.find(origin, asked.who, EVERYWHERE)
        if meant.kind is not Kind.PERSON:
            return await self._what_is_set(meant)
        row = known(meant)
        is_exempt = self._office.is_operator(meant.account)
        standing = await self._office.store.ledger.standing(meant.account, "", (), is_exempt=is_exempt)
        ever = f"{sentences.count(row.n_pictures, 'picture')}, {sentences.seconds(row.gpu_s)} of the device"
        fields = (*self._fields(standing, _left(standing)), Field(name="Ever", value=ever))
        return answers.note("quota", f"{meant.shown} today:", *fields)

    async def _mine(self, origin: Origin) -> Card:
        is_exempt = self._office.is_operator(origin.account)
        standing = await self._office.store.ledger.standing(
            origin.account, origin.place, origin.groups, is_exempt=is_exempt
        )
        left = _left(standing) + await self._as_pictures(origin, standing)
        return answers.note("quota", "What you may draw, and have drawn today:", *self._fields(standing, left))

    def _fields(self, standing: Standing, left: str) -> tuple[Field, ...]:
        limits, now_s = standing.limits, self._office.clock()
        given = f", with {sentences.amount(standing.given)} granted" if standing.given > 0 else ""
        drawn = f"{sentences.count(standing.n_pictures, 'picture')}, {sentences.seconds(standing.gpu_s)} of the device"
        used = f"{sentences.amount(standing.used)} of {sentences.amount(limits.daily)} standard pictures{given}"
        if math.isinf(limits.daily):
            used = f"{sentences.count(standing.used, 'standard picture')}, no limit"
        return (
            Field(name="Drawn today", value=drawn),
            Field(name="Used today", value=used),
            Field(name="Left today", value=left),
            Field(name="Begins anew", value=f"in {sentences.span(standing.resets_s - now_s)}"),
            Field(name="Rate", value=_rate(standing, now_s)),
            Field(name="Waiting or being drawn", value=_in_flight(standing)),
            Field(name="Tier", value=standing.tier or "none: limits are for others"),
        )

    async def _as_pictures(self, origin: Origin, standing: Standing) -> str:
        """What is left, as pictures as they are drawn here: a standard one is 512 x 512, and few models draw that."""
        if math.isinf(standing.left) or standing.left <= 0:
            return ""
        try:
            looks = await self._tuner.looks(origin)
            entry = await self._office.hands.entry(looks.model)
            recipe = recipe_for(wish_with(Wish(prompt=""), looks), entry)
        except UserError:  # what was set is of a model that is no longer here
            return ""
        n_pictures = _rough(standing.left / cost_of(recipe))
        return f": about {n_pictures:,} at {recipe.width_px} x {recipe.height_px} and {recipe.steps} steps"

    async def _what_is_set(self, meant: Meant) -> Card:
        values = (await self._office.store.tuning.values([meant.subject])).get(meant.subject, {})
        fields = [Field(name=key, value=told(values[key])) for key in (TIER, *UNITS) if key in values]
        sentence = f"Set for {meant.shown}:" if fields else f"Nothing is set for {meant.shown}."
        return answers.note("quota", sentence, *fields)


def _left(standing: Standing) -> str:
    if math.isinf(standing.left):
        return "no limit"
    return sentences.count(standing.left, "standard picture")


def _rate(standing: Standing, now_s: float) -> str:
    if math.isinf(standing.limits.rate):
        return "no limit"
    limits = standing.limits
    rate = f"{sentences.count(limits.rate, 'request')} a minute, {sentences.amount(limits.burst)} at once"
    wait_s = standing.free_at_s - now_s
    return f"{rate}; the next one in {sentences.span(wait_s)}" if wait_s > 0 else rate


def _in_flight(standing: Standing) -> str:
    most = standing.limits.in_flight
    if math.isinf(most):
        return sentences.count(standing.n_in_flight, "job")
    return f"{standing.n_in_flight} of {sentences.count(most, 'job')}"


def _rough(number: float) -> int:
    """Two digits are enough of what is an estimate: 423 → 420."""
    if number < 100:
        return int(number)
    step: int = 10 ** (len(str(int(number))) - 2)
    return int(number // step) * step

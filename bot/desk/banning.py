"""Bans: who is refused, where, why and until when. Nobody bans an operator; a place admin bans within the place."""

from bot import answers
from bot.cards import Card, Field, Origin
from bot.desk import rights, sentences
from bot.desk.office import Deed, Office
from bot.desk.places import EVERYWHERE, lies_in
from bot.desk.rights import Act
from bot.desk.whom import Meant, Whom
from bot.requests import BanSomebody, UnbanSomebody
from bot.typography import clean
from engine.errors import UserError
from storage.changes import Ban, Unban
from storage.records import BanRow

LONGEST_S = 10 * 366 * 86_400.0
MOST_REASON_CHARS = 200
MOST_SHOWN = 20


class Banning:
    """Answers /ban, /unban and /bans."""

    def __init__(self, office: Office, whom: Whom) -> None:
        self._office = office
        self._whom = whom

    async def ban(self, origin: Origin, asked: BanSomebody) -> Card:
        """Refuse somebody, and take back what they have waiting there."""
        place = EVERYWHERE if asked.is_everywhere else origin.sphere
        self._office.check(origin, Act.BAN, place)
        if asked.for_s is not None and not 0 < asked.for_s <= LONGEST_S:
            raise UserError("A ban lasts longer than nothing and at most ten years; without --for until it is lifted.")
        meant = await self._person(origin, asked.who)
        self._check_may_ban(origin, meant)
        until_s = None if asked.for_s is None else self._office.clock() + asked.for_s
        reason = clean(asked.reason)[:MOST_REASON_CHARS]
        told = f"for {sentences.span(asked.for_s)}" if asked.for_s is not None else "until it is lifted"
        because = f": {reason}" if reason else ""
        deed = Deed(
            act=Act.BAN,
            kind="ban",
            answer=f"{meant.shown} is banned {sentences.where(place, origin.sphere)} {told}{because}",
            changes=(Ban(account=meant.account, place=place, reason=reason, until_s=until_s),),
            target=meant.account,
            target_name=meant.shown,
            words=f"{told}{because}",
            place=place,
        )
        card = await self._office.do(origin, deed)
        n_cancelled = await self._office.hands.cancel_all(meant.owner, place)
        if not n_cancelled:
            return card
        return answers.note("ban", f"{card.sentence} · {sentences.count(n_cancelled, 'waiting request')} cancelled")

    async def unban(self, origin: Origin, asked: UnbanSomebody) -> Card:
        """Lift the ban of this place, or the one of all of Darkroom."""
        place = EVERYWHERE if asked.is_everywhere else origin.sphere
        self._office.check(origin, Act.UNBAN, place)
        meant = await self._person(origin, asked.who)
        bans = await self._office.store.people.bans(None)
        held = {ban.place for ban in bans if ban.account in (*meant.accounts, meant.owner)}
        if place not in held:
            raise UserError(_not_banned(meant, place, held, origin))
        deed = Deed(
            act=Act.UNBAN,
            kind="ban",
            answer=f"{meant.shown} is no longer banned {sentences.where(place, origin.sphere)}.",
            changes=(Unban(account=meant.account, place=place),),
            target=meant.account,
            target_name=meant.shown,
            place=place,
        )
        return await self._office.do(origin, deed)

    async def show(self, origin: Origin) -> Card:
        """Who is banned, within what the asker looks after."""
        realm = self._realm(origin)
        self._office.check(origin, Act.SEE_BANS, origin.sphere)
        bans = [ban for ban in await self._office.store.people.bans(None) if lies_in(ban.place, realm)]
        if not bans:
            return answers.note("bans", "Nobody is banned.")
        shown = [self._told(ban, origin.sphere) for ban in bans[:MOST_SHOWN]]
        more = f", the first {MOST_SHOWN}" if len(bans) > MOST_SHOWN else ""
        return answers.note("bans", f"{sentences.count(len(bans), 'ban')}{more}:", *shown)

    async def _person(self, origin: Origin, who: str) -> Meant:
        return await self._whom.person(origin, who, self._realm(origin))

    def _realm(self, origin: Origin) -> str:
        realm = rights.realm(self._office.rank(origin), origin)
        return origin.sphere if realm is None else realm

    def _check_may_ban(self, origin: Origin, meant: Meant) -> None:
        if any(self._office.is_operator(account) for account in meant.accounts):
            raise UserError(f"{meant.shown} runs this Darkroom and cannot be banned.")
        if origin.account in meant.accounts or origin.owner == meant.owner:
            raise UserError("That is yourself; ban somebody else.")

    def _told(self, ban: BanRow, here: str) -> Field:
        rest_s = None if ban.until_s is None else ban.until_s - self._office.clock()
        until = "until it is lifted" if rest_s is None else f"for {sentences.span(rest_s)}"
        because = f": {ban.reason}" if ban.reason else ""
        name = sentences.person(ban.name, ban.account)
        return Field(name=name, value=f"{sentences.where(ban.place, here)} {until}{because}")


def _not_banned(meant: Meant, place: str, places: set[str], origin: Origin) -> str:
    """A ban of all of Darkroom is worth saying to whoever tries to lift it here."""
    but = ", but everywhere: /unban with --everywhere, for operators" if EVERYWHERE in places else ""
    return f"{meant.shown} is not banned {sentences.where(place, origin.sphere)}{but}."

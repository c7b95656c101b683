"""The desk: one answer to each of the requests that are its own, and who asks, whether they may, for everything else.

Puts the parts together; knows no platform.
"""

import dataclasses
import time
import typing
from collections.abc import Callable, Iterable

from bot import answers, desk_values, requests
from bot.buttons import Press, Verb
from bot.cards import Card, Origin
from bot.desk import rights, sentences
from bot.desk.access import Access
from bot.desk.banning import Banning
from bot.desk.claiming import Claiming
from bot.desk.codes import Tries
from bot.desk.gate import Gate
from bot.desk.insight import Insight
from bot.desk.limiting import Limiting
from bot.desk.linking import Linking
from bot.desk.models import Models
from bot.desk.office import Hands, Office, Terms
from bot.desk.papers import Papers
from bot.desk.privacy import Privacy
from bot.desk.quota import Quota
from bot.desk.rights import Act, Rank
from bot.desk.steering import Steering
from bot.desk.tuning import DEFAULT_ASK_AFTER_MIN, Tuner
from bot.desk.whom import Whom
from bot.recipes import Looks
from bot.requests import Course
from engine.engine import Engine
from engine.errors import UserError
from engine.finish import Finisher
from storage import changes
from storage.asking import Asking, Limit, NotAdmitted, Refused
from storage.store import Store

ASKS_A_MINUTE, ASKS_AT_ONCE = 60.0, 120.0  # a press a second: more than anybody reads
UPLOADS_A_MINUTE, UPLOADS_AT_ONCE = 20.0, 40.0  # some albums of ten; each is fetched, decoded and written

# Whoever may claim is a stranger until then; and whoever was kept out since keeps the right to what is kept of them.
_FOR_STRANGERS = (requests.Claim, requests.MyData, requests.ForgetMe, requests.UnlinkAccounts)


class Desk:
    """Answers what is asked at the desk, and says for everything else who asks, whether they may, and how it looks.

    `open` it first. `clock` gives Unix seconds. Every coroutine raises UserError with a sentence for the person, and
    StorageError.
    """

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        finisher: Finisher,
        papers: Papers,
        terms: Terms,
        hands: Hands,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._office = office = Office(
            store=store, engine=engine, finisher=finisher, papers=papers, terms=terms, hands=hands, clock=clock
        )
        self._asking = Gate("things that draw nothing", ASKS_A_MINUTE, ASKS_AT_ONCE, clock)
        self._sending = Gate("pictures", UPLOADS_A_MINUTE, UPLOADS_AT_ONCE, clock)
        whom, tries = Whom(store), Tries(clock)
        self._access = Access(office, whom)
        self._tuner = Tuner(office, self._access)
        self._quota = Quota(office, whom, self._tuner)
        self._limiting = Limiting(office, whom)
        self._banning = Banning(office, whom)
        self._steering = Steering(office)
        self._models = Models(office, self._tuner)
        self._insight = Insight(office)
        self._linking = Linking(office, tries)
        self._privacy = Privacy(office)
        self._claiming = Claiming(office, tries)

    async def open(self) -> Course:
        """Load who is who, and make the code to claim with if nobody has; returns the course that was steered last."""
        await self._office.load()
        await self._claiming.open()
        return self._steering.course

    def claim_line(self, platforms: Iterable[str]) -> str | None:
        """A line to print at the start: how to become the operator. None once each of these platforms has one."""
        return self._claiming.line(platforms)

    def add_owner(self, account: str) -> None:
        """A platform says who owns the bot there: an operator from now on, in this life."""
        self._office.add_owner(account)

    # Who asks

    def known(self, origin: Origin) -> Origin:
        """The same with the person as owner and the account as account; again and again the same."""
        return self._office.known(origin)

    async def arrived(self, origin: Origin) -> Origin:
        """The same with the person as owner and the account as account, what they may see, and without lost rights.

        A place admin who is banned there is none to us: they could lift their own ban. Raises: StorageError.
        """
        origin = self.known(origin)
        if origin.is_place_shared:
            sees_others = await self.visibility(origin.place) != "private"
            origin = dataclasses.replace(origin, sees_others=sees_others)
        if origin.is_place_admin and await self._office.store.people.is_banned(origin.account, origin.place):
            return dataclasses.replace(origin, is_place_admin=False)
        return origin

    def person(self, account: str) -> str:
        """Whose account it is, as an owner."""
        return self._office.person(account)

    def rank(self, origin: Origin) -> Rank:
        """What the asking account is, here and in this event."""
        return self._office.rank(origin)

    def realm(self, origin: Origin) -> str | None:
        """The place within which they act for others: "" everywhere (operators), None nowhere."""
        return rights.realm(self.rank(origin), origin)

    def check(self, origin: Origin, act: Act, place: str) -> None:
        """Whether they may do this at a place, "" being everywhere. Raises: UserError that names who can."""
        self._office.check(origin, act, place)

    # What holds for them

    async def let_in(self, origin: Origin) -> None:
        """Whether they may use this Darkroom at all: for what draws nothing. Raises: UserError."""
        await self._access.check(self.known(origin))

    def check_pace(self, origin: Origin) -> None:
        """For what draws nothing, and so counts nowhere: that it is no flood. Raises: UserError."""
        self._pass(self._asking, self.known(origin))

    async def check_not_banned(self, origin: Origin) -> None:
        """For what only shows. Who is banned can still take back and delete what is theirs. Raises: UserError."""
        ban = await self._office.store.people.is_banned(self.known(origin).account, origin.place)
        if ban:
            refused = Refused(limit=Limit.BANNED, reason=ban.reason, place=ban.place, come_back_s=ban.until_s)
            raise sentences.refused(refused, self._office.clock())

    async def may_upload(self, origin: Origin) -> None:
        """Before anything of theirs is fetched: let in, not banned, and not too many in a minute. Raises: UserError."""
        origin = self.known(origin)
        await self._access.check(origin)
        await self.check_not_banned(origin)
        self._pass(self._sending, origin)

    def _pass(self, gate: Gate, origin: Origin) -> None:
        if not self._office.is_operator(origin.account):
            gate.come(origin.owner)

    async def admitted(self, origin: Origin) -> Asking:
        """For what draws: whether they may at all and whether anything new is taken now. Raises: UserError."""
        origin = self.known(origin)
        await self._access.check(origin)
        await self._check_place(origin)
        self._steering.check_takes()
        return self.asking(origin)

    def asking(self, origin: Origin) -> Asking:
        """Who asks, for the limits: also for what draws nothing and is kept."""
        origin = self.known(origin)
        return Asking(
            account=origin.account,
            place=origin.place,
            groups=origin.groups,
            is_exempt=self._office.is_operator(origin.account),
            most_waiting=self._office.terms.most_waiting,
        )

    async def _check_place(self, origin: Origin) -> None:
        if not origin.is_place_shared or origin.is_age_restricted:
            return
        if await self.visibility(origin.place) == "restricted":
            raise UserError(desk_values.restricted(origin.place))

    def refused(self, refusal: NotAdmitted) -> UserError:
        """What a limit says, in a sentence: what, why, when to come back."""
        return sentences.refused(refusal.refused, self._office.clock())

    async def looks(self, origin: Origin) -> Looks:
        """How pictures are drawn where a wish says nothing: what the asker set, then the place, then all."""
        return await self._tuner.looks(self.known(origin))

    async def visibility(self, place: str) -> str:
        """Who sees the pictures of a place: shared, private, spoiler or restricted."""
        return await self._tuner.visibility(place)

    async def wants_ping(self, account: str) -> bool:
        """Whether somebody wants a message of its own when a picture is done."""
        return await self._tuner.wants_ping(account)

    async def joined(self, origin: Origin) -> bool:
        """Somebody brought the bot into a place: an operator's is let in at once. Returns whether they are in."""
        return await self._access.joined(self.known(origin))

    # What holds for all

    def course(self) -> Course:
        """What the engine is to do now."""
        return self._steering.course

    def course_sentence(self) -> str:
        """What those who wait should know of it, "" while all goes on."""
        return self._steering.sentence

    def ask_after_s(self) -> float:
        """The wait in seconds from which people are asked first."""
        minutes = self._office.of_all("ask_after")
        return 60.0 * (DEFAULT_ASK_AFTER_MIN if minutes is None else float(minutes))

    async def keep_days(self) -> int:
        """For how many days what people asked for is kept; 0: for ever."""
        days = self._office.of_all("retention")
        return self._office.terms.retention_days if days is None else int(days)

    async def log_place(self) -> tuple[str, str] | None:
        """Place and reply_to of where admin acts are posted, None for nowhere."""
        place, _, reply_to = (self._office.of_all("log") or "").partition(" ")
        return (place, reply_to) if reply_to else None

    async def announce(self, line: str) -> None:
        """Post a line where admin acts are logged, if anywhere."""
        await self._office.hands.announce(line)

    async def audit(self, act: changes.Act) -> None:
        """Keep what an admin did elsewhere, and announce it; once for an event."""
        await self._office.audit(act)

    # Answering

    async def answer(self, origin: Origin, request: requests.Desk) -> Card:
        """Do what was asked of the desk; the same event once more is answered the same, and done once."""
        origin = self.known(origin)
        if not isinstance(request, _FOR_STRANGERS):
            await self._access.check(origin)
        before = await self._office.store.acts.answered(origin.event_key)
        if before is not None:
            return answers.note("answered", before)
        return await self._answer(await self.arrived(origin), request)

    async def press(self, origin: Origin, press: Press) -> Card | None:
        """Do what a button of the desk says; None if it is no button of the desk."""
        if press.verb not in (Verb.LINK, Verb.FORGET, Verb.MYDATA):
            return None
        origin = self.known(origin)
        if press.verb is Verb.MYDATA:
            return await self._privacy.export(origin, press.target)
        if press.verb is Verb.FORGET:
            return await self._privacy.forget(origin)
        await self._access.check(origin)
        before = await self._office.store.acts.answered(origin.event_key)
        if before is not None:
            return answers.note(press.verb, before)
        return await self._linking.confirm(origin, press.target)

    async def _answer(self, origin: Origin, request: requests.Desk) -> Card:  # noqa: C901 # one case for each request
        match request:
            case requests.ShowQuota():
                return await self._quota.show(origin, request)
            case requests.SetQuota():
                return await self._limiting.change(origin, request)
            case requests.GrantQuota():
                return await self._limiting.grant(origin, request)
            case requests.ResetQuota():
                return await self._limiting.reset(origin, request)
            case requests.BanSomebody():
                return await self._banning.ban(origin, request)
            case requests.UnbanSomebody():
                return await self._banning.unban(origin, request)
            case requests.ShowBans():
                return await self._banning.show(origin)
            case requests.AllowSomebody():
                return await self._access.change(origin, request)
            case requests.Steer():
                return await self._steering.change(origin, request)
            case requests.ListModels():
                return await self._models.show(origin)
            case requests.UseModel():
                return await self._models.use(origin, request)
            case requests.Tune():
                return await self._tuner.answer(origin, request)
            case requests.ShowStats():
                return await self._insight.stats(origin, request)
            case requests.ShowAudit():
                return await self._insight.audit(origin, request)
            case requests.MyData():
                return await self._privacy.export(origin)
            case requests.ForgetMe():
                return await self._privacy.ask(origin)
            case requests.LinkAccounts():
                return await self._linking.answer(origin, request)
            case requests.UnlinkAccounts():
                return await self._linking.unlink(origin)
            case requests.Claim():
                return await self._claiming.claim(origin, request)
            case _:
                typing.assert_never(request)

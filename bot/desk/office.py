"""What all parts of the desk share: what the settings say, whom to call, who is known to be who, how an act is done."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from bot import answers
from bot.cards import Card, Origin
from bot.desk import rights
from bot.desk.papers import Papers
from bot.desk.rights import Act, Rank
from bot.requests import Course
from bot.typography import cut
from engine.catalog import Entry
from engine.engine import Engine
from engine.finish import Finisher
from storage import changes
from storage.changes import Change, Link, MakeOperator, Set, Unlink
from storage.store import Store

PAGE_OPERATOR = "web:operator"  # whoever opens the page on the computer that runs it
_WHO_IS_WHO = (Link, Unlink, MakeOperator)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the settings say to the desk.

    `operators` are accounts ("discord:123"). `model` is drawn with where nobody chose. `most_waiting` bounds the jobs
    of everybody together. `retention_days` 0: pictures are kept.
    """

    operators: frozenset[str] = frozenset()
    model: str = "pocket"
    most_waiting: int = 10_000
    retention_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What the desk has others do. All may be called again with no harm.

    `entry`: the model of that name, None the default; raises UnknownModel with a sentence. `cancel_all`: cancel what
    waits of an owner in a place and within ("" everywhere), returns how many requests. `steer`: let the engine do so.
    `announce`: post a line where admin acts are logged. `forget`: let go of what is kept in memory of an
    owner and their accounts.
    """

    entry: Callable[[str | None], Awaitable[Entry]]
    cancel_all: Callable[[str, str], Awaitable[int]]
    steer: Callable[[Course], Awaitable[None]]
    announce: Callable[[str], Awaitable[None]]
    forget: Callable[[str, tuple[str, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something to be done once. `kind` is of the card that answers; `target` is an account; `words` are for the audit.

    `place` is where it takes effect, "" everywhere. What people do for themselves is not audited.
    """

    act: Act
    kind: str
    answer: str
    changes: tuple[Change, ...]
    target: str | None = None
    target_name: str = ""
    words: str = ""
    place: str = ""
    is_audited: bool = True


class Office:
    """The shared room. Links, operators and what is set for all are kept in memory: asked for at every message."""

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
        self.store = store
        self.engine = engine
        self.finisher = finisher
        self.papers = papers
        self.terms = terms
        self.hands = hands
        self.clock = clock
        self._links: dict[str, str] = {}
        self._claimed: frozenset[str] = frozenset()
        self._owners: set[str] = set()  # of applications on platforms, as those say
        self._of_all: Mapping[str, str] = {}

    async def load(self) -> None:
        """Learn who is who, and what is set for all. Raises: StorageError."""
        self._links = await self.store.people.links()
        self._claimed = await self.store.people.operators()
        self._of_all = (await self.store.tuning.values([""])).get("", {})

    def of_all(self, key: str) -> str | None:
        """What is set for all of Darkroom, None where nothing is."""
        return self._of_all.get(key)

    def has_operator_on(self, platform: str) -> bool:
        """Whether anybody who runs Darkroom has an account there: rights do not travel by linking."""
        return any(
            account.startswith(f"{platform}:") for account in self.terms.operators | self._claimed | self._owners
        )

    def person(self, account: str) -> str:
        """Whose account it is: the head of those that are linked, itself where none are."""
        return self._links.get(account, account)

    def is_operator(self, account: str) -> bool:
        """Whether this very account is one: rights do not travel by linking."""
        return account == PAGE_OPERATOR or any(
            account in each for each in (self.terms.operators, self._claimed, self._owners)
        )

    def add_owner(self, account: str) -> None:
        """A platform says that this account owns the bot there: an operator, for this life."""
        self._owners.add(account)

    def known(self, origin: Origin) -> Origin:
        """The same with the person as owner and the account as account; again and again the same."""
        account = origin.account or origin.owner
        return replace(origin, account=account, owner=self.person(account))

    def rank(self, origin: Origin) -> Rank:
        """What the asking account is, here and in this event."""
        if self.is_operator(origin.account or origin.owner):
            return Rank.OPERATOR
        return Rank.PLACE_ADMIN if origin.is_place_admin else Rank.EVERYBODY

    def check(self, origin: Origin, act: Act, place: str) -> None:
        """Raises: UserError that names who can."""
        rights.check(self.rank(origin), act, origin, place)

    async def do(self, origin: Origin, deed: Deed) -> Card:
        """Change, audit and answer in one transaction; the same event once more is answered the same."""
        act = changes.Act(
            event_key=origin.event_key,
            actor=origin.account or origin.owner,
            actor_name=origin.asker,
            place=deed.place,
            act=deed.act,
            answer=deed.answer,
            words=deed.words,
            target=deed.target,
            changes=deed.changes,
            is_audited=deed.is_audited,
        )
        answer, is_new = await self.store.acts.do(act)
        if any(_is_remembered(change) for change in deed.changes):
            await self.load()
        if is_new and deed.is_audited:
            log.info("done at the desk", act=deed.act)  # by whom is in the audit, where it can be forgotten
            await self.hands.announce(_log_line(act, deed.target_name if deed.target else ""))
        return answers.note(deed.kind, answer)

    async def audit(self, act: changes.Act) -> None:
        """Keep what an admin did elsewhere, and say it where admin acts are logged; once for an event."""
        _answer, is_new = await self.store.acts.do(act)
        if is_new:
            await self.hands.announce(_log_line(act, act.target or ""))


def _is_remembered(change: Change) -> bool:
    """Whether it is about what is kept in memory."""
    return isinstance(change, _WHO_IS_WHO) or (isinstance(change, Set) and not change.subject)


def _log_line(act: changes.Act, target: str) -> str:
    """One line for the place where admin acts are logged."""
    parts = [f"{cut(act.actor_name)}: {act.act}", cut(target), act.words, cut(act.place)]
    return " · ".join(part for part in parts if part)

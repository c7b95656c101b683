"""Chat platforms with rules of their own, on the far side of a line that fails; and our side of the line.

A `Server` outlives the bot and keeps what its people see. A `Line` is a `Platform` in front of it for one life: its
calls take time, are lost on the way there or back, are refused for a while or for good, or break in the library.

    page      every call may be made again; nobody edits anything but its one newest card
    nonces    a post with a key is made once within two minutes; messages can be edited, looked at and listed
    edits     no keys, no list: only an edit of a message whose name is known may be made again
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from bot.cards import Card
from bot.platforms.base import Address, Budget, Found
from engine.errors import DeliveryRefused, DeliveryUnknown, PlatformError
from storage.records import DeliveryKind
from tests.sim.virtual import Clock

T = TypeVar("T")

NONCE_S = 120.0
_SEEN = 0.8  # how often a page is open
_LONGEST_S = 300.0  # of a call that never comes back: the bot gives up long before


class Fate(StrEnum):
    """What becomes of one call."""

    GOOD = "good"
    DROPPED = "dropped"  # never arrived, and we know
    REPLY_LOST = "reply lost"  # done, and we do not know
    STALLED = "stalled"  # no answer at all; done or not
    TOO_MANY = "too many"  # come back later
    BROKE_BEFORE = "broke before"  # their library trips before it is sent
    BROKE_AFTER = "broke after"


@dataclass(slots=True)
class Message:
    """What people see: its newest state, and how often pictures or an end were put into it anew."""

    number: int
    chat: str
    request: str
    card: Card
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it left us."""

    at_s: float
    life: int
    what: str
    chat: str
    request: str


@dataclass(slots=True)
class Server:
    """A platform's own state. `parked`: until when a chat asked a life of the bot, which has heard it, to be silent."""

    name: str
    budget: Budget
    clock: Clock
    has_nonces: bool = False
    has_list: bool = False
    is_page: bool = False
    messages: list[Message] = field(default_factory=list)
    nonces: dict[str, tuple[float, Message]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    parked: dict[tuple[int, str], float] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    note: Callable[[str], None] = lambda _: None

    def post(self, chat: str, request: str, card: Card, nonce: str) -> str:
        """A new message; with a nonce that was used a moment ago, the message of then."""
        seen = self.nonces.get(nonce)
        if self.has_nonces and seen and self.clock.now_s - seen[0] < NONCE_S:
            return str(seen[1].number)
        message = Message(len(self.messages), chat, request, card)
        self.messages.append(message)
        self.nonces[nonce] = self.clock.now_s, message
        return str(message.number)

    def edit(self, number: str, card: Card) -> bool:
        """Change a message; False if it is gone."""
        message = self.messages[int(number)]
        message.card = card
        return not message.is_gone

    def delete(self, number: str) -> None:
        """Take a message away, also one that is gone."""
        self.messages[int(number)].is_gone = True

    def of(self, request: str) -> list[Message]:
        """What people can see of a request."""
        return [message for message in self.messages if message.request == request and not message.is_gone]

    def show(self, chat: str, request: str, card: Card) -> None:
        """The page: one card a request, the newest."""
        there = self.of(request)
        if there:
            there[0].card = card
        else:
            self.messages.append(Message(len(self.messages), chat, request, card))

    def hide(self, request: str) -> None:
        """The page: the card goes."""
        for message in self.of(request):
            message.is_gone = True


@dataclass(slots=True)
class Weather:
    """How a line fails just now: the share of calls that do, and how they may."""

    trouble: float = 0.0
    fates: tuple[Fate, ...] = tuple(Fate)
    slowest_s: float = 1.0


class Line:
    """Our side of a platform, for one life of the bot. `arrived` is called when a call has done what it was for."""

    has_previews = False

    def __init__(
        self,
        server: Server,
        chance: random.Random,
        weather: Weather,
        life: int,
        arrived: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = server.name
        self.budget = server.budget
        self.is_repeatable = server.is_page
        self.in_flight: dict[int, Callable[[], object]] = {}
        self._server = server
        self._chance = chance
        self._weather = weather
        self._life = life
        self._arrived = arrived
        self._n_calls = 0

    def chat(self, reply_to: str) -> str:
        """`<chat>/<message>` is answered in the chat."""
        return reply_to.partition("/")[0]

    def is_seen(self, reply_to: str) -> bool:
        """A page may be closed; a chat never is."""
        return not self._server.is_page or self._chance.random() < _SEEN

    async def acknowledge(self, to: Address, card: Card) -> str | None:
        """Post it, or where there is a message already (told anew), edit that."""
        return await self._put("acknowledge", to, card)

    async def progress(self, to: Address, card: Card) -> None:
        """Edit it; without a message nothing is told."""
        if to.remote_id is None and not self._server.is_page:
            return
        self._check_budget(to)
        await self._put("progress", to, card)

    async def deliver(self, to: Address, card: Card) -> str | None:
        """Edit the message, or post another where it is gone or was never known."""
        return await self._put("deliver", to, card)

    async def withdraw(self, to: Address) -> None:
        """Take it away."""
        server = self._server
        if server.is_page:
            await self._call("withdraw", to, lambda: server.hide(to.request))
        elif to.remote_id is not None:
            number = to.remote_id
            await self._call("withdraw", to, lambda: server.delete(number))

    async def reconcile(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """Look, where one can; do it again, where that does no harm."""
        server = self._server
        if server.is_page:
            return Found.ABSENT, None
        if kind is DeliveryKind.WITHDRAW:
            await self.withdraw(to)
            return Found.THERE, None
        if server.has_list:
            return await self._call("look", to, lambda: self._listed(to, kind))
        if kind is DeliveryKind.ACKNOWLEDGE:
            return Found.ABSENT, None  # a second placeholder does no harm
        if to.remote_id is not None and await self._call("look", to, lambda: server.edit(to.remote_id or "", card)):
            return Found.THERE, to.remote_id
        return Found.UNKNOWN, None

    def _listed(self, to: Address, kind: DeliveryKind) -> tuple[Found, str | None]:
        for message in self._server.of(to.request):
            if kind is DeliveryKind.ACKNOWLEDGE or message.card.state.is_over:
                return Found.THERE, str(message.number)
        return Found.ABSENT, None

    async def _put(self, what: str, to: Address, card: Card) -> str | None:
        server, chat = self._server, self.chat(to.reply_to)

        def put() -> str | None:
            if server.is_page:
                server.show(chat, to.request, card)
                return None
            if to.remote_id is not None and (server.edit(to.remote_id, card) or what == "progress"):
                return to.remote_id
            # The message that acknowledged and the one that delivers are two posts, so two keys.
            return server.post(chat, to.request, card, f"{to.request}{'r' if what == 'deliver' else ''}")

        return await self._call(what, to, put)

    async def _call(self, what: str, to: Address, act: Callable[[], T]) -> T:
        chat = self.chat(to.reply_to)
        now_s = self._server.clock.now_s
        if self._server.parked.get((self._life, chat), 0.0) > now_s:
            self._server.complaints.append(f"{what} of {to.request} within a retry_after")
        self._server.calls.append(Call(now_s, self._life, what, chat, to.request))
        fate = Fate.GOOD
        if self._chance.random() < self._weather.trouble:
            fate = self._chance.choice(self._weather.fates)
        self._server.note(f"{self.name} {what} {to.request} in {chat}, message {to.remote_id}: {fate}")
        self._n_calls += 1
        number = self._n_calls
        self.in_flight[number] = act
        try:
            await asyncio.sleep(self._chance.uniform(0.0, self._weather.slowest_s))
            if chat in self._server.closed:
                raise DeliveryRefused("The chat has blocked the bot.")
            return await self._arrive(fate, chat, act)
        finally:
            self.in_flight.pop(number, None)

    async def _arrive(self, fate: Fate, chat: str, act: Callable[[], T]) -> T:
        match fate:
            case Fate.DROPPED:
                raise PlatformError("The chat cannot be reached.")
            case Fate.TOO_MANY:
                retry_after_s = self._chance.choice((0.5, 3.0, 20.0, 90.0))
                self._server.note(f"{self.name} wants {chat} left alone for {retry_after_s} s")
                self._server.parked[self._life, chat] = self._server.clock.now_s + retry_after_s
                raise PlatformError("Too many requests.", retry_after_s=retry_after_s)
            case Fate.BROKE_BEFORE:
                raise RuntimeError("their library trips")
            case Fate.STALLED:
                if self._chance.random() < 0.5:
                    act()
                await asyncio.sleep(_LONGEST_S)
                raise DeliveryUnknown("No answer.")
            case Fate.REPLY_LOST:
                act()
                raise DeliveryUnknown("The answer was lost.")
            case Fate.BROKE_AFTER:
                act()
                raise RuntimeError("their library trips over the answer")
            case Fate.GOOD:
                done = act()
                self._arrived()
                await asyncio.sleep(self._chance.uniform(0.0, self._weather.slowest_s))
                return done

    def power_cut(self) -> None:
        """Calls that are on their way arrive, or do not."""
        for act in list(self.in_flight.values()):
            if self._chance.random() < 0.5:
                act()
        self.in_flight.clear()

    def _check_budget(self, to: Address) -> None:
        """Progress never takes more than a budget leaves; ends may, and count."""
        server, chat = self._server, self.chat(to.reply_to)
        budget = self.budget
        for what, window, counts in (
            ("message", budget.of_message, lambda call: call.request == to.request),
            ("chat", budget.of_chat, lambda call: call.chat == chat),
            ("platform", budget.of_all, lambda call: True),
        ):
            if window is None:
                continue
            most, within_s = window
            since_s = server.clock.now_s - within_s + 1e-6
            told: list[Call] = []
            for call in reversed(server.calls):
                if call.at_s <= since_s or call.life != self._life:
                    break
                if counts(call) and call.what != "look":
                    told.append(call)
            if len(told) >= most:
                ago_s = server.clock.now_s - told[most - 1].at_s
                server.complaints.append(
                    f"progress of {to.request} {ago_s:.3f} s after {told[most - 1].what}: "
                    f"{most} in {within_s:g} s is the most of a {what}"
                )

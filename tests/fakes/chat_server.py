"""A chat platform on loopback, as the bot's process sees one over the net; it outlives the bot's lives.

    POST   /messages            {chat, answers, nonce, request, state, text, files} → {id}
    PATCH  /messages/<id>       {request, state, text, files}                       → {id}; 404 where it was deleted
    DELETE /messages/<id>       gone, also where it was gone
    GET    /messages?nonce=…    → {id} or 404; 403 where the bot may not read what was said
    GET    /events?after=N      what people did, waits a little for it; says that all up to N is taken care of

A message with a nonce that is remembered is the message that has it already. What people did is told again until it is
confirmed, now and then twice or in another order. Any call can meet bad weather: dropped before it is read, done with
the reply lost, reset, refused for a while (429) or for good (403, 404), broken before or after it is done (500), kept
waiting. Who was told to wait and speaks all the same is written down. Knows nothing of Darkroom but that a request has
a name and a state.
"""

import asyncio
import base64
import hashlib
import json
import random
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

POLL_S = 0.5  # how long a question for events waits for one
_SLACK_S = 0.8  # a call that was on its way when its chat was told to be quiet is no offence; two cores are busy
OVER = frozenset({"done", "failed", "cancelled"})


class Fault(StrEnum):
    """What can happen to a call."""

    DROPPED = "dropped"  # never read; the connection ends
    REPLY_LOST = "reply lost"  # done; the connection ends
    RESET = "reset"  # done; the connection is reset
    TOO_MANY = "too many"  # 429
    BROKEN_BEFORE = "broken before"  # 500
    BROKEN_AFTER = "broken after"  # done; 500
    STALLED = "stalled"  # done; the reply takes longer than anybody waits
    REFUSED = "refused"  # 403 for good


_DONE_ALL_THE_SAME = (Fault.REPLY_LOST, Fault.RESET, Fault.BROKEN_AFTER, Fault.STALLED)


@dataclass(kw_only=True)
class Weather:
    """How likely a call meets trouble, and which. `refusals` of all faults are for good."""

    luck: random.Random
    share: float = 0.0
    refusals: float = 0.0
    stall_s: float = 1.0

    def of_a_call(self, *, may_refuse: bool) -> Fault | None:
        """What happens to the next call."""
        if self.luck.random() >= self.share:
            return None
        if may_refuse and self.luck.random() < self.refusals:
            return Fault.REFUSED
        return self.luck.choice([each for each in Fault if each is not Fault.REFUSED])


@dataclass(kw_only=True)
class Message:
    """Something the bot said. `answers` is the event it answers to."""

    id: str
    chat: str
    answers: str
    nonce: str
    made_at: float
    request: str = ""
    state: str = ""
    text: str = ""
    files: tuple[str, ...] = ()
    is_deleted: bool = False
    had_result: bool = False

    @property
    def shows_a_result(self) -> bool:
        """Pictures, or the sentence that says why there are none, for a request."""
        return not self.is_deleted and bool(self.request) and (bool(self.files) or self.state in OVER)


@dataclass(kw_only=True)
class Happening:
    """What somebody did: typed words, or pressed a button of a message. `id` counts from 1."""

    id: int
    chat: str
    person: str
    words: str = ""
    button: str = ""
    at: float = 0.0
    is_confirmed: bool = False
    was_acknowledged: bool = False
    was_spoken_to: bool = False  # the bot tried to answer, whatever the weather made of it
    was_refused: bool = False  # a delivery of its was refused for good

    def told(self) -> dict[str, Any]:
        """As the bot hears it."""
        return {"id": self.id, "chat": self.chat, "person": self.person, "words": self.words, "button": self.button}


@dataclass(kw_only=True)
class Rules:
    """What this platform can do. Names are Discord's and Telegram's abilities, not theirs."""

    nonce_window_s: float = 0.0  # 0: nonces mean nothing here
    has_history: bool = True


@dataclass(kw_only=True)
class Counts:
    """What happened."""

    calls: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    offences: list[str] = field(default_factory=list)  # calls to a chat that had asked for silence


class ChatServer:
    """The platform, between `start` and `close`. `after_a_deed` is called when something was done, before the reply."""

    def __init__(self, rules: Rules, weather: Weather) -> None:
        self.rules = rules
        self.weather = weather
        self.messages: dict[str, Message] = {}
        self.happenings: list[Happening] = []
        self.counts = Counts()
        self.after_a_deed: Callable[[], None] | None = None
        self.changed = asyncio.Event()
        self.url = ""
        self._quiet: dict[str, tuple[float, float]] = {}  # chat → since, until
        self._news = asyncio.Event()
        self._confirmed = 0
        self._ahead_s = 0.0
        self._answers: dict[str, list[Message]] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(client_max_size=64 * 2**20)
        app.add_routes(
            [
                web.post("/messages", self._post),
                web.patch("/messages/{id}", self._patch),
                web.delete("/messages/{id}", self._delete),
                web.get("/messages", self._find),
                web.get("/events", self._events),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Let go of the port."""
        if self._runner:
            await self._runner.cleanup()

    # People

    def happen(self, chat: str, person: str, *, words: str = "", button: str = "") -> Happening:
        """Somebody types words or presses a button."""
        happening = Happening(
            id=len(self.happenings) + 1, chat=chat, person=person, words=words, button=button, at=time.monotonic()
        )
        self.happenings.append(happening)
        self._news.set()
        return happening

    def answers_to(self, happening: Happening) -> list[Message]:
        """What can be seen as an answer to it."""
        return [each for each in self._answers.get(str(happening.id), ()) if not each.is_deleted]

    def confirm(self, up_to: int) -> None:
        """The bot took care of everything up to this."""
        for happening in self.happenings[self._confirmed : up_to]:
            happening.is_confirmed = True
        if up_to > self._confirmed:
            self._confirmed = up_to
            self.changed.set()

    def forget_silences(self) -> None:
        """The bot died: who is told to be quiet and forgets it with his life does no wrong."""
        self._quiet.clear()

    def pass_time(self, seconds: float) -> None:
        """Nonces are older by so much."""
        self._ahead_s += seconds

    def _now(self) -> float:
        return time.monotonic() + self._ahead_s

    # Calls

    async def _post(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        return await self._in_weather(request, asked["chat"], lambda: self._say(asked), answers=asked["answers"])

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        asked, message = await request.json(), self.messages.get(request.match_info["id"])
        chat = message.chat if message else ""
        return await self._in_weather(
            request, chat, lambda: self._edit(message, asked), answers=message.answers if message else ""
        )

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        message = self.messages.get(request.match_info["id"])
        return await self._in_weather(request, message.chat if message else "", lambda: self._remove(message))

    async def _find(self, request: web.Request) -> web.StreamResponse:
        if not self.rules.has_history:
            return web.json_response({}, status=403)
        found = [
            each for each in self.messages.values() if each.nonce == request.query["nonce"] and not each.is_deleted
        ]
        return await self._in_weather(
            request, "", lambda: web.json_response({"id": found[-1].id}) if found else web.json_response({}, status=404)
        )

    def _say(self, asked: dict[str, Any]) -> web.Response:
        nonce, window_s = str(asked["nonce"]), self.rules.nonce_window_s
        for known in self.messages.values():
            if window_s and nonce and known.nonce == nonce and self._now() - known.made_at < window_s:
                return web.json_response({"id": known.id})
        message = Message(
            id=f"m{len(self.messages) + 1}",
            chat=asked["chat"],
            answers=asked["answers"],
            nonce=nonce,
            made_at=self._now(),
        )
        self.messages[message.id] = message
        self._answers.setdefault(message.answers, []).append(message)
        self._write(message, asked)
        return web.json_response({"id": message.id})

    def _edit(self, message: Message | None, asked: dict[str, Any]) -> web.Response:
        if message is None or message.is_deleted:
            return web.json_response({}, status=404)
        self._write(message, asked)
        return web.json_response({"id": message.id})

    def _remove(self, message: Message | None) -> web.Response:
        if message:
            message.is_deleted = True
            self.changed.set()
        return web.json_response({})

    def _write(self, message: Message, asked: dict[str, Any]) -> None:
        files = tuple(hashlib.sha256(base64.b64decode(each)).hexdigest() for each in asked["files"])
        message.request, message.state, message.text = asked["request"], asked["state"], asked["text"]
        message.files = files
        message.had_result = message.had_result or message.shows_a_result
        happening = self._happening(message.answers)
        if happening and message.request:
            happening.was_acknowledged = True
        self.changed.set()

    def _happening(self, answers: str) -> Happening | None:
        number = int(answers) if answers.isdecimal() else 0
        return self.happenings[number - 1] if 0 < number <= len(self.happenings) else None

    def _spoken_to(self, answers: str) -> Happening | None:
        happening = self._happening(answers)
        if happening:
            happening.was_spoken_to = True
        return happening

    async def _in_weather(
        self, request: web.Request, chat: str, deed: Callable[[], web.Response], answers: str = ""
    ) -> web.StreamResponse:
        self.counts.calls += 1
        happening = self._spoken_to(answers)
        if quiet_s := self._quiet_for_s(chat, f"{request.method} of {answers}"):
            return self._too_many(quiet_s)
        fault = self.weather.of_a_call(may_refuse=bool(answers))
        if fault:
            self.counts.faults[fault] = self.counts.faults.get(fault, 0) + 1
        if fault is Fault.REFUSED and happening:
            happening.was_refused = True
            return web.json_response({"why": "forbidden"}, status=403)
        if fault is None or fault in _DONE_ALL_THE_SAME:
            reply = deed()
            if self.after_a_deed:
                self.after_a_deed()
            if fault is None:
                return reply
        if fault is Fault.TOO_MANY:
            for_s = self.weather.luck.uniform(1.0, 2.5)
            now = time.monotonic()
            self._quiet[chat] = (now, now + for_s)
            return self._too_many(for_s)
        if fault in (Fault.BROKEN_BEFORE, Fault.BROKEN_AFTER):
            return web.json_response({}, status=500)
        if fault is Fault.STALLED:
            await asyncio.sleep(self.weather.stall_s)
        return self._hang_up(request, is_reset=fault is Fault.RESET)

    def _quiet_for_s(self, chat: str, call: str) -> float:
        """Seconds for which the chat is to be quiet still; who speaks in that time is written down."""
        since, until = self._quiet.get(chat, (0.0, 0.0))
        now = time.monotonic()
        if not chat or now >= until:
            return 0.0
        if now > since + _SLACK_S:
            self.counts.offences.append(f"{call} {now - since:.2f} s after it was told to wait {until - since:.2f} s")
        return until - now

    def _too_many(self, for_s: float) -> web.Response:
        return web.json_response({"retry_after": for_s}, status=429)

    def _hang_up(self, request: web.Request, *, is_reset: bool) -> web.StreamResponse:
        transport = request.transport
        if transport:
            its_socket = transport.get_extra_info("socket")
            if is_reset and its_socket is not None:
                its_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        return web.Response()

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self.confirm(int(request.query["after"]))
        if not self._waiting_ones():
            self._news.clear()
            try:
                async with asyncio.timeout(POLL_S):
                    await self._news.wait()
            except TimeoutError:
                pass
        told = [each.told() for each in self._waiting_ones()[:10]]
        luck = self.weather.luck
        if told and self.weather.share and luck.random() < 0.2:
            told.append(luck.choice(self.happenings[: self.happenings.index(self._waiting_ones()[0]) + 1]).told())
        if told and self.weather.share and luck.random() < 0.2:
            luck.shuffle(told)
        if self.weather.share and luck.random() < self.weather.share / 2:
            return self._hang_up(request, is_reset=luck.random() < 0.5)
        return web.Response(text=json.dumps(told), content_type="application/json")

    def _waiting_ones(self) -> list[Happening]:
        return self.happenings[self._confirmed :]

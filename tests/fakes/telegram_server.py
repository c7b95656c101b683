"""Telegram on loopback: the Bot API as a bot meets it, in the test's own event loop.

    server = FakeTelegram()
    await server.start()                            # then point the bot at server.api_base, with server.token
    ann = server.add_user("ann")                    # people, groups, topics, channels
    asked = await server.send(ann, server.private(ann), "/imagine a cat")
    message = await server.answer_to(asked)         # then texts(message), buttons(message), message.media
    await message.until(lambda it: it.media is not None)
    assert server.problems() == []                  # requests, answers and updates by the spec in tests/specs

It holds the rules that decide whether a bot works: offsets that confirm, one poller, webhooks that are told again,
sizes, entities, keyboards, topics, rights, photos that are made anew. `weather` and `next_fault` break calls on
purpose; `offences` says who spoke when told to be quiet. Knows nothing of Darkroom.
"""

import asyncio
import json
import secrets
import socket
import struct
from collections.abc import Callable
from typing import Any

from aiohttp import ClientError, web

from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_faults import Fault, Mishap, Planned, Weather
from tests.fakes.telegram_files import Sizes
from tests.fakes.telegram_flood import FloodLimits, Patience, RateLimit
from tests.fakes.telegram_judge import problems
from tests.fakes.telegram_message import Message, State, button, buttons, texts
from tests.fakes.telegram_methods import Methods
from tests.fakes.telegram_queries import Answer, InlineQuery, Press
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_scene import Scene
from tests.fakes.telegram_trouble import Trouble
from tests.fakes.telegram_updates import Update
from tests.fakes.telegram_world import ALL, MIB, TALK, Chat, File, Media, Member, Topic, User

__all__ = [
    "ALL",
    "TALK",
    "Answer",
    "Call",
    "Chat",
    "FakeTelegram",
    "Fault",
    "File",
    "FloodLimits",
    "InlineQuery",
    "Media",
    "Member",
    "Message",
    "Mishap",
    "Press",
    "RateLimit",
    "Sizes",
    "State",
    "Topic",
    "Update",
    "User",
    "Weather",
    "button",
    "buttons",
    "texts",
]

_BROKEN = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
_CUT_OFF = (Fault.DROPPED, Fault.REPLY_LOST, Fault.RESET, Fault.STALLED)


class FakeTelegram(Scene):
    """The platform, between `start` and `close`. `after_a_deed` is called when something was done, before the reply."""

    def __init__(self, token: str = "") -> None:
        super().__init__()
        self.token = token or f"{self.bot.id}:{secrets.token_urlsafe(26)}"
        self.methods = Methods(self, self.token)
        self.patience = Patience(self, self.methods.access)
        self.calls: list[Call] = []
        self.downloads: list[Call] = []  # of files; their method is "download"
        self.after_a_deed: Callable[[], None] | None = None
        self.api_base = ""
        self._trouble = Trouble(self)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(client_max_size=64 * MIB)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        for verb in ("GET", "POST"):
            app.router.add_route(verb, "/bot{token}/{method}", self._handle)
        # Who waits for updates and dies is nobody's poller any more.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.api_base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Hang up and let go of the port."""
        await self.methods.stop()
        if self._runner:
            await self._runner.cleanup()

    async def ready(self, timeout_s: float = 10.0) -> None:
        """Wait until a bot waits for updates, or has a webhook. Raises: TimeoutError."""
        await self.until(
            lambda: self.updates.is_polled or self.methods.webhook is not None, timeout_s, lambda: "nobody listens"
        )

    # What the bot said

    @property
    def limits(self) -> FloodLimits | None:
        """How often the bot may speak; None: as often as it likes."""
        return self.patience.limits

    @limits.setter
    def limits(self, limits: FloodLimits | None) -> None:
        self.patience.limits = limits

    @property
    def sizes(self) -> Sizes:
        """How large files may be."""
        return self.files_side.sizes

    def of_bot(self, chat: Chat) -> list[Message]:
        """Its messages in this chat that are there still, in order."""
        return [each for each in chat.messages.values() if each.is_mine and not each.deleted]

    async def said(self, chat: Chat, n: int = 1, timeout_s: float = 5.0) -> Message:
        """The n-th of them, when it is there. Raises: TimeoutError."""
        await self.until(
            lambda: len(self.of_bot(chat)) >= n, timeout_s, lambda: f"it said {self.of_bot(chat)} in {chat!r}"
        )
        return self.of_bot(chat)[n - 1]

    async def answer_to(self, message: Message, timeout_s: float = 5.0) -> Message:
        """The first that answers this one, when it is there. Raises: TimeoutError."""

        def found() -> list[Message]:
            return [each for each in self.of_bot(message.chat) if each.reply_to is message]

        await self.until(lambda: bool(found()), timeout_s, lambda: f"no answer to {message!r}")
        return found()[0]

    # Trouble

    def next_fault(
        self,
        method: str,
        fault: Fault,
        n: int = 1,
        *,
        status: int = 500,
        retry_after_s: float | None = None,
        chat: Chat | None = None,
    ) -> None:
        """The next `n` calls that match meet this. `method`: a pattern of fnmatch, "edit*"; "download" is of files."""
        self._trouble.planned.append(
            Planned(
                method=method,
                fault=fault,
                n=n,
                status=status,
                retry_after_s=retry_after_s,
                chat_id=chat.id if chat else None,
            )
        )

    @property
    def refused(self) -> list[str]:
        """Calls that were refused for good."""
        return self._trouble.refused

    @property
    def offences(self) -> list[str]:
        """Calls about a chat that had been told to be quiet."""
        return self.patience.silences.offences

    def forget_silences(self) -> None:
        """The bot died: who is told to be quiet and forgets it with his life does no wrong."""
        self.patience.silences.forget()

    def problems(self) -> list[str]:
        """What in all that was said so far does not agree with the spec; slow, for the end of a test."""
        return problems(self.calls, self.updates.log)

    # Calls

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        name = self.methods.name(request.match_info["method"])
        call = Call(method=name, token=request.match_info["token"], at_s=self.now())
        self.calls.append(call)
        plan = self._trouble.plan(call)
        call.fault = plan.fault if plan else None
        if call.fault is Fault.DROPPED:
            return self._hang_up(request)
        try:
            await call.read(request)
            if call.n_file_bytes > self.sizes.upload:
                raise Refusal(Why.TOO_LARGE)
        except Refusal as refusal:
            return self._reply(call, refusal.status, refusal.body())
        except (ClientError, ConnectionError, asyncio.IncompleteReadError):
            return self._hang_up(request)
        plan = plan or self._trouble.plan_of_chat(call)
        call.fault = plan.fault if plan else None
        status, body = await self._answer(call, plan)
        call.parts = {}
        if call.fault in _CUT_OFF:
            if call.fault is Fault.STALLED:
                await asyncio.sleep(self.weather.stall_s)
            return self._hang_up(request, is_reset=call.fault is Fault.RESET)
        return self._reply(call, status, body)

    async def _answer(self, call: Call, plan: Planned | None) -> tuple[int, Any]:
        """The deed and its answer, or what stands in their place."""
        try:
            self.methods.check_token(call.token)
            self.patience.check_quiet(call)
            if plan and plan.fault is Fault.TOO_MANY:
                raise self.patience.ask(call, plan.retry_after_s or self.weather.retry_after_s())
            self._trouble.check(call, plan)
            if plan and plan.fault in (Fault.BROKEN_BEFORE, Fault.DROPPED):
                return _broken(plan)
            self.patience.count(call)
            answer = 200, {"ok": True, "result": await self.methods.do(call)}
            if self.after_a_deed:
                self.after_a_deed()
        except Refusal as refusal:
            answer = refusal.status, refusal.body()
        return _broken(plan) if plan and plan.fault is Fault.BROKEN_AFTER else answer

    # Answers

    def _reply(self, call: Call, status: int, body: Any) -> web.Response:
        call.status, call.response = status, body
        headers = {}
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        if "retry_after" in body.get("parameters", {}):
            headers["Retry-After"] = str(body["parameters"]["retry_after"])
        said = json.dumps(body).encode()
        return web.Response(status=status, body=said, headers=headers, content_type="application/json")

    def _hang_up(self, request: web.Request, *, is_reset: bool = False) -> web.StreamResponse:
        transport = request.transport
        if transport:
            its_socket = transport.get_extra_info("socket")
            if is_reset and its_socket is not None:
                its_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        return web.Response()

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """What getFile told of, for an hour."""
        call = Call(method="download", token=request.match_info["token"], at_s=self.now())
        self.downloads.append(call)
        plan = self._trouble.plan(call)
        call.fault = plan.fault if plan else None
        if plan and plan.fault in _CUT_OFF:
            if plan.fault is Fault.STALLED:
                await asyncio.sleep(self.weather.stall_s)
            return self._hang_up(request, is_reset=plan.fault is Fault.RESET)
        try:
            self.methods.check_token(call.token)
            file = self.files_side.at(request.match_info["path"])
            if file is None or plan:
                raise Refusal((plan.status, _BROKEN.get(plan.status, "")) if plan else Why.NOT_FOUND)
        except Refusal as refusal:
            return self._reply(call, refusal.status, refusal.body())
        call.status = 200
        return web.Response(body=file.content, content_type="application/octet-stream")


def _broken(plan: Planned) -> tuple[int, Any]:
    """Some machines between here and Telegram speak HTML."""
    sentence = _BROKEN.get(plan.status, "broken")
    if plan.status == 504:
        return plan.status, f"<html><body><h1>{plan.status} {sentence}</h1></body></html>"
    return plan.status, {"ok": False, "error_code": plan.status, "description": sentence}

"""Discord on loopback: its gateway and its REST as a bot meets them, in the test's own event loop.

    server = FakeDiscord()
    await server.start()                     # then point the bot at server.api_base, server.gateway, server.token
    guild = server.add_guild("home", owner)  # people, servers, channels
    asked = await server.slash(owner, channel, "imagine", {"prompt": "a cat"})
    message = await asked.answered()         # then texts(message), buttons(message), gallery(message)
    assert server.problems() == []           # requests, answers and events by the specs in tests/specs

It holds the rules that decide whether a bot works: three seconds to answer, fifteen minutes for a token, sizes,
Components V2, nonces, permissions, sessions that resume. `weather` and `next_fault` break calls on purpose; `offences`
says who spoke when told to be quiet. Knows nothing of Darkroom.
"""

import asyncio
import json
import math
import secrets
import socket
import struct
from collections.abc import Callable
from typing import Any

from aiohttp import ClientError, web

from tests.fakes.discord_calls import API, Answer, Call
from tests.fakes.discord_faults import DONE_ALL_THE_SAME, Buckets, Fault, Planned, RateLimit, Silences, Weather
from tests.fakes.discord_interactions import Interaction
from tests.fakes.discord_judge import problems
from tests.fakes.discord_reading import Shown, button, buttons, gallery, selects, texts
from tests.fakes.discord_refusals import Refusal
from tests.fakes.discord_rest import Rest, Route
from tests.fakes.discord_scene import Scene
from tests.fakes.discord_trouble import Trouble
from tests.fakes.discord_world import (
    ALL,
    BOT,
    MANAGER,
    MEMBER,
    MIB,
    Attachment,
    Channel,
    Guild,
    Json,
    Message,
    Permission,
    Role,
    User,
)

__all__ = [
    "ALL",
    "BOT",
    "MANAGER",
    "MEMBER",
    "Attachment",
    "Call",
    "Channel",
    "FakeDiscord",
    "Fault",
    "Guild",
    "Interaction",
    "Message",
    "Permission",
    "RateLimit",
    "Role",
    "Shown",
    "User",
    "Weather",
    "button",
    "buttons",
    "gallery",
    "selects",
    "texts",
]


class FakeDiscord(Scene):
    """The platform, between `start` and `close`. `after_a_deed` is called when something was done, before the reply."""

    def __init__(self, token: str = "") -> None:
        self.token = token or f"MTIz.{secrets.token_hex(3)}.{secrets.token_hex(14)}"
        super().__init__(self.token)
        self.rest = Rest(self, self.token)
        self.calls: list[Call] = []
        self.after_a_deed: Callable[[], None] | None = None
        self.channel_limit: RateLimit | None = None  # of messages, per channel and method
        self.webhook_limit: RateLimit | None = None
        self.api_base = ""
        self.gateway = ""
        self._trouble = Trouble(self)
        self._silences = Silences()
        self._buckets = Buckets()
        self._runner: web.AppRunner | None = None

    @property
    def bot_user_id(self) -> int:
        """The bot's user; the application has an id of its own."""
        return self.bot.id

    @property
    def owner_id(self) -> int:
        """Whose application it is."""
        return self.owner.id

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(client_max_size=64 * MIB)
        app.router.add_get("/gw", self.gateway_side.handle)
        app.router.add_get("/gw/", self.gateway_side.handle)
        app.router.add_get("/attachments/{place}/{id}/{name}", self._file)
        app.router.add_get("/ephemeral-attachments/{place}/{id}/{name}", self._file)
        app.router.add_route("*", API + "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.base_url, self.api_base = f"http://{address}", f"http://{address}{API}"
        self.gateway = self.gateway_side.url = f"ws://{address}/gw"

    async def close(self) -> None:
        """Hang up and let go of the port."""
        await self.gateway_side.close()
        if self._runner:
            await self._runner.cleanup()

    # The gateway

    @property
    def n_identifies(self) -> int:
        """How often a bot began a session."""
        return self.gateway_side.n_identifies

    @property
    def n_resumes(self) -> int:
        """How often one went on."""
        return self.gateway_side.n_resumes

    @property
    def dispatched(self) -> list[tuple[str, Json]]:
        """Events with their data, as they were first told; HELLO with its whole payload."""
        return self.gateway_side.told

    async def ready(self, timeout_s: float = 10.0, *, n_commands: int = 0, n_identifies: int = 1) -> None:
        """Wait until a session is connected, the n-th that ever was, and for commands. Raises: TimeoutError."""
        side = self.gateway_side
        await self.until(
            lambda: (
                side.n_live > 0 and side.n_identifies >= n_identifies and len(self.commands.registered()) >= n_commands
            ),
            timeout_s,
            lambda: f"{side.n_live} of {side.n_identifies} sessions, {len(self.commands.registered())} commands",
        )

    async def drop(self, code: int = 4000, *, forget: bool = False) -> None:
        """Hang up on everybody. `forget`: sessions cannot be resumed."""
        await self.gateway_side.drop(code, forget=forget)

    # Trouble

    def next_fault(
        self,
        method: str,
        path: str,
        fault: Fault,
        n: int = 1,
        *,
        status: int = 500,
        retry_after_s: float | None = None,
    ) -> None:
        """The next `n` calls that match meet this. `path`: a pattern of fnmatch, "/webhooks/*/messages/@original"."""
        self._trouble.planned.append(
            Planned(method=method, path=path, fault=fault, n=n, status=status, retry_after_s=retry_after_s)
        )

    @property
    def refused(self) -> list[str]:
        """Calls that the weather refused for good."""
        return self._trouble.refused

    @property
    def offences(self) -> list[str]:
        """Calls to a route that had been told to be quiet."""
        return self._silences.offences

    def forget_silences(self) -> None:
        """The bot died: who is told to be quiet and forgets it with his life does no wrong."""
        self._silences.forget()

    def problems(self) -> list[str]:
        """What in all that was said so far does not agree with the specs; slow, for the end of a test."""
        return problems(self.calls, self.gateway_side.told, self.gateway_side.heard)

    # Calls

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = Call.begun(request, self.now())
        self.calls.append(call)
        plan = self._trouble.plan(call)
        call.fault = plan.fault if plan else None
        if call.fault is Fault.DROPPED:
            return self._hang_up(request)
        try:
            await call.read(request)
        except Refusal as refusal:
            return self._reply(call, refusal.status, refusal.body())
        except (ClientError, ConnectionError, asyncio.IncompleteReadError):
            return self._hang_up(request)
        route = self.rest.find(call.method, call.path)
        left_s, headers = self._limits(route, call) if route else (0.0, {})
        if left_s:
            call.parts = {}
            return self._too_many(call, left_s, headers)
        status, body = self._do(call, plan, route)
        call.parts = {}
        if call.fault is Fault.TOO_MANY and status == 429:  # else it was refused for good, which comes first
            return self._too_many(call, body, headers)
        if call.fault in (Fault.REPLY_LOST, Fault.RESET, Fault.STALLED):
            if call.fault is Fault.STALLED:
                await asyncio.sleep(self.weather.stall_s)
            return self._hang_up(request, is_reset=call.fault is Fault.RESET)
        return self._reply(call, status, body, headers)

    def _limits(self, route: Route, call: Call) -> tuple[float, dict[str, str]]:
        now = self.now()
        left_s = self._silences.left_s(route.key, now, f"{call.method} {call.path}")
        is_message = "/messages" in route.name
        limit = self.webhook_limit if "/webhooks" in route.name else self.channel_limit if is_message else None
        if left_s or limit is None:
            return left_s, {}
        wait_s, headers = self._buckets.take(route.key, limit, now)
        if wait_s:
            self._silences.ask(route.key, now, wait_s)
        return wait_s, headers

    def _do(self, call: Call, plan: Planned | None, route: Route | None) -> Answer:
        """The deed and its answer, or what stands in their place."""
        if refused := self._trouble.refusal(call, plan):
            return refused.value[0], Refusal(refused).body()
        if plan and plan.fault is Fault.TOO_MANY:
            retry_after_s = plan.retry_after_s or self.weather.retry_after_s()
            self._silences.ask(route.key if route else call.path, self.now(), retry_after_s)
            return 429, retry_after_s
        if plan is None or plan.fault in DONE_ALL_THE_SAME:
            status, body = self._deed(call, route)
            if plan is None or plan.fault is not Fault.BROKEN_AFTER:
                return status, body
        return plan.status, {"message": f"{plan.status}: broken", "code": 0}

    def _deed(self, call: Call, route: Route | None) -> Answer:
        try:
            answer = self.rest.do(call, route)
        except Refusal as refusal:
            return refusal.status, refusal.body()
        if self.after_a_deed:
            self.after_a_deed()
        return answer

    # Answers

    def _too_many(self, call: Call, retry_after_s: float, headers: dict[str, str]) -> web.Response:
        body = {"message": "You are being rate limited.", "retry_after": round(retry_after_s, 3), "global": False}
        more = {"Via": "1.1 google", "Retry-After": str(math.ceil(retry_after_s)), "X-RateLimit-Scope": "user"}
        return self._reply(call, 429, {**body, "code": 0}, {**headers, **more})

    def _reply(self, call: Call, status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
        """As `application/json` and nothing more: discord.py takes a charset for a sign of text."""
        call.status, call.response = status, body
        if body is None:
            return web.Response(status=status, headers=headers)
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
        """The CDN: what people and the bot uploaded."""
        attachment = self.attachments.get(int(request.match_info["id"]))
        if attachment is None or attachment.filename != request.match_info["name"]:
            return web.Response(status=404)
        return web.Response(body=attachment.content, content_type=attachment.content_type)

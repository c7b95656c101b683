"""The fake Discord's gateway: sessions that outlive their connections, and what is told over them."""

import asyncio
import json
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from tests.fakes.discord_wire import guild_json, user_json
from tests.fakes.discord_world import Guild, Json, World

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
GUILDS = 1  # the intent
_FORGETS = (WSCloseCode.OK, WSCloseCode.GOING_AWAY)  # who says goodbye loses the session (docs)
_MOST_REMEMBERED = 10_000  # events of a session; who missed more begins a new one
WRONG_TOKEN, NOT_IDENTIFIED, ALREADY_IDENTIFIED, WRONG_SHARD, NOT_JSON = 4004, 4003, 4005, 4010, 4002


@dataclass(kw_only=True, eq=False)
class Connection:
    """One socket. What is put into `outbox` is sent in order; a number closes it with that code."""

    socket: web.WebSocketResponse
    compressor: Any = None
    outbox: asyncio.Queue[Json | int] = field(default_factory=asyncio.Queue)
    session: "Session | None" = None

    async def deliver(self) -> None:
        """Send what there is to send, until it is closed."""
        while True:
            said = await self.outbox.get()
            if isinstance(said, int):
                await self.socket.close(code=said)
                return
            text = json.dumps(said)
            if self.compressor is None:
                await self.socket.send_str(text)
            else:
                packed = self.compressor.compress(text.encode()) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
                await self.socket.send_bytes(packed)


@dataclass(kw_only=True, eq=False)
class Session:
    """What a bot identified for. `log`: the last events it was told, in order; `s` counts from 1."""

    id: str
    shard: tuple[int, int]
    intents: int
    n_told: int = 0
    log: deque[Json] = field(default_factory=lambda: deque(maxlen=_MOST_REMEMBERED))
    connection: Connection | None = None
    lost_at: float = 0.0

    def wants(self, guild_id: int | None) -> bool:
        """The shard of this server; DMs go to the first."""
        return ((guild_id >> 22) % self.shard[1] if guild_id else 0) == self.shard[0]

    def tell(self, event: str, told: Json) -> None:
        """Now, or when it resumes."""
        self.n_told += 1
        payload = {"op": DISPATCH, "t": event, "s": self.n_told, "d": told}
        self.log.append(payload)
        if self.connection:
            self.connection.outbox.put_nowait(payload)


class Gateway:
    """Everything that is connected. `told` and `heard` record (kind, payload) for whoever judges them later."""

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token
        self.url = ""
        self.heartbeat_ms = 41_250
        self.resume_window_s = 60.0
        self.n_shards = 1
        self.n_identifies = 0
        self.n_resumes = 0
        self.sessions: dict[str, Session] = {}
        self.connections: list[Connection] = []
        self.told: list[tuple[str, Json]] = []
        self.heard: list[tuple[int, Json]] = []

    @property
    def n_live(self) -> int:
        """Sessions that are connected."""
        return sum(session.connection is not None for session in self.sessions.values())

    def dispatch(self, event: str, told: Json, guild_id: int | None = None) -> int:
        """Tell it to every session that wants it, in order; how many are connected."""
        self.told.append((event, told))
        self._forget_old()
        wanted = [session for session in self.sessions.values() if session.wants(guild_id)]
        for session in wanted:
            session.tell(event, told)
        return sum(session.connection is not None for session in wanted)

    def _forget_old(self) -> None:
        now = self._world.now()
        for session in list(self.sessions.values()):
            if session.connection is None and now - session.lost_at > self.resume_window_s:
                del self.sessions[session.id]

    async def drop(self, code: int = 4000, *, forget: bool = False) -> None:
        """Hang up. `forget`: the sessions cannot be resumed."""
        if forget:
            self.sessions.clear()
        await self._everyone(code)

    async def ask_to_reconnect(self) -> None:
        """Op 7: the client hangs up itself and resumes."""
        for connection in list(self.connections):
            connection.outbox.put_nowait({"op": RECONNECT, "d": None})

    async def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9: the session is over; with `resumable` it may be resumed."""
        for connection in list(self.connections):
            connection.outbox.put_nowait({"op": INVALID, "d": resumable})
            if not resumable and connection.session:
                self.sessions.pop(connection.session.id, None)

    async def close(self) -> None:
        """The server stops, whether or not its clients hang up."""
        with suppress(TimeoutError):
            await self._everyone(WSCloseCode.GOING_AWAY)

    async def _everyone(self, code: int) -> None:
        those = list(self.connections)
        for connection in those:
            self._detach(connection)
            connection.outbox.put_nowait(code)
        await self._world.until(lambda: not set(those) & set(self.connections), 5.0, lambda: "a client never hung up")

    # One connection

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A client connects."""
        socket = web.WebSocketResponse(timeout=0.5, max_msg_size=0, compress=False)
        await socket.prepare(request)
        is_zlib = request.query.get("compress") == "zlib-stream"
        connection = Connection(socket=socket, compressor=zlib.compressobj() if is_zlib else None)
        self.connections.append(connection)
        hello: Json = {"op": HELLO, "t": None, "s": None, "d": {"heartbeat_interval": self.heartbeat_ms}}
        self.told.append(("HELLO", hello))
        connection.outbox.put_nowait(hello)
        delivery = asyncio.create_task(connection.deliver())
        try:
            async for frame in socket:
                if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._hear(connection, frame.data)
        finally:
            delivery.cancel()
            await asyncio.gather(delivery, return_exceptions=True)
            self._end(connection)
        return socket

    def _end(self, connection: Connection) -> None:
        session = connection.session
        self._detach(connection)
        if session and connection.socket.close_code in _FORGETS and session.connection is None:
            self.sessions.pop(session.id, None)
        self.connections.remove(connection)
        self._world.touch()

    def _detach(self, connection: Connection) -> None:
        if connection.session and connection.session.connection is connection:
            connection.session.connection = None
            connection.session.lost_at = self._world.now()
        connection.session = None

    def _hear(self, connection: Connection, frame: str | bytes) -> None:
        try:
            payload: Json = json.loads(frame)
        except ValueError:
            connection.outbox.put_nowait(NOT_JSON)
            return
        op = payload["op"]
        self.heard.append((op, payload))
        answers: dict[int, Callable[[Connection, Any], None]] = {
            HEARTBEAT: self._beat,
            IDENTIFY: self._identify,
            RESUME: self._resume,
        }
        if op in answers:
            answers[op](connection, payload["d"])
        elif connection.session is None:
            connection.outbox.put_nowait(NOT_IDENTIFIED)

    def _beat(self, connection: Connection, _seq: int | None) -> None:
        connection.outbox.put_nowait({"op": ACK, "t": None, "s": None, "d": None})

    def _identify(self, connection: Connection, asked: Json) -> None:
        shard = tuple(asked.get("shard") or (0, 1))
        wrong = (
            WRONG_TOKEN
            if asked["token"] != self._token
            else ALREADY_IDENTIFIED
            if connection.session
            else WRONG_SHARD
            if not 0 <= shard[0] < shard[1]
            else 0
        )
        if wrong:
            connection.outbox.put_nowait(wrong)
            return
        self.n_identifies += 1
        session = Session(
            id=f"{self._world.new_id():x}", shard=(shard[0], shard[1]), intents=asked["intents"], connection=connection
        )
        connection.session = session
        self.sessions[session.id] = session
        guilds = [each for each in self._world.guilds.values() if each.has_bot and session.wants(each.id)]
        self._greet(session, guilds, has_shard="shard" in asked)
        self._world.touch()

    def _greet(self, session: Session, guilds: list[Guild], *, has_shard: bool) -> None:
        ready: Json = {
            "v": 10,
            "user": user_json(self._world.bot) | {"mfa_enabled": True, "verified": True, "email": None},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "application": {"id": str(self._world.application_id), "flags": 0, "flags_new": "0"},
        }
        if has_shard:
            ready["shard"] = list(session.shard)
        self.told.append(("READY", ready))
        session.tell("READY", ready)
        for guild in guilds if session.intents & GUILDS else []:
            told = guild_json(guild, self._world.bot) | {"unavailable": False}
            self.told.append(("GUILD_CREATE", told))
            session.tell("GUILD_CREATE", told)

    def _resume(self, connection: Connection, asked: Json) -> None:
        self._forget_old()
        session = self.sessions.get(asked["session_id"])
        if asked["token"] != self._token:
            connection.outbox.put_nowait(WRONG_TOKEN)
        elif session is None or not session.n_told - len(session.log) <= asked["seq"] <= session.n_told:
            connection.outbox.put_nowait({"op": INVALID, "t": None, "s": None, "d": False})
        else:
            self.n_resumes += 1
            if session.connection:
                session.connection.outbox.put_nowait(4000)
                self._detach(session.connection)
            for payload in session.log:
                if payload["s"] > asked["seq"]:
                    connection.outbox.put_nowait(payload)
            connection.session, session.connection = session, connection
            session.tell("RESUMED", {})
            self._world.touch()

"""The calls to Discord, and what its refusals mean. Knows nothing of cards and of why a call is made.

The low doors of discord.py (its HTTP client and its webhook adapter) are used here alone: they keep rate limits and
retries, and take JSON as it stands. First replies go through a pool of connections of their own.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import msgspec
from discord.http import Route
from discord.webhook.async_ import async_context

from bot.platforms.discord.address import MessageName
from bot.platforms.discord.messages import Json, Upload
from bot.platforms.discord.pauses import Pauses
from engine.errors import DeliveryRefused, DeliveryUnknown, PlatformError

CHANNEL_MESSAGE, THINKING, NOTHING_NEW, SUGGESTIONS, MODAL = 4, 5, 6, 8, 9  # kinds of first replies
MAX_FIRST_REPLIES = 20  # connections: measured to answer a burst twice as fast as one for each
CALL_WITHIN_S = 40.0  # less than the courier allows
_PAUSE_S = 60.0  # after a 429 that names no time
_LATE = frozenset({10062, 10015, 50027})  # unknown interaction, unknown webhook, invalid webhook token
_UNKNOWN_MESSAGE, _UNKNOWN_CHANNEL = 10008, 10003
_GONE = frozenset({_UNKNOWN_MESSAGE, _UNKNOWN_CHANNEL})
_ANSWERED = 40060
_TOO_LARGE = 40005
_CLOSED = frozenset({50083, 160005})  # an archived thread takes no edits, a locked one no messages
_OLD_EDITS, _OLD_EDITS_PAUSE_S = 30046, 30.0  # messages older than an hour may be edited less often
_NOT_YET = "Discord is not there yet."
_NEVER = 50035  # what we sent is not valid: another try would not be either


class TokenGone(PlatformError):
    """The interaction is over, or never had this reply."""


class MessageGone(PlatformError):
    """The message, its channel or our right to it is gone. `was_there`: it is known that somebody deleted it."""

    was_there = False


class AnsweredAlready(PlatformError):
    """The interaction has its first reply."""


class TooLarge(PlatformError):
    """The files are more than this place takes."""


class Wire:
    """Calls.

    Each raises one of the above, another PlatformError for what is to be tried again, DeliveryUnknown, DeliveryRefused.
    """

    def __init__(self, client: discord.Client) -> None:
        self._replies: aiohttp.ClientSession | None = None
        self._uploads: aiohttp.ClientSession | None = None
        self._traces = [Pauses().trace()]
        self.use(client)

    def use(self, client: discord.Client) -> None:
        """From now on with this client: the one before has ended."""
        client.http.http_trace = self._traces[0]
        self._client = client

    async def open(self) -> None:
        """Make the pools of connections; harmless when they are there."""
        if self._replies is None:
            headers = {"User-Agent": self._client.http.user_agent}
            timeout = aiohttp.ClientTimeout(total=CALL_WITHIN_S)
            connector = aiohttp.TCPConnector(limit=MAX_FIRST_REPLIES)
            self._replies = aiohttp.ClientSession(
                connector=connector, headers=headers, timeout=timeout, trace_configs=self._traces
            )
            self._uploads = aiohttp.ClientSession(headers=headers, timeout=timeout, trace_configs=self._traces)

    async def close(self) -> None:
        """Let go of them."""
        for session in (self._replies, self._uploads):
            if session:
                await session.close()
        self._replies = self._uploads = None

    @property
    def application(self) -> int:
        """Who we are, as an application. Raises: PlatformError before it is known."""
        if not self._client.application_id:
            raise PlatformError(_NOT_YET)
        return self._client.application_id

    @property
    def bot_user(self) -> int:
        """Who we are, as an account. Raises: PlatformError before it is known."""
        if not self._client.user:
            raise PlatformError(_NOT_YET)
        return self._client.user.id

    # Interactions

    async def reply(
        self, interaction: int, token: str, kind: int, data: Json | None = None, files: Sequence[Upload] = ()
    ) -> MessageName | None:
        """The first reply to an interaction; the name of the message, if it made one."""
        body: Json = {"type": kind} | ({"data": data} if data is not None else {})
        route = Route(
            "POST", "/interactions/{webhook_id}/{webhook_token}/callback", webhook_id=interaction, webhook_token=token
        )
        answer = await self._by_token(route, body, files, self._replies, params={"with_response": "1"})
        made = ((answer or {}).get("resource") or {}).get("message")
        return _name_of(made) if made else None

    async def edit_reply(self, token: str, message: Json, files: Sequence[Upload]) -> MessageName:
        """Edit the first reply of an interaction; doing it again does no harm."""
        return _name_of(await self._by_token(self._original("PATCH", token), message, files, self._uploads))

    async def delete_reply(self, token: str) -> None:
        """Take the first reply of an interaction away."""
        await self._by_token(self._original("DELETE", token), None, (), self._uploads)

    async def follow_up(self, token: str, message: Json, files: Sequence[Upload] = ()) -> MessageName:
        """One more message for an interaction. It has no key: for what may be seen twice."""
        route = Route(
            "POST", "/webhooks/{webhook_id}/{webhook_token}", webhook_id=self.application, webhook_token=token
        )
        return _name_of(await self._by_token(route, message, files, self._uploads, params={"wait": "true"}))

    def _original(self, method: str, token: str) -> Route:
        path = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
        return Route(method, path, webhook_id=self.application, webhook_token=token)

    async def _by_token(
        self,
        route: Route,
        body: Json | None,
        files: Sequence[Upload],
        session: aiohttp.ClientSession | None,
        params: dict[str, str] | None = None,
    ) -> Any:
        if session is None:
            raise PlatformError(_NOT_YET)
        with _as_files(files) as parts:
            async with _translated():
                return await async_context.get().request(
                    route,
                    session,
                    payload=None if files else body,
                    multipart=_form(body, parts, files) if files else None,
                    files=parts,
                    params=params,
                )

    # Channels

    async def post(
        self, channel: int, message: Json, files: Sequence[Upload], nonce: str, answering: int | None = None
    ) -> MessageName:
        """A new message; within some minutes, the same nonce is the same message."""
        body = message | {"nonce": nonce, "enforce_nonce": True}
        if answering:
            body["message_reference"] = {"message_id": str(answering), "fail_if_not_exists": False}
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel)
        return _name_of(await self._as_bot(route, body, files))

    async def edit(self, at: MessageName, message: Json, files: Sequence[Upload]) -> MessageName:
        """Edit a message of ours; doing it again does no harm."""
        return _name_of(await self._as_bot(self._message("PATCH", at), message, files))

    async def delete(self, at: MessageName) -> None:
        """Take a message of ours away."""
        await self._as_bot(self._message("DELETE", at))

    def may_look_back(self, channel: int) -> bool:
        """Whether we may read what was said in a channel: without the right, Discord says that there is nothing.

        Of a channel that is not known, such as direct messages, it is taken to be so; not before all servers were told.
        Raises: PlatformError then.
        """
        known = self._client.get_channel(channel)
        if known is None and not self._client.is_ready():
            raise PlatformError(_NOT_YET)
        if not isinstance(known, discord.abc.GuildChannel | discord.Thread):
            return True
        me: discord.Member | None = known.guild.me
        return me is None or known.permissions_for(me).read_message_history

    async def messages_after(self, channel: int, after: int) -> list[Json]:
        """The first messages of a channel after an id, fifty at most."""
        route = Route("GET", "/channels/{channel_id}/messages", channel_id=channel)
        self._check_is_there()
        async with _translated():
            found = await self._client.http.request(route, params={"after": str(after), "limit": "50"})
        return list(found)

    async def direct_channel(self, user: int) -> int:
        """The channel of somebody's direct messages with us."""
        self._check_is_there()
        async with _translated():
            made = await self._client.http.request(
                Route("POST", "/users/@me/channels"), json={"recipient_id": str(user)}
            )
        return int(made["id"])

    async def register(self, commands: list[Json]) -> None:
        """These are our commands, and no others."""
        route = Route("PUT", "/applications/{application_id}/commands", application_id=self.application)
        async with _translated():
            await self._client.http.request(route, json=commands)

    async def inviter(self, server: int) -> int | None:
        """Who brought us into a server, where we may know."""
        route = Route("GET", "/guilds/{guild_id}/audit-logs", guild_id=server)
        async with _translated():
            found = await self._client.http.request(route, params={"action_type": "28", "limit": "10"})
        mine = (each for each in found["audit_log_entries"] if str(each.get("target_id")) == str(self.bot_user))
        entry = next(mine, None)
        return int(entry["user_id"]) if entry and entry.get("user_id") else None

    def _check_is_there(self) -> None:
        """Before we are logged in there is nobody to speak for. Raises: PlatformError."""
        assert self.application

    def _message(self, method: str, at: MessageName) -> Route:
        path = "/channels/{channel_id}/messages/{message_id}"
        return Route(method, path, channel_id=at.channel, message_id=at.message)

    async def _as_bot(self, route: Route, body: Json | None = None, files: Sequence[Upload] = ()) -> Any:
        self._check_is_there()
        with _as_files(files) as parts:
            async with _translated(), asyncio.timeout(CALL_WITHIN_S):
                if files:
                    return await self._client.http.request(route, form=_form(body, parts, files), files=parts)
                if body is None:
                    return await self._client.http.request(route)
                return await self._client.http.request(route, json=body)


def _name_of(message: Json) -> MessageName:
    return MessageName(int(message["channel_id"]), int(message["id"]))


class _Parts(list[discord.File]):
    """The files of a call, closed with it."""

    def __enter__(self) -> "_Parts":
        return self

    def __exit__(self, *_: object) -> None:
        for each in self:
            each.close()


def _as_files(files: Sequence[Upload]) -> _Parts:
    return _Parts(discord.File(io.BytesIO(each.body), filename=each.name) for each in files)


def _form(body: Json | None, parts: _Parts, files: Sequence[Upload]) -> list[dict[str, Any]]:
    form: list[dict[str, Any]] = [
        {"name": "payload_json", "value": msgspec.json.encode(body or {}).decode(), "content_type": "application/json"}
    ]
    for number, (part, file) in enumerate(zip(parts, files, strict=True)):
        form.append(
            {
                "name": f"files[{number}]",
                "value": part.fp,
                "filename": part.filename,
                "content_type": file.media_type,
            }
        )
    return form


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Raises ours for theirs, where it is known what theirs means."""
    try:
        yield
    except discord.RateLimited as exc:
        raise PlatformError("Discord asks for a pause.", retry_after_s=exc.retry_after) from exc
    except discord.HTTPException as exc:
        if exc.code == _OLD_EDITS:
            raise PlatformError("Discord asks for a pause.", retry_after_s=_OLD_EDITS_PAUSE_S) from exc
        raise _meant(exc) from exc
    except aiohttp.ClientConnectorError as exc:  # nothing was sent
        raise PlatformError("Discord cannot be reached.") from exc
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        raise DeliveryUnknown("Discord's answer was lost.") from exc


def _meant(exc: discord.HTTPException) -> PlatformError:
    match exc.code:
        case code if code in _LATE:
            return TokenGone("The interaction is over.")
        case code if code == _ANSWERED:
            return AnsweredAlready("It is answered already.")
        case code if code in _GONE or code in _CLOSED:
            gone = MessageGone("The message is gone.")
            gone.was_there = code == _UNKNOWN_MESSAGE
            return gone
        case code if code == _TOO_LARGE:
            return TooLarge("The files are too large for this place.")
        case code if code == _NEVER:
            return DeliveryRefused(f"Discord does not take this message: {exc.text[:300]}")
    match exc.status:
        case 401 | 403 | 404:
            return MessageGone(f"Discord does not let us: {exc.text[:100]}")
        case 413:
            return TooLarge("The files are too large for this place.")
        case 429:
            return PlatformError("Discord asks for a pause.", retry_after_s=_retry_after_s(exc))
        case status if status >= 500:
            return DeliveryUnknown("Discord broke, and nobody knows before or after it did what was asked.")
        case _:
            return DeliveryRefused(f"Discord refuses: {exc.text[:300]}")


def _retry_after_s(exc: discord.HTTPException) -> float:
    try:
        return float(exc.response.headers.get("Retry-After", _PAUSE_S))
    except ValueError:
        return _PAUSE_S

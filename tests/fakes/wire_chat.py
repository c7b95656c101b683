"""A chat of the bot's that speaks to `chat_server.py`, in the manner of Discord or of Telegram. One file, no library.

`posts`: messages are made with a nonce, so that one can be made again within the server's window, and be looked for
after it where the history may be read. `edits`: nothing tells two messages apart, so results are edits of what is
there, and a result that had to be a new message is never made twice.

An event is confirmed once everything in its batch was committed or refused; `moments` hears what happens, by name, so
that a campaign can end the process exactly there.
"""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import aiohttp
import structlog

from bot import parser
from bot.cards import Card, Origin
from bot.library import Served
from bot.platforms.base import Address, Budget, Found
from bot.requests import Request
from engine.errors import DarkroomError, DeliveryRefused, DeliveryUnknown, PlatformError, UserError
from storage.records import DeliveryKind

CALL_WITHIN_S = 0.7  # a server that keeps us waiting does so for longer
BROKE = "Something broke on our side."
_ASK_AGAIN_S = 0.05
_LETTERS = {DeliveryKind.ACKNOWLEDGE: "a", DeliveryKind.RESULT: "r", DeliveryKind.WITHDRAW: "w"}

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class ChatStudio(Protocol):
    """What a chat needs of the studio."""

    async def ask(self, origin: Origin, request: Request, uploads: tuple[str, ...] = (), words: str = "") -> Card: ...

    async def press(self, origin: Origin, button_id: str) -> Card | None: ...

    async def file(self, owner: str, name: str, kind: str) -> Served: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Where a server is and what it can do, as `chat_server.Rules` says. `name` is the platform's: "posts", "edits"."""

    name: str
    url: str
    nonce_window_s: float
    has_history: bool


def _nothing(_phase: str, _what: str) -> None:
    pass


class WireChat:
    """The chat of one server."""

    has_previews = False
    is_repeatable = False

    lines: tuple[str, ...] = ()

    def __init__(self, studio: ChatStudio, wire: Wire, moments: Callable[[str, str], None] = _nothing) -> None:
        self.name = wire.name
        self.budget = Budget(of_message=(1, 0.1), of_chat=(20, 0.5))
        self._studio = studio
        self._wire = wire
        self._moments = moments
        self._quiet_until: dict[str, float] = {}
        self._session: aiohttp.ClientSession | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._listening = asyncio.create_task(self._listen(), name=f"listening {self.name}")

    async def close(self) -> None:
        """Take nothing in any more."""
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._session:
            await self._session.close()

    def chat(self, reply_to: str) -> str:
        """The first of its words."""
        return reply_to.split("/", maxsplit=1)[0]

    def is_seen(self, reply_to: str) -> bool:
        """Somebody may always be looking."""
        return True

    # Telling

    async def acknowledge(self, to: Address, card: Card) -> str | None:
        """A message of its own."""
        return await self._post(to, card, DeliveryKind.ACKNOWLEDGE)

    async def progress(self, to: Address, card: Card) -> None:
        """An edit, where there is something to edit."""
        if to.remote_id:
            await self._patch(to, card)

    async def deliver(self, to: Address, card: Card) -> str | None:
        """An edit of what is there; a message of its own where nothing is."""
        if not to.remote_id:
            return await self._post(to, card, DeliveryKind.RESULT)
        try:
            await self._patch(to, card)
        except DeliveryRefused:
            if not (self._wire.nonce_window_s and self._wire.has_history):
                raise  # a second message could not be told from a third
            return await self._post(to, card, DeliveryKind.RESULT)
        return to.remote_id

    async def withdraw(self, to: Address) -> None:
        """Delete it; where its name is not known, what its nonces find."""
        names = [to.remote_id] if to.remote_id else []
        if not names and self._wire.nonce_window_s and self._wire.has_history:
            for kind in (DeliveryKind.ACKNOWLEDGE, DeliveryKind.RESULT):
                found = await self._call("GET", "/messages", nonce=_nonce(to, kind))
                names += [str(found["id"])] if found else []
        for name in names:
            await self._call("DELETE", f"/messages/{name}")

    async def reconcile(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """Look for it, or say that doing it again does no harm; or that nobody knows."""
        self._moments("deliver", f"{kind} is reconciled")
        if kind is DeliveryKind.WITHDRAW or (to.remote_id and not self._wire.nonce_window_s):
            return Found.ABSENT, None
        if not self._wire.nonce_window_s:  # a second line that says "waiting" does little harm, a second picture does
            return (Found.ABSENT if kind is DeliveryKind.ACKNOWLEDGE else Found.UNKNOWN), None
        if self._wire.has_history:
            found = await self._call("GET", "/messages", nonce=_nonce(to, kind))
            return (Found.THERE, str(found["id"])) if found else (Found.ABSENT, None)
        return (Found.ABSENT if to.remote_id else Found.UNKNOWN), None

    async def _post(self, to: Address, card: Card, kind: DeliveryKind) -> str:
        body = {"nonce": _nonce(to, kind), **_where(to.reply_to), **await self._content(to, card)}
        try:
            made = await self._call("POST", "/messages", body)
        except PlatformError as exc:
            self._note_silence(self.chat(to.reply_to), exc)
            raise
        assert made
        return str(made["id"])

    async def _patch(self, to: Address, card: Card) -> None:
        try:
            edited = await self._call("PATCH", f"/messages/{to.remote_id}", await self._content(to, card))
        except PlatformError as exc:
            self._note_silence(self.chat(to.reply_to), exc)
            raise
        if edited is None:
            raise DeliveryRefused("The message is gone.")

    async def _content(self, to: Address, card: Card) -> dict[str, Any]:
        """What people see of a card."""
        owner = to.reply_to.split("/")[2]
        files = []
        for tile in card.tiles if card.state.is_over else ():
            if tile.picture:
                served = await self._studio.file(owner, tile.picture, "picture")
                files.append(base64.b64encode(await asyncio.to_thread(served.path.read_bytes)).decode())
        return {"request": card.id, "state": card.state.value, "text": card.sentence, "files": files}

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, **query: str
    ) -> dict[str, Any] | None:
        """None: there is no such message."""
        self._moments("deliver", f"{method} is next")
        try:
            async with self._line().request(method, self._wire.url + path, json=body, params=query) as reply:
                said: dict[str, Any] = await reply.json()
                status = reply.status
        except aiohttp.ClientConnectorError as exc:
            raise PlatformError(f"The chat cannot be reached: {exc}.") from exc
        except (aiohttp.ClientError, TimeoutError) as exc:
            _nobody_knows(method, f"The chat did not answer: {exc!r}.", exc)
        self._moments("deliver", f"{method} is done")
        if status == 404:
            return None
        if status == 429:
            raise PlatformError("The chat asks for a pause.", retry_after_s=said["retry_after"])
        if status >= 500:
            _nobody_knows(method, f"The chat is ill ({status}).")
        if status >= 400:
            raise DeliveryRefused(f"The chat refuses this ({status}).")
        return said

    def _line(self) -> aiohttp.ClientSession:
        """Also before `start`: what an earlier life left is looked for first."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_WITHIN_S))
        return self._session

    # Taking in

    async def _listen(self) -> None:
        """Everything people do, again and again until it is confirmed."""
        after = 0
        while True:
            try:
                happened = await self._events(after)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(_ASK_AGAIN_S)
                continue
            self._moments("ingest", "events came")
            await asyncio.gather(*(self._take(each) for each in happened))
            self._moments("ingest", "events are to be confirmed")
            after = max((after, *(int(each["id"]) for each in happened)))

    async def _events(self, after: int) -> list[dict[str, Any]]:
        async with self._line().get(f"{self._wire.url}/events", params={"after": str(after)}) as reply:
            happened: list[dict[str, Any]] = json.loads(await reply.text())
            return happened

    async def _take(self, event: dict[str, Any]) -> None:
        """Do what somebody wants; it is committed or refused when this returns."""
        owner = f"{self.name}:{event['person']}"
        origin = Origin(
            platform=self.name,
            owner=owner,
            place=f"{self.name}:{event['chat']}",
            reply_to=f"{event['chat']}/{event['id']}/{owner}",
            event_key=f"{self.name}:{event['id']}",
            asker=str(event["person"]),
        )
        self._moments("ingest", "an event is looked at")
        card: Card | None = None
        try:
            if event["button"]:
                card = await self._studio.press(origin, event["button"])
            else:
                card = await self._studio.ask(origin, parser.parse(event["words"]), words=event["words"])
        except UserError as exc:
            await self._answer(event, str(exc))
        except DarkroomError as exc:
            log.warning("an event was refused", reason=str(exc))
            await self._answer(event, str(exc))
        except Exception:  # a platform's edge: one event stops no other
            log.exception("an event broke")
            await self._answer(event, BROKE)
        self._moments("ingest", "an event is done with")
        if card and not card.id:
            await self._answer(event, card.sentence)

    async def _answer(self, event: dict[str, Any], sentence: str) -> None:
        """Say a sentence that is not kept; a person who does not get it asks again."""
        content = {"request": "", "state": "answer", "text": sentence, "files": []}
        where = {"chat": event["chat"], "answers": str(event["id"])}
        await asyncio.sleep(self._quiet_until.get(event["chat"], 0.0) - time.monotonic())
        try:
            await self._call("POST", "/messages", {"nonce": f"e{event['id']}", **where, **content})
        except PlatformError as exc:
            self._note_silence(event["chat"], exc)
            log.info("an answer was not told", reason=str(exc))

    def _note_silence(self, chat: str, exc: PlatformError) -> None:
        """What is not told through the outbox keeps to a chat's silence here."""
        if exc.retry_after_s:
            self._quiet_until[chat] = time.monotonic() + exc.retry_after_s


def _nonce(to: Address, kind: DeliveryKind) -> str:
    """At most 25 characters, the same in every life."""
    return f"{to.request[:24]}{_LETTERS[kind]}"


def _where(reply_to: str) -> dict[str, str]:
    chat, answers, _ = reply_to.split("/")
    return {"chat": chat, "answers": answers}


def _nobody_knows(method: str, sentence: str, cause: Exception | None = None) -> NoReturn:
    """A message may have been made; what is edited, deleted or looked for can simply be tried again."""
    raise (DeliveryUnknown(sentence) if method == "POST" else PlatformError(sentence)) from cause

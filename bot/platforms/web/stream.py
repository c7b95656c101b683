"""The event stream over HTTP: one open answer for each tab, until either side goes."""

import asyncio
import contextlib
from http import HTTPStatus

import structlog
from aiohttp import web

from bot.apology import unexpected
from bot.platforms.web import wire
from bot.platforms.web.door import PERSON
from bot.platforms.web.events import MAX_READERS, Events, NotServing, Reader, TooManyReaders
from bot.platforms.web.refusals import Refused
from bot.platforms.web.seams import WebStudio
from engine.errors import DarkroomError

N_CARDS = 30  # of the conversation at once
STALLED_S = 60.0  # a tab that takes nothing for so long is gone
_TOO_MANY = f"You have {MAX_READERS} of these pages open; close one."
_CLOSING = "Darkroom is being stopped."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Streams:
    """Writes a person's events to their browser."""

    def __init__(self, events: Events, studio: WebStudio) -> None:
        self._events = events
        self._studio = studio

    def routes(self) -> list[web.RouteDef]:
        """Where events come from."""
        return [web.get("/api/events", self.stream, allow_head=False)]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events, gone on from Last-Event-ID where that can be."""
        person = request[PERSON]
        reader = Reader(person.session, lambda: _is_gone(request), lambda: _cut(request))
        try:
            self._events.open(person.owner, reader)
        except TooManyReaders as exc:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, _TOO_MANY) from exc
        except NotServing as exc:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, _CLOSING) from exc
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        try:
            self.tell_status()
            await response.prepare(request)
            await self._write(request, response, reader)
        except (ConnectionError, TimeoutError):
            _cut(request)
        except DarkroomError as exc:  # the browser comes back by itself
            log.warning("a stream ended", reason=str(exc))
        except Exception:  # noqa: BLE001  # the platform edge
            unexpected("events")
        finally:
            self._events.leave(person.owner, reader)
        return response

    def tell_status(self) -> None:
        """Tell everybody how busy the engine is, if that changed."""
        status = self._studio.status()
        is_ready = any(worker.ready is not None for worker in status.workers)
        told = wire.Status(
            n_waiting=status.n_waiting,
            n_running=status.n_running,
            is_engine_ready=is_ready,
            is_paused=status.is_paused,
        )
        self._events.tell_status(wire.encode(told))

    async def _write(self, request: web.Request, response: web.StreamResponse, reader: Reader) -> None:
        owner = request[PERSON].owner

        async def snapshot() -> bytes:
            cards, has_older = await self._studio.conversation(owner, None, N_CARDS)
            return wire.encode(wire.Cards(cards=cards, has_older=has_older))

        last_id = request.headers.get("Last-Event-ID")
        async with contextlib.aclosing(self._events.read(owner, reader, last_id, snapshot)) as events:
            async for event in events:
                with reader.writes():
                    async with asyncio.timeout(STALLED_S):
                        await response.write(event)


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()

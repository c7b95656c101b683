"""The page as a platform: an HTTP server whose messages are the event streams of whoever asked.

Puts the parts of this folder together, binds the port, and lets go of it. Knows nothing of pictures or prompts.
"""

import asyncio
import contextlib

from aiohttp import web

from bot import parser as the_parser
from bot.cards import Card
from bot.platforms.web import guard, port, wire
from bot.platforms.web.api import Api, Parser
from bot.platforms.web.door import Door
from bot.platforms.web.events import Events
from bot.platforms.web.files import Assets, Pictures
from bot.platforms.web.seams import SessionStore, WebStudio
from bot.platforms.web.sessions import Sessions
from bot.platforms.web.settings import WebSettings
from bot.platforms.web.stream import Streams
from bot.platforms.web.uploads import Uploads

MAX_JSON_BYTES = 2**20  # 100,000 characters of any script reach the parser, which has a sentence for them
STATUS_EVERY_S = 1.0
CLOSE_WITHIN_S = 5.0  # for requests that are being answered; streams end at once

__all__ = ["WebPlatform", "WebSettings"]


class WebPlatform:
    """Serves the page between `start` and `close`. A message's `reply_to` is the owner whose streams show it."""

    name = "web"
    edit_every_s = 0.1
    has_previews = True

    def __init__(
        self,
        studio: WebStudio,
        sessions: SessionStore,
        settings: WebSettings,
        parser: Parser = the_parser,
        status_every_s: float = STATUS_EVERY_S,
    ) -> None:
        self._studio = studio
        self._settings = settings
        self._parser = parser
        self._status_every_s = status_every_s
        self._events = Events()
        self._streams = Streams(self._events, studio)
        self._sessions = Sessions(settings, sessions)
        self._door = Door(settings, self._sessions, self._events)
        self._port = settings.port
        self._runner: web.AppRunner | None = None
        self._telling: asyncio.Task[None] | None = None
        self._lines: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where a browser on this computer finds the page, once it is started."""
        return self._settings.url(self._port)

    async def start(self) -> None:
        """Bind the port and serve. Raises: UserError for a port or address that cannot be had, or no password."""
        self._settings.check()
        assets = await Assets.read()
        with contextlib.ExitStack() as unless_served:
            socket = unless_served.enter_context(await port.bound(self._settings.bind_address, self._settings.port))
            self._port = self._door.port = socket.getsockname()[1]
            runner = web.AppRunner(self._application(assets), access_log=None, shutdown_timeout=CLOSE_WITHIN_S)
            await runner.setup()
            self._runner = runner
            with port.sentences(self._settings.bind_address, self._port):
                await web.SockSite(runner, socket).start()
            unless_served.pop_all()
        self._telling = asyncio.create_task(self._keep_telling(), name="page status")
        if not self._settings.is_open:
            self._lines = (f"Sign in here, once, within ten minutes: {await self.operator_link()}",)

    async def close(self) -> None:
        """End every stream at once, let requests that are being answered end, and give the port back."""
        self._events.close()
        if self._telling:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def operator_link(self) -> str:
        """A one-time link that makes a browser the operator's."""
        return f"{self._settings.outer_url(self._port)}/sign-in/{await self._sessions.link()}"

    def lines_for_the_operator(self) -> tuple[str, ...]:
        """What whoever runs this should read at the start: how to sign in, where that is needed."""
        return self._lines

    async def acknowledge(self, reply_to: str, card: Card) -> None:
        """Tell the owner's open pages. Nobody waits for a page, and none refuses."""
        self._publish(reply_to, card)

    async def progress(self, reply_to: str, card: Card) -> None:
        """The same; a newer card takes its place where it was not read yet."""
        self._publish(reply_to, card)

    async def deliver(self, reply_to: str, card: Card) -> None:
        """The same; a page that is not open finds it in the conversation later."""
        self._publish(reply_to, card)

    async def withdraw(self, reply_to: str, card_id: str) -> None:
        """Tell the owner's open pages that it is gone."""
        self._events.publish(reply_to, card_id, "removed", wire.encode(wire.Removed(card_id)))

    def _publish(self, owner: str, card: Card) -> None:
        if card.id and self._events.is_followed(owner):
            self._events.publish(owner, card.id, "card", wire.encode(card))

    async def _keep_telling(self) -> None:
        """How busy the engine is, to whoever looks."""
        while True:
            await asyncio.sleep(self._status_every_s)
            if self._events.has_readers:
                self._streams.tell_status()

    def _application(self, assets: Assets) -> web.Application:
        allowed = self._settings.allowed_hosts(self._port)
        application = web.Application(
            middlewares=[guard.middleware(self._settings, allowed), self._door.middleware()],
            client_max_size=MAX_JSON_BYTES,
        )
        application.on_response_prepare.append(guard.on_prepare)
        parts = (
            self._door,
            self._streams,
            Api(self._studio, self._settings, self._parser),
            Uploads(self._studio),
            Pictures(self._studio),
            assets,
        )
        for part in parts:
            application.add_routes(part.routes())
        return application

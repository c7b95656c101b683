"""The page as a platform: an HTTP server whose messages are the event streams of whoever asked.

Puts the parts of this folder together, binds the port, and lets go of it. Knows nothing of pictures or prompts.
"""

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import web

from bot import parser as the_parser
from bot.cards import Card, Origin
from bot.platforms.base import Address, Budget, Found
from bot.platforms.web import guard, port, wire
from bot.platforms.web.api import Api, Parser
from bot.platforms.web.door import Door
from bot.platforms.web.events import Events
from bot.platforms.web.files import Assets, Pictures
from bot.platforms.web.hooks import Hook, Hooks
from bot.platforms.web.seams import SessionStore, WebStudio
from bot.platforms.web.sessions import Sessions
from bot.platforms.web.settings import WebSettings
from bot.platforms.web.stream import Streams
from bot.platforms.web.uploads import Uploads
from storage.records import DeliveryKind

MAX_JSON_BYTES = 2**20  # 100,000 characters of any script reach the parser, which has a sentence for them
STATUS_EVERY_S = 1.0
CLOSE_WITHIN_S = 3.0  # for requests that are being answered; streams end at once
BUDGET = Budget(of_message=(10, 1.0))  # what an eye can follow; a page refuses nothing

__all__ = ["WebPlatform", "WebSettings"]


class WebPlatform:
    """Serves the page between `start` and `close`. A message's `reply_to` is the account whose streams show it.

    `is_operator` says so of people beside the page's own operator; they are shown what operators can do.
    """

    name = "web"
    budget = BUDGET
    has_previews = True
    is_repeatable = True

    def __init__(
        self,
        studio: WebStudio,
        sessions: SessionStore,
        settings: WebSettings,
        parser: Parser = the_parser,
        status_every_s: float = STATUS_EVERY_S,
        is_operator: Callable[[Origin], bool] = lambda _: False,
    ) -> None:
        self._studio = studio
        self._is_operator = is_operator
        self._settings = settings
        self._parser = parser
        self._status_every_s = status_every_s
        self._events = Events()
        self._streams = Streams(self._events, studio)
        self._hooks = Hooks()
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

    def hook(self, chat: str, hook: Hook) -> None:
        """Calls to `/hooks/<chat>` are for this chat from now on."""
        self._hooks.put(chat, hook)

    async def operator_link(self) -> str:
        """A one-time link that makes a browser the operator's."""
        return f"{self._settings.outer_url(self._port)}/sign-in/{await self._sessions.link()}"

    @property
    def lines(self) -> tuple[str, ...]:
        """What whoever runs this should read at the start: how to sign in, where that is needed."""
        return self._lines

    def chat(self, reply_to: str) -> str:
        """Everybody's page is a chat of their own."""
        return reply_to

    def is_seen(self, reply_to: str) -> bool:
        """Somebody looks at their page, or did and may come back to it."""
        return self._events.is_followed(reply_to)

    async def acknowledge(self, to: Address, card: Card) -> str | None:
        """Tell the owner's open pages. Nobody waits for a page, and none refuses."""
        self._publish(to.reply_to, card)
        return None

    async def progress(self, to: Address, card: Card) -> None:
        """The same; a newer card takes its place where it was not read yet."""
        self._publish(to.reply_to, card)

    async def deliver(self, to: Address, card: Card) -> str | None:
        """The same; a page that is not open finds it in the conversation later."""
        self._publish(to.reply_to, card)
        return None

    async def withdraw(self, to: Address) -> None:
        """Tell the owner's open pages that it is gone."""
        self._events.publish(to.reply_to, to.request, "removed", wire.encode(wire.Removed(to.request)))

    async def reconcile(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """Told once more, which does no harm: then it was told."""
        if kind is DeliveryKind.WITHDRAW:
            await self.withdraw(to)
        else:
            self._publish(to.reply_to, card)
        return Found.THERE, None

    def forget(self, account: str) -> None:
        """Keep nothing that was told to this account; its open pages begin anew, or are sent to sign in."""
        self._events.forget(account)

    def _publish(self, owner: str, card: Card) -> None:
        if card.id and self._events.is_followed(owner):
            self._events.publish(owner, card.id, "card", wire.encode(card))

    async def _keep_telling(self) -> None:
        """How busy the engine is, to whoever looks."""
        while True:
            await asyncio.sleep(self._status_every_s)
            if self._events.has_readers:
                self._streams.tell_status()

    def _api(self) -> Api:
        return Api(self._studio, self._settings, self._parser, is_operator=self._is_operator, forget=self.forget)

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
            self._api(),
            Uploads(self._studio),
            Pictures(self._studio),
            self._hooks,
            assets,
        )
        for part in parts:
            application.add_routes(part.routes())
        return application

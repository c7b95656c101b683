"""Telegram as a platform: puts the parts of this folder together, polls, and lets go of it."""

import asyncio
import contextlib
import logging
from pathlib import Path

import structlog
from telegram import Update
from telegram.error import InvalidToken, TelegramError
from telegram.ext import ExtBot, Updater
from telegram.request import HTTPXRequest

from bot.cards import Card
from bot.platforms.base import Address, Budget, Found
from bot.platforms.telegram import address, menu
from bot.platforms.telegram.delivering import Delivering
from bot.platforms.telegram.intake import DurableQueue
from bot.platforms.telegram.listener import Listener
from bot.platforms.telegram.pictures import Pictures
from bot.platforms.telegram.settings import TelegramSettings
from bot.platforms.telegram.wire import Wire
from bot.studio import Studio
from engine.errors import DarkroomError, PlatformError, UserError
from engine.finish import Finisher
from storage.arrivals import Arrivals
from storage.records import DeliveryKind

# One message a second in a chat, twenty a minute in a group, thirty a second in all; edits count. Results come on top,
# so progress leaves some.
BUDGET = Budget(of_message=(1, 3.0), of_chat=(1, 1.1), of_crowd=(12, 60.0), of_all=(20, 1.0))
UPDATES = ["message", "callback_query", "my_chat_member"]
MAX_AT_ONCE = 12  # updates; measured: with more the HTTP client spends its time looking through its connections
CONNECTIONS = 16
POLL_S = 30
AGAIN_AFTER_S, LONGEST_AGAIN_S = 5.0, 300.0
MENU_HASH_NAME = "telegram-menu"
NOT_KNOWN = "Telegram does not know this token: ask @BotFather for /token and put it into DARKROOM_TELEGRAM_TOKEN."
UNREACHABLE = "Telegram cannot be reached."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class TelegramPlatform:
    """One bot of Telegram."""

    name = "telegram"
    budget = BUDGET
    has_previews = True
    is_repeatable = False

    def __init__(
        self, studio: Studio, finisher: Finisher, arrivals: Arrivals, settings: TelegramSettings, data_dir: Path
    ) -> None:
        for logger in ("httpx", "httpcore", "telegram"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)  # their lines hold the token
        self._data_dir = data_dir
        self._queue = DurableQueue(arrivals)
        base = settings.api_base.rstrip("/")
        self.bot: ExtBot[None] = ExtBot(
            settings.token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=HTTPXRequest(connection_pool_size=CONNECTIONS, pool_timeout=20.0, read_timeout=20.0),
            get_updates_request=HTTPXRequest(connection_pool_size=2, read_timeout=POLL_S + 10.0),
        )
        self._updater = Updater(self.bot, self._queue)
        pictures = Pictures(studio, finisher)
        calls = Wire(self.bot)
        self._delivering = Delivering(calls, pictures)
        self._listener = Listener(
            studio=studio, bot=self.bot, calls=calls, pictures=pictures, examples=studio.about().examples
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble = ""

    # The platform

    def chat(self, reply_to: str) -> str:
        """The chat; a group's number is negative."""
        return str(address.read(reply_to).chat)

    def is_seen(self, reply_to: str) -> bool:
        """A chat is always there."""
        return True

    async def acknowledge(self, to: Address, card: Card) -> str | None:
        """A message under what was asked."""
        return await self._delivering.show(to, card)

    async def progress(self, to: Address, card: Card) -> None:
        """Edit it."""
        await self._delivering.edit(to, card)

    async def deliver(self, to: Address, card: Card) -> str | None:
        """Edit it into the picture; or send that anew, where the message is gone."""
        name = await self._delivering.show(to, card)
        if card.is_to_ping:
            await self._delivering.ping(to, name)
        return name

    async def withdraw(self, to: Address) -> None:
        """Take it away."""
        await self._delivering.withdraw(to)

    async def reconcile(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """Edits are made again; of what was sent anew nobody can tell."""
        return await self._delivering.look(to, card, kind)

    # Its life

    @property
    def trouble(self) -> str:
        """Why nothing is heard from Telegram, "" while all is well."""
        return self._trouble

    @property
    def lines(self) -> tuple[str, ...]:
        """What the operator should read at the start: how to find the bot."""
        return () if self._trouble else (f"telegram: write to me at https://t.me/{self.bot.username}",)

    async def start(self) -> None:
        """Log in and poll. Raises: UserError for a wrong token, PlatformError while Telegram is out of reach."""
        try:
            await self._log_in()
        except PlatformError as exc:
            self._trouble = str(exc)
            self._tasks.append(asyncio.create_task(self._keep_logging_in(), name="telegram"))
            raise
        except UserError as exc:
            self._trouble = str(exc)
            raise

    async def close(self) -> None:
        """Hear nothing more; what was not taken care of is on disk."""
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(TelegramError, RuntimeError):
            if self._updater.running:
                await self._updater.stop()
            await self._updater.shutdown()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TelegramError, RuntimeError):
            await self.bot.shutdown()

    async def _log_in(self) -> None:
        try:
            await self.bot.initialize()
            await self._updater.initialize()
            await self._sync_menus()
            n_left = await self._queue.put_left(self.bot)
            if n_left:
                log.info("updates of an earlier life", n=n_left)
            await self._updater.start_polling(
                timeout=POLL_S, bootstrap_retries=0, allowed_updates=UPDATES, error_callback=self._heard_nothing
            )
        except InvalidToken as exc:
            raise UserError(NOT_KNOWN) from exc
        except TelegramError as exc:
            raise PlatformError(UNREACHABLE) from exc
        self._trouble = ""
        self._tasks += [asyncio.create_task(self._keep_answering(), name=f"telegram {n}") for n in range(MAX_AT_ONCE)]

    async def _keep_logging_in(self) -> None:
        pause_s = AGAIN_AFTER_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_AGAIN_S, 2 * pause_s)
            try:
                await self._log_in()
            except UserError as exc:
                self._trouble = str(exc)
                log.error("Telegram is off", reason=str(exc))
                return
            except DarkroomError as exc:
                log.warning("Telegram is not there yet", reason=str(exc))
            else:
                log.info("Telegram is there")
                return

    async def _keep_answering(self) -> None:
        while True:
            update = await self._queue.get()
            if isinstance(update, Update):
                await self._listener.hear(update)
                await self._queue.done(update)

    def _heard_nothing(self, exc: TelegramError) -> None:
        """python-telegram-bot tries again by itself, with growing pauses."""
        log.warning("Telegram was not heard", reason=type(exc).__name__)

    async def _sync_menus(self) -> None:
        """Send the menus, if they are not what was sent last."""
        all_menus = menu.menus()
        new = menu.hash_of(all_menus, self.bot.id)
        path = self._data_dir / MENU_HASH_NAME
        if await asyncio.to_thread(_read, path) == new:
            return
        for each in all_menus:
            await self.bot.set_my_commands(each.commands, scope=each.scope, language_code=each.language or None)
        with contextlib.suppress(OSError):  # then they are sent again at the next start
            await asyncio.to_thread(path.write_text, new)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""

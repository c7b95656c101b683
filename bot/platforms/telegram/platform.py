"""Telegram as a platform: puts the parts together, listens, and lets go of it."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

import structlog
from telegram import Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError
from telegram.ext import Updater

from bot.cards import Card
from bot.platforms.base import Address, Budget, Found
from bot.platforms.telegram import address
from bot.platforms.telegram.admins import Admins
from bot.platforms.telegram.album import Albums
from bot.platforms.telegram.client import POLL_S, Client
from bot.platforms.telegram.comings import Comings
from bot.platforms.telegram.delivering import Delivering
from bot.platforms.telegram.intake import MAX_AT_ONCE, NAME, UPDATES, DurableQueue
from bot.platforms.telegram.listener import Listener
from bot.platforms.telegram.menus import Menus
from bot.platforms.telegram.pictures import Pictures
from bot.platforms.telegram.pressing import Pressing
from bot.platforms.telegram.settings import TelegramSettings
from bot.platforms.telegram.speaker import Speaker
from bot.platforms.telegram.webhook import Webhook
from bot.platforms.telegram.wire import ChatClosed, Wire, seconds
from bot.studio import Studio
from engine.errors import DarkroomError, PlatformError, UserError
from engine.finish import Finisher
from storage.arrivals import Arrivals
from storage.records import DeliveryKind

# One message a second in a chat, twenty a minute in a group, thirty a second in all; edits count. Results come on top,
# so progress leaves some.
BUDGET = Budget(of_message=(1, 3.0), of_chat=(1, 1.1), of_crowd=(12, 60.0), of_all=(20, 1.0))
AGAIN_AFTER_S, LONGEST_AGAIN_S = 5.0, 300.0
MOST_TRIES = 20  # to answer one update; the pauses between are Telegram's own
NOT_KNOWN = "Telegram does not know this token: ask @BotFather for /token and put it into DARKROOM_TELEGRAM_TOKEN."
UNREACHABLE = "Telegram cannot be reached."
_ANOTHER = "Another program asks Telegram for this bot's news too; only one of the two hears each. Stop one of them."
_KEPT = 4_096  # chats that are known to be closed to us

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class TelegramPlatform:
    """One bot of Telegram."""

    name = NAME
    budget = BUDGET
    has_previews = True
    is_repeatable = False

    def __init__(
        self, studio: Studio, finisher: Finisher, arrivals: Arrivals, settings: TelegramSettings, data_dir: Path
    ) -> None:
        self._studio = studio
        self._settings = settings
        self._queue = DurableQueue(arrivals)
        self.bot = Client(settings, self._note_refused)
        self._menus = Menus(self.bot, data_dir)
        self._updater = Updater(self.bot, self._queue)
        self._webhook = Webhook(settings, self.bot, self._queue)
        pictures, calls, admins = Pictures(studio, finisher), Wire(self.bot), Admins(self.bot)
        speaker = Speaker(calls, pictures)
        self._delivering = Delivering(calls, pictures, self._note_sent)
        self._listener = Listener(
            studio=studio,
            bot=self.bot,
            speaker=speaker,
            admins=admins,
            comings=Comings(studio, calls, studio.about().examples, self._note_open),
            pressing=Pressing(
                studio=studio,
                bot=self.bot,
                speaker=speaker,
                admins=admins,
                albums=Albums(studio, calls, pictures, self._note_sent),
            ),
            note_open=self._note_open,
        )
        self._closed: OrderedDict[int, None] = OrderedDict()  # chats that blocked us or put us out
        self._tasks: list[asyncio.Task[None]] = []
        self._later: dict[int, asyncio.TimerHandle] = {}
        self._n_tries: dict[int, int] = {}
        self._has_put_left = False
        self._trouble = ""
        self._is_refused = False  # the token, by the last call

    # The platform

    def chat(self, reply_to: str) -> str:
        """The chat; a group's number is negative."""
        return str(address.read(reply_to).chat)

    def is_seen(self, reply_to: str) -> bool:
        """A chat is always there, unless we were put out of it."""
        return address.read(reply_to).chat not in self._closed

    def language(self, reply_to: str) -> str:
        """Of who asked, as Telegram said it with what they wrote."""
        return address.read(reply_to).language

    async def acknowledge(self, to: Address, card: Card) -> str | None:
        """A message under what was asked."""
        return await self._delivering.show(to, card)

    async def progress(self, to: Address, card: Card) -> None:
        """Edit it."""
        try:
            await self._delivering.edit(to, card)
        except ChatClosed:
            self._note_open(address.read(to.reply_to).chat, False)
            raise

    async def deliver(self, to: Address, card: Card) -> str | None:
        """Edit it into the picture; or send that anew, where the message is gone."""
        name = await self._delivering.show(to, card)
        if card.is_to_ping:
            await self._delivering.ping(to, card, name)
        return name

    async def withdraw(self, to: Address) -> None:
        """Take it away."""
        await self._delivering.withdraw(to)

    async def reconcile(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """Edits are made again; of what was sent anew nobody can tell."""
        return await self._delivering.look(to, card, kind)

    async def called(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Telegram says something, where it was told to call instead of being asked."""
        return await self._webhook.take(headers, body)

    # Its life

    @property
    def trouble(self) -> str:
        """Why nothing is heard from Telegram, "" while all is well."""
        return self._trouble or (NOT_KNOWN if self._is_refused else "")

    @property
    def lines(self) -> tuple[str, ...]:
        """What the operator should read at the start: how to find the bot."""
        if self.trouble:
            return ()
        how = f", and it calls {self._webhook.url}" if self._webhook.url else ""
        return (f"telegram: write to me at https://t.me/{self.bot.username}{how}",)

    async def start(self) -> None:
        """Log in and listen.

        Raises: UserError for a wrong token or webhook, PlatformError while Telegram is out of reach.
        """
        try:
            self._settings.check()
            await self._log_in()
        except PlatformError as exc:
            self._trouble = str(exc)
            again = self._keep_logging_in(exc.retry_after_s or 0.0)
            self._tasks.append(asyncio.create_task(again, name="telegram"))
            raise
        except UserError as exc:
            self._trouble = str(exc)
            raise

    async def close(self) -> None:
        """Hear nothing more; what was not taken care of is on disk."""
        self._webhook.end()
        for timer in self._later.values():
            timer.cancel()
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
            await self._take_up_left()
            if self._webhook.url:
                await self._webhook.begin()
            else:  # this takes the address of a webhook back, if Telegram has one
                await self._updater.start_polling(
                    timeout=POLL_S, bootstrap_retries=0, allowed_updates=UPDATES, error_callback=self._heard_nothing
                )
        except InvalidToken as exc:
            raise UserError(NOT_KNOWN) from exc
        except RetryAfter as exc:
            raise PlatformError(UNREACHABLE, retry_after_s=seconds(exc.retry_after)) from exc
        except TelegramError as exc:
            raise PlatformError(UNREACHABLE) from exc
        self._trouble = ""
        self._tasks.append(asyncio.create_task(self._menus.keep(), name="telegram menus"))
        self._tasks += [asyncio.create_task(self._keep_answering(), name=f"telegram {n}") for n in range(MAX_AT_ONCE)]

    async def _take_up_left(self) -> None:
        if self._has_put_left:
            return
        n_left = await self._queue.put_left(self.bot)
        self._has_put_left = True
        if n_left:
            log.info("updates of an earlier life", n=n_left)

    async def _keep_logging_in(self, asked_for_s: float) -> None:
        pause_s = AGAIN_AFTER_S
        while True:
            await asyncio.sleep(max(pause_s, asked_for_s))
            pause_s, asked_for_s = min(LONGEST_AGAIN_S, 2 * pause_s), 0.0
            try:
                await self._log_in()
            except UserError as exc:
                self._trouble = str(exc)
                log.error("Telegram is off", reason=str(exc))
                return
            except DarkroomError as exc:
                asked_for_s = (exc.retry_after_s if isinstance(exc, PlatformError) else None) or 0.0
                self._trouble = str(exc)
                log.warning("Telegram is not there yet", reason=str(exc))
            else:
                log.info("Telegram is there")
                return

    async def _keep_answering(self) -> None:
        while True:
            update = await self._queue.get()
            if not isinstance(update, Update):
                continue
            pause_s = await self._listener.hear(update)
            if pause_s is None or self._n_tries.get(update.update_id, 0) >= MOST_TRIES:
                self._n_tries.pop(update.update_id, None)
                await self._queue.done(update)
            else:
                self._try_later(update, pause_s)

    def _try_later(self, update: Update, pause_s: float) -> None:
        """Nobody waits for it meanwhile; a restart finds it on disk."""
        number = update.update_id
        self._n_tries[number] = self._n_tries.get(number, 0) + 1

        def take_up() -> None:
            self._later.pop(number, None)
            self._queue.put_nowait(update)

        self._later[number] = asyncio.get_running_loop().call_later(pause_s, take_up)

    def _note_open(self, chat: int, is_open: bool) -> None:
        """Whether we are heard in a chat."""
        self._closed.pop(chat, None)
        if not is_open:
            self._closed[chat] = None
        while len(self._closed) > _KEPT:
            self._closed.popitem(last=False)

    async def _note_sent(self, picture: str, file_id: str) -> None:
        """Telegram's names for files are good for one bot alone."""
        await self._studio.note_sent(picture, f"{NAME}:{self.bot.id}:{file_id}")

    def _note_refused(self, is_refused: bool) -> None:
        """What the last call said of the token. Asking goes on, for a proxy between may have said so."""
        if is_refused and not self._is_refused:
            log.error("Telegram refuses the token", reason=NOT_KNOWN)
        self._is_refused = is_refused

    def _heard_nothing(self, exc: TelegramError) -> None:
        """python-telegram-bot tries again by itself, with growing pauses."""
        if self._is_refused:  # said once
            return
        log.warning("Telegram was not heard", reason=_ANOTHER if isinstance(exc, Conflict) else type(exc).__name__)

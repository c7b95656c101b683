"""Discord as a platform: puts the parts of this folder together, logs in, listens, and lets go of it."""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import discord
import structlog

from bot.cards import Card
from bot.platforms.base import Address, Budget, Found
from bot.platforms.discord import address, menu, messages
from bot.platforms.discord.attachments import Attachments
from bot.platforms.discord.client import Client, QuietLogs, point_at
from bot.platforms.discord.deferrals import Deferrals
from bot.platforms.discord.delivering import Delivering
from bot.platforms.discord.listener import Listener
from bot.platforms.discord.recent import Recent
from bot.platforms.discord.reply import Reply
from bot.platforms.discord.settings import API_BASE, DiscordSettings
from bot.platforms.discord.uploads import Uploader
from bot.platforms.discord.welcome import Welcome, invite_url
from bot.platforms.discord.wire import TokenGone, Wire
from bot.studio import Studio
from engine.errors import DarkroomError, PlatformError, StorageError, UserError
from engine.finish import Finisher
from storage.records import DeliveryKind

# Edits of one message share its token's bucket; a channel takes about five messages in five seconds; fifty calls a
# second is the most for all. What is left is for results and first replies.
BUDGET = Budget(of_message=(1, 2.5), of_chat=(3, 5.0), of_all=(20, 1.0))
LOGIN_WITHIN_S = 20.0
AGAIN_AFTER_S, LONGEST_AGAIN_S = 5.0, 300.0
MENU_HASH_NAME = "discord-menu"
_FOR_GOOD = frozenset({4004, 4010, 4011, 4012, 4013, 4014})  # close codes after which Discord wants no other try
_SEEN = 8_192  # interactions: a resumed session tells some of them twice
_CUT_SHORT = "I was stopped before I could take this in. Please ask again."
NOT_KNOWN = (
    "Discord does not know this token: make a new one in the developer portal (Bot, Reset Token) and put it into "
    "DARKROOM_DISCORD_TOKEN."
)
UNREACHABLE = "Discord cannot be reached."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class DiscordPlatform:
    """One bot of Discord. `add_operator` is told the account of whoever owns the application."""

    name = "discord"
    budget = BUDGET
    has_previews = True
    is_repeatable = False

    def __init__(
        self,
        studio: Studio,
        finisher: Finisher,
        settings: DiscordSettings,
        data_dir: Path,
        add_operator: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._studio = studio
        self._settings = settings
        self._data_dir = data_dir
        self._add_operator = add_operator
        self._clock = clock
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._answering: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self._is_closed = False
        self._trouble = ""
        replies: dict[int, Reply] = {}
        point_at(settings)
        QuietLogs(settings.token).put_up()
        self.client = self._new_client()
        self.calls = Wire(self.client)
        self._deferrals = Deferrals(data_dir)
        uploads = Uploader(studio, finisher)
        own_base = settings.api_base if settings.api_base != API_BASE else None
        self._attachments = Attachments(own_base)
        self._delivering = Delivering(self.calls, uploads, replies, self._deferrals.drop, clock)
        self.recent = Recent(studio)
        self._listener = Listener(
            studio=studio,
            calls=self.calls,
            uploads=uploads,
            attachments=self._attachments,
            deferrals=self._deferrals,
            recent=self.recent,
            replies=replies,
        )
        self._welcome = Welcome(studio, self.calls, studio.about().examples, data_dir)

    # The platform

    def chat(self, reply_to: str) -> str:
        """The channel."""
        return str(address.read(reply_to).channel)

    def is_seen(self, reply_to: str) -> bool:
        """A chat is always there."""
        return True

    def language(self, reply_to: str) -> str:
        """Of who asked, as Discord said it with their event."""
        return address.read(reply_to).language

    async def acknowledge(self, to: Address, card: Card) -> str | None:
        """The interaction's first reply; or a message, where that is too late."""
        return await self._delivering.show(to, card, is_end=False)

    async def progress(self, to: Address, card: Card) -> None:
        """Edit its message."""
        await self._delivering.edit(to, card)

    async def deliver(self, to: Address, card: Card) -> str | None:
        """Edit its message; or another, where that is gone."""
        name = await self._delivering.show(to, card, is_end=True)
        self.recent.note(address.read(to.reply_to).account)
        if card.is_to_ping:
            await self._delivering.ping(to, name)
        return name

    async def withdraw(self, to: Address) -> None:
        """Take its message away."""
        await self._delivering.withdraw(to)

    async def reconcile(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """By the rules of the ladder."""
        return await self._delivering.look(to, card, kind)

    def forget(self, account: str) -> None:
        """What is in memory of somebody goes."""
        self.recent.forget(account)

    # Its life

    @property
    def trouble(self) -> str:
        """Why nothing is heard from Discord, "" while all is well."""
        return self._trouble

    @property
    def lines(self) -> tuple[str, ...]:
        """What the operator should read at the start: how to invite it."""
        if not self.client.application_id:
            return ()
        return (f"discord: add me to a server with {invite_url(self.client.application_id)}",)

    async def start(self) -> None:
        """Log in and listen. Raises: UserError for a wrong token, PlatformError while Discord is out of reach."""
        await self.calls.open()
        await self._attachments.open()
        self.recent.warm()
        try:
            await self._log_in()
        except PlatformError as exc:
            self._trouble = str(exc)
            self._running = asyncio.create_task(self._live(is_logged_in=False), name="discord")
            raise
        except UserError as exc:
            self._trouble = str(exc)
            raise
        self._running = asyncio.create_task(self._live(is_logged_in=True), name="discord")

    async def close(self) -> None:
        """Hear nothing more; answers on their way are given up."""
        self._is_closed = True
        tasks = [*self._answering, *([self._running] if self._running else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._listener.close()
        await self.recent.close()
        with contextlib.suppress(Exception):  # theirs; whatever it trips over, it is over
            await self.client.close()
        await self.calls.close()
        await self._attachments.close()

    async def _log_in(self) -> None:
        try:
            async with asyncio.timeout(LOGIN_WITHIN_S):
                await self.client.login(self._settings.token)
        except discord.LoginFailure as exc:
            raise UserError(NOT_KNOWN) from exc
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as exc:
            await self.client.http.close()
            self.client.http.connector = discord.utils.MISSING  # the next login opens another
            raise PlatformError(UNREACHABLE) from exc
        self._trouble = ""
        await self._meet_the_owner()
        await self._sync_menu()
        await self._answer_those_left()

    async def _live(self, *, is_logged_in: bool) -> None:
        """Log in and listen, again and again, until it is closed or Discord says that it is over for good."""
        pause_s = AGAIN_AFTER_S
        while is_logged_in or await self._log_in_again(pause_s):
            began_s = self._clock()
            if not await self._listen():
                return
            is_logged_in = False  # each session is one of a thousand that Discord allows a day
            pause_s = AGAIN_AFTER_S if self._clock() - began_s > LONGEST_AGAIN_S else min(LONGEST_AGAIN_S, 2 * pause_s)

    async def _log_in_again(self, pause_s: float) -> bool:
        """After a pause, and longer and longer ones; False if that is no use."""
        while not self._is_closed:
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_AGAIN_S, 2 * pause_s)
            try:
                await self._log_in()
            except UserError as exc:
                self._trouble = str(exc)
                log.error("Discord is off", reason=str(exc))
                return False
            except DarkroomError as exc:
                log.warning("Discord is not there yet", reason=str(exc))
                continue
            log.info("Discord is there")
            return True
        return False

    async def _listen(self) -> bool:
        """Until the connection ends; whether another may begin. What ends it for good is said."""
        why = "The connection to Discord ended."
        try:
            await self.client.connect(reconnect=True)
        except Exception as exc:  # noqa: BLE001  # theirs, of many kinds: the other platforms go on
            why = _why(exc)
            if not self._is_closed and _is_for_good(exc):
                self._trouble = why
                log.error("Discord is off", reason=why)
                return False
        if self._is_closed:
            return False
        self._trouble = why
        log.warning("Discord hung up", reason=why)
        with contextlib.suppress(Exception):  # theirs; whatever it trips over, it is over
            await self.client.close()
        self.client = self._new_client()
        self.calls.use(self.client)
        return True

    def _new_client(self) -> Client:
        return Client(self._settings, self._hear, self._joined, self._ready)

    async def _meet_the_owner(self) -> None:
        """Who owns the application runs this bot."""
        application = self.client.application
        if application is None:
            return
        team = application.team
        owner = team.owner_id if team and team.owner_id else application.owner.id
        self._add_operator(f"discord:{owner}")

    async def _sync_menu(self) -> None:
        """Register the commands, if they are not what was registered last."""
        commands = menu.application_commands(has_user_install=self._settings.has_user_install)
        new = menu.hash_of(commands, self.calls.application)
        path = self._data_dir / MENU_HASH_NAME
        if await asyncio.to_thread(_read, path) == new:
            return
        try:
            await self.calls.register(commands)
            await asyncio.to_thread(path.write_text, new)
        except PlatformError as exc:
            log.error("Discord did not take the commands", reason=str(exc))
        except OSError as exc:
            log.warning("that the commands are registered could not be noted", reason=str(exc))
        else:
            log.info("commands registered", n=len(commands))

    async def _answer_those_left(self) -> None:
        """Who was told "thinking" by an earlier life, and whose request was never taken in, reads why."""
        for interaction, token in (await self._deferrals.left()).items():
            is_late = self._clock() > address.made_at_s(interaction) + address.TOKEN_S
            try:
                if not is_late and not await self._studio.has_request(f"d:{interaction}"):
                    await self.calls.edit_reply(token, messages.of_words(_CUT_SHORT), ())
            except (TokenGone, StorageError):
                pass
            except PlatformError as exc:
                log.warning("an interaction that was cut short was not answered", reason=str(exc))
            await self._deferrals.drop(interaction)

    # What is heard

    async def _hear(self, interaction: discord.Interaction[Any]) -> None:
        if interaction.id in self._seen or self._is_closed:
            return
        self._seen[interaction.id] = None
        while len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        task = asyncio.current_task()
        assert task
        self._answering.add(task)
        try:
            await self._listener.hear(interaction)
        finally:
            self._answering.discard(task)

    async def _joined(self, guild: discord.Guild) -> None:
        await self._welcome.greet(guild)

    async def _ready(self) -> None:
        await self._welcome.catch_up(self.client.guilds)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _is_for_good(exc: Exception) -> bool:
    """A token, a shard or an intent that Discord does not take: it would not take it the next time either."""
    match exc:
        case discord.LoginFailure() | discord.PrivilegedIntentsRequired():
            return True
        case discord.ConnectionClosed():
            return exc.code in _FOR_GOOD
        case _:
            return False


def _why(exc: Exception) -> str:
    match exc:
        case discord.LoginFailure():
            return NOT_KNOWN
        case discord.ConnectionClosed() if exc.code == 4004:
            return NOT_KNOWN
        case discord.ConnectionClosed():
            return f"Discord hung up for good (code {exc.code})."
        case _:
            return f"The connection to Discord broke: {type(exc).__name__}."

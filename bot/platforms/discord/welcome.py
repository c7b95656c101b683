"""The invite and the rights it asks for; what is said when a server takes us in."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import discord
import structlog

from bot.cards import Origin
from bot.languages import language_for
from bot.languages.speech import in_language
from bot.platforms.discord import messages
from bot.platforms.discord.wire import Wire
from engine.errors import DarkroomError, PlatformError

# All that is ever needed, and nothing more.
RIGHTS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    read_message_history=True,
)
SERVERS_NAME = "discord-servers"
_HELLO = "Hello! I draw pictures from words, with a model that runs on my operator's own computer."
_TRY = "Try one of these:"
_MORE = "Everybody's pictures wait in one fair queue. /help says what else there is."
_NOT_YET = "Nobody here may use me yet: my operator can let this server in with /allow here."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Doors(Protocol):
    """What is asked of the desk."""

    async def joined(self, origin: Origin) -> bool:
        """Somebody brought the bot into a place; whether people may use it there."""


def invite_url(application: int) -> str:
    """Where an operator adds the bot to a server, with no more rights than it needs."""
    return (
        f"https://discord.com/oauth2/authorize?client_id={application}&permissions={RIGHTS.value}"
        "&scope=bot+applications.commands"
    )


class Welcome:
    """Greets servers, each once. `examples` are commands that can be typed as they stand.

    Which servers have us stands in a file of the data folder: Discord tells nobody of one that took us in meanwhile.
    """

    def __init__(
        self,
        doors: Doors,
        calls: Wire,
        examples: tuple[str, ...],
        data_dir: Path,
    ) -> None:
        self._doors = doors
        self._calls = calls
        self._examples = examples
        self._path = data_dir / SERVERS_NAME
        self._turn = asyncio.Lock()

    async def catch_up(self, guilds: Sequence[discord.Guild]) -> None:
        """These have us now: greet those that are new. Never fails."""
        async with self._turn:
            known = await asyncio.to_thread(_read, self._path)
            for guild in guilds:
                if str(guild.id) not in known:
                    await self._greet(guild)
            await self._note({str(guild.id) for guild in guilds})

    async def greet(self, guild: discord.Guild) -> None:
        """It has us since now. Never fails."""
        async with self._turn:
            await self._greet(guild)
            await self._note(await asyncio.to_thread(_read, self._path) | {str(guild.id)})

    async def _note(self, servers: set[str]) -> None:
        try:
            await asyncio.to_thread(self._path.write_text, "\n".join(sorted(servers)), encoding="utf-8")
        except OSError as exc:
            log.warning("which servers have us could not be noted", reason=str(exc))

    async def _greet(self, guild: discord.Guild) -> None:
        """Let the server in if an operator brought us; say hello where we may."""
        try:
            is_in = await self._doors.joined(await self._origin(guild))
            channel = _where_to_speak(guild)
            if channel is not None:
                words = _words(self._examples, language_for(str(guild.preferred_locale)), is_in=is_in)
                await self._calls.post(channel, words, (), f"hello{guild.id}"[:25])
        except DarkroomError as exc:
            log.warning("a server could not be greeted", reason=str(exc))
        except Exception:  # the edge of the platform: one server stops no other
            log.exception("a server could not be greeted")

    async def _origin(self, guild: discord.Guild) -> Origin:
        inviter = await self._inviter(guild)
        return Origin(
            platform="discord",
            owner=f"discord:{inviter}",
            place=f"discord:{guild.id}",
            reply_to="",
            event_key=f"d:joined:{guild.id}:{_joined_at(guild)}",
            asker=guild.name,
        )

    async def _inviter(self, guild: discord.Guild) -> int:
        """Who added us: as the server's log says if we may read it, else its owner."""
        try:
            found = await self._calls.inviter(guild.id)
        except PlatformError:
            found = None
        return found or guild.owner_id or 0


def _read(path: Path) -> set[str]:
    try:
        return set(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError):
        return set()


def _where_to_speak(guild: discord.Guild) -> int | None:
    """The server's own channel for such news, or the first that we may write in."""
    me: discord.Member | None = guild.me  # theirs says it is always there; without a cache of members it may not be
    if me is None:
        return guild.system_channel.id if guild.system_channel else None
    channels: list[Any] = [each for each in (guild.system_channel, *guild.text_channels) if each is not None]
    for channel in channels:
        rights = channel.permissions_for(me)
        if rights.view_channel and rights.send_messages:
            return int(channel.id)
    return None


def _joined_at(guild: discord.Guild) -> float:
    """Each time we come is an event of its own."""
    me: discord.Member | None = guild.me
    return me.joined_at.timestamp() if me and me.joined_at else 0.0


def _words(examples: tuple[str, ...], language: str, *, is_in: bool) -> messages.Json:
    hello, to_try, more, not_yet = (in_language(each, language) for each in (_HELLO, _TRY, _MORE, _NOT_YET))
    tried = [to_try, *(messages.code(each) for each in examples[:3]), more]
    lines = [hello, *(tried if is_in else [not_yet])]
    return {
        "flags": messages.IS_V2,
        "components": [messages.text("\n".join(lines))],
        "allowed_mentions": messages.NO_MENTIONS,
    }

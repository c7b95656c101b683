"""discord.py's client as we use it: our addresses, no privileged intents, nothing cached that is not needed.

Its logs come into ours, without tokens.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.platforms.discord.settings import API_BASE, DiscordSettings

MAX_RATE_LIMIT_S = 30.0  # a longer pause goes back to the outbox, which can wait
GUILD_READY_S = 1.0  # how long a burst of servers is waited for before READY is told
_NO_VOICE = "voice will NOT be supported"  # nobody wants to hear us
_TOKENS = re.compile(r"(/(?:webhooks|interactions)/\d+/)[^/\s?]+")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Client(discord.AutoShardedClient):
    """Hears interactions and comings and goings of servers; knows nothing of messages."""

    def __init__(
        self,
        settings: DiscordSettings,
        hear: Callable[[discord.Interaction[Any]], Awaitable[None]],
        joined: Callable[[discord.Guild], Awaitable[None]],
        ready: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            max_ratelimit_timeout=MAX_RATE_LIMIT_S,
            guild_ready_timeout=GUILD_READY_S,
            enable_debug_events=False,
        )
        self._has_own_gateway = settings.gateway is not None
        self._hear = hear
        self._joined = joined
        self._ready_now = ready

    async def launch_shards(self) -> None:
        """As many as Discord says; at the gateway of the settings if they name one."""
        known: int | None = self.shard_count  # theirs says it is always a number; at first it is none
        if self._has_own_gateway and known is None:  # else discord.py goes where Discord says
            self.shard_count, _url, _limits = await self.http.get_bot_gateway()
        await super().launch_shards()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Somebody asks, presses, fills in or types."""
        await self._hear(interaction)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """A server has us now."""
        await self._joined(guild)

    async def on_ready(self) -> None:
        """All servers that have us are known; again with each new session."""
        if self._ready_now:
            await self._ready_now()


def point_at(settings: DiscordSettings) -> None:
    """Where discord.py calls and listens, for the life of the process: it keeps both in its classes."""
    Route.BASE = settings.api_base
    if settings.gateway:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway)
    if settings.api_base != API_BASE:
        discord.Asset.BASE = settings.api_base.partition("/api/")[0]


class QuietLogs(logging.Handler):
    """Puts discord.py's warnings into our log, with tokens blotted out."""

    def __init__(self, token: str) -> None:
        super().__init__(logging.WARNING)
        self._token = token

    def emit(self, record: logging.LogRecord) -> None:
        """One line of theirs."""
        said = without_tokens(record.getMessage(), self._token)
        if said.endswith(_NO_VOICE):
            return
        reason = without_tokens(repr(record.exc_info[1]), self._token) if record.exc_info else ""
        log.warning("discord.py", said=said, reason=reason)

    def put_up(self) -> None:
        """From now on; nothing of theirs goes anywhere else."""
        logger = logging.getLogger("discord")
        logger.handlers = [each for each in logger.handlers if not isinstance(each, QuietLogs)]
        logger.addHandler(self)
        logger.propagate = False
        logger.setLevel(logging.WARNING)


def without_tokens(text: str, token: str) -> str:
    """The text with the bot's and any interaction's token blotted out."""
    return _TOKENS.sub(r"\1…", text.replace(token, "…") if token else text)

"""A life of the real Discord adapter for a campaign. discord.py's three seconds are three seconds at every pace."""

import asyncio
from dataclasses import dataclass
from typing import Any

import discord.http
import discord.webhook.async_

from bot.house import House
from bot.platforms.base import Chat
from bot.platforms.discord import delivering, pauses, wire
from bot.platforms.discord import platform as adapter
from bot.platforms.discord.client import MAX_RATE_LIMIT_S
from bot.platforms.discord.platform import DiscordPlatform
from bot.platforms.discord.settings import DiscordSettings
from engine.finish import Finisher
from tests.fakes.chat_life import ChatLife, Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordLife(ChatLife):
    """With Discord as its chat."""

    gateway: str

    def platform(self, house: House, finisher: Finisher, clock: Clock) -> Chat:
        """The real adapter."""
        settings = DiscordSettings(
            token=self.token, api_base=self.api_base, gateway=self.gateway, has_user_install=True
        )
        platform = DiscordPlatform(house.studio, finisher, settings, self.data_dir, house.desk.add_owner, clock)
        platform.client.http.max_ratelimit_timeout = MAX_RATE_LIMIT_S * self.pace
        return platform

    def hurry(self) -> None:
        """Patience with calls, and pauses of the adapter and of discord.py, are so many times people's."""
        pace = self.pace
        wire.CALL_WITHIN_S = pace * wire.CALL_WITHIN_S
        delivering.NONCE_S = pace * delivering.NONCE_S
        pauses.LONGEST_S = pace * pauses.LONGEST_S
        adapter.AGAIN_AFTER_S = pace * adapter.AGAIN_AFTER_S
        hurried = _Hurried(pace)
        for module in (discord.http, discord.webhook.async_):
            module.asyncio = hurried  # type: ignore[attr-defined]  # it is how they know it


class _Hurried:
    """`asyncio` as discord.py's calls see it: whole seconds are its own pauses, others are Discord's `retry_after`."""

    def __init__(self, pace: float) -> None:
        self._pace = pace

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, delay: float) -> None:
        await asyncio.sleep(self._pace * delay if isinstance(delay, int) else delay)

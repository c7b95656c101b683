"""Who is an admin of a group, as Telegram says, a moment ago at most. Knows nothing of what admins may."""

import time
from collections.abc import Callable

import structlog
from telegram import ChatMember
from telegram.error import TelegramError
from telegram.ext import ExtBot

from bot.platforms.telegram.address import Where
from bot.platforms.telegram.events import Heard

KNOWN_S = 60.0  # whoever was demoted may act for so long; Telegram is not asked at every word
_ADMINS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Admins:
    """Asks, and remembers for a minute. `now_s` is a clock that only goes forward."""

    def __init__(self, bot: "ExtBot[None]", now_s: Callable[[], float] = time.monotonic) -> None:
        self._bot = bot
        self._now_s = now_s
        self._known: dict[tuple[int, int], tuple[float, bool]] = {}

    async def has_written(self, said: Heard) -> bool:
        """Whether an admin wrote this: never somebody who speaks for a channel, nor what was forwarded."""
        if said.is_anonymous:
            return True  # Telegram lets only admins hide behind the group
        sender = said.message.from_user
        if sender is None or said.message.sender_chat or said.message.forward_origin:
            return False
        return await self.has(said.where, sender.id)

    async def has(self, where: Where, user: int) -> bool:
        """Whether this person is an admin there. Where Telegram does not say so they are not."""
        if not where.is_shared:
            return False
        now_s = self._now_s()
        self._known = {who: each for who, each in self._known.items() if each[0] > now_s}
        known = self._known.get((where.chat, user))
        if known is None:
            try:
                member = await self._bot.get_chat_member(where.chat, user)
            except TelegramError as exc:
                log.info("who is an admin could not be asked", reason=type(exc).__name__)
                return False
            known = self._known[where.chat, user] = now_s + KNOWN_S, member.status in _ADMINS
        return known[1]

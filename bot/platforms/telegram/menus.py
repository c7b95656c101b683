"""Sends the menus of commands, once we are heard: a refusal keeps them for later and nobody from being answered."""

import asyncio
import contextlib
from pathlib import Path

import structlog
from telegram.error import RetryAfter, TelegramError
from telegram.ext import ExtBot

from bot.platforms.telegram import menu
from bot.platforms.telegram.menu import Menu
from bot.platforms.telegram.wire import seconds

HASH_NAME = "telegram-menu"
AGAIN_AFTER_S, LONGEST_AGAIN_S = 5.0, 300.0

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Menus:
    """What Telegram offers beside the field one types in; sent when it is not what was sent last."""

    def __init__(self, bot: "ExtBot[None]", data_dir: Path) -> None:
        self._bot = bot
        self._path = data_dir / HASH_NAME

    async def keep(self) -> None:
        """Send them, and what was refused again, until all are there. Each that is there is not sent twice."""
        wanted = menu.menus()
        new = menu.hash_of(wanted, self._bot.id)
        if await asyncio.to_thread(_read, self._path) == new:
            return
        left, pause_s = list(wanted), AGAIN_AFTER_S
        while left := await self._refused(left):
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_AGAIN_S, 2 * pause_s)
        with contextlib.suppress(OSError):  # then they are sent again at the next start
            await asyncio.to_thread(self._path.write_text, new)

    async def _refused(self, menus: list[Menu]) -> list[Menu]:
        """Send these; those that were refused. Who is asked for quiet waits that long, and sends no more before."""
        refused: list[Menu] = []
        for n, each in enumerate(menus):
            try:
                await self._bot.set_my_commands(each.commands, scope=each.scope, language_code=each.language or None)
            except RetryAfter as exc:
                log.info("the menus are sent later", n=len(menus) - n)
                await asyncio.sleep(seconds(exc.retry_after))
                return refused + menus[n:]
            except TelegramError as exc:
                log.warning("a menu was refused", language=each.language, reason=type(exc).__name__)
                refused.append(each)
        return refused


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""

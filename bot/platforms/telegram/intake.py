"""Updates on their way in: on disk before they are confirmed to Telegram, and taken care of once.

python-telegram-bot's updater confirms what its queue has taken; so the queue takes nothing before it is kept. What is
called in from outside is answered when it is kept, too.
"""

import asyncio
import json

import structlog
from telegram import Update
from telegram.ext import ExtBot

from bot.platforms.telegram.events import account_of
from engine.errors import StorageError
from storage.arrivals import Arrivals

NAME = "telegram"
UPDATES = ("message", "callback_query", "my_chat_member", "inline_query")
MAX_AT_ONCE = 12  # updates; measured: with more the HTTP client spends its time looking through its connections
_PAUSE_S = 1.0  # while the disk is ill: Telegram keeps what it was not told of for a day

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class DurableQueue(asyncio.Queue[object]):
    """The queue between Telegram and those who answer."""

    def __init__(self, arrivals: Arrivals) -> None:
        super().__init__()
        self._arrivals = arrivals

    async def put(self, item: object) -> None:
        """Keep an update, then queue it; one that is known already is not queued. Returns when it is on disk.

        As often as it takes: what this waits for is not confirmed.
        """
        if not isinstance(item, Update):
            await super().put(item)
            return
        while True:
            try:
                await self.keep(item)
            except StorageError as exc:
                log.warning("an update cannot be kept yet", reason=str(exc))
                await asyncio.sleep(_PAUSE_S)
            else:
                return

    async def keep(self, update: Update) -> None:
        """The same, once. Raises: StorageError."""
        if await self._arrivals.take(NAME, update.update_id, account_of(update), update.to_json()):
            await super().put(update)

    async def put_left(self, bot: "ExtBot[None]") -> int:
        """Queue what an earlier life kept and did not take care of; how many. Raises: StorageError."""
        left = await self._arrivals.left(NAME)
        for _, body in left:
            update = Update.de_json(json.loads(body), bot)
            await super().put(update)
        return len(left)

    async def done(self, update: Update) -> None:
        """It is taken care of; where that cannot be written down it comes again after a restart, as the same event."""
        try:
            await self._arrivals.done(NAME, update.update_id)
        except StorageError as exc:
            log.warning("an update could not be written off", reason=str(exc))

"""Fetches a picture that somebody sent. What it is refused for is told; what fails for now is tried again later.

Knows nothing of pictures.
"""

import asyncio
from collections import OrderedDict

from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.ext import ExtBot

from bot.platforms.telegram.settings import API_BASE
from bot.platforms.telegram.wire import seconds
from engine.errors import PlatformError, UserError
from engine.intake import MAX_FILE_BYTES

FETCH_WITHIN_S = 60.0  # as long as 20 MB take on a slow line
MOST_TRIES = 5  # then whoever sent it is told
TELEGRAM_BYTES = 20 * 2**20  # of a file that a bot may fetch from Telegram's own servers
_KEPT = 1_024
_TOO_LARGE = "That picture is larger than {n} MB; send a smaller one."
_NOT_FETCHED = "That picture could not be fetched from Telegram; send it again."
_LATER = "That picture could not be fetched from Telegram just now."
_TOO_BIG = "file is too big"


class Fetching:
    """Fetches files. A Bot API server of one's own may hand out larger ones than Telegram's."""

    def __init__(self, bot: "ExtBot[None]") -> None:
        self._bot = bot
        is_theirs = bot.base_url.startswith(f"{API_BASE}/")
        self._most_bytes = TELEGRAM_BYTES if is_theirs else MAX_FILE_BYTES
        self._n_failed: OrderedDict[str, int] = OrderedDict()  # by the event that is answered

    def check(self, n_bytes: int) -> None:
        """Whether a file of that size can be fetched at all. Raises: UserError."""
        if n_bytes > self._most_bytes:
            raise UserError(_too_large(self._most_bytes))

    async def fetched(self, file_id: str, event: str) -> bytes:
        """A file. Raises: UserError for what will never work, PlatformError for what is to be tried again."""
        try:
            async with asyncio.timeout(FETCH_WITHIN_S):
                body = await self._fetched(file_id)
        except RetryAfter as exc:
            raise PlatformError(_LATER, retry_after_s=seconds(exc.retry_after)) from exc
        except BadRequest as exc:
            is_too_big = _TOO_BIG in str(exc).lower()
            raise UserError(_too_large(TELEGRAM_BYTES) if is_too_big else _NOT_FETCHED) from exc
        except (TimedOut, NetworkError, TimeoutError) as exc:
            self._note_failed(event, exc)
            raise PlatformError(_LATER) from exc
        except (TelegramError, RuntimeError) as exc:  # the second: it has no address
            raise UserError(_NOT_FETCHED) from exc
        self._n_failed.pop(event, None)
        return body

    async def _fetched(self, file_id: str) -> bytes:
        file = await self._bot.get_file(file_id)
        self.check(file.file_size or 0)
        return bytes(await file.download_as_bytearray())

    def _note_failed(self, event: str, exc: Exception) -> None:
        """Raises: UserError once it was tried often enough."""
        n_failed = self._n_failed.pop(event, 0) + 1
        if n_failed >= MOST_TRIES:
            raise UserError(_NOT_FETCHED) from exc
        self._n_failed[event] = n_failed
        while len(self._n_failed) > _KEPT:
            self._n_failed.popitem(last=False)


def _too_large(most_bytes: int) -> str:
    return _TOO_LARGE.format(n=most_bytes // 2**20)

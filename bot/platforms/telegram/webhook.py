"""Being called by Telegram instead of asking it: each call brings our secret, and is answered when it is on disk.

The secret is made of the token, so that it is the same after a restart and stands nowhere. Knows nothing of servers.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from http import HTTPStatus

import structlog
from telegram import Update
from telegram.error import BadRequest, TelegramError
from telegram.ext import ExtBot

from bot.platforms.telegram.intake import MAX_AT_ONCE, NAME, UPDATES, DurableQueue
from bot.platforms.telegram.settings import TelegramSettings
from engine.errors import PlatformError, StorageError, UserError

HEADER = "X-Telegram-Bot-Api-Secret-Token"
PATH = f"/hooks/{NAME}"  # of the page's server
_PURPOSE = b"darkroom webhook"
_NOT_TAKEN = "Telegram does not take the address in DARKROOM_TELEGRAM_WEBHOOK: {}."
# "bad webhook: failed to resolve host: temporary failure in name resolution" is of a minute, and its words are free.
_MAY_PASS = ("resol", "connect", "timed out", "timeout", "temporar")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Webhook:
    """Where Telegram calls, from `begin` to `end`."""

    def __init__(self, settings: TelegramSettings, bot: "ExtBot[None]", queue: DurableQueue) -> None:
        self._base = settings.webhook
        self._secret = hmac.new(settings.token.encode(), _PURPOSE, hashlib.sha256).hexdigest()
        self._bot = bot
        self._queue = queue
        self._is_taking = False

    @property
    def url(self) -> str | None:
        """Where Telegram is to call; None: it is asked."""
        return None if self._base is None else self._base.rstrip("/") + PATH

    async def begin(self) -> None:
        """Tell Telegram where to call, and take what it says.

        Raises: UserError for an address that it refuses, PlatformError for one that it cannot find now, TelegramError.
        """
        assert self.url
        self._is_taking = True  # the first call may come before the answer
        try:
            await self._bot.set_webhook(
                self.url,
                secret_token=self._secret,
                max_connections=MAX_AT_ONCE,
                allowed_updates=UPDATES,
                drop_pending_updates=False,
            )
        except BadRequest as exc:
            self._is_taking = False
            why = _NOT_TAKEN.format(str(exc)[:200].rstrip("."))
            if any(each in why.casefold() for each in _MAY_PASS):
                raise PlatformError(why) from exc
            raise UserError(why) from exc

    def end(self) -> None:
        """Take nothing more; Telegram keeps it, and calls again."""
        self._is_taking = False

    async def take(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """One call. Nothing of one without the secret is read or kept."""
        if self._base is None:
            return HTTPStatus.NOT_FOUND
        given = headers.get(HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._secret.encode()):
            return HTTPStatus.UNAUTHORIZED
        if not self._is_taking:
            return HTTPStatus.SERVICE_UNAVAILABLE
        try:
            said = json.loads(body)
            update = Update.de_json(said, self._bot)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, TelegramError) as exc:
            log.warning("a call of Telegram says nothing", reason=type(exc).__name__)
            return HTTPStatus.BAD_REQUEST
        try:
            await self._queue.keep(update)
        except StorageError as exc:
            log.warning("an update cannot be kept yet", reason=str(exc))
            return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.OK

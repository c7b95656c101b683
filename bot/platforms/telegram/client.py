"""python-telegram-bot's client as we use it: a small pool, our addresses, none of its logs, for they hold the token."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from telegram import Update
from telegram.error import InvalidToken, NetworkError
from telegram.ext import ExtBot
from telegram.request import HTTPXRequest

from bot.platforms.telegram.settings import TelegramSettings

CONNECTIONS = 16
POLL_S = 30
REFUSED = "the token was refused"


class _Line(HTTPXRequest):
    """Calls, and says of each that is decided whether the token was refused: 401 is of no other kind."""

    def __init__(self, note_refused: Callable[[bool], None], **named: Any) -> None:
        super().__init__(**named)
        self._note_refused = note_refused

    async def do_request(self, *given: Any, **named: Any) -> tuple[int, bytes]:
        """As the library does."""
        status, body = await super().do_request(*given, **named)
        if status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED):
            self._note_refused(status == HTTPStatus.UNAUTHORIZED)
        return status, body


class Client(ExtBot[None]):
    """Calls Telegram. The library's own stops asking for ever once the token is refused, without a word.

    Here it goes on: the refusal may be of a proxy between. What it is shown as holds no token. `note_refused` is told
    of each call whether the token was refused.
    """

    def __init__(self, settings: TelegramSettings, note_refused: Callable[[bool], None] = lambda _: None) -> None:
        for logger in ("httpx", "httpcore", "telegram"):
            logging.getLogger(logger).setLevel(logging.CRITICAL + 1)
        base = settings.api_base.rstrip("/")
        super().__init__(
            settings.token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=_Line(note_refused, connection_pool_size=CONNECTIONS, pool_timeout=20.0, read_timeout=20.0),
            get_updates_request=_Line(note_refused, connection_pool_size=2, read_timeout=POLL_S + 10.0),
        )

    async def get_updates(self, *given: Any, **named: Any) -> tuple[Update, ...]:
        """Those that wait. Raises: TelegramError, and for a token that is refused one that does not hold it."""
        try:
            return await super().get_updates(*given, **named)
        except InvalidToken:
            raise NetworkError(REFUSED) from None

    def __repr__(self) -> str:
        return "Client()"

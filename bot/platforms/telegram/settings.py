"""What the operator decides about Telegram."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from engine.errors import UserError

API_BASE = "https://api.telegram.org"
PORTS = (443, 80, 88, 8443)  # Telegram's own servers call no others
_PORT = "Telegram calls ports 443, 80, 88 and 8443 alone: leave port {} out of DARKROOM_TELEGRAM_WEBHOOK."


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSettings:
    """`api_base` is for people who run a Bot API server of their own, and for tests.

    `webhook`: where the page is reached from outside; None: Telegram is polled.
    """

    token: str = field(repr=False)
    api_base: str = API_BASE
    webhook: str | None = None

    def check(self) -> None:
        """Raises: UserError for a webhook that Telegram would never call."""
        if self.webhook is None or self.api_base.rstrip("/") != API_BASE:
            return
        port = urlsplit(self.webhook).port
        if port is not None and port not in PORTS:
            raise UserError(_PORT.format(port))

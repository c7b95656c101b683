"""What the operator decides about Telegram."""

from dataclasses import dataclass, field

API_BASE = "https://api.telegram.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSettings:
    """`api_base` is for people who run a Bot API server of their own, and for tests."""

    token: str = field(repr=False)
    api_base: str = API_BASE

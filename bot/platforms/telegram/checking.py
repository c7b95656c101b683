"""Whether a token is good, whose it is and what it can: for the doctor. Asks a few questions and listens to nothing."""

from dataclasses import dataclass

from telegram.error import InvalidToken, TelegramError

from bot.platforms.telegram.client import Client
from bot.platforms.telegram.platform import NOT_KNOWN, UNREACHABLE
from bot.platforms.telegram.settings import TelegramSettings
from bot.platforms.telegram.webhook import PATH
from engine.errors import PlatformError, UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The bot behind a token. `trouble`: what Telegram says of the address that it calls, "" while all is well."""

    username: str
    is_inline: bool
    trouble: str


async def account(settings: TelegramSettings) -> Account:
    """Who this token is. Raises: UserError for a wrong token or webhook, PlatformError while Telegram is away."""
    settings.check()
    bot = Client(settings)
    try:
        await bot.initialize()
        called = await bot.get_webhook_info() if settings.webhook else None
        is_ours = called is not None and called.url.endswith(PATH)
        trouble = (called.last_error_message or "") if called and is_ours else ""
        return Account(username=bot.username, is_inline=bool(bot.supports_inline_queries), trouble=trouble)
    except InvalidToken as exc:
        raise UserError(NOT_KNOWN) from exc
    except TelegramError as exc:
        raise PlatformError(UNREACHABLE) from exc
    finally:
        await bot.shutdown()

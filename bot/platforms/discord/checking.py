"""Whether a token is good, and whose: for the doctor. Logs in and out; listens to nothing."""

import asyncio
from dataclasses import dataclass

import aiohttp
import discord

from bot.platforms.discord.client import Client, point_at
from bot.platforms.discord.platform import LOGIN_WITHIN_S, NOT_KNOWN, UNREACHABLE
from bot.platforms.discord.settings import DiscordSettings
from bot.platforms.discord.welcome import invite_url
from engine.errors import PlatformError, UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The bot behind a token. `is_public`: anybody may add it to a server, whom the desk then has to let in."""

    name: str
    invite: str
    is_public: bool


async def account(settings: DiscordSettings) -> Account:
    """Who this token is. Raises: UserError for a wrong one, PlatformError while Discord is out of reach."""

    async def nobody(_: object) -> None:
        """Nothing is heard here."""

    point_at(settings)
    client = Client(settings, nobody, nobody)
    try:
        async with asyncio.timeout(LOGIN_WITHIN_S):
            await client.login(settings.token)
        application = client.application
        assert application, "it is asked for while logging in"
        return Account(name=str(client.user), invite=invite_url(application.id), is_public=bool(application.bot_public))
    except discord.LoginFailure as exc:
        raise UserError(NOT_KNOWN) from exc
    except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as exc:
        raise PlatformError(UNREACHABLE) from exc
    finally:
        await client.close()

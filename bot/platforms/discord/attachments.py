"""Pictures that people attach: fetched at once, for their addresses expire, and from Discord's own hosts alone.

Counted and capped while they arrive. What is in them is looked at elsewhere.
"""

import asyncio
from urllib.parse import urlsplit

import aiohttp

from bot.platforms.discord.settings import CDN_HOSTS
from engine.errors import PlatformError, UserError
from engine.intake import MAX_FILE_BYTES

FETCH_WITHIN_S = 30.0
MAX_AT_ONCE = 16  # each up to MAX_FILE_BYTES in memory
_TOO_LARGE = f"That picture is larger than {MAX_FILE_BYTES // 2**20} MiB; attach a smaller one."
_NOT_DISCORDS = "I only open pictures that are attached on Discord itself; attach it to the command."
_NOT_THERE = "That picture could not be fetched from Discord; attach it again."


class Attachments:
    """Fetches. `own_host` is the host and port of a configured base, which people and tests put in Discord's place."""

    def __init__(self, own_base: str | None) -> None:
        self._own = urlsplit(own_base) if own_base else None
        self._session: aiohttp.ClientSession | None = None
        self._room = asyncio.Semaphore(MAX_AT_ONCE)

    async def open(self) -> None:
        """Make the pool of connections; harmless when it is there."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=FETCH_WITHIN_S)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)

    async def close(self) -> None:
        """Let go of it."""
        if self._session:
            await self._session.close()
            self._session = None

    def check(self, url: str) -> None:
        """Raises: UserError for an address that is not Discord's."""
        parts = urlsplit(url)
        is_discords = parts.scheme == "https" and parts.hostname in CDN_HOSTS and parts.port in (None, 443)
        is_own = self._own is not None and (parts.scheme, parts.netloc) == (self._own.scheme, self._own.netloc)
        if not (is_discords or is_own) or parts.username or parts.password:
            raise UserError(_NOT_DISCORDS)

    async def fetch(self, url: str, n_bytes: int | None = None) -> bytes:
        """The file at one of Discord's addresses. Raises: UserError, PlatformError."""
        assert self._session, "opened"
        self.check(url)
        if n_bytes is not None and n_bytes > MAX_FILE_BYTES:
            raise UserError(_TOO_LARGE)
        async with self._room:
            try:
                async with self._session.get(url, allow_redirects=False) as answer:
                    if answer.status != 200:
                        raise UserError(_NOT_THERE)
                    return await _capped(answer)
            except (aiohttp.ClientError, OSError, TimeoutError) as exc:
                raise PlatformError(_NOT_THERE) from exc


async def _capped(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_FILE_BYTES:
            raise UserError(_TOO_LARGE)
    return bytes(body)

"""Telling platforms, safely: a chat that refuses or breaks is logged, and stops neither drawing nor anybody else.

What a person missed is in the database. One edge for all platforms.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from weakref import WeakValueDictionary

import structlog

from bot.cards import Card, State
from bot.platforms.base import Platform
from engine.errors import PlatformError
from storage.records import RequestRow

_NOBODY_LOOKS_S = 5.0

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Teller:
    """Says a request's newest card on the platform it came from. `platforms` by name; none of the methods raises."""

    def __init__(self, platforms: Mapping[str, Platform]) -> None:
        self._platforms = platforms
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, request_id: str) -> asyncio.Lock:
        """To be held from reading a request's state until it is told, lest an older state be told after a newer one."""
        lock = self._turns.get(request_id)
        if lock is None:
            lock = self._turns[request_id] = asyncio.Lock()
        return lock

    def edit_every_s(self, request: RequestRow) -> float:
        """How often its message may be edited at most."""
        platform = self._platform(request)
        return platform.edit_every_s if platform else _NOBODY_LOOKS_S

    async def acknowledge(self, request: RequestRow, card: Card) -> None:
        """The first sight of it."""
        if platform := self._platform(request):
            await _safely(request, platform.acknowledge(request.reply_to, card))

    async def newest(self, request: RequestRow, card: Card) -> None:
        """Where it is now, or how it ended."""
        if platform := self._platform(request):
            tell = platform.deliver if card.state.is_over or card.state is State.OFFERED else platform.progress
            await _safely(request, tell(request.reply_to, card))

    async def withdraw(self, request: RequestRow) -> None:
        """Its message is gone."""
        if platform := self._platform(request):
            await _safely(request, platform.withdraw(request.reply_to, request.id))

    def _platform(self, request: RequestRow) -> Platform | None:
        """The platform a request came from: its place begins with it. None where it is no longer switched on."""
        return self._platforms.get(request.place.partition(":")[0])


async def _safely(request: RequestRow, telling: Awaitable[None]) -> None:
    try:
        await telling
    except PlatformError as exc:
        log.warning("a platform was not told", request=request.id, reason=str(exc))
    except Exception:  # the edge of the platforms: whatever theirs trips over, ours goes on
        log.exception("a platform broke", request=request.id)

"""Pauses that Discord asks for, kept below discord.py: nothing goes to a route before it is listened to again.

discord.py waits within the call that was told to; meanwhile others of the same route go on, and whoever gives up that
call and makes another would speak into the pause. Here every request waits at the door of its connection. What would
wait for longer than a call may take is a PlatformError: the outbox has other things to do meanwhile.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from types import SimpleNamespace

import aiohttp
from yarl import URL

from engine.errors import PlatformError

LONGEST_S = 30.0  # that a request waits; less than a call may take
_KEPT = 1_024  # routes
_TOO_MANY = 429
_MESSAGE = re.compile(r"(?<=/messages/)\d+")  # all of a channel are one route


class Pauses:
    """Which routes are to be left alone until when."""

    def __init__(self) -> None:
        self._until_s: OrderedDict[str, float] = OrderedDict()

    def trace(self) -> aiohttp.TraceConfig:
        """For a session that is to keep them."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._before)
        config.on_request_end.append(self._after)
        return config

    async def _before(self, _: object, __: SimpleNamespace, asked: aiohttp.TraceRequestStartParams) -> None:
        """Raises: PlatformError where the pause is long."""
        route = _route(asked.method, asked.url)
        while (left_s := self._until_s.get(route, 0.0) - time.monotonic()) > 0:
            if left_s > LONGEST_S:
                raise _pause(left_s)
            await asyncio.sleep(left_s)

    async def _after(self, _: object, __: SimpleNamespace, answered: aiohttp.TraceRequestEndParams) -> None:
        """Raises: PlatformError where the pause is long, before anybody waits for it."""
        if answered.response.status != _TOO_MANY:
            return
        pause_s = _asked_s(answered.response.headers)
        route = _route(answered.method, answered.url)
        self._until_s[route] = time.monotonic() + pause_s
        self._until_s.move_to_end(route)
        while len(self._until_s) > _KEPT:
            self._until_s.popitem(last=False)
        if pause_s > LONGEST_S:
            raise _pause(pause_s)


def _pause(for_s: float) -> PlatformError:
    return PlatformError("Discord asks for a pause.", retry_after_s=for_s)


def _route(method: str, url: URL) -> str:
    return f"{method} {_MESSAGE.sub('', url.path)}"


def _asked_s(headers: Mapping[str, str]) -> float:
    """Whole seconds, rounded up; what names no time is discord.py's to deal with."""
    try:
        return float(headers.get("Retry-After", ""))
    except ValueError:
        return 0.0

"""Calls of chats from outside, at `/hooks/<chat>`: each brings a key of its own, and only its chat knows the right one.

No browser sends them and no person is behind them: the guards for browsers and the door for people do not look at them.
Knows nothing of what they say.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web

from bot.platforms.web.guard import HOOKS
from bot.platforms.web.refusals import Refused

Hook = Callable[[Mapping[str, str], bytes], Awaitable[HTTPStatus]]


class Hooks:
    """The chats that are called so. A hook is given headers and body, and answers with a status."""

    def __init__(self) -> None:
        self._hooks: dict[str, Hook] = {}

    def put(self, chat: str, hook: Hook) -> None:
        """From now on calls to `/hooks/<chat>` are for it."""
        self._hooks[chat] = hook

    def routes(self) -> list[web.RouteDef]:
        """Where they call."""
        return [web.post(HOOKS, self._take)]

    async def _take(self, request: web.Request) -> web.StreamResponse:
        hook = self._hooks.get(request.match_info["chat"])
        if hook is None:
            raise Refused(HTTPStatus.NOT_FOUND, "Nothing is called here.")
        return web.Response(status=await hook(request.headers, await request.read()))

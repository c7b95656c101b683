"""The pictures of forms that are open, fetched when the form is shown: when it comes back they may be gone."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from bot.platforms.discord.attachments import Attachments
from engine.errors import UserError

MAX_FORMS, FORM_S = 32, 15 * 60.0  # whose picture is held in memory for them, and for how long
_GONE = "That form is from before I was started anew, or too old; begin again from the message."


class Forms:
    """One a person. Knows nothing of what is asked in a form."""

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments
        self._fetching: OrderedDict[str, asyncio.Task[bytes]] = OrderedDict()

    def begin(self, user: int, interaction: int, picture: Mapping[str, Any]) -> str:
        """Begin to fetch, and return the form's name. Raises: UserError for an address that is not Discord's."""
        self._attachments.check(str(picture["url"]))
        name = f"{user}-{interaction}"
        fetch = self._attachments.fetch(str(picture["url"]), picture.get("size"))
        task = asyncio.create_task(fetch, name=f"fetch {name}")
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # it is told when the form comes
        for earlier in [each for each in self._fetching if each.startswith(f"{user}-")]:
            self._let_go(earlier)  # one form is open at a time
        self._fetching[name] = task
        while len(self._fetching) > MAX_FORMS:
            self._let_go(next(iter(self._fetching)))
        asyncio.get_running_loop().call_later(FORM_S, self._let_go, name)
        return name

    async def take(self, name: str) -> bytes:
        """The file, once. Raises: UserError, PlatformError."""
        fetching = self._fetching.pop(name, None)
        if fetching is None:
            raise UserError(_GONE)
        return await fetching

    async def close(self) -> None:
        """Let go of what nobody sent."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._fetching.clear()

    def _let_go(self, name: str) -> None:
        if fetching := self._fetching.pop(name, None):
            fetching.cancel()

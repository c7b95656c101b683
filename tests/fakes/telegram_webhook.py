"""Posting the fake Telegram's updates to where the bot listens, and again until it says that it has them."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.fakes.telegram_updates import Update, Updates
from tests.fakes.telegram_world import World

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_PATIENCE_S = 30.0
_LONGEST_PAUSE_S = 60.0


@dataclass(kw_only=True)
class Pause:
    """Before another try: at once, and then twice as long each time."""

    first_s: float = 1.0
    by_queue: dict[int, float] = field(default_factory=dict)

    def after(self, queue: int, asked_s: float) -> float:
        """How long to wait now."""
        if asked_s:
            return asked_s
        wait_s = self.by_queue.get(queue, 0.0)
        self.by_queue[queue] = min(_LONGEST_PAUSE_S, 2 * wait_s or 2 * self.first_s)
        return wait_s

    def forget(self, queue: int) -> None:
        """It worked."""
        self.by_queue.pop(queue, None)


class Webhook:
    """Alive between `wake` and `close`. Each queue (a chat, a person's presses) is told in order; queues do not wait
    for each other. `last_error` is what getWebhookInfo says.
    """

    def __init__(self, world: World, updates: Updates, url: str, secret: str, first_pause_s: float) -> None:
        self._world = world
        self._updates = updates
        self.url = url
        self._secret = secret
        self.last_error: tuple[int, str] | None = None
        self._pause = Pause(first_s=first_pause_s)
        self._session: ClientSession | None = None
        self._tellers: dict[int, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There may be something to tell."""
        for queue in {each.queue for each in self._updates.waiting}:
            teller = self._tellers.get(queue)
            if teller is None or teller.done():
                self._tellers[queue] = asyncio.create_task(self._tell(queue))

    async def close(self) -> None:
        """Stop where it is; what is not confirmed waits."""
        tellers = list(self._tellers.values())
        for teller in tellers:
            teller.cancel()
        await asyncio.gather(*tellers, return_exceptions=True)
        if self._session:
            await self._session.close()

    async def _tell(self, queue: int) -> None:
        while update := self._next(queue):
            wait_s = await self._post(update)
            if wait_s is None:
                self._pause.forget(queue)
                self._updates.confirm(update)
            else:
                await asyncio.sleep(self._pause.after(queue, wait_s))

    def _next(self, queue: int) -> Update | None:
        return next((each for each in self._updates.waiting if each.queue == queue), None)

    async def _post(self, update: Update) -> float | None:
        """None: the bot has it. Otherwise for how long it asks to be left alone."""
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=_PATIENCE_S))
        headers = {SECRET_HEADER: self._secret} if self._secret else {}
        try:
            async with self._session.post(self.url, json=update.json, headers=headers, allow_redirects=False) as reply:
                await reply.read()
        except (ClientError, TimeoutError) as exc:
            self._failed(f"Connection failed: {type(exc).__name__}")
            return 0.0
        self._updates.told(update)
        if 200 <= reply.status < 300:
            return None
        self._failed(f"Wrong response from the webhook: {reply.status} {reply.reason}")
        asked = reply.headers.get("Retry-After", "0")
        return float(asked) if asked.isdecimal() else 0.0

    def _failed(self, sentence: str) -> None:
        self.last_error = (self._world.date(), sentence)
        self._world.touch()

"""Keeps one worker alive: lives one life after the other, with pauses that grow while lives are short.

Knows nothing of jobs. The first life is like any other; whoever wants to give up after it calls `close`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from engine.messages import FromWorker
from engine.process import ProcessSettings, WorkerProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Pauses before a restart: `first_s`, doubled for each life shorter than `healthy_s`, up to `longest_s`.

    30 s at most: a driver that comes back, or a disk that has room again, is used within half a minute. 60 s is
    healthy: long enough to have drawn something.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    healthy_s: float = 60.0

    def pause_s(self, n_short_lives: int) -> float:
        """The pause after so many short lives in a row; 0 counts as 1."""
        n_doublings = min(max(n_short_lives - 1, 0), 32)  # 2**32 times a pause is longer than any `longest_s`
        return min(self.first_s * (1 << n_doublings), self.longest_s)


class Supervisor:
    """Runs a worker until closed. `said` gets the messages of the life of the day; `ended` the end of each life.

    `ended(reason, pause_s)` is called once per life, after the last `said` of that life; `pause_s` is None when there
    will be no other life.
    """

    def __init__(
        self,
        settings: ProcessSettings,
        backoff: Backoff,
        *,
        said: Callable[[FromWorker], None],
        ended: Callable[[str, float | None], None],
    ) -> None:
        self._settings = settings
        self._backoff = backoff
        self._said = said
        self._ended = ended
        self._closed = asyncio.Event()
        self.process = WorkerProcess(settings, said)

    async def run(self) -> None:
        """Live, pause and live again, until `close`; cancelling it kills the worker."""
        loop = asyncio.get_running_loop()
        n_short_lives = 0
        while not self._closed.is_set():
            born_at = loop.time()
            reason = await self.process.live()
            n_short_lives = n_short_lives + 1 if loop.time() - born_at < self._backoff.healthy_s else 0
            if self._closed.is_set():
                self._ended(reason, None)
                return
            pause_s = self._backoff.pause_s(n_short_lives)
            self.process = WorkerProcess(self._settings, self._said)
            self._ended(reason, pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._closed.wait()

    def close(self) -> None:
        """Ask the worker to end and live no other life; `run` returns when it has."""
        self._closed.set()
        self.process.close()

"""Keeps one worker alive: lives one life after the other, with pauses that grow while lives are short.

Knows nothing of jobs. The first life is like any other; whoever wants to give up after it calls `close`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from engine.messages import FromWorker
from engine.process import MakeProcess, Process, ProcessSettings, WorkerProcess


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
    will be no other life. A life that `pause` cuts short says nothing more, and its end is not told.
    """

    def __init__(
        self,
        settings: ProcessSettings,
        backoff: Backoff,
        *,
        said: Callable[[FromWorker], None],
        ended: Callable[[str, float | None], None],
        make_process: MakeProcess = WorkerProcess,
        is_paused: bool = False,
    ) -> None:
        self._settings = settings
        self._backoff = backoff
        self._said = said
        self._ended = ended
        self._make_process = make_process
        self._n_lives = 0
        self._is_closed = False
        self._is_paused = is_paused
        self._is_cut = False  # whether the present life was ended by a pause
        self._told = asyncio.Event()  # to pause, resume or close
        self._is_free = asyncio.Event()  # no process is there
        self._is_free.set()
        self.process = self._next_process()

    async def run(self) -> None:
        """Live, pause and live again, until `close`; cancelling it kills the worker."""
        loop = asyncio.get_running_loop()
        n_short_lives = 0
        while not self._is_closed:
            if self._is_paused:
                n_short_lives = 0
                await self._told_something(None)
                continue
            born_at_s = loop.time()
            reason = await self._live()
            if self._will_not_live_again():
                self._ended(reason, None)
                return
            self.process = self._next_process()
            if self._is_cut:
                self._is_cut, n_short_lives = False, 0
                continue
            n_short_lives = n_short_lives + 1 if loop.time() - born_at_s < self._backoff.healthy_s else 0
            pause_s = self._backoff.pause_s(n_short_lives)
            self._told.clear()
            self._ended(reason, pause_s)
            await self._told_something(pause_s)

    def pause(self) -> None:
        """Ask the worker to end, and live no other life until `resume`."""
        if not self._is_paused:
            self._is_paused = True
            if not self._is_free.is_set():
                self._is_cut = True
                self._n_lives += 1  # what it still says is nobody's
                self.process.close()
            self._told.set()

    async def freed(self) -> None:
        """Wait until there is no process."""
        await self._is_free.wait()

    def resume(self) -> None:
        """Live again, at once."""
        self._is_paused = False
        self._told.set()

    def close(self) -> None:
        """Ask the worker to end and live no other life; `run` returns when it has."""
        self._is_closed = True
        self._told.set()
        self.process.close()

    async def _live(self) -> str:
        self._is_free.clear()
        try:
            return await self.process.live()
        finally:
            self._is_free.set()

    async def _told_something(self, within_s: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._told.wait()
        self._told.clear()

    def _will_not_live_again(self) -> bool:
        return self._is_closed  # read anew: it changes while `run` awaits

    def _next_process(self) -> Process:
        self._n_lives += 1
        life = self._n_lives

        def said(message: FromWorker) -> None:
            if life == self._n_lives:
                self._said(message)

        return self._make_process(self._settings, said)

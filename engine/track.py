"""What is told about one job: the present state for whoever joins, and then each change, at the listener's own pace.

Only the latest state is kept, so a slow listener holds nobody up and costs no memory: what it missed is merged or gone.
A position that nobody listens to costs nothing: it lapses, and the next listener waits for what is true then. Knows
nothing of queues or workers.
"""

import asyncio
from collections.abc import AsyncGenerator

from engine.domain import Event, Job, Outcome, Progress, Raster, Waiting


class Track:
    """The state of a job as told to its watchers. Versions count from 1; version 0 is "nothing told yet"."""

    __slots__ = ("_listening", "_previews", "_version", "_waiting_for_end", "job", "latest", "n_watchers", "told_at_s")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.latest: Event | None = None
        self.told_at_s = 0.0  # for whoever tells, to compare a forecast with the one that was told
        self.n_watchers = 0
        self._version = 0
        self._previews: dict[int, tuple[int, Raster]] = {}  # the newest of each picture, and since which version
        self._listening: list[asyncio.Future[None]] = []
        self._waiting_for_end: list[asyncio.Future[None]] = []

    def tell(self, event: Event) -> None:
        """Make this the present state; the same again, or anything after an outcome, is not told."""
        if event == self.latest or isinstance(self.latest, Outcome):
            return
        self._version += 1
        self.latest = event
        if isinstance(event, Progress):
            for index, raster in event.previews.items():
                self._previews[index] = self._version, raster
        elif isinstance(event, Outcome):
            self._previews.clear()
            _wake(self._waiting_for_end)
        _wake(self._listening)

    async def watch(self) -> AsyncGenerator[Event, None]:
        """The present state, each change, and last the outcome; previews are those since the state before."""
        seen = 0
        self.n_watchers += 1
        try:
            while True:
                event, seen = await self._after(seen)
                yield event
                if isinstance(event, Outcome):
                    return
        finally:
            self.n_watchers -= 1
            if not self.n_watchers and isinstance(self.latest, Waiting):
                self.latest = None  # from here on nobody keeps it true

    async def outcome(self) -> Outcome:
        """Wait for the end; nothing before it wakes whoever waits here."""
        while not isinstance(self.latest, Outcome):
            await _sleep_in(self._waiting_for_end)
        return self.latest

    async def _after(self, seen: int) -> tuple[Event, int]:
        """The state as soon as it is newer than version `seen`, and its version; previews since then are with it."""
        while self.latest is None or self._version == seen:
            await _sleep_in(self._listening)
        event = self.latest
        if isinstance(event, Progress):
            previews = {index: raster for index, (version, raster) in self._previews.items() if version > seen}
            event = Progress(step=event.step, n_steps=event.n_steps, previews=previews)
        return event, self._version


async def _sleep_in(sleepers: list[asyncio.Future[None]]) -> None:
    sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    sleepers.append(sleeper)
    try:
        await sleeper
    finally:
        if sleeper in sleepers:  # it was cancelled and not woken
            sleepers.remove(sleeper)


def _wake(sleepers: list[asyncio.Future[None]]) -> None:
    for sleeper in sleepers:
        if not sleeper.done():
            sleeper.set_result(None)
    sleepers.clear()

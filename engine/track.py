"""What is told about one job: the present state for whoever joins, and then each change, at the listener's own pace.

Only the latest state is kept, so a slow listener holds nobody up and costs no memory: what it missed is merged or gone.
Knows nothing of queues or workers.
"""

import asyncio

from engine.domain import Event, Job, Outcome, Progress, Raster


class Track:
    """The state of a job as told to its watchers. Versions count from 1; version 0 is "nothing told yet"."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.latest: Event | None = None
        self._version = 0
        self._previews: dict[int, tuple[int, Raster]] = {}  # the newest of each picture, and since which version
        self._changed = asyncio.Event()

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
        self._changed.set()
        self._changed = asyncio.Event()

    async def after(self, seen: int) -> tuple[Event, int]:
        """The state as soon as it is newer than version `seen`, and its version; previews since then are with it."""
        while self._version == seen:
            await self._changed.wait()
        event = self.latest
        assert event is not None
        if isinstance(event, Progress):
            previews = {index: raster for index, (version, raster) in self._previews.items() if version > seen}
            event = Progress(step=event.step, n_steps=event.n_steps, previews=previews)
        return event, self._version

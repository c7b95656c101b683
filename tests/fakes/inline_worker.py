"""The real worker loop in this process, with a scripted pipe: what arrives at which tick is part of the test."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from engine.domain import Job, Raster
from engine.messages import (
    Broke,
    Draw,
    Drawn,
    Drew,
    Finished,
    FromWorker,
    Load,
    Loaded,
    LoadFailed,
    Ticked,
    ToWorker,
    WasCancelled,
)
from engine.worker.device import Device, choose
from engine.worker.loop import FETCHING_POLL_S, Loop
from engine.worker.wall import Wall


class _AllSaid(Exception):
    """Every job of the script has had its last word."""


class InlineWall(Wall):
    """Hands out the script by the number of ticks that ran and keeps what the loop says."""

    def __init__(self, script: Sequence[tuple[int, ToWorker]], until: Callable[["InlineWall"], bool]) -> None:
        self.n_ticks = 0
        self.n_works = 0
        self.n_jobs = 0
        self.said: list[FromWorker] = []
        self._script = sorted(script, key=lambda item: item[0])
        self._until = until

    def send(self, message: FromWorker) -> None:
        """Keep it."""
        self.said.append(message)

    def receive(self, timeout_s: float | None) -> ToWorker | None:
        """The next line of the script whose tick has come; an idle loop is given the next line at once."""
        is_idle = timeout_s not in (0, FETCHING_POLL_S)
        if timeout_s == FETCHING_POLL_S:
            time.sleep(0.001)  # a download goes on
        if self._script and (is_idle or self._script[0][0] <= self.n_ticks):
            return self._script.pop(0)[1]
        if self._until(self):
            raise _AllSaid
        assert not (is_idle and not self._script and self.n_jobs == 0), "the loop is idle, but the test waits on"
        return None

    def of(self, kind: type) -> list[FromWorker]:
        """All messages of one kind, in order."""
        return [message for message in self.said if isinstance(message, kind)]

    @property
    def results(self) -> dict[str, Drew | WasCancelled | Broke]:
        """The last word about each job."""
        return {message.job_id: message.result for message in self.said if isinstance(message, Finished)}

    @property
    def rasters(self) -> dict[str, dict[int, Raster]]:
        """Finished pictures by job and index."""
        pictures: dict[str, dict[int, Raster]] = defaultdict(dict)
        for message in self.said:
            if isinstance(message, Drawn):
                pictures[message.job_id][message.index] = message.raster
        return pictures

    @property
    def ticks(self) -> list[Ticked]:
        """Every step that ran."""
        return [message for message in self.said if isinstance(message, Ticked)]


def run(
    *script: Job | tuple[int, ToWorker | Job], idle_unload_s: float = 0, device: Device | None = None
) -> InlineWall:
    """Run the loop until every job and load of the script is answered; plain jobs arrive at tick 0."""
    lines: list[tuple[int, ToWorker]] = []
    for item in script:
        tick, message = item if isinstance(item, tuple) else (0, item)
        lines.append((tick, Draw(job=message) if isinstance(message, Job) else message))
    jobs = {message.job.id for _, message in lines if isinstance(message, Draw)}
    loads = {message.model for _, message in lines if isinstance(message, Load)}

    def is_over(wall: InlineWall) -> bool:
        answered = {message.model for message in wall.said if isinstance(message, Loaded | LoadFailed)}
        return jobs <= wall.results.keys() and loads <= answered

    wall = InlineWall(lines, is_over)
    try:
        Loop(wall, device or choose("cpu"), idle_unload_s).run()
    except _AllSaid:
        return wall
    raise AssertionError("a worker's loop does not return")

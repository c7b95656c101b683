"""Tells everybody who waits where they are and for how long, without ever holding up the event loop.

Rounds reach ever less often ever deeper: who is next hears of each change, who is far behind every few seconds. A
round goes in slices, each as short as what it sets off allows, and the pause after it grows with what it took. Nobody
is told who does not watch. Knows nothing of workers or of how jobs end.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice

from engine.domain import Waiting
from engine.fairness import FairQueue
from engine.forecast import PLAYED_JOBS, Desk, Load, waits_s
from engine.track import Track

EVERY_S = 0.25  # chats take about one edit a second
NEAR = 64  # told in each round; four times as many in every second, sixteen times in every fourth, and so on
_REFRESH_S = 5.0  # also when nothing moves: a job may turn out slower than was thought
_SLICE_S = 0.002  # of looking; with what a slice sets off it stays below 5 ms
_LONGEST_S = 0.005
_LOOKS_BETWEEN_CLOCKS = 16
_MOST_TOLD, _LEAST_TOLD = 64, 4  # in a slice; waking a watcher takes 20 us and more, as long as its listener likes
_REST = 9  # a tenth of the loop's time at most, or rounds would take what the answers to chats need
_LONGEST_REST_S = 5.0
_PLAYED_FOR_ONE, _LOOKED_FOR_ONE = 100, 300  # together 3 ms
_NEWS_S, _NEWS_SHARE = 2.0, 0.1  # by how much a forecast must have changed to be told again at the same position


class Positions:
    """The positions and waits of the jobs in `queue`. `desks`: the workers; None while nobody can know a wait."""

    def __init__(
        self,
        queue: FairQueue,
        waiting: Mapping[str, Track],
        desks: Callable[[], list[Desk] | None],
        load: Callable[[Track], Load | None],
    ) -> None:
        self._queue = queue
        self._waiting = waiting
        self._desks = desks
        self._load = load
        self._moved = asyncio.Event()
        self._wanted: set[str] = set()  # watched since a moment ago, and not told yet
        self._told_at_once = _LEAST_TOLD * 4

    def moved(self) -> None:
        """The queue, or what it waits for, is not what it was."""
        self._moved.set()

    def want(self, job_id: str) -> None:
        """Somebody begins to watch this job: tell it soon, however deep it is."""
        self._wanted.add(job_id)
        self._moved.set()

    async def keep_telling(self) -> None:
        """At once after a quiet time, else a little later and in one go; for ever."""
        n_rounds = 0
        while True:
            if n_rounds == 0:
                await self._quiet()
            n_rounds += 1
            self._moved.clear()
            depth = depth_of(n_rounds)
            took_s = await self._round(depth) if self._is_watched() else 0.0
            if depth >= len(self._queue):
                n_rounds = 0  # everybody was told
            await asyncio.sleep(min(max(EVERY_S, _REST * took_s), _LONGEST_REST_S))

    def wait_s(self, job_id: str) -> float | None:
        """Seconds until this job is taken; None if nobody can know.

        At a bounded price: far behind, the waits of those in front are drawn out to its position.
        """
        return self._look_for(job_id)[1]

    def present(self, job_id: str) -> Waiting:
        """Where a job that waits is now. 3 ms behind ten thousand others."""
        place, wait_s = self._look_for(job_id)
        return _waiting(place + 1, wait_s)

    def _look_for(self, job_id: str) -> tuple[int, float | None]:
        """The place of a job, from 0, and its wait."""
        ids: list[str] = []
        farthest_s: float | None = None
        for place, wait_s in islice(self._waits(self._queue.glance(), ids, _PLAYED_FOR_ONE), _LOOKED_FOR_ONE):
            if ids[place] == job_id:
                return place, wait_s
            farthest_s = wait_s
        n_ahead = self._queue.position(job_id) - 1
        return n_ahead, None if farthest_s is None else farthest_s * n_ahead / _LOOKED_FOR_ONE

    def _is_watched(self) -> bool:
        return any(track.n_watchers for track in self._waiting.values()) or bool(self._wanted)

    async def _quiet(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_REFRESH_S if self._queue else None):
                await self._moved.wait()

    async def _round(self, depth: int) -> float:
        """Tell everybody down to this position, and whoever wants to know; returns the seconds that it took."""
        now_s = asyncio.get_running_loop().time
        wanted, self._wanted = self._wanted, set()
        begun_s, took_s, n_told = now_s(), 0.0, 0
        ids: list[str] = []
        for n_looked, (place, wait_s) in enumerate(self._waits(self._queue.upcoming(), ids, PLAYED_JOBS), 1):
            job_id = ids[place]
            if place < depth or job_id in wanted:
                wanted.discard(job_id)
                n_told += self._tell(job_id, place + 1, wait_s, now_s())
            if n_looked >= depth and not wanted:
                break
            is_full = n_told >= self._told_at_once
            if is_full or (n_looked % _LOOKS_BETWEEN_CLOCKS == 0 and now_s() - begun_s > _SLICE_S):
                await asyncio.sleep(0)  # who was told gets to run now
                slice_s = now_s() - begun_s
                self._adapt(n_told, slice_s)
                took_s, begun_s, n_told = took_s + slice_s, now_s(), 0
        return took_s + now_s() - begun_s

    def _adapt(self, n_told: int, slice_s: float) -> None:
        """Tell fewer at once if that kept the loop busy for long, else a few more."""
        if n_told and slice_s > _LONGEST_S:
            self._told_at_once = max(_LEAST_TOLD, int(n_told * _LONGEST_S / slice_s / 2))
        elif n_told >= self._told_at_once:
            self._told_at_once = min(_MOST_TOLD, self._told_at_once + 4)

    def _waits(self, upcoming: Iterator[str], ids: list[str], n_played: int) -> Iterator[tuple[int, float | None]]:
        """Places, from 0, with waits if they can be known; `ids` gets the job of each place."""
        desks = self._desks()
        if desks is None:
            return ((place, None) for place, _ in enumerate(self._still_waiting(upcoming, ids)))
        return waits_s(desks, self._line(upcoming, ids), n_played)

    def _line(self, upcoming: Iterable[str], ids: list[str]) -> Iterator[Load]:
        for track in self._still_waiting(upcoming, ids):
            load = self._load(track)
            assert load is not None  # there are desks only if something is known
            yield load

    def _still_waiting(self, upcoming: Iterable[str], ids: list[str]) -> Iterator[Track]:
        """The tracks of these jobs, but for those that left meanwhile; `ids` gets them as they are passed."""
        for job_id in upcoming:
            track = self._waiting.get(job_id)
            if track is not None:
                ids.append(job_id)
                yield track

    def _tell(self, job_id: str, position: int, wait_s: float | None, now_s: float) -> bool:
        """Tell it if it waits still, somebody listens and it is news."""
        track = self._waiting.get(job_id)
        if track is None or not track.n_watchers or _is_known(track, position, wait_s, now_s):
            return False
        track.tell(_waiting(position, wait_s))
        track.told_at_s = now_s
        return True


def depth_of(n_rounds: int) -> int:
    """How deep the n-th round after a quiet time reaches."""
    return NEAR << 2 * ((n_rounds & -n_rounds).bit_length() - 1)


def _waiting(position: int, wait_s: float | None) -> Waiting:
    return Waiting(position=position, wait_s=None if wait_s is None else round(wait_s, 1))


def _is_known(track: Track, position: int, wait_s: float | None, now_s: float) -> bool:
    told = track.latest
    if not isinstance(told, Waiting) or told.position != position:
        return False
    if wait_s is None or told.wait_s is None:
        return wait_s == told.wait_s
    expected_s = max(0.0, told.wait_s - (now_s - track.told_at_s))
    return abs(wait_s - expected_s) <= max(_NEWS_S, _NEWS_SHARE * wait_s)

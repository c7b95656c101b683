"""Who is told where they are, how often, and in how small pieces; no worker, no process."""

import asyncio
from dataclasses import replace

from engine.domain import Job, Waiting
from engine.fairness import FairQueue
from engine.forecast import Desk, Load
from engine.positions import NEAR, Positions, depth_of
from engine.track import Track
from tests.fakes.engines import RECIPE

N_WAITING = 1_000


class House:
    """A queue of one owner's jobs, and what is told of them."""

    def __init__(self, n_waiting: int = N_WAITING) -> None:
        self.queue = FairQueue()
        self.tracks: dict[str, Track] = {}
        for number in range(n_waiting):
            job = Job(id=f"{number}", owner="ada", recipe=replace(RECIPE, seed=number))
            self.queue.push(job.id, job.owner, 1.0)
            self.tracks[job.id] = Track(job)
        self.positions = Positions(self.queue, self.tracks, self.desks, lambda track: Load("ada", 2, 1.0))
        self.is_known = True

    def desks(self) -> list[Desk] | None:
        """One worker that draws one at a time and has two."""
        has = [Load("ada", 2, 1.0), Load("ada", 2, 1.0)]
        return [Desk(window_rows=4, batch_rows=2, turns=32, seats=64, has=has)] if self.is_known else None

    def watched(self, *job_ids: str) -> list[Track]:
        """These, as if somebody listened."""
        tracks = [self.tracks[job_id] for job_id in job_ids]
        for track in tracks:
            track.n_watchers += 1
        return tracks


def test_rounds_reach_ever_less_often_ever_deeper() -> None:
    """The first 64 hear of each round, and ten thousand of every sixteenth."""
    assert [depth_of(n) // NEAR for n in range(1, 9)] == [1, 4, 1, 16, 1, 4, 1, 64]
    assert depth_of(16) >= 10_000


async def test_only_who_listens_is_told() -> None:
    """For the others there is nothing to wake and nothing to keep."""
    house = House()
    (listening,) = house.watched("3")
    await house.positions._round(NEAR)
    assert listening.latest == Waiting(position=4, wait_s=4.0)
    assert house.tracks["4"].latest is None


async def test_who_begins_to_listen_is_told_however_deep() -> None:
    """In the next round, and nobody else there is."""
    house = House()
    deep, beside = house.watched("900", "901")
    house.positions.want("900")
    await house.positions._round(NEAR)
    assert deep.latest == Waiting(position=901, wait_s=901.0)
    assert beside.latest is None


async def test_a_round_lets_others_run() -> None:
    """Between two slices of a round that tells a thousand, the loop goes round many times."""
    house = House()
    house.watched(*house.tracks)
    n_turns = 0

    async def count() -> None:
        nonlocal n_turns
        while True:
            await asyncio.sleep(0)
            n_turns += 1

    counting = asyncio.create_task(count())
    await house.positions._round(N_WAITING)
    counting.cancel()
    assert all(isinstance(track.latest, Waiting) for track in house.tracks.values())
    assert n_turns >= N_WAITING // 128


async def test_a_forecast_that_comes_true_is_told_once() -> None:
    """A wait that only got shorter by the time that went by is no news; one that nobody knows any more is."""
    house = House(5)
    (track,) = house.watched("3")
    await house.positions._round(NEAR)
    told = track.latest
    track.told_at_s -= 1.0  # as if a second had passed, in which nothing moved
    await house.positions._round(NEAR)
    assert track.latest is told
    house.is_known = False
    await house.positions._round(NEAR)
    assert track.latest == Waiting(position=4, wait_s=None)


async def test_who_left_is_not_counted() -> None:
    """A job that is taken out while a round goes on is passed over."""
    house = House(5)
    (track,) = house.watched("3")
    del house.tracks["1"]
    await house.positions._round(NEAR)
    assert isinstance(track.latest, Waiting)
    assert track.latest.position == 3


def test_one_is_found_without_telling_anybody() -> None:
    """Near and far; far behind the wait is drawn out from what is in front."""
    house = House(5_000)
    assert house.positions.present("0") == Waiting(position=1, wait_s=1.0)
    far = house.positions.present("4000")
    assert far.position == 4_001
    assert far.wait_s
    assert 3_900 < far.wait_s < 4_100
    assert house.positions.wait_s("4999") is not None
    assert {track.latest for track in house.tracks.values()} == {None}

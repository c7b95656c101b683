"""Events that are handed over once: kept, known again, taken care of, forgotten."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.arrivals import KNOWN_S, Arrivals
from storage.store import Store, open_store


class Clock:
    """A clock that a test sets."""

    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        yield opened


async def test_an_event_is_kept_until_it_is_taken_care_of(tmp_path: Path) -> None:
    """Over a restart, in the order of its number; the other platform's are not in the way."""
    async with open_store(tmp_path) as store:
        for number in (7, 5):
            assert await store.arrivals.take("telegram", number, "telegram:1", f'{{"update_id":{number}}}')
        assert await store.arrivals.take("other", 5, "other:1", "x")
        await store.arrivals.done("telegram", 5)
    async with open_store(tmp_path) as store:
        assert await store.arrivals.left("telegram") == ((7, '{"update_id":7}'),)


async def test_an_event_that_comes_again_is_known_for_two_days(store: Store) -> None:
    """Also after it was taken care of; later the same number is another event."""
    clock = Clock()
    arrivals = Arrivals(store.database, clock)
    assert await arrivals.take("telegram", 7, "telegram:1", "a")
    assert not await arrivals.take("telegram", 7, "telegram:1", "a")
    await arrivals.done("telegram", 7)
    assert not await arrivals.take("telegram", 7, "telegram:1", "a")
    clock.now_s += KNOWN_S + 1
    assert await arrivals.take("telegram", 7, "telegram:1", "b")
    assert await arrivals.left("telegram") == ((7, "b"),)


async def test_what_was_never_taken_care_of_is_never_dropped_for_its_age(store: Store) -> None:
    """A bot that was off for a week still owes an answer."""
    clock = Clock()
    arrivals = Arrivals(store.database, clock)
    assert await arrivals.take("telegram", 7, "telegram:1", "a")
    clock.now_s += 7 * 86_400
    assert await arrivals.take("telegram", 8, "telegram:1", "b")
    assert [number for number, _ in await arrivals.left("telegram")] == [7, 8]

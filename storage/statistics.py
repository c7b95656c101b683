"""Figures of the last days: what was drawn, what it took, how long people waited. Only reads.

Pictures and seconds are of pictures that are still kept; requests count also when their words were deleted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from storage.database import Database
from storage.linking import DAY_MS
from storage.records import State
from storage.rows import ms
from storage.statements import Reading

MOST_PEOPLE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One UTC day."""

    day: date
    n_pictures: int
    gpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFigures:
    """What was drawn for a person, all linked accounts; `name` is empty for somebody who was forgotten."""

    name: str
    n_pictures: int
    gpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Some days, the last one today, every one of them in `days`. Waits are of jobs that a worker took; None: of none.

    `people` are those with the most seconds of the device; `n_people` counts all who have pictures of these days.
    """

    days: tuple[Day, ...]
    n_requests: int
    n_failed: int
    n_cancelled: int
    wait_p50_s: float | None
    wait_p90_s: float | None
    wait_max_s: float | None
    people: tuple[PersonFigures, ...]
    n_people: int


class Figures:
    """Counts. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def of_days(self, n_days: int) -> Statistics:
        """The last `n_days` UTC days, today among them. Raises: StorageError."""
        today = ms(self._clock()) // DAY_MS
        first = today - max(n_days, 1) + 1

        async def ask(reading: Reading) -> Statistics:
            since_ms = first * DAY_MS
            oldest = await reading.value("SELECT min(no) FROM requests WHERE created_ms >= :since", since=since_ms)
            states = await _states(reading, oldest, since_ms)
            p50, p90, longest = await _waits(reading, oldest, since_ms)
            people, n_people = await _people(reading, first)
            return Statistics(
                days=await _days(reading, first, today),
                n_requests=sum(states.values()),
                n_failed=states.get(State.FAILED, 0),
                n_cancelled=states.get(State.CANCELLED, 0),
                wait_p50_s=p50,
                wait_p90_s=p90,
                wait_max_s=longest,
                people=people,
                n_people=n_people,
            )

        return await self._database.read(ask)


async def _days(reading: Reading, first: int, last: int) -> tuple[Day, ...]:
    rows = await reading.rows(
        "SELECT created_ms / :day, count(*), total(gpu_s) FROM pictures WHERE created_ms >= :since GROUP BY 1",
        day=DAY_MS,
        since=first * DAY_MS,
    )
    drawn = {row[0]: (row[1], row[2]) for row in rows}
    days = ((day, *drawn.get(day, (0, 0.0))) for day in range(first, last + 1))
    return tuple(
        Day(day=datetime.fromtimestamp(day * DAY_MS / 1_000, UTC).date(), n_pictures=n, gpu_s=gpu_s)
        for day, n, gpu_s in days
    )


async def _states(reading: Reading, oldest: int | None, since_ms: int) -> dict[str, int]:
    """Of requests that had jobs: a page of the history is no request to draw."""
    rows = await reading.rows(
        "SELECT state, count(*) FROM requests WHERE no >= :oldest AND created_ms >= :since AND (is_deleted OR EXISTS "
        "(SELECT 1 FROM jobs WHERE jobs.request = requests.no)) GROUP BY state",
        oldest=oldest,
        since=since_ms,
    )
    return {row[0]: row[1] for row in rows}


async def _waits(
    reading: Reading, oldest: int | None, since_ms: int
) -> tuple[float | None, float | None, float | None]:
    """The middle one, the one that nine of ten stay below, and the longest."""
    of_jobs = (
        "FROM requests CROSS JOIN jobs ON request = requests.no "
        "WHERE requests.no >= :oldest AND created_ms >= :since AND waited_ms IS NOT NULL"
    )
    n = int(await reading.value(f"SELECT count(*) {of_jobs}", oldest=oldest, since=since_ms))  # a constant
    if n == 0:
        return None, None, None
    found = [
        await reading.value(
            f"SELECT waited_ms {of_jobs} ORDER BY waited_ms LIMIT 1 OFFSET :skip",  # a constant
            oldest=oldest,
            since=since_ms,
            skip=min(n - 1, n * percent // 100),
        )
        for percent in (50, 90, 100)
    ]
    return found[0] / 1_000, found[1] / 1_000, found[2] / 1_000


async def _people(reading: Reading, first: int) -> tuple[tuple[PersonFigures, ...], int]:
    """By the head of each person, who is shown by the name they used last."""
    rows = await reading.rows(
        "SELECT coalesce(head, people.id) AS whose, sum(n), total(seconds) FROM (SELECT person, count(*) AS n, "
        "total(gpu_s) AS seconds FROM pictures WHERE created_ms >= :since GROUP BY person) JOIN people "
        "ON people.id = person GROUP BY whose ORDER BY 3 DESC, 2 DESC, 1",
        since=first * DAY_MS,
    )
    top = [
        PersonFigures(
            name=await reading.value(
                "SELECT name FROM people WHERE id = :head OR head = :head ORDER BY name = '', last_ms DESC", head=row[0]
            ),
            n_pictures=row[1],
            gpu_s=row[2],
        )
        for row in rows[:MOST_PEOPLE]
    ]
    return tuple(top), len(rows)

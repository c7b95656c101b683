"""Figures of the last days."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.changes import Act, Link
from storage.records import State
from storage.statements import Writing
from storage.store import Store, open_store
from tests.fakes import remembered

NOON_S = 1_800_014_400.0
TODAY = datetime.fromtimestamp(NOON_S, UTC).date()


class Clock:
    now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    async with open_store(tmp_path, clock=clock) as opened:
        yield opened


async def draw(
    store: Store,
    clock: Clock,
    days_ago: int,
    owner: str,
    *,
    n: int = 1,
    waited_s: float | None = None,
    state: str = State.DONE,
) -> str:
    """A request of that day that ended so; done ones have a picture for each job."""
    clock.now_s = NOON_S - days_ago * 86_400
    new = remembered.request(owner=owner, created_s=clock.now_s)
    jobs = [remembered.job(new, number, what=remembered.recipe("cat", seed=number)) for number in range(1, n + 1)]
    await store.requests.add(replace(new, asker=owner.split(":")[1].title()), jobs)
    for job in jobs if state == State.DONE else ():
        picture = await remembered.picture(store.pictures, job.ordinal, job.recipe)
        await store.requests.finish_job(job.id, [picture], 1.5, waited_s)
    await store.requests.end(new.id, state, "")
    clock.now_s = NOON_S
    return new.id


async def test_every_day_has_its_figures(store: Store, clock: Clock) -> None:
    """Days on which nothing was drawn too, the last one today; what is older is left out."""
    for days_ago, n in ((0, 1), (2, 3), (3, 2)):
        await draw(store, clock, days_ago, "web:ann", n=n)
    found = await store.statistics.of_days(3)
    assert [(TODAY - day.day).days for day in found.days] == [2, 1, 0]
    assert [(day.n_pictures, day.gpu_s) for day in found.days] == [(3, 4.5), (0, 0.0), (1, 1.5)]
    assert (found.n_requests, found.n_people) == (2, 1)
    assert len((await store.statistics.of_days(0)).days) == 1


async def test_nothing_at_all_is_figures_too(store: Store) -> None:
    """Zeroes, and no waits."""
    found = await store.statistics.of_days(2)
    assert (found.n_requests, found.n_failed, found.n_cancelled, found.people, found.n_people) == (0, 0, 0, (), 0)
    assert (found.wait_p50_s, found.wait_p90_s, found.wait_max_s) == (None, None, None)


async def test_ends_are_counted_also_of_what_was_deleted(store: Store, clock: Clock) -> None:
    """A page of the history is no request to draw."""
    states = (State.DONE, State.FAILED, State.FAILED, State.CANCELLED)
    asked = [await draw(store, clock, 0, "web:ann", state=state) for state in states]
    await store.requests.delete(asked[-1])
    await store.requests.add(remembered.request(state=State.DONE, created_s=NOON_S), [])
    found = await store.statistics.of_days(1)
    assert (found.n_requests, found.n_failed, found.n_cancelled) == (4, 2, 1)


async def test_waits_are_of_jobs_that_were_taken(store: Store, clock: Clock) -> None:
    """The middle one, the one nine of ten stay below, the longest."""
    for number in range(10):
        await draw(store, clock, 0, "web:ann", waited_s=float(number))
    await draw(store, clock, 0, "web:ann")
    await draw(store, clock, 3, "web:ann", waited_s=99.0)
    found = await store.statistics.of_days(1)
    assert (found.wait_p50_s, found.wait_p90_s, found.wait_max_s) == (5.0, 9.0, 9.0)


async def test_the_most_active_come_first_and_linked_accounts_are_one(store: Store, clock: Clock) -> None:
    """Ten at most, by the name they used last; who was forgotten leaves no figures."""
    for number in range(12):
        await draw(store, clock, 0, f"web:p{number}", n=2 if number == 5 else 1)
    await draw(store, clock, 0, "discord:zed", n=2)
    act = Act(
        event_key="e:1", actor="web:p0", actor_name="Pat", place="", act="link", answer="",
        changes=(Link(head="web:p0", account="discord:zed"),),
    )  # fmt: skip
    clock.now_s += 5
    await store.acts.do(act)
    found = await store.statistics.of_days(1)
    assert [(each.name, each.n_pictures, each.gpu_s) for each in found.people[:2]] == [("Pat", 3, 4.5), ("P5", 2, 3.0)]
    assert (len(found.people), found.n_people) == (10, 12)
    await store.forgetting.forget("web:p0")
    assert (await store.statistics.of_days(1)).n_people == 11


async def test_a_clock_that_was_set_back_stops_no_figures(store: Store, clock: Clock) -> None:
    """What is asked is of its time, in whatever order it came."""
    for days_ago in (0, 9, 1, 8, 0, 7):
        await draw(store, clock, days_ago, "web:ann")
    found = await store.statistics.of_days(2)
    assert sum(day.n_pictures for day in found.days) == 3
    assert found.n_requests == 3


async def test_the_plan_uses_the_index_of_times(store: Store) -> None:
    """Old pictures are not read for the figures of a week."""

    async def step(writing: Writing) -> list[str]:
        rows = await writing.rows(
            "EXPLAIN QUERY PLAN SELECT created_ms / :day, count(*), total(gpu_s) FROM pictures "
            "WHERE created_ms >= :since GROUP BY 1", day=1, since=1,
        )  # fmt: skip
        return [row[3] for row in rows]

    assert any("pictures_when" in line for line in await store.database.write(step))

"""When each waiting job is taken, against small cases done by hand and properties of any load."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.forecast import Desk, Load, waits_s


def desk(*has: Load, window_rows: int = 4, batch_rows: int = 2, seats: int = 64) -> Desk:
    """A worker that draws one guided picture at a time and has one behind it."""
    return Desk(window_rows=window_rows, batch_rows=batch_rows, turns=seats, seats=seats, has=has)


def ada(seconds: float, n_rows: int = 2) -> Load:
    """A job of hers."""
    return Load("ada", n_rows, seconds)


def test_one_after_the_other() -> None:
    """A job is taken when the one before the one before it ends: the window holds two."""
    taken = list(waits_s([desk(ada(3), ada(5))], iter([ada(1), ada(1)])))
    assert [place for place, _ in taken] == [0, 1]
    assert [wait_s for _, wait_s in taken] == pytest.approx([3.0, 8.0])


def test_a_batch_is_shared_by_rows() -> None:
    """Two at a time take as long together as one after the other, and then there is room for two."""
    taken = list(waits_s([desk(ada(3), ada(3), batch_rows=4)], iter([ada(1), ada(1)])))
    assert [wait_s for _, wait_s in taken] == [pytest.approx(6.0), pytest.approx(6.0)]


def test_whose_last_job_ends_enters_past_a_full_window() -> None:
    """Bob has nothing inside once his own is done, so his next is taken then, before hers that come first."""
    inside = desk(ada(9), ada(9), ada(9), Load("bob", 2, 1))
    place, wait_s = next(waits_s([inside], iter([ada(1), Load("bob", 2, 1)])))
    assert place == 1
    assert wait_s == pytest.approx(2.0)  # his first shares the device with one of hers


def test_two_workers_take_twice_as_much() -> None:
    """Each job goes to the one that has room first."""
    taken = list(waits_s([desk(ada(2), ada(2)), desk(ada(3), ada(3))], iter([ada(9), ada(9)])))
    assert [wait_s for _, wait_s in taken] == [pytest.approx(2.0), pytest.approx(3.0)]


def test_without_seats_everybody_waits_for_an_end() -> None:
    """A worker that takes one job at a time takes the next when that one ends, whoever's it is."""
    taken = list(waits_s([desk(ada(4), seats=1)], iter([Load("bob", 2, 1), ada(1)])))
    assert [wait_s for _, wait_s in taken] == pytest.approx([4.0, 5.0])


def test_a_worker_that_is_about_to_come_takes_the_first_at_once() -> None:
    """Nothing is inside, and yet there is a queue: it has not begun."""
    assert next(waits_s([desk()], iter([ada(1)]))) == (0, 0.0)


LOADS = st.lists(
    st.builds(Load, st.sampled_from("abcdef"), st.sampled_from([1, 2, 8]), st.floats(0.01, 100.0)), max_size=60
)


@given(st.lists(LOADS.map(lambda has: has[:6]), min_size=1, max_size=3), LOADS, st.integers(1, 80))
def test_everybody_is_taken_once_and_never_before_the_work_ahead_allows(
    insides: list[list[Load]], line: list[Load], n_played: int
) -> None:
    """Each place of the line comes once, times only grow, and no wait is longer than all the work there is."""
    desks = [desk(*inside, window_rows=8, batch_rows=4, seats=16) for inside in insides]
    work_s = sum(load.seconds for inside in insides for load in inside) + sum(load.seconds for load in line)
    taken = list(waits_s(desks, iter(line), n_played))
    assert sorted(place for place, _ in taken) == list(range(len(line)))
    times_s = [wait_s for _, wait_s in taken]
    assert all(before <= after + 1e-6 for before, after in pairwise(times_s))
    assert all(wait_s <= work_s + 1e-6 for wait_s in times_s)

"""Who is next: arrivals against departures, as tables and as properties of any history."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fairness import FairQueue


def queue_of(arrivals: str) -> FairQueue:
    """A queue of jobs "owner+number", costing 1 or what follows a colon: "a1 a2 b1:3"."""
    queue = FairQueue()
    for word in arrivals.split():
        job_id, _, cost = word.partition(":")
        queue.push(job_id, job_id[0], float(cost or 1))
    return queue


def drain(queue: FairQueue) -> str:
    """Everything that pops, in order."""
    return " ".join(iter(queue.pop, None))


@pytest.mark.parametrize(
    ("arrivals", "departures"),
    [
        ("", ""),
        ("a1 a2 a3", "a1 a2 a3"),
        ("a1 a2 a3 b1", "a1 b1 a2 a3"),
        ("a1 a2 a3 b1 b2 b3", "a1 b1 a2 b2 a3 b3"),
        ("a1 a2 a3 b1 c1 b2", "a1 b1 c1 a2 b2 a3"),
        ("a1:2 a2:2 b1 b2 b3 b4", "a1 b1 b2 a2 b3 b4"),  # one dear job against two cheap ones
        ("a1:4 a2 b1 b2 b3 b4 b5", "a1 b1 b2 b3 b4 a2 b5"),  # a debt of 4 is paid in four rounds
        ("a1:0.1 a2:0.1 b1:0.3 b2:0.3 a3:0.1 a4:0.1", "a1 b1 a2 a3 a4 b2"),  # 3 x 0.1 pays 0.3 exactly
    ],
)
def test_arrivals_against_departures(arrivals: str, departures: str) -> None:
    """Owners take turns, and a dear job pays with turns left out."""
    assert drain(queue_of(arrivals)) == departures


def test_a_newcomer_goes_before_everything_a_heavy_user_has_waiting() -> None:
    """Ten thousand jobs of one owner delay another by the one job that may already have been taken."""
    queue = queue_of(" ".join(f"h{n}" for n in range(10_000)))
    assert queue.pop() == "h0"
    queue.push("n1", "n", 50.0)
    assert queue.position("n1") == 1
    assert queue.pop() == "n1"


def test_a_stream_of_newcomers_starves_nobody() -> None:
    """A regular's second job is served although a new owner arrives with every job that is taken."""
    queue = queue_of("a1 a2")
    served = []
    for n in range(10):
        queue.push(f"{n}-one", f"owner {n}", 1.0)
        queue.push(f"{n}-more", f"another {n}", 1.0)
        served.append(queue.pop())
    assert "a2" in served


def test_one_job_at_a_time_buys_no_larger_share() -> None:
    """An owner who always sends the next dear job when the last was taken waits like one who had queued them all."""
    queue = queue_of("a1:5 b1 b2 b3 b4 b5 b6 b7")
    assert queue.pop() == "a1"
    queue.push("a2", "a", 5.0)
    assert drain(queue) == "b1 b2 b3 b4 b5 a2 b6 b7"


def test_an_idle_owner_keeps_no_credit() -> None:
    """Having been away for many rounds gives one turn, not many."""
    queue = queue_of("a1 b1 b2 b3 b4 b5 b6")
    assert [queue.pop() for _ in range(5)] == ["a1", "b1", "b2", "b3", "b4"]
    for n in (2, 3, 4):
        queue.push(f"a{n}", "a", 1.0)
    assert drain(queue) == "a2 b5 a3 b6 a4"


def test_whoever_was_just_served_comes_after_a_newcomer() -> None:
    """The first job of a burst, taken at once, counts: the second does not also go before somebody else's first."""
    queue = queue_of("a1")
    assert queue.pop() == "a1"
    queue.push("a2", "a", 1.0)
    queue.push("b1", "b", 1.0)
    assert drain(queue) == "b1 a2"


def test_debts_are_void_when_all_is_quiet() -> None:
    """After a quiet moment everybody is a newcomer; while somebody waits, nothing is forgiven."""
    queue = queue_of("a1:9")
    assert queue.pop() == "a1"
    queue.forgive()
    queue.push("a2", "a", 1.0)
    queue.push("b1", "b", 1.0)
    assert queue.pop() == "a2"
    queue.forgive()
    queue.push("a3", "a", 1.0)
    assert drain(queue) == "b1 a3"


def test_removed_jobs_cost_nothing() -> None:
    """A job taken out of the middle leaves the others as if it had never come."""
    queue = queue_of("a1 a2:40 a3 b1 b2")
    assert queue.remove("a2")
    assert not queue.remove("a2")
    assert drain(queue) == "a1 b1 a3 b2"


def test_pop_outside_takes_the_first_job_of_another_owner() -> None:
    """Out of turn only owners that are not named are asked, and they pay as usual."""
    queue = queue_of("a1 a2 b1 b2 c1")
    assert queue.pop(outside=frozenset("a")) == "b1"
    assert queue.pop(outside=frozenset("ab")) == "c1"
    assert queue.pop(outside=frozenset("abc")) is None
    assert drain(queue) == "a1 b2 a2"


def test_an_unknown_id_has_no_position() -> None:
    """Asking for a job that does not wait is a KeyError, and removing it says False."""
    queue = FairQueue()
    with pytest.raises(KeyError):
        queue.position("x")
    assert not queue.remove("x")
    assert queue.pop() is None


@pytest.mark.parametrize("cost", [0.0, -1.0, float("nan"), float("inf")])
def test_a_cost_must_be_positive(cost: float) -> None:
    """A cost that is none is refused, and leaves nothing behind."""
    queue = FairQueue()
    with pytest.raises(ValueError, match="cost"):
        queue.push("a1", "a", cost)
    assert len(queue) == 0
    assert queue.order() == []


def test_an_id_waits_once() -> None:
    """A second job of the same id is refused, whoever sends it."""
    queue = queue_of("a1")
    with pytest.raises(ValueError, match="waits already"):
        queue.push("a1", "b", 1.0)
    assert queue.order() == ["a1"]
    assert "a1" in queue
    assert queue.owners() == {"a"}


COSTS = st.floats(min_value=0.001, max_value=50.0)
OWNERS = st.sampled_from("abcde")
Moves = list[tuple[str, object, object]]
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("push"), OWNERS, COSTS),
        st.tuples(st.just("pop"), st.frozensets(OWNERS, max_size=3), st.none()),
        st.tuples(st.just("remove"), st.integers(0, 40), st.none()),
    ),
    max_size=60,
)


def play(moves: Moves) -> tuple[FairQueue, dict[str, list[str]], dict[str, float]]:
    """Run a history; the queue, what each owner has waiting by a plain model, and the cost of every job.

    Asserts on the way that no job is lost or doubled and that owners are served first come, first served.
    """
    queue, lines, costs = FairQueue(), defaultdict[str, list[str]](list), dict[str, float]()
    for n, (move, what, cost) in enumerate(moves):
        waiting = sorted(job for line in lines.values() for job in line)
        if move == "push":
            assert isinstance(what, str)
            assert isinstance(cost, float)
            costs[f"{what}{n}"] = cost
            queue.push(f"{what}{n}", what, cost)
            lines[what].append(f"{what}{n}")
        elif move == "pop":
            assert isinstance(what, frozenset)
            job = queue.pop(outside=what)
            assert (job is None) == all(waits[0] in what for waits in waiting)
            if job is not None:
                assert lines[job[0]].pop(0) == job
        elif waiting:
            assert isinstance(what, int)
            job = waiting[what % len(waiting)]
            assert queue.remove(job)
            lines[job[0]].remove(job)
        assert len(queue) == sum(map(len, lines.values()))
    return queue, lines, costs


@given(MOVES)
def test_no_history_loses_or_doubles_a_job(moves: Moves) -> None:
    """After any history the queue holds exactly what was pushed and neither popped nor removed."""
    queue, lines, _ = play(moves)
    assert sorted(queue.order()) == sorted(job for line in lines.values() for job in line)
    assert queue.owners() == {owner for owner, line in lines.items() if line}


@given(MOVES)
def test_positions_come_true(moves: Moves) -> None:
    """After any history, jobs pop in the order that was told."""
    queue, _, _ = play(moves)
    told = queue.order()
    assert [queue.position(job) for job in told] == list(range(1, len(told) + 1))
    assert list(queue.glance()) == told
    popped = list[str]()
    while (job := queue.pop()) is not None:
        popped.append(job)
        assert queue.order() == told[len(popped) :]  # nothing came or went, so nothing changes
    assert popped == told


@given(MOVES, COSTS)
def test_a_newcomer_waits_for_at_most_one_job_of_each_other(moves: Moves, cost: float) -> None:
    """After any history a new owner's first job, however dear, has at most one job of every other owner before it."""
    queue, _, _ = play(moves)
    queue.push("new", "new", cost)
    before = [job[0] for job in queue.order()[: queue.position("new") - 1]]
    assert len(before) == len(set(before))


@given(st.lists(st.lists(COSTS, min_size=30, max_size=30), min_size=2, max_size=4), MOVES)
@settings(max_examples=50)
def test_owners_that_keep_waiting_are_served_alike(backlogs: list[list[float]], moves: Moves) -> None:
    """Between any two moments, two owners who both keep waiting get costs that differ by at most both dearest jobs."""
    queue, _, _ = play(moves)
    costs = {}
    for n in range(30):
        for owner, backlog in enumerate(backlogs):
            costs[f"{owner}/{n}"] = backlog[n]
            queue.push(f"{owner}/{n}", str(owner), backlog[n])
    served, lead = [0.0] * len(backlogs), dict[tuple[int, int], tuple[float, float]]()
    left = [30] * len(backlogs)
    while (job := queue.pop()) is not None:
        if "/" not in job:
            continue
        owner = int(job.partition("/")[0])
        served[owner] += costs[job]
        left[owner] -= 1
        if not left[owner]:
            break
        for i in range(len(backlogs)):
            for j in range(i):
                low, high = lead.get((i, j), (0.0, 0.0))
                lead[i, j] = min(low, served[i] - served[j]), max(high, served[i] - served[j])
    for (i, j), (low, high) in lead.items():
        assert high - low <= max(backlogs[i]) + max(backlogs[j]) + 0.001

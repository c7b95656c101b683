"""Who runs in the next step, as tables."""

from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Mode
from engine.worker.batch import FIRST_CAP, MAX_ROWS, STABLE_ROWS, Key, Lane, Member, RowCap, RunningBatch

SMALL = Lane(model="pocket", height=16, width=16, n_tokens=77, mode=Mode.FAST)
LARGE = Lane(model="pocket", height=32, width=32, n_tokens=77, mode=Mode.FAST)


def member(job: str, index: int = 0, owner: str = "ann", lane: Lane = SMALL, n_rows: int = 2) -> Member:
    """A picture whose rows cost what their pixels are."""
    return Member(key=(job, index), owner=owner, lane=lane, n_rows=n_rows, row_cost=lane.height * lane.width * 64)


def alone(job: str, owner: str = "ann") -> Member:
    """An exact picture: a lane of its own."""
    lane = Lane(model="pocket", height=16, width=16, n_tokens=77, mode=Mode.EXACT, alone=(job, 0))
    return member(job, owner=owner, lane=lane)


def run(batch: RunningBatch, n_ticks: int, seconds: float = 1.0) -> list[list[str]]:
    """Run ticks; each as the job ids that were in it."""
    ran = []
    for _ in range(n_ticks):
        tick = batch.next_tick()
        assert tick is not None
        batch.account(tick, seconds)
        ran.append([chosen.key[0] for chosen in tick.members])
    return ran


def test_nobody_here_means_no_tick() -> None:
    """An empty batch has nothing to run."""
    assert RunningBatch().next_tick() is None


def test_a_newcomer_runs_in_the_very_next_step() -> None:
    """A crowd of one owner's pictures does not keep another owner out."""
    batch = RunningBatch()
    for i in range(20):
        batch.add(member(f"heavy{i:02}", owner="heavy"))
    run(batch, 5)
    batch.add(member("new", owner="newcomer"))
    assert "new" in run(batch, 1)[0]


def test_owners_share_by_cost_and_not_by_number_of_pictures() -> None:
    """Two owners in two lanes get the device by turns, weighted by what a step of theirs costs."""
    batch = RunningBatch()
    batch.add(member("big", owner="ann", lane=LARGE))
    batch.add(member("small", owner="bob", lane=SMALL))
    ran = [jobs[0] for jobs in run(batch, 50)]
    assert ran.count("small") == 4 * ran.count("big")


def test_an_exact_picture_runs_alone_between_the_others() -> None:
    """Exact pictures never share a forward pass, and neither starve nor hold up the rest."""
    batch = RunningBatch()
    batch.add(alone("exact", owner="ann"))
    batch.add(member("fast", owner="bob"))
    assert run(batch, 4) == [["exact"], ["fast"], ["exact"], ["fast"]]


def test_stable_pictures_are_padded_and_stay_among_themselves() -> None:
    """Stable mode always runs the same number of rows."""
    lane = Lane(model="pocket", height=16, width=16, n_tokens=77, mode=Mode.STABLE)
    batch = RunningBatch()
    for i in range(6):
        batch.add(member(f"stable{i}", lane=lane))
    tick = batch.next_tick()
    assert tick is not None
    assert tick.pad_to_rows == STABLE_ROWS
    assert tick.n_rows == STABLE_ROWS


def test_a_picture_wider_than_the_cap_still_runs() -> None:
    """A cap of one row cannot lock out a picture that needs two."""
    batch = RunningBatch()
    batch.add(member("only"))
    tick = batch.next_tick()
    assert tick is not None
    batch.did_not_fit(tick)
    assert run(batch, 1) == [["only"]]


def test_who_left_is_gone() -> None:
    """Removed pictures never run again, and removing strangers does nothing."""
    batch = RunningBatch()
    batch.add(member("a"))
    batch.add(member("b"))
    batch.remove([("a", 0), ("stranger", 3)])
    assert run(batch, 3) == [["b"]] * 3
    assert len(batch) == 1


def learn(row_seconds: dict[int, float], n_ticks: int) -> int:
    """The cap after a crowd has run on a device that takes `row_seconds` per row at each size."""
    cap = RowCap()
    for _ in range(n_ticks):
        cap.observe(cap.rows, cap.rows * row_seconds[cap.rows], n_wanted=64)
    return cap.rows


def test_the_cap_grows_while_a_row_gets_cheaper() -> None:
    """On a device where batching pays, the cap reaches the most there is."""
    assert learn({4: 1.0, 8: 0.6, 16: 0.4, 32: 0.3}, 40) == MAX_ROWS


def test_the_cap_stops_where_batching_no_longer_pays() -> None:
    """On a saturated device the cap comes back to the last size that paid."""
    assert learn({2: 1.0, 4: 1.0, 8: 0.6, 16: 0.59, 32: 0.59}, 40) == 8


def test_a_lone_picture_does_not_move_the_cap() -> None:
    """Nothing is learned about crowds from somebody who is alone."""
    cap = RowCap()
    for _ in range(50):
        cap.observe(2, 1.0, n_wanted=2)
    assert cap.rows == FIRST_CAP


def test_a_size_that_did_not_pay_is_tried_again_later() -> None:
    """After many steps the cap looks whether the device has become freer."""
    cap = RowCap()
    for _ in range(30):
        cap.observe(cap.rows, 1.0 * cap.rows, n_wanted=64)
    assert cap.rows <= FIRST_CAP
    for _ in range(600):
        cap.observe(cap.rows, 1.0, n_wanted=64)
    assert cap.rows > FIRST_CAP


def test_a_slow_minute_does_not_bring_the_cap_down_to_the_ground() -> None:
    """When everything takes twice as long for a while, the cap gives up one size and not all of them."""
    cap = RowCap()
    cost = {4: 1.0, 8: 0.6, 16: 0.4, 32: 0.3}
    for _ in range(40):
        cap.observe(cap.rows, cap.rows * cost[cap.rows], n_wanted=64)
    assert cap.rows == MAX_ROWS
    for _ in range(12):
        cap.observe(cap.rows, 2 * cap.rows * cost[cap.rows], n_wanted=64)
    assert cap.rows >= MAX_ROWS // 2


def test_leaving_and_coming_back_does_not_wipe_a_debt() -> None:
    """One-step jobs posted back to back get no larger share than one long job."""
    batch = RunningBatch()
    batch.add(member("long", owner="ann", lane=SMALL))
    served = {"ann": 0, "bob": 0}
    for i in range(200):
        if i == 0 or not any(each.owner == "bob" for each in batch):
            batch.add(member(f"short{i}", owner="bob", lane=LARGE))
        tick = batch.next_tick()
        assert tick is not None
        batch.account(tick, 1.0)
        for each in tick.members:
            served[each.owner] += each.n_rows * each.row_cost
            if each.owner == "bob":
                batch.remove([each.key])
    assert served["bob"] <= 1.2 * served["ann"]


def test_a_split_step_teaches_nothing() -> None:
    """The time of a step that ran in halves says nothing about its size."""
    batch = RunningBatch()
    for i in range(8):
        batch.add(member(f"job{i}"))
    for _ in range(20):
        tick = batch.next_tick()
        assert tick is not None
        batch.account(tick, None)
    assert batch.row_cap(SMALL) == FIRST_CAP


OWNERS = st.sampled_from(["ann", "bob", "eve"])
LANES = st.sampled_from([SMALL, LARGE])


@given(st.lists(st.tuples(OWNERS, LANES, st.sampled_from([1, 2])), min_size=1, max_size=20))
def test_nobody_starves_and_no_tick_mixes_lanes(arrivals: list[tuple[str, Lane, int]]) -> None:
    """Whatever comes, each tick is one lane within its cap, and everyone runs within a bounded number of ticks."""
    batch = RunningBatch()
    for i, (owner, lane, n_rows) in enumerate(arrivals):
        batch.add(member(f"job{i:02}", owner=owner, lane=lane, n_rows=n_rows))
    left: dict[Key, int] = {each.key: 3 for each in batch}
    for _ in range(3 * len(arrivals)):
        tick = batch.next_tick()
        if tick is None:
            break
        assert {each.lane for each in tick.members} == {tick.lane}
        assert tick.n_rows <= batch.row_cap(tick.lane) or len(tick.members) == 1
        batch.account(tick, 1.0)
        for each in tick.members:
            left[each.key] -= 1
        batch.remove([key for key, n in left.items() if n == 0])
    assert len(batch) == 0

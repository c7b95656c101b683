"""What is known of a request while it is made."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.cards import State
from bot.live import MAX_FRAMES, Live
from engine.domain import Loading, Progress, Raster, Waiting
from tests.fakes.rows import job_row, picture_row, request_row


def preview(shade: int) -> Raster:
    return Raster(width_px=1, height_px=1, rgb=bytes((shade % 256, shade // 256, 0)))


def live_of(n_jobs: int = 1, n_pictures: int = 1, **more: Callable[[], Any]) -> Live:
    jobs = tuple(
        job_row(ordinal=at, first_number=1 + (at - 1) * n_pictures, n_pictures=n_pictures)
        for at in range(1, n_jobs + 1)
    )
    return Live(request_row(), jobs, (), **more)


def test_before_anything_is_heard_it_waits() -> None:
    """Without a position that nobody knows."""
    told = live_of().told()
    assert (told.state, told.position, told.wait_s) == (State.WAITING, None, None)


def test_several_jobs_wait_as_the_first_of_them() -> None:
    """The position people see is when their first picture begins."""
    live = live_of(n_jobs=2)
    live.hear(live.jobs[0].id, Waiting(position=5, wait_s=50.0))
    live.hear(live.jobs[1].id, Waiting(position=3, wait_s=30.0))
    told = live.told()
    assert (told.state, told.position, told.wait_s) == (State.WAITING, 3, 30.0)


def test_loading_says_what_is_loaded() -> None:
    """With how far it is."""
    live = live_of()
    live.hear(live.jobs[0].id, Loading(model="pocket", fraction=0.5, doing="reading the UNet"))
    told = live.told()
    assert (told.state, told.fraction) == (State.LOADING, 0.5)
    assert "pocket" in told.sentence
    assert "reading the UNet" in told.sentence


def test_one_job_that_is_drawn_makes_the_request_drawing() -> None:
    """Also while its others wait; the fraction is of all pictures."""
    live = live_of(n_jobs=2)
    live.hear(live.jobs[0].id, Progress(step=5, n_steps=10, previews={}))
    live.hear(live.jobs[1].id, Waiting(position=1, wait_s=None))
    told = live.told()
    assert told.state is State.DRAWING
    assert told.fraction == pytest.approx(0.25)


def test_pictures_that_are_there_count_whole() -> None:
    """And once only, also if their last progress is remembered."""
    live = live_of(n_jobs=2)
    live.hear(live.jobs[0].id, Progress(step=10, n_steps=10, previews={}))
    live.add((picture_row(job=live.jobs[0].id, number=1),))
    assert live.told().fraction == pytest.approx(0.5)


def test_it_is_drawn_once_nothing_is_left_but_its_files() -> None:
    """Not while another of its jobs is drawn, and not any more when it is over."""
    live = live_of(n_jobs=2)
    first, second = live.jobs
    live.hear(first.id, Progress(step=10, n_steps=10, previews={}))
    live.hear(second.id, Progress(step=9, n_steps=10, previews={}))
    with live.finishing(first.id):
        assert (live.is_drawn, live.n_finishing, live.told().sentence) == (False, 1, "")
        with live.finishing(second.id):
            assert (live.is_drawn, live.n_finishing) == (True, 2)
            assert live.told().sentence == "Drawn; it is being finished."
    assert (live.is_drawn, live.n_finishing) == (False, 0)


def test_what_is_enlarged_was_never_drawn() -> None:
    """It counts as being finished, and can still be taken back."""
    live = Live(request_row(), (job_row(treatment="resample 2"),), ())
    with live.finishing(live.jobs[0].id):
        assert (live.is_drawn, live.n_finishing) == (False, 1)


@pytest.mark.parametrize("n_steps", [1, 5, MAX_FRAMES, MAX_FRAMES + 1, 150])
def test_the_development_is_short_and_begins_with_noise(n_steps: int) -> None:
    """Few frames, in order, evenly kept, however many steps there are."""
    live = live_of()
    job_id = live.jobs[0].id
    for step in range(n_steps):
        live.hear(job_id, Progress(step=step, n_steps=n_steps, previews={0: preview(step)}))
    frames = live.frames(job_id, 0)
    shades = [frame.rgb[0] for frame in frames]
    assert len(frames) <= MAX_FRAMES
    assert len(frames) >= min(n_steps, MAX_FRAMES // 2)
    assert shades == sorted(set(shades))
    assert shades[0] == 0
    assert shades[-1] >= 0.8 * (n_steps - 1)


def test_news_reach_whoever_tells() -> None:
    """Both events and pictures."""
    told: list[str] = []
    live = live_of(changed=lambda: told.append("news"))
    live.hear(live.jobs[0].id, Waiting(position=1, wait_s=None))
    assert len(told) == 1
    live.add((picture_row(),))
    assert len(told) == 2


def test_a_wait_that_has_run_out_is_said_and_never_a_time_in_the_past() -> None:
    """An estimate may be out by a quarter and some seconds; after that it is overdue, until it is estimated anew."""
    now_s = 1_000.0
    told: list[str] = []
    live = live_of(changed=lambda: told.append("news"), clock=lambda: now_s)
    live.hear(live.jobs[0].id, Waiting(position=2, wait_s=40.0))
    now_s += 50.0
    live.look_at_the_clock()
    assert not live.told().is_overdue
    assert live.told().wait_s == 40.0
    now_s += 6.0
    live.look_at_the_clock()
    live.look_at_the_clock()
    assert live.told().is_overdue
    assert live.told().wait_s is None
    assert len(told) == 2
    live.hear(live.jobs[0].id, Waiting(position=1, wait_s=20.0))
    assert not live.told().is_overdue
    assert live.told().wait_s == 20.0


def test_what_was_lost_waits_again() -> None:
    """A job whose worker died is neither drawn nor begun."""
    live = live_of()
    job_id = live.jobs[0].id
    live.hear(job_id, Progress(step=3, n_steps=8, previews={}))
    assert live.begun() == {job_id}
    live.lost(job_id)
    assert live.told().state is State.WAITING
    assert not live.begun()
    assert live.waited_s(job_id) is None


def test_the_newest_preview_stays_until_there_is_a_newer_one() -> None:
    """An event has those alone that are new in it, and a chat looks at moments of its own."""
    live = live_of(n_pictures=2)
    job_id = live.jobs[0].id
    live.hear(job_id, Progress(step=3, n_steps=8, previews={0: preview(1)}))
    live.hear(job_id, Progress(step=4, n_steps=8, previews={1: preview(2)}))
    live.hear(job_id, Progress(step=5, n_steps=8, previews={}))
    assert [live.preview(job_id, index) for index in (0, 1)] == [preview(1), preview(2)]
    live.hear(job_id, Progress(step=6, n_steps=8, previews={0: preview(3)}))
    assert live.preview(job_id, 0) == preview(3)
    live.lost(job_id)
    live.hear(job_id, Progress(step=1, n_steps=8, previews={}))
    assert live.preview(job_id, 0) is None

"""When a worker that still sends heartbeats has hung, by what it was seen to take."""

from dataclasses import replace

from engine.messages import Heartbeat
from engine.pulse import Pulse
from tests.fakes.engines import RECIPE

LARGE = replace(RECIPE, width_px=128, height_px=128)


def beat(n_works: int) -> Heartbeat:
    """A heartbeat that counts so much work."""
    return Heartbeat(n_ticks=0, n_jobs=1, rss_mib=1, n_works=n_works)


def pulse_that_took(gap_s: float, n_rows: int = 2) -> Pulse:
    """One that saw a job of two rows whose slowest step took so long."""
    pulse = Pulse(floor_s=30.0, factor=10.0)
    pulse.begin(100.0)
    pulse.sign(100.0 + gap_s, [RECIPE], n_rows)
    pulse.prove(RECIPE)
    return pulse


def test_nothing_is_bounded_before_a_job_was_seen_to_its_end() -> None:
    """A model whose decoding nobody has seen may take as long as it likes, up to the job's own deadline."""
    pulse = Pulse(floor_s=30.0, factor=10.0)
    pulse.sign(5.0, [RECIPE], 2)
    assert pulse.bound_s([RECIPE], 2) is None
    pulse.prove(RECIPE)
    assert pulse.bound_s([RECIPE], 2) == 50.0
    assert pulse.bound_s([RECIPE, replace(RECIPE, model="another")], 4) is None


def test_the_bound_is_ten_times_the_slowest_and_never_short() -> None:
    """A fast card gets half a minute, a slow CPU what it needs."""
    assert pulse_that_took(0.1).bound_s([RECIPE], 2) == 30.0
    assert pulse_that_took(20.0).bound_s([RECIPE], 2) == 200.0


def test_the_bound_grows_with_rows_and_pixels() -> None:
    """A step of sixteen times the rows, or of four times the pixels, is never held against a small one's time."""
    pulse = pulse_that_took(20.0)
    assert pulse.bound_s([RECIPE], 32) == 16 * 200.0
    assert pulse.bound_s([RECIPE], 64) == 16 * 200.0  # no step has more
    assert pulse.bound_s([LARGE], 2) == 16 * 200.0
    assert pulse.bound_s([replace(RECIPE, width_px=64, height_px=64)], 2) == 200.0


def test_stillness_is_counted_in_heartbeats() -> None:
    """A second for each that brings no work; work, or any other message, ends it."""
    pulse = pulse_that_took(1.0)
    for second in range(1, 11):
        pulse.beat(101.0 + second, beat(1), [RECIPE])
    assert 9.0 <= pulse.still_s <= 11.0
    pulse.beat(112.0, beat(2), [RECIPE])
    assert pulse.still_s == 0


def test_a_frozen_machine_is_no_hung_worker() -> None:
    """After an hour in which not even heartbeats came, a second or two count, not the hour."""
    pulse = pulse_that_took(1.0)
    pulse.beat(102.0, beat(0), [RECIPE])
    pulse.beat(3_702.0, beat(0), [RECIPE])
    assert pulse.still_s <= 4.0


def test_loading_a_model_is_never_stillness() -> None:
    """However long it takes, and it is no measure for what comes after."""
    pulse = pulse_that_took(1.0)
    pulse.excuse()
    for second in range(600):
        pulse.beat(101.0 + second, beat(0), [RECIPE])
    assert pulse.still_s == 0
    pulse.sign(702.0, [RECIPE])
    assert pulse.bound_s([RECIPE], 2) == 30.0


def test_what_it_did_before_it_had_work_does_not_count() -> None:
    """An idle worker does nothing, by right."""
    pulse = pulse_that_took(1.0)
    for second in range(60):
        pulse.beat(101.0 + second, beat(0), [])
    pulse.wake(161.0)
    assert pulse.still_s == 0
    pulse.sign(162.0, [RECIPE], 2)
    assert pulse.bound_s([RECIPE], 2) == 30.0

"""Pauses between the lives of a worker."""

import pytest

from engine.supervisor import Backoff


@pytest.mark.parametrize(
    ("n_short_lives", "pause_s"),
    [(0, 0.5), (1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (1_000_000, 30.0)],
)
def test_pauses_double_up_to_the_longest(n_short_lives: int, pause_s: float) -> None:
    """Each short life in a row doubles the pause; a healthy one starts again at the first."""
    assert Backoff().pause_s(n_short_lives) == pause_s

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import durations
from engine.errors import UserError

HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        *(("30m", 1_800), ("30 min", 1_800), ("90 minutes", 5_400), ("12h", 12 * HOUR), ("1.5 hours", 5_400)),
        *(("7d", 7 * DAY), ("7 Days", 7 * DAY), ("2 weeks", 14 * DAY), ("2W", 14 * DAY), ("1 month", 30 * DAY)),
        *(("1d12h", 36 * HOUR), ("1 day 12 hours", 36 * HOUR), ("２ weeks,", 14 * DAY), ("10y", 3_650 * DAY)),
        ("60s", 60),
    ],
)
def test_a_time_is_read_however_it_is_spelt(words: str, seconds: float) -> None:
    """Units in short and in full, one or several."""
    assert durations.seconds(words) == seconds


@pytest.mark.parametrize("words", ["", "7", "d", "7x", "-7d", "59s", "11y", "99999999999d", "7d x", "soon", "7 d d"])
def test_what_is_no_time_says_how_one_looks(words: str) -> None:
    """A number alone is none: 7 of what?"""
    with pytest.raises(UserError, match="Say how long as 30m, 12h, 7d or 2 weeks"):
        durations.seconds(words)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("7d floods the channel", ("7d", " floods the channel")),
        ("2 weeks", ("2 weeks", "")),
        ("1 day 12 hours for spam", ("1 day 12 hours", " for spam")),
        ("7 dwarfs", None),
        ("spam 7d", None),
        ("", None),
    ],
)
def test_a_time_is_found_at_the_start_of_words(words: str, found: tuple[str, str] | None) -> None:
    """As it stands there; a unit ends with its word."""
    at_start = durations.at_start(words)
    assert (at_start and (at_start[0], at_start[1].rstrip() and " " + at_start[1].strip())) == found


@given(st.text())
def test_any_text_is_a_time_or_a_sentence(words: str) -> None:
    """Within a minute and ten years."""
    with contextlib.suppress(UserError):
        assert 60 <= durations.seconds(words) <= 3_650 * DAY

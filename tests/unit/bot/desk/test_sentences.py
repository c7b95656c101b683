"""Refusals, amounts and times as people read them."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.desk.sentences import amount, count, each, person, refused, seconds, span, where
from storage.asking import Limit, Refused

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("wait_s", "told"),
    [
        (-5, "1 s"),
        (0.2, "1 s"),
        (12, "12 s"),
        (99.5, "2 min"),
        (600, "10 min"),
        (3_600, "1 h"),
        (18_720, "5 h 12 min"),
        (86_400, "1 day"),
        (86_400 + 3_601, "1 day 2 h"),
        (20 * 86_400, "20 days"),
    ],
)
def test_a_time_from_now_is_relative_and_rounded_up(wait_s: float, told: str) -> None:
    """Whoever comes back then is not too early; a clock that jumped gives no negative wait."""
    assert span(wait_s) == told


@pytest.mark.parametrize(
    ("number", "told"),
    [(3.0, "3"), (0.0625, "0.06"), (0.001, "less than 0.01"), (0, "0"), (1_250.5, "1,250.5"), (math.inf, "no limit")],
)
def test_an_amount_has_two_decimals_at_most(number: float, told: str) -> None:
    """A picture of 128 x 128 costs 0.06, and that is said."""
    assert amount(number) == told


def test_small_words() -> None:
    """One picture, two pictures; a or b; a name is clean."""
    assert (count(1, "picture"), count(2, "picture"), count(0.5, "job")) == ("1 picture", "2 pictures", "0.5 jobs")
    assert (each(["a"]), each(["a", "b"]), each(["a", "b", "c"]), each([])) == ("a", "a or b", "a, b or c", "")
    assert person("A\u202eda", "discord:1") == "Ada (discord:1)"
    assert person("", "discord:1") == "discord:1"
    assert (seconds(0.42), seconds(61)) == ("0.4 s", "61 s")
    assert (where(""), where("d:1"), where("d:1", "d:1")) == ("everywhere", "in d:1", "here")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            Refused(limit=Limit.RATE, most=3, has=3, wants=1, come_back_s=NOW + 12),
            "That was quick: you have 3 requests a minute. Come back in 12 s.",
        ),
        (
            Refused(limit=Limit.RATE, most=0.5, has=1, wants=1, come_back_s=NOW + 100),
            "That was quick: you have one request in 2 min. Come back in 2 min.",
        ),
        (
            Refused(limit=Limit.IN_FLIGHT, most=4, has=3, wants=2),
            "You have 3 of 4 jobs waiting or being drawn, and this would be 2 more. Come back when some are done, or "
            "take one back with /cancel.",
        ),
        (
            Refused(limit=Limit.IN_FLIGHT, most=4, has=0, wants=16),
            "That would be 16 jobs at once, and you may have 4 waiting or being drawn. Ask for fewer at a time.",
        ),
        (
            Refused(limit=Limit.DAILY, most=10, has=9.5, wants=2, come_back_s=NOW + 18_720),
            "You have 0.5 of 10 standard pictures left for today, and this costs 2. Come back in 5 h 12 min, or ask "
            "for something smaller; /quota says more.",
        ),
        (
            Refused(limit=Limit.DAILY, most=10, has=10, wants=2, come_back_s=NOW + 18_720),
            "You have 0 of 10 standard pictures left for today, and this costs 2. Come back in 5 h 12 min; /quota says "
            "more.",
        ),
        (
            Refused(limit=Limit.DAILY, most=1, has=0, wants=4),
            "You have 1 of 1 standard picture left for today, and this costs 4. Ask for smaller or fewer pictures; "
            "/quota says more.",
        ),
        (
            Refused(limit=Limit.FULL, most=10_000, has=10_000, wants=1),
            "The queue is full: 10,000 jobs of all people wait, and 10,000 is the most. Come back in some minutes.",
        ),
        (
            Refused(limit=Limit.BANNED, reason="floods.", place="d:1", come_back_s=NOW + 60),
            "You are banned here: floods. It ends in 60 s.",
        ),
        (
            Refused(limit=Limit.BANNED),
            "You are banned from this Darkroom. It holds until an admin lifts it.",
        ),
    ],
)
def test_each_refusal_says_what_why_and_when_to_come_back(said: Refused, words: str) -> None:
    """In relative words, for a clock on somebody else's wall."""
    assert str(refused(said, NOW)) == words


@example(limit=Limit.RATE, most=5e-324, has=0.0, wants=0.0, come_back_s=None, reason="")  # 60 s over it is infinite
@given(
    st.sampled_from(Limit),
    st.floats(0, 1e6) | st.just(math.inf),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.none() | st.floats(-1e9, 1e9),
    st.text(max_size=50),
)
def test_any_refusal_is_one_line(
    limit: Limit, most: float, has: float, wants: float, come_back_s: float | None, reason: str
) -> None:
    """Whatever the figures, and whatever an admin wrote."""
    said = Refused(limit=limit, most=most, has=has, wants=wants, come_back_s=come_back_s, reason=reason)
    sentence = str(refused(said, NOW))
    assert sentence.endswith(".")
    assert "nan" not in sentence
    assert "\n" not in sentence

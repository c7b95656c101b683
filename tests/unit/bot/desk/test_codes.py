"""Codes as people type them, how often one may guess, and who was asked what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.asking_first import WITHIN_S, AskedFirst
from bot.desk.codes import MOST_TRIES, TRIES_WITHIN_S, Tries, new_code, normal
from engine.errors import UserError


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize("written", ["k3f9-m2q7", " K3F9 M2Q7 ", "k3f9—m2q7", "k3f9m2q7.", "/k3f9_m2q7"])
def test_a_code_is_known_however_it_is_typed(written: str) -> None:
    """Phones change dashes and capitals."""
    assert normal(written) == "k3f9-m2q7"


def test_letters_that_look_alike_are_one() -> None:
    """O is 0, and I and L are 1."""
    assert normal("oOiI-lLuU") == "0011-11vv"


@given(st.integers(1, 4))
def test_a_new_code_is_typed_as_it_reads(n_groups: int) -> None:
    """Four characters a group, 20 bits each, and no two alike."""
    code = new_code(n_groups)
    assert len(code) == 5 * n_groups - 1
    assert normal(code) == code
    assert new_code(4) != new_code(4)


@given(st.text(max_size=300))
def test_any_text_reads_as_some_code(text: str) -> None:
    """Total, and never long."""
    assert len(normal(text)) <= 80


def test_after_five_wrong_codes_one_waits() -> None:
    """Per account, for ten minutes from the first of them."""
    clock = Clock()
    tries = Tries(clock)
    for _ in range(MOST_TRIES):
        tries.check("discord:1")
        tries.note_wrong("discord:1")
        clock.now_s += 1
    with pytest.raises(UserError, match=r"5 wrong codes. Try again in 10 min"):
        tries.check("discord:1")
    tries.check("discord:2")
    clock.now_s += TRIES_WITHIN_S - 4
    tries.check("discord:1")


def test_what_was_asked_is_answered_once_and_in_time() -> None:
    """By the account that was asked, and about the newest question."""
    clock = Clock()
    asked: AskedFirst[str] = AskedFirst(clock)
    asked.ask("discord:1", "older")
    asked.ask("discord:1", "newer")
    assert asked.take("discord:2") is None
    assert asked.take("discord:1") == "newer"
    assert asked.take("discord:1") is None
    asked.ask("discord:1", "again")
    clock.now_s += WITHIN_S
    assert asked.take("discord:1") is None

"""Who comes far oftener than anybody can is told when to come back; nobody else waits."""

import pytest

from bot.desk import gate
from bot.desk.gate import Gate
from engine.errors import UserError


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_is_let_through_and_then_one_an_interval() -> None:
    """Each by themselves, and who was told seconds is let in after them."""
    clock = Clock()
    door = Gate("things", 60.0, 5.0, clock)
    for _ in range(5):
        door.come("ada")
    with pytest.raises(UserError, match=r"60 things a minute are the most\. Come back in 1 s"):
        door.come("ada")
    door.come("eve")
    clock.now_s += 1
    door.come("ada")
    with pytest.raises(UserError):
        door.come("ada")
    clock.now_s += 3_600
    for _ in range(5):
        door.come("ada")


def test_a_clock_that_is_set_back_keeps_nobody_out_for_long() -> None:
    """Time that comes twice is not waited for."""
    clock = Clock()
    door = Gate("things", 60.0, 5.0, clock)
    for _ in range(5):
        door.come("ada")
    clock.now_s -= 86_400
    door.come("ada")


def test_of_many_the_oldest_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, whoever comes."""
    monkeypatch.setattr(gate, "MOST_KNOWN", 3)
    door = Gate("things", 1.0, 1.0, Clock())
    for number in range(4):
        door.come(str(number))
    door.come("0")
    with pytest.raises(UserError):
        door.come("3")

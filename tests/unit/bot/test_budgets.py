"""How often a chat may be spoken to."""

import random

from bot.budgets import Budgets
from bot.platforms.base import Budget


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_message_may_be_edited_again_when_its_window_has_room() -> None:
    """One edit in five seconds: the second has to wait for the rest of them."""
    clock = Clock()
    budgets = Budgets(Budget(of_message=(1, 5.0)), clock)
    assert budgets.free_in_s("room", "a") == 0
    budgets.spend("room", "a")
    clock.now_s += 2
    assert budgets.free_in_s("room", "a") == 3
    assert budgets.free_in_s("room", "b") == 0
    clock.now_s += 3
    assert budgets.free_in_s("room", "a") == 0


def test_all_messages_of_a_chat_share_its_window() -> None:
    """Twenty a minute in a group, whichever messages they are of; other chats are not held up."""
    clock = Clock()
    budgets = Budgets(Budget(of_message=(1, 1.0), of_chat=(2, 60.0)), clock)
    budgets.spend("group", "a")
    clock.now_s += 10
    budgets.spend("group", "b")
    assert budgets.free_in_s("group", "c") == 50
    assert budgets.free_in_s("other", "d") == 0


def test_a_parked_chat_is_not_spoken_to_and_no_other_is_held_up() -> None:
    """What a platform asks for with retry_after holds for the chat; a shorter one does not shorten it."""
    clock = Clock()
    budgets = Budgets(Budget(of_message=(1, 1.0)), clock)
    budgets.park("room", 30)
    budgets.park("room", 10)
    assert budgets.parked_for_s("room") == 30
    assert budgets.free_in_s("room", "a") == 30
    assert budgets.free_in_s("other", "a") == 0
    clock.now_s += 31
    assert budgets.parked_for_s("room") == 0


def test_no_window_ever_holds_more_than_its_budget() -> None:
    """Whatever order things are said in: at most 20 in any minute of a chat, at most 30 in any second of all."""
    chance, clock = random.Random(5), Clock()
    budgets = Budgets(Budget(of_message=(1, 1.0), of_chat=(20, 60.0), of_all=(30, 1.0)), clock)
    said: list[tuple[float, str]] = []
    for _ in range(5_000):
        chat, message = f"c{chance.randrange(9)}", f"m{chance.randrange(40)}"
        if budgets.free_in_s(chat, message) == 0:
            budgets.spend(chat, message)
            said.append((clock.now_s, chat))
        clock.now_s += chance.choice((0.0, 0.01, 0.2))
    for at_s, chat in said:
        assert sum(1 for then_s, other in said if other == chat and at_s - 60 < then_s <= at_s) <= 20
        assert sum(1 for then_s, _ in said if at_s - 1 < then_s <= at_s) <= 30
    assert len(said) > 100

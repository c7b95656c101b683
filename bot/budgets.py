"""How often a chat may be spoken to: edits in windows of time, and chats that asked for a pause. Pure but for a clock.

One account for everything that is said on a platform: what results use is no longer there for progress. Knows nothing
of messages' contents.
"""

from collections import OrderedDict, deque
from collections.abc import Callable

from bot.platforms.base import Budget

_KEPT = 4_096  # windows of messages and chats that are remembered; the least recently used is long empty

Window = tuple[int, float]


class Budgets:
    """The account of one platform. `now_s` is a clock that only goes forward."""

    def __init__(self, budget: Budget, now_s: Callable[[], float]) -> None:
        self._budget = budget
        self._now_s = now_s
        self._spent: OrderedDict[str, deque[float]] = OrderedDict()
        self._parked: dict[str, float] = {}

    def free_in_s(self, chat: str, message: str) -> float:
        """Seconds until this message may be edited; 0 is now."""
        return max(
            self.parked_for_s(chat), *(self._wait_s(key, window) for key, window in self._windows(chat, message))
        )

    def parked_for_s(self, chat: str) -> float:
        """Seconds for which the chat asked not to be spoken to at all."""
        return max(0.0, self._parked.get(chat, 0.0) - self._now_s())

    def spend(self, chat: str, message: str) -> None:
        """Something is said now."""
        now_s = self._now_s()
        for key, (most, _) in self._windows(chat, message):
            spent = self._spent.setdefault(key, deque(maxlen=most))
            spent.append(now_s)
            self._spent.move_to_end(key)
        while len(self._spent) > _KEPT:
            self._spent.popitem(last=False)

    def park(self, chat: str, for_s: float) -> None:
        """The platform said when it will listen again."""
        now_s = self._now_s()
        self._parked = {each: until_s for each, until_s in self._parked.items() if until_s > now_s}
        self._parked[chat] = max(self._parked.get(chat, 0.0), now_s + for_s)

    def _windows(self, chat: str, message: str) -> list[tuple[str, Window]]:
        kinds = (
            (f"message {message}", self._budget.of_message),
            (f"chat {chat}", self._budget.of_chat),
            (f"crowd {chat}", self._budget.of_crowd if chat.startswith("-") else None),
            ("all", self._budget.of_all),
        )
        return [(key, window) for key, window in kinds if window]

    def _wait_s(self, key: str, window: Window) -> float:
        most, within_s = window
        spent = self._spent.get(key)
        if spent is None or len(spent) < most:
            return 0.0
        return max(0.0, spent[0] + within_s - self._now_s())

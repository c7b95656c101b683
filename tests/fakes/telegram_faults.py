"""Bad weather over the fake Telegram: what can happen to a call or an update, by chance or as told."""

import random
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

SLACK_S = 0.5  # a call that was on its way when its chat was told to be quiet is no offence


class Fault(StrEnum):
    """What can happen to a call."""

    DROPPED = "dropped"  # never read; the connection ends
    REPLY_LOST = "reply lost"  # done; the connection ends
    RESET = "reset"  # done; the connection is reset
    TOO_MANY = "too many"  # 429
    BROKEN_BEFORE = "broken before"  # 5xx
    BROKEN_AFTER = "broken after"  # done; 5xx
    STALLED = "stalled"  # done; the reply takes longer than anybody waits, and the connection ends
    REFUSED = "refused"  # 403 for good
    GONE = "gone"  # 400 for good


class Mishap(StrEnum):
    """What can happen to an update on its way to the bot."""

    TWICE = "twice"  # told again, whatever was confirmed
    LATE = "late"  # after the one that comes next


FOR_GOOD = (Fault.REFUSED, Fault.GONE)
_PASSING = tuple(each for each in Fault if each not in FOR_GOOD)
_TOUCHED = ("send*", "edit*", "deleteMessage", "answer*", "getFile")


@dataclass(kw_only=True)
class Weather:
    """How likely a call meets trouble, and which. `refusals` of all faults are for good; logging in is spared.

    `update_share` is of the updates, `poll_share` of the calls that ask for them.
    """

    luck: random.Random
    share: float = 0.0
    refusals: float = 0.0
    update_share: float = 0.0
    poll_share: float = 0.0
    stall_s: float = 1.0
    retry_scale: float = 1.0  # a 429 asks for 1 to 5 s, times this

    def of_a_call(self, method: str) -> Fault | None:
        """What happens to the next call."""
        if method == "getUpdates":
            return self.luck.choice(_PASSING) if self.luck.random() < self.poll_share else None
        if not any(fnmatchcase(method, each) for each in _TOUCHED) or self.luck.random() >= self.share:
            return None
        return self.luck.choice(FOR_GOOD if self.luck.random() < self.refusals else _PASSING)

    def of_an_update(self) -> Mishap | None:
        """What happens to the next update."""
        return self.luck.choice(list(Mishap)) if self.luck.random() < self.update_share else None

    def retry_after_s(self) -> float:
        """For how long a chat is to be quiet."""
        return self.luck.randint(1, 5) * self.retry_scale


@dataclass(kw_only=True)
class Planned:
    """A fault for the next `n` calls that match. `method`: a pattern of fnmatch; `chat_id` None: in any chat."""

    method: str
    fault: Fault
    n: int = 1
    status: int = 500  # of the broken ones
    retry_after_s: float | None = None
    chat_id: int | None = None

    def matches(self, method: str, chat_id: int | None) -> bool:
        """This call is meant."""
        return self.n > 0 and fnmatchcase(method, self.method) and self.chat_id in (None, chat_id)

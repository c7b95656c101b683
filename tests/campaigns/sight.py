"""What can be seen of a fake chat in a campaign, whichever chat it is: the messages of requests, and a sample of calls.

Keeps of the calls a sample for the judge, and of messages what they are now: all would be gigabytes.
"""

import random
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tests.campaigns.stages import Seen, Tallies

SAMPLE = 3_000  # calls, and as many events, that are judged
_LATER = 0.05  # of the calls after those, how many take the place of one
_NEVER_ANSWERED_S = 30.0
_TRAIL = 8  # states of a message that are remembered
_REFUSED = (400, 403, 404)


class Message(Hashable, Protocol):
    """Of a fake chat. The last of its history is what it is now."""

    deleted: bool
    history: list[Any]


class Call(Protocol):
    """Of a fake chat. `status` None: nobody answered."""

    at_s: float
    status: int | None
    fault: Any


M = TypeVar("M", bound=Message)
C = TypeVar("C", bound=Call)


class Sight(ABC, Generic[M, C]):
    """Watches what is said. What can be deleted by a button is an end; what can be cancelled names its request too."""

    def __init__(self, seed: str) -> None:
        self.tallies = Tallies()
        self._choice = random.Random(f"{seed} sample")
        self._ends: defaultdict[str, dict[M, None]] = defaultdict(dict)
        self._told: defaultdict[str, dict[M, None]] = defaultdict(dict)
        self._trails: defaultdict[M, deque[str]] = defaultdict(lambda: deque(maxlen=_TRAIL))
        self._calls: list[C] = []

    # What a chat knows of its messages and calls

    @abstractmethod
    def ids_of(self, message: M) -> list[str]:
        """Of all its buttons."""

    @abstractmethod
    def is_away(self, message: M) -> bool:
        """Whether the place where it was said is gone."""

    @abstractmethod
    def files_in(self, message: M) -> tuple[str, ...]:
        """SHA-256 of each as it was sent, in order."""

    @abstractmethod
    def where(self, message: M) -> str:
        """For whoever reads what went wrong."""

    @abstractmethod
    def note_refusal(self, call: C) -> None:
        """Remember what a call was about that was refused."""

    def note(self, call: C) -> None:
        """Remember what else matters of a call."""

    def kind(self, message: M) -> str:
        """What it is now, in a word."""
        return "end" if self.shows_an_end(message) else "other"

    # What is seen

    def shows_an_end(self, message: M) -> bool:
        """What is over can be deleted by a button."""
        return any(each.startswith("delete:") for each in self.ids_of(message))

    def changed(self, message: M) -> None:
        """It is new, or another."""
        del message.history[:-1]
        self._trails[message].append(f"{message.history[-1].at_s:.2f} {self.kind(message)}")
        for each in self.ids_of(message):
            verb, _, request = each.partition(":")
            if verb == "delete":
                self._ends[request][message] = None
            if verb in ("delete", "cancel"):
                self._told[request][message] = None

    def visible(self, request: str) -> list[M]:
        """The messages that show its end."""
        ends = self._ends.get(request, {})
        return [each for each in ends if not each.deleted and not self.is_away(each) and self.shows_an_end(each)]

    def ends_of(self, request: str) -> list[Seen]:
        """Where its end can be seen."""
        return [Seen(where=self.where(each), files=self.files_in(each)) for each in self.visible(request)]

    def shown_of(self, files: tuple[Path, ...]) -> tuple[str, ...]:
        """What is seen of a request with these files, which are called by their SHA-256: they themselves."""
        return tuple(file.name for file in files)

    def was_shown(self, request: str) -> bool:
        """Whether its end was seen in a place that is gone by now."""
        return any(self.is_away(each) for each in self._ends.get(request, {}))

    def told_of(self) -> frozenset[str]:
        """Every request that anybody was told of."""
        return frozenset(self._told)

    def unanswered(self) -> list[str]:
        """Of a chat that tells of everything once, come what may: none."""
        return []

    def story(self, request: str) -> str:
        """What its messages were, and when."""
        return "; ".join(
            f"{self.where(each)}{' (deleted)' if each.deleted else ''}: {', '.join(self._trails[each])}"
            for each in self._told.get(request, {})
        )

    # Calls

    def count(self, calls: Iterable[C], now: float, *, all_of_them: bool = False) -> list[C]:
        """Count the calls that are over, and keep some of them; those that are not over."""
        left: list[C] = []
        for call in calls:
            if not (all_of_them or call.status is not None or call.at_s < now - _NEVER_ANSWERED_S):
                left.append(call)
                continue
            self.tallies.n_calls += 1
            if call.fault:
                self.tallies.faults[call.fault] += 1
            self.note(call)
            if call.status in _REFUSED:
                self.note_refusal(call)
            if len(self._calls) < SAMPLE:
                self._calls.append(call)
            elif self._choice.random() < _LATER:
                self._calls[self._choice.randrange(SAMPLE)] = call
        return left

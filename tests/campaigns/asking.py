"""People who ask a chat for pictures in a campaign, whichever chat: how many wait, and what befalls their requests."""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from tests.campaigns.stages import Taken, Tallies

NOTHING = "none"  # the fate of most
PATIENCE_S = 20.0  # then somebody asks for something else
CLOSED = 0.15  # of the people do not let the bot write to them, where a chat has that
_LONG_PAUSES = 0.03  # of all 429s
LONGEST_PAUSE_S = 120.0  # at a chat's own pace

A = TypeVar("A")
P = TypeVar("P")


@dataclass(kw_only=True, eq=False)
class Wish(Generic[A]):
    """What somebody asked for. `asked`: the chat's own event."""

    asked: A
    fate: str
    asked_at: float
    befalls_after_s: float
    has_befallen: bool = False


class Asking(ABC, Generic[A, P]):
    """The people of a stage. `fates`: what can befall a request while it is being made, and how likely each is."""

    tallies: Tallies

    def __init__(self, seed: str, fates: Mapping[str, int]) -> None:
        self.luck = random.Random(f"{seed} crowd")
        self.open_wishes: list[Wish[A]] = []
        self._fates = fates

    @abstractmethod
    def choose(self, fate: str) -> P:
        """Who asks, where."""

    @abstractmethod
    async def ask(self, place: P, words: str) -> A:
        """They do."""

    @abstractmethod
    def befall(self, wish: Wish[A]) -> None:
        """Its fate comes upon it."""

    @abstractmethod
    def is_heard(self, asked: A) -> bool:
        """The bot knows of it."""

    @abstractmethod
    def key_of(self, asked: A) -> str:
        """The key of its event."""

    @abstractmethod
    def is_seen(self, request: str) -> bool:
        """Its end was shown, somewhere."""

    @abstractmethod
    def may_be_lost(self, asked: A) -> bool:
        """The chat told it once and will not tell it again, or the bot has said something to it."""

    @abstractmethod
    def let_go(self, wish: Wish[A]) -> None:
        """Nobody waits for it any more."""

    async def move_on(self, most_open: int, taken: Taken) -> None:
        """Let people suffer, see, and ask for more until so many wait."""
        now = time.monotonic()
        for wish in self.open_wishes:
            is_due = now - wish.asked_at >= wish.befalls_after_s
            if wish.fate != NOTHING and not wish.has_befallen and is_due and self.is_heard(wish.asked):
                wish.has_befallen = True
                self.befall(wish)
        waiting = []
        for wish in self.open_wishes:
            request = taken.request_of.get(self.key_of(wish.asked), "")
            is_late = now - wish.asked_at > PATIENCE_S and self.may_be_lost(wish.asked)
            if is_late or self.is_seen(request) or request in taken.given_up:
                self.let_go(wish)
            else:
                waiting.append(wish)
        self.open_wishes = waiting
        await self.ask_for_more(most_open - len(self.open_wishes))

    async def ask_for_more(self, n: int) -> None:
        """So many ask for something."""
        for _ in range(n):
            self.open_wishes.append(await self._wish())

    async def _wish(self) -> Wish[A]:
        luck, n = self.luck, self.tallies.n_asked
        self.tallies.n_asked += 1
        fate = luck.choices(list(self._fates), list(self._fates.values()))[0]
        self.tallies.fates[fate] += 1
        place = self.choose(fate)
        n_steps = luck.choice((1, 2, 3, 5)) if fate == NOTHING else luck.choice((20, 40, 80))
        order = luck.choice(("broke@1", "refuse@1")) if luck.random() < 0.03 else ""
        n_pictures = luck.choice((1, 1, 1, 2))
        words = f"thing {n} {order} --steps {n_steps} --size 64x64 --seed {n} --n {n_pictures}"
        asked = await self.ask(place, words)
        return Wish(asked=asked, fate=fate, asked_at=time.monotonic(), befalls_after_s=luck.uniform(0.0, 0.3))


def long_pause_s(luck: random.Random, longest_s: float) -> float | None:
    """Of some 429s: longer than anybody waits within a call. None: this one is as most are."""
    return round(luck.uniform(longest_s / 3, longest_s), 3) if luck.random() < _LONG_PAUSES else None

"""What a campaign of deliveries needs of a chat, whichever: a stage with its people, and what they can see there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.campaigns.nursery import Being


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A message in which somebody can see the end of a request. `files`: SHA-256 of each, in order."""

    where: str
    files: tuple[str, ...]


@dataclass(kw_only=True)
class Tallies:
    """For the progress lines. `faults` and `fates` by their names."""

    n_asked: int = 0
    n_calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    fates: Counter[str] = field(default_factory=Counter)


class Taken(Protocol):
    """What the bot has taken in, and given up to tell."""

    @property
    def request_of(self) -> dict[str, str]:
        """Requests by the key of their event."""

    @property
    def given_up(self) -> dict[str, str]:
        """The reply_to of each."""


class Sights(Protocol):
    """What can be seen of a chat when everything is over."""

    @property
    def offences(self) -> list[str]:
        """Calls that were made though the chat had asked for a pause."""

    def ends_of(self, request: str) -> list[Seen]:
        """Where its end can be seen."""

    def shown_of(self, files: tuple[Path, ...]) -> tuple[str, ...]:
        """What is to be seen of a request with these files, by SHA-256: one that shows them all, or each."""

    def was_shown(self, request: str) -> bool:
        """Whether its end was seen in a place that is gone by now."""

    def was_refused(self, request: str, reply_to: str) -> bool:
        """Whether the chat refused for good what was to show it."""

    def told_of(self) -> frozenset[str]:
        """Every request that anybody was told of."""

    def unanswered(self) -> list[str]:
        """Keys of the events that a chat goes on telling of until they are taken, and which nothing of ours answers."""

    def story(self, request: str) -> str:
        """What its messages were, and when."""

    def problems(self) -> list[str]:
        """What was said that the chat's own description does not allow."""

    def wrongs(self) -> list[str]:
        """What else people should not see."""


class Stage(Sights, Protocol):
    """A chat with its people, which outlives the bots."""

    tallies: Tallies

    async def open(self) -> None:
        """Start, with everybody in their place."""

    async def close(self) -> None:
        """Hang up."""

    def settings(self) -> list[tuple[str, str, str]]:
        """What has to be set in the bot for these people: whom it is for, the key, the value."""

    def begin(self, data_dir: Path, report: Path, worker: tuple[str, ...], ahead: Any) -> Being:
        """A life of the bot begins, whose clock is ahead of the wall's by the `ahead.value` seconds of the moment."""

    async def stir(self, most_open: int, taken: Taken) -> None:
        """Let people see, suffer, and ask for more until so many wait."""

    def is_heard_out(self) -> bool:
        """Nothing is left that the bot is still to be told of."""

    async def hang_up(self) -> None:
        """The line is cut; whoever comes back is told what was missed."""

    def pass_time(self, seconds: float) -> None:
        """Everything is older by so much."""

    def buried(self) -> None:
        """A life has ended, and whatever it was told with it."""

    def tell_again(self, n: int) -> None:
        """The new life hears of so many things that the old one has answered."""

    def clear_up(self) -> None:
        """Fair weather from now on."""

    async def collect(self, given_up: Iterable[str]) -> None:
        """Whoever missed something asks for it. `given_up`: the reply_to of each."""

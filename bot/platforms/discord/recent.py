"""The newest pictures of whoever uses Discord, in memory: what is offered while somebody types waits for no database.

What is remembered is read behind the answers: at the start for who drew last, with the first thing that somebody does,
after each end of theirs, and after each letter they type. So an answer may be one letter behind, and is never late.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.gallery import HistoryPage
from engine.errors import DarkroomError

MAX_PEOPLE = 500  # with 100 pictures each, some 20 MB
WARM_PEOPLE = 200
MAX_EACH = 100
_MAX_PROMPT = 100  # as much as a choice can show
_READS_AT_ONCE = 2

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Histories(Protocol):
    """What is asked of the studio."""

    async def history(self, owner: str, words: str, before: str | None, limit: int) -> HistoryPage:
        """Somebody's pictures, newest first."""

    async def latest_accounts(self, platform: str, limit: int) -> tuple[str, ...]:
        """Whose pictures are the newest."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A picture's name, and the beginning of its prompt."""

    picture: str
    prompt: str


class Recent:
    """Remembers. For one event loop; `close` it."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories
        self._newest: OrderedDict[str, tuple[Remembered, ...]] = OrderedDict()  # by account, the least used first
        self._found: dict[str, tuple[Remembered, ...]] = {}  # by their latest words, beyond the newest
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, str] = {}  # accounts that are to be read once more, and with which words
        self._forgotten: set[str] = set()  # while they were being read
        self._turns = asyncio.Semaphore(_READS_AT_ONCE)
        self._warming: asyncio.Task[None] | None = None

    def of(self, account: str, words: str = "") -> tuple[Remembered, ...]:
        """What is known now, newest first; it is read anew meanwhile, and searched for `words`."""
        self.note(account, words)
        newest = self._newest.get(account, ())
        return (*newest, *(each for each in self._found.get(account, ()) if each not in newest))

    def meet(self, account: str) -> None:
        """They did something: have what they may want to name, if it is not there."""
        if account not in self._newest:
            self.note(account)

    def note(self, account: str, words: str = "") -> None:
        """Read it anew, behind all answers; once at a time for each."""
        if account in self._reading:
            self._again[account] = words
        else:
            self._begin(account, words)

    def forget(self, account: str) -> None:
        """They are forgotten here too."""
        self._newest.pop(account, None)
        self._found.pop(account, None)
        self._again.pop(account, None)
        if account in self._reading:
            self._forgotten.add(account)

    def warm(self) -> None:
        """Begin with those who drew last."""
        self._warming = asyncio.create_task(self._warm(), name="recent pictures")

    async def settled(self) -> None:
        """Wait until nothing is being read."""
        while tasks := [*self._reading.values(), *([self._warming] if self._warming else [])]:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Read nothing more."""
        self._again.clear()
        tasks = [*self._reading.values(), *([self._warming] if self._warming else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, account: str, words: str) -> None:
        task = asyncio.create_task(self._read(account, words), name=f"recent {account}")
        self._reading[account] = task
        task.add_done_callback(lambda done: self._ended(account, done))

    def _ended(self, account: str, done: asyncio.Task[None]) -> None:
        del self._reading[account]
        self._forgotten.discard(account)
        words = self._again.pop(account, None)
        if words is not None and not done.cancelled():
            self._begin(account, words)

    async def _read(self, account: str, words: str) -> None:
        try:
            async with self._turns:
                newest = _remembered(await self._histories.history(account, "", None, MAX_EACH))
                found = _remembered(await self._histories.history(account, words, None, MAX_EACH)) if words else ()
        except DarkroomError as exc:  # it is only what is offered: an ill disk is told by what people ask for
            log.info("pictures to offer cannot be read", reason=str(exc))
            return
        if account in self._forgotten:
            return
        self._newest[account] = newest
        self._newest.move_to_end(account)
        self._found[account] = found
        while len(self._newest) > MAX_PEOPLE:
            gone, _ = self._newest.popitem(last=False)
            self._found.pop(gone, None)

    async def _warm(self) -> None:
        try:
            for account in reversed(await self._histories.latest_accounts("discord", WARM_PEOPLE)):
                await self._read(account, "")
        except DarkroomError as exc:
            log.info("who drew last cannot be read", reason=str(exc))
        finally:
            self._warming = None


def _remembered(page: HistoryPage) -> tuple[Remembered, ...]:
    return tuple(Remembered(line.picture, line.prompt[:_MAX_PROMPT]) for line in page.pictures)

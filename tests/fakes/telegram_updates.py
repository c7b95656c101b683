"""What the fake Telegram has to tell the bot: numbered, kept for a day, told until it is confirmed."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.fakes.telegram_faults import Mishap
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_world import Json, World

KEPT_S, WEEK_S = 24 * 3600, 7 * 24 * 3600
MOST_POLL_S = 50
_REPEAT_S = 3.0
_FIRST_IDS = (100_000_000, 999_999_999)
_FUTURE = 10  # an offset that is further ahead is no number that was ever told
# Those that a bot hears of without asking for them, among what is played here.
_KINDS = (
    *("message", "edited_message", "channel_post", "edited_channel_post", "inline_query", "chosen_inline_result"),
    *("callback_query", "my_chat_member"),
)


@dataclass(kw_only=True, eq=False)
class Update:
    """One. `queue`: a webhook is told those of one queue one after the other. Times are the world's."""

    id: int
    kind: str
    payload: Json = field(repr=False)
    queue: int
    made_at: float
    told_at: list[float] = field(default_factory=list, repr=False)
    confirmed_at: float | None = None
    is_to_be_told_again: bool = False

    @property
    def json(self) -> Json:
        """As it is told."""
        return {"update_id": self.id, self.kind: self.payload}


class Updates:
    """All that were made, and those that wait. `after_one` is called when there is a new one.

    `holds_repeats`: a call with the offset of one that came less than 3 s ago waits for 3 s, whatever it asks for. The
    Bot API does so (Client.cpp), also to the last call of a python-telegram-bot that stops; few tests want to wait.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.log: list[Update] = []
        self.unwanted: list[tuple[str, Json]] = []  # of kinds that the bot did not want
        self.allowed: frozenset[str] = frozenset(_KINDS)
        self.n_polls = 0
        self.holds_repeats = False
        self.after_one: Callable[[], None] | None = None
        self._pending: list[Update] = []
        self._again: list[Update] = []
        self._luck = random.Random(0)
        self._next_id = self._luck.randint(*_FIRST_IDS)
        self._made_at = world.now()
        self._waiting: asyncio.Future[None] | None = None
        self._asked = (0, -_REPEAT_S)  # the last offset, and when

    @property
    def pending(self) -> list[Update]:
        """Those that are neither confirmed nor too old."""
        now = self._world.now()
        self._pending = [each for each in self._pending if now - each.made_at < KEPT_S]
        return self._pending

    @property
    def waiting(self) -> list[Update]:
        """Those, after the ones that are to be told again."""
        return [*self._again, *self.pending]

    @property
    def is_polled(self) -> bool:
        """Somebody is waiting for the next one."""
        return self._waiting is not None

    def allow(self, kinds: list[str] | None) -> None:
        """Which kinds are made from now on; an empty list means the usual ones, and None what was said last."""
        if kinds is not None:
            self.allowed = frozenset(kinds or _KINDS)

    def add(self, kind: str, payload: Json, queue: int, mishap: Mishap | None = None) -> Update | None:
        """Something happened. After a silent week numbers begin anew, anywhere."""
        if kind not in self.allowed:
            self.unwanted.append((kind, payload))
            return None
        now = self._world.now()
        if now - self._made_at > WEEK_S:
            self._next_id = self._luck.randint(*_FIRST_IDS)
        self._made_at = now
        update = Update(id=self._next_id, kind=kind, payload=payload, queue=queue, made_at=now)
        update.is_to_be_told_again = mishap is Mishap.TWICE
        self._next_id += 1
        self.log.append(update)
        self._pending.append(update)
        self._hurry()
        return update

    def tell_again(self, update: Update) -> None:
        """Whatever was confirmed, it comes once more."""
        self._again.append(update)
        self._hurry()

    def forget(self) -> None:
        """Nothing waits any more."""
        self._pending.clear()
        self._again.clear()

    # Polling

    async def get(self, offset: int, limit: int, timeout_s: int) -> list[Json]:
        """Those that wait, or the next one. Raises: Refusal for who is pushed aside by another that waits."""
        self.n_polls += 1
        timeout_s = self._held(offset, timeout_s)
        offset = self._confirm(offset)
        found = self._from(offset, limit)
        if not found and timeout_s:
            self.dismiss(Why.OTHER_POLLER)
            await self._wait(min(timeout_s, MOST_POLL_S))
            found = self._from(offset, limit)
        for update in found:
            self.told(update)
        return [each.json for each in found]

    def dismiss(self, why: Why | None) -> None:
        """Who waits is sent away; without a reason, with nothing."""
        waiting, self._waiting = self._waiting, None
        if waiting and not waiting.done():
            if why:
                waiting.set_exception(Refusal(why))
            else:
                waiting.set_result(None)

    def told(self, update: Update) -> None:
        """It is on its way."""
        update.told_at.append(self._world.now())
        self._again = [each for each in self._again if each is not update]
        self._world.touch()

    def confirm(self, update: Update) -> None:
        """The bot has it."""
        if update in self._pending:
            self._pending.remove(update)
            update.confirmed_at = self._world.now()
            if update.is_to_be_told_again:
                update.is_to_be_told_again = False
                self._again.append(update)
            self._world.touch()

    def _held(self, offset: int, timeout_s: int) -> int:
        before, at = self._asked
        now = self._world.now()
        self._asked = (offset, now)
        is_held = self.holds_repeats and offset == before and now - at < _REPEAT_S
        return max(timeout_s, int(_REPEAT_S)) if is_held else timeout_s

    def _confirm(self, offset: int) -> int:
        """Everything before the offset; a negative one keeps so many of the last."""
        if offset < 0:
            for each in self.pending[:offset]:
                self.confirm(each)
            return 0
        if offset > self._next_id + _FUTURE:
            return 0
        for each in [each for each in self.pending if each.id < offset]:
            self.confirm(each)
        return offset

    def _from(self, offset: int, limit: int) -> list[Update]:
        return [*self._again, *(each for each in self.pending if each.id >= offset)][:limit]

    async def _wait(self, timeout_s: float) -> None:
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        self._world.touch()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await waiting
        finally:
            if self._waiting is waiting:
                self._waiting = None

    def _hurry(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)
        if self.after_one:
            self.after_one()

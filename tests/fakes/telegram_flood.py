"""How often the fake Telegram lets a bot speak, whom it told to be quiet, and who spoke all the same."""

import json
import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from tests.fakes.telegram_access import Access
from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_faults import SLACK_S
from tests.fakes.telegram_refusals import Refusal
from tests.fakes.telegram_world import Chat, World

EVERYWHERE = "everywhere"
_SAID = ("send", "edit")  # what is counted; what begins with these or is deleted is an offence in a silence


@dataclass(kw_only=True, frozen=True)
class RateLimit:
    """So many messages in so many seconds; edits are messages."""

    n_messages: int
    per_s: float


@dataclass(kw_only=True)
class FloodLimits:
    """Those of Telegram's FAQ, "My bot is hitting limits"; it calls them approximate, and lets short bursts pass."""

    private: RateLimit | None = field(default_factory=lambda: RateLimit(n_messages=1, per_s=1.0))
    group: RateLimit | None = field(default_factory=lambda: RateLimit(n_messages=20, per_s=60.0))
    everywhere: RateLimit | None = field(default_factory=lambda: RateLimit(n_messages=30, per_s=1.0))


class Flood:
    """When messages were sent lately. A chat is named by its id, as text."""

    def __init__(self) -> None:
        self._sent: defaultdict[str, deque[float]] = defaultdict(deque)

    def take(self, limits: FloodLimits, chat: Chat, n_messages: int, now: float) -> tuple[str, float]:
        """Which name has to wait and for how long; 0 s: these may pass, and are counted."""
        of_chat = limits.private if chat.kind == "private" else limits.group
        asked = [(name, limit) for name, limit in ((EVERYWHERE, limits.everywhere), (str(chat.id), of_chat)) if limit]
        for name, limit in asked:
            sent = self._sent[name]
            while sent and sent[0] <= now - limit.per_s:
                sent.popleft()
            if sent and len(sent) + n_messages > limit.n_messages:
                return name, sent[0] + limit.per_s - now
        for name, _ in asked:
            self._sent[name].extend([now] * n_messages)
        return "", 0.0


class Silences:
    """Who was told to be quiet, until when, and who spoke all the same."""

    def __init__(self) -> None:
        self.offences: list[str] = []
        self._quiet: dict[str, tuple[float, float]] = {}  # name → since, until

    def ask(self, name: str, now: float, for_s: float) -> None:
        """Be quiet for so long."""
        self._quiet[name] = (now, now + for_s)

    def left_s(self, name: str, now: float, call: str) -> float:
        """For how long it is to be quiet still; who calls in that time is written down."""
        since, until = self._quiet.get(name, (0.0, 0.0))
        if now >= until:
            return 0.0
        if now > since + SLACK_S:
            self.offences.append(f"{call} {now - since:.2f} s after {name} was told to wait {until - since:.2f} s")
        return until - now

    def forget(self) -> None:
        """The bot died: who is told to be quiet and forgets it with his life does no wrong."""
        self._quiet.clear()


class Patience:
    """What the platform bears. `limits` None: anything. `has_whole_seconds`: a 429 asks for whole ones, as Telegram
    does; a campaign whose clock runs faster says False.
    """

    def __init__(self, world: World, access: Access) -> None:
        self._world = world
        self._access = access
        self.limits: FloodLimits | None = None
        self.has_whole_seconds = True
        self.silences = Silences()
        self._flood = Flood()

    def check_quiet(self, call: Call) -> None:
        """Raises: Refusal for who speaks where it was told to be quiet."""
        if not call.method.startswith((*_SAID, "delete", "answer", "getUpdates")):
            return
        for name in (EVERYWHERE, self._name(call)):
            left_s = self.silences.left_s(name, self._world.now(), call.method)
            if left_s:
                raise self._too_many(left_s)

    def count(self, call: Call) -> None:
        """Raises: Refusal for who speaks too often."""
        chat = self._chat(call)
        if self.limits is None or chat is None or call.method == "sendChatAction":
            return
        if not call.method.startswith(_SAID):
            return
        n_messages = len(json.loads(call.text("media") or "[]")) if call.method == "sendMediaGroup" else 1
        name, wait_s = self._flood.take(self.limits, chat, n_messages, self._world.now())
        if name:
            raise self._asked(name, wait_s)

    def ask(self, call: Call, for_s: float) -> Refusal:
        """Be quiet there for so long."""
        return self._asked(self._name(call), for_s)

    def _asked(self, name: str, for_s: float) -> Refusal:
        refusal = self._too_many(for_s)
        self.silences.ask(name, self._world.now(), refusal.parameters["retry_after"])
        return refusal

    def _too_many(self, for_s: float) -> Refusal:
        wait_s = max(1, math.ceil(for_s)) if self.has_whole_seconds else round(for_s, 3)
        return Refusal((429, f"Too Many Requests: retry after {wait_s}"), retry_after=wait_s)

    def _name(self, call: Call) -> str:
        chat = self._chat(call)
        return str(chat.id) if chat else call.text("inline_message_id") or call.method

    def _chat(self, call: Call) -> Chat | None:
        try:
            return self._access.chat(call)
        except Refusal:
            return None

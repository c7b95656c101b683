"""What outlives the bot in a history: the clock, the disk, the chats with their people, and what was seen of it all.

Knows nothing of how the bot is put together; `life.py` does.
"""

import hashlib
import heapq
import itertools
import random
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.sim.chats import Server, Weather
from tests.sim.script import EDITS, NONCES, PAGE, Does, Ill, Script
from tests.sim.virtual import Clock
from tests.sim.worker import Manner

DATABASE_NAME = "darkroom.sqlite"
_LAST_LINES = 4_000
# What may be logged as an error while things fail on purpose; anything else is a bug of ours.
_EXPECTED = {
    "a platform broke": Ill.CHATS,
    "a request could not be ended": Ill.DISK,
    "a worker ends again and again": None,
}


@dataclass(slots=True)
class World:
    """One history while it happens. `agenda` holds what is still to come: (when, order, what)."""

    script: Script
    folder: Path
    clock: Clock
    chance: random.Random
    servers: dict[str, Server]
    weather: Weather
    agenda: list[tuple[float, int, object]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    n_lives: int = 0
    n_statements: int = 0
    n_arrived: int = 0
    complaints: list[str] = field(default_factory=list)
    request_of: dict[str, str] = field(default_factory=dict)
    target_of: dict[str, str] = field(default_factory=dict)
    known: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: dict[str, str] = field(default_factory=dict)
    stepped: set[str] = field(default_factory=set)
    outcomes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    linked: bool = False
    is_loud: bool = False
    is_over: bool = False
    is_deaf: bool = False
    lines: list[str] = field(default_factory=list)
    _looking: sqlite3.Connection | None = None
    _orders: "itertools.count[int]" = field(default_factory=itertools.count)
    _trace: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=8))

    def plan(self, at_s: float, what: object) -> None:
        """Let something happen at a time; those of the same time in the order in which they were planned."""
        heapq.heappush(self.agenda, (at_s, next(self._orders), what))

    def trace(self, what: str) -> None:
        """Something happened: it is part of the history, and of its hash."""
        line = f"{self.clock.now_s:.6f} {what}"
        self._trace.update(line.encode())
        if self.is_loud:
            print(line)
        self.lines.append(line)
        if len(self.lines) > 2 * _LAST_LINES:
            del self.lines[:_LAST_LINES]

    def trace_hash(self) -> str:
        """The same for the same history."""
        return str(self._trace.hexdigest())

    def complain(self, what: str) -> None:
        """Something is not as it was promised."""
        if what not in self.complaints and not self.is_over:
            self.complaints.append(what)
            self.trace(f"COMPLAINT {what}")

    def heard_log(self, level: str, event: dict[str, Any]) -> None:
        """The bot wrote a line into its log; what lives say that are let go of means nothing."""
        if self.is_over or self.is_deaf:
            return
        words = str(event.get("event"))
        more = {key: value for key, value in event.items() if key not in ("event", "exc_info", "path")}
        self.trace(f"log {level}: {words} {more}")
        if level not in ("error", "exception", "critical"):
            return
        ill = _EXPECTED.get(words, "never")
        if ill is not None and ill not in self.script.ills:
            self.complain(f"log: {words}: {event.get('reason', '')} {_cause(event)}")

    def noticed_drawing(self, what: str, job_id: str, step: int) -> None:
        """A worker did something to a job."""
        self.trace(f"worker {what} {job_id} {step}")
        if what == "stepped":
            self.stepped.add(job_id)

    @property
    def is_trouble_over(self) -> bool:
        """Whether from now on nothing goes wrong any more."""
        return self.clock.now_s >= self.script.trouble_ends_s

    def manner(self) -> Manner:
        """How the next worker lives."""
        script, chance = self.script, self.chance
        manner = Manner(ready_s=chance.uniform(0.2, 5.0), step_s=script.step_s, load_s=chance.uniform(0.1, 5.0))
        if self.is_trouble_over or chance.random() >= script.worker_trouble:
            return manner
        at_s = chance.choice((chance.uniform(0.0, 5.0), chance.uniform(0.0, 60.0)))
        how: Any = {chance.choice(("dies_s", "silent_s", "hangs_s", "nonsense_s")): at_s}
        return replace(manner, ready_s=chance.choice((manner.ready_s, manner.ready_s, 200.0)), **how)

    def refresh_weather(self) -> None:
        """How the chats' lines fail from now on."""
        self.weather.trouble = 0.0 if self.is_trouble_over else self.script.chat_trouble
        self.weather.slowest_s = (
            min(0.5, self.script.slowest_call_s) if self.is_trouble_over else self.script.slowest_call_s
        )

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """What is saved now, looked at past the bot."""
        if self._looking is None:
            self._looking = sqlite3.connect(self.folder / DATABASE_NAME, isolation_level=None)
            self._looking.row_factory = sqlite3.Row
        return self._looking.execute(sql, values).fetchall()

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.close()


def made(script: Script, folder: Path, template: Path) -> World:
    """A world in which nothing has happened yet."""
    clock = Clock(script.start_s)
    servers = {
        PAGE: Server(PAGE, script.budgets[PAGE], clock, is_page=True),
        NONCES: Server(NONCES, script.budgets[NONCES], clock, has_nonces=True, has_list=True),
        EDITS: Server(EDITS, script.budgets[EDITS], clock),
    }
    world = World(
        script=script,
        folder=folder,
        clock=clock,
        chance=random.Random(script.seed + 1),
        servers=servers,
        weather=Weather(),
    )
    for server in servers.values():
        server.note = world.trace
    _furnish(world, template)
    for does in script.doings:
        world.plan(does.at_s, does)
    for at_s, by_s in script.jumps_s:
        world.plan(at_s, _jump(world, by_s))
    for at_s, chat in script.closes_s:
        platform, _, name = chat.partition("/")
        world.plan(at_s, _closing(servers[platform], name))
    for at_s in script.vanish_s:
        world.plan(at_s, _vanishing(world))
    for at_s in script.cuts_s:
        world.plan(at_s, "cut")
    for at_s in script.stops_s:
        world.plan(at_s, "stop")
    world.refresh_weather()
    return world


def _jump(world: World, by_s: float) -> Callable[[], None]:
    def jump() -> None:
        world.trace(f"the clock jumps by {by_s:g} s")
        world.clock.off_by_s += by_s

    return jump


def _closing(server: Server, chat: str) -> Callable[[], None]:
    return lambda: server.closed.add(chat)


def _vanishing(world: World) -> Callable[[], None]:
    def vanish() -> None:
        messages = [message for server in world.servers.values() if not server.is_page for message in server.messages]
        open_ends = [message for message in messages if not message.is_gone and not message.card.state.is_over]
        if open_ends:
            message = world.chance.choice(open_ends)
            world.trace(f"the message of {message.request} is deleted by somebody")
            message.is_gone = True

    return vanish


def _furnish(world: World, template: Path) -> None:
    """An empty database with the limits of the script."""
    path = world.folder / DATABASE_NAME
    path.write_bytes(template.read_bytes())
    limits = world.script.limits
    connection = sqlite3.connect(path, isolation_level=None)
    for key, value in (
        ("rate", limits.rate),
        ("burst", limits.burst),
        ("in_flight", limits.in_flight),
        ("daily", limits.daily),
    ):
        connection.execute(
            "UPDATE settings SET value = ? WHERE subject = 'tier:member' AND key = ?", (f"{value:g}", key)
        )
    connection.close()


def _cause(event: dict[str, Any]) -> str:
    exc = event.get("exc_info")
    if isinstance(exc, BaseExceptionGroup):
        return "; ".join(repr(each) for each in exc.exceptions)
    return repr(exc) if isinstance(exc, BaseException) else ""


def pending(does: Does) -> str:
    """How something that somebody does is told."""
    return f"{does.person.account} {does.key} {does.what}"

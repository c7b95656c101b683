"""One data folder with its chats and its people, on which a bot lives again and again until nothing is left to do."""

import asyncio
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from storage.store import DATABASE_NAME
from tests.campaigns import audit, version_one
from tests.campaigns.audit import Tally
from tests.campaigns.crowd import Crowd
from tests.campaigns.nursery import Being
from tests.fakes.chat_server import ChatServer, Rules, Weather
from tests.fakes.disk import Trouble
from tests.fakes.drawer import COMMAND
from tests.fakes.points import Point
from tests.fakes.wire_bot import Life
from tests.fakes.wire_chat import Wire

ORPHAN_S = 2.0  # a worker whose bot is dead keeps no memory for longer
ENCODER_S = 10.0  # a process that encodes pictures: it looks for its parent when it has been imported
STOP_S = 10.0  # a bot that is told to stop
SETTLE_S = 60.0  # what is not done by then will never be
WAL_BYTES = 64 * 2**20
REFUSALS = 0.05  # of the faults: a chat that blocked the bot
_STIR_S = 0.02
DRAWER = (*COMMAND, "--step-s", "0.004")
# A chat that knows nonces and may be read, one that knows them and may not, one whose messages can only be edited.
ABILITIES = {
    "posts": Rules(nonce_window_s=2.0, has_history=True),
    "blind": Rules(nonce_window_s=2.0, has_history=False),
    "edits": Rules(nonce_window_s=0.0, has_history=False),
}


@dataclass(kw_only=True)
class Record:
    """What happened on a ground."""

    n_points: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    slowest_ready_s: float = 0.0
    slowest_stop_s: float = 0.0
    longest_orphan_s: float = 0.0
    longest_encoder_s: float = 0.0
    most_wal_bytes: int = 0
    n_lives: int = 0
    n_refused_starts: int = 0
    n_calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)

    def add(self, other: "Record") -> None:
        """Both together."""
        self.n_points += other.n_points
        self.struck += other.struck
        self.phases += other.phases
        self.n_lives += other.n_lives
        self.n_refused_starts += other.n_refused_starts
        self.n_calls += other.n_calls
        self.faults += other.faults
        self.slowest_ready_s = max(self.slowest_ready_s, other.slowest_ready_s)
        self.slowest_stop_s = max(self.slowest_stop_s, other.slowest_stop_s)
        self.longest_orphan_s = max(self.longest_orphan_s, other.longest_orphan_s)
        self.longest_encoder_s = max(self.longest_encoder_s, other.longest_encoder_s)
        self.most_wal_bytes = max(self.most_wal_bytes, other.most_wal_bytes)
        self.tally.add(other.tally)


class Ground:
    """A data folder in `folder`, chats by name. `worker` None is the real one.

    `luck` is for the points alone, so that they are the same for a seed however the rest of the run goes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: str,
        worker: tuple[str, ...] | None = DRAWER,
        fault_share: float = 0.1,
        most_open: int = 3,
        names: tuple[str, ...] = tuple(ABILITIES),
    ) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.luck = random.Random(seed)
        self.record = Record()
        self._worker = worker
        self.servers = {
            name: ChatServer(
                ABILITIES[name],
                Weather(luck=random.Random(f"{seed} weather {name}"), share=fault_share, refusals=REFUSALS),
            )
            for name in names
        }
        self._crowds = [
            Crowd(server, random.Random(f"{seed} crowd {name}"), most_open) for name, server in self.servers.items()
        ]
        self._is_busy = True
        self.n_duds = 0  # lives in a row that ended by themselves

    async def open(self, n_old: int = 0) -> None:
        """Start the chats. `n_old`: requests that a database of version 1 holds; 0 is no database at all."""
        self.folder.mkdir(parents=True)
        for server in self.servers.values():
            await server.start()
        if n_old:
            version_one.make(self.data_dir, [self._old_one(name, n) for name in self.servers for n in range(n_old)])

    def _old_one(self, name: str, number: int) -> tuple[str, str, str, str]:
        server, person = self.servers[name], f"old{number}"
        happening = server.happen("c0", person, words="/imagine old")
        happening.was_acknowledged = True
        server.confirm(happening.id)
        owner = f"{name}:{person}"
        return f"{name}:{happening.id}", owner, f"{name}:c0", f"c0/{happening.id}/{owner}"

    async def close(self) -> None:
        """Stop the chats, and leave nothing where all went well."""
        for server in self.servers.values():
            await server.close()
            self.record.n_calls += server.counts.calls
            self.record.faults += Counter(server.counts.faults)
        if self.record.tally.is_good:
            await asyncio.to_thread(shutil.rmtree, self.folder)

    # Lives

    def begin(self, point: Point | None = None, trouble: Trouble | None = None) -> Being:
        """A life begins."""
        self.record.n_lives += 1
        wires = tuple(
            Wire(
                name=name,
                url=server.url,
                nonce_window_s=server.rules.nonce_window_s,
                has_history=server.rules.has_history,
            )
            for name, server in self.servers.items()
        )
        return Being(
            Life(
                data_dir=self.data_dir,
                report=self.folder / f"life-{self.record.n_lives:03}.txt",
                wires=wires,
                worker=self._worker,
                point=point,
                trouble=trouble,
            )
        )

    async def live(self, being: Being, within_s: float, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Let people do what they do until the life ends (True), or so long, or `until` says so."""
        end_at = time.monotonic() + within_s
        while time.monotonic() < end_at and not until():
            if self._is_busy:
                for crowd in self._crowds:
                    crowd.stir()
            if await being.ended(_STIR_S):
                return True
        return False

    async def bury(self, being: Being, *, is_killed: bool = False, may_refuse: bool = False) -> None:
        """After the end of a life: what it said, what it left.

        `is_killed`: another end than by SIGKILL is wrong. `may_refuse`: a start may be refused with a sentence.
        """
        record, where = self.record, f"{self.folder.name}, life {self.record.n_lives}"
        for server in self.servers.values():
            server.after_a_deed = None
            server.forget_silences()
        said = being.said()
        # A worker that dies before the bot is ready: the start is refused with a sentence, for whoever starts it again.
        may_refuse = may_refuse or any("struck worker" in each for each in said)
        for line in said:
            if may_refuse and line.startswith("refused"):
                record.n_refused_starts += 1
            else:
                self._hear(line, where)
        was_killed = being.status == -signal.SIGKILL or (may_refuse and said[-1].startswith("refused"))
        self.n_duds = self.n_duds + 1 if is_killed and not was_killed else 0
        if is_killed and not was_killed:
            record.tally.wrongs.append(f"{where}: it ended by itself with status {being.status}")
        for is_worker, within_s in ((True, ORPHAN_S), (False, ENCODER_S)):
            orphan_s, orphans = await being.orphans_s(is_worker, within_s)
            if is_worker:
                record.longest_orphan_s = max(record.longest_orphan_s, orphan_s)
            else:
                record.longest_encoder_s = max(record.longest_encoder_s, orphan_s)
            if orphans:
                record.tally.wrongs.append(f"{where}: these lived on for {within_s:g} s: {orphans}")
        wal = self.data_dir / f"{DATABASE_NAME}-wal"
        record.most_wal_bytes = max(record.most_wal_bytes, wal.stat().st_size if wal.exists() else 0)

    def _hear(self, line: str, where: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "ready":
            self.record.slowest_ready_s = max(self.record.slowest_ready_s, float(rest))
        elif word == "refused":
            self.record.tally.wrongs.append(f"{where}: the start was refused: {rest}")
        elif word == "struck":
            target, phase, what = rest.split(" ", 2)
            self.struck(phase.rstrip(":"), f"{target} {what}")

    def struck(self, phase: str, what: str) -> None:
        """A point was hit."""
        self.record.n_points += 1
        self.record.phases[phase] += 1
        self.record.struck[f"{phase}: {what}"] += 1

    async def stop(self, being: Being) -> None:
        """Tell it to stop, and see that it does, in order and in time."""
        began_at = time.monotonic()
        being.send(signal.SIGTERM)
        if not await being.ended(STOP_S):
            self.record.tally.wrongs.append(f"{self.folder.name}: it did not stop within {STOP_S:g} s of SIGTERM")
            being.send(signal.SIGKILL)
            await being.ended(STOP_S)
        elif being.status != 0 and (being.status != -signal.SIGTERM or being.said()):  # before it had a say in it
            self.record.tally.wrongs.append(f"{self.folder.name}: told to stop, it ended with status {being.status}")
        self.record.slowest_stop_s = max(self.record.slowest_stop_s, time.monotonic() - began_at)
        await self.bury(being)

    async def settle(self, being: Being | None = None) -> None:
        """Fair weather, nobody asks for more: a last life finishes everything (`being`, if it lives); then count."""
        self._is_busy = False
        for server in self.servers.values():
            server.weather.share = 0.0
        being = being or self.begin()
        await self.live(being, SETTLE_S, until=self.is_settled)
        await self.stop(being)
        self.count()

    def count(self) -> None:
        """What is true now that no bot lives."""
        found = audit.tally(self.data_dir, self.servers)
        found.wrongs = [f"{self.folder.name}: {wrong}" for wrong in found.wrongs]
        found.notes = [f"{self.folder.name}: {note}" for note in found.notes]
        if n := audit.orphans(self.data_dir):
            found.wrongs.append(f"{self.folder.name}: {n} files that no row knows")
        if self.record.most_wal_bytes > WAL_BYTES:
            found.wrongs.append(f"{self.folder.name}: the log grew to {self.record.most_wal_bytes:,} bytes")
        self.record.tally.add(found)

    def is_settled(self) -> bool:
        """Nothing is left to be taken, made or told."""
        taken = all(each.is_confirmed for server in self.servers.values() for each in server.happenings)
        return taken and audit.is_settled(self.data_dir)


def say(*words: str) -> None:
    """To whoever watches, at once."""
    print(*words, file=sys.stdout, flush=True)

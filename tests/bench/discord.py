"""How soon Discord has its first answer: `python -m tests.bench.discord`. It wants one within three seconds.

The real bot with the torch-free drawer in a process of its own, discord.py and all; the fake Discord in this one. A
thousand people press Enter at once, and a hundred a second do for twenty seconds: first with 10,000 jobs waiting, a
long history and the worker at full load, then with nothing else to do. Timed is from the event's dispatch to the
callback's arrival; what the fake itself needs is within.
"""

import argparse
import asyncio
import logging
import os
import platform
import sqlite3
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

import structlog

from storage.store import DATABASE_NAME
from tests.bench.desk import DRAWER, N_HISTORY, N_WAITING, Serving, prepared
from tests.bench.page import cpu_name
from tests.fakes.discord_houses import is_over
from tests.fakes.discord_interactions import ACK_S, DEFER, Interaction
from tests.fakes.discord_server import Channel, FakeDiscord, User
from tests.fakes.discord_world import Message

N_PEOPLE, N_CHANNELS = 250, 25
ENDS_WITHIN_S = 240.0
RATES = (100, 10)  # a second: more than two cores can draw and encode, and less
_LET_IN = "INSERT OR REPLACE INTO settings (subject, key, value) VALUES ('place:discord', 'allowed', 'yes')"


@dataclass(kw_only=True)
class Round:
    """What came of one load."""

    name: str
    asked: list[Interaction] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    mib: tuple[float, float] = (0.0, 0.0)
    cpu_s: float = 0.0
    seconds: float = 0.0
    ends: list[Message] = field(default_factory=list)

    def row(self) -> str:
        """Of the table."""
        acks_s = sorted(each.acked_after_s for each in self.asked if each.acked_after_s is not None)
        p99_s = acks_s[min(len(acks_s) - 1, int(0.99 * len(acks_s)))]
        n_missed = len(self.asked) - len(acks_s)
        n_deferred = sum(each.response_type == DEFER for each in self.asked)
        edits = fmean(each.n_edits for each in self.ends) if self.ends else 0.0
        late_s = self.lags_s[int(0.99 * len(self.lags_s))] if self.lags_s else 0.0
        return (
            f"| {self.name} | {len(self.asked):,} | {1_000 * median(acks_s):.0f} | {1_000 * p99_s:.0f} | "
            f"{1_000 * acks_s[-1]:.0f} | {n_missed} | {n_deferred} | {1_000 * late_s:.0f} | {self.cpu_s:.1f} | "
            f"{self.mib[0]:.0f} → {self.mib[1]:.0f} | {len(self.ends):,} in {self.seconds:.0f} s | {edits:.2f} |"
        )


HEAD = (
    "| | asked | ack p50 ms | p99 | most | missed 3 s | “thinking” first | loop late p99 ms | CPU s of the bot | "
    "MiB of the bot | ends seen | edits an end |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


class Crowd:
    """People at a fake Discord, and the bot that answers them."""

    def __init__(self, server: FakeDiscord, bot: Serving) -> None:
        self.server = server
        self.bot = bot
        self._people: list[User] = [server.add_user(f"p{n}") for n in range(N_PEOPLE)]
        guild = next(iter(server.guilds.values()))
        self._channels: list[Channel] = [each for each in guild.channels.values() if each.kind == "text"]
        self._n = 0
        server.after_a_change = _forget_what_it_was

    async def measure(self, name: str, n: int, per_s: float | None) -> Round:
        """Ask so often, so many a second or all at once; until all that was taken has its end."""
        found = Round(name=name)
        self.bot.lags()
        before_mib, before_cpu_s, began_s = self.bot.resident_mib(), self.bot.cpu_s(), time.perf_counter()
        for number in range(n):
            found.asked.append(await self._ask())
            if per_s:
                await asyncio.sleep(max(0.0, began_s + (number + 1) / per_s - time.perf_counter()))
        await asyncio.sleep(ACK_S + 0.5)
        found.lags_s = await asyncio.to_thread(self.bot.lags)
        found.cpu_s = self.bot.cpu_s() - before_cpu_s
        await self._end(found, began_s)
        found.mib = (before_mib, self.bot.resident_mib())
        self.server.calls.clear()
        self.server.gateway_side.told.clear()
        return found

    async def _ask(self) -> Interaction:
        self._n += 1
        person, channel = self._people[self._n % N_PEOPLE], self._channels[self._n % N_CHANNELS]
        words = f"a red circle {self._n} --steps 1 --size 64x64 --seed {self._n} --n 1"
        return await self.server.slash(person, channel, "imagine", {"prompt": words})

    async def _end(self, found: Round, began_s: float) -> None:
        taken = [each.message for each in found.asked if each.message]
        while time.perf_counter() - began_s < ENDS_WITHIN_S and not all(is_over(each) for each in taken):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        found.ends = [each for each in taken if is_over(each)]
        found.seconds = time.perf_counter() - began_s


def _forget_what_it_was(message: Message) -> None:
    del message.history[:-1]


async def rounds(folder: Path, about: str, n_burst: int, n_seconds: int) -> None:
    """Both loads on one bot; prints a line each."""
    with sqlite3.connect(folder / DATABASE_NAME) as connection:
        connection.execute(_LET_IN)
    connection.close()
    server = FakeDiscord()
    server.keeps_files = False
    await server.start()
    guild = server.add_guild("home", server.owner)
    for number in range(N_CHANNELS):
        server.add_channel(guild, f"art-{number}")
    environ = {
        "DARKROOM_DISCORD_TOKEN": server.token,
        "DARKROOM_DISCORD_API_BASE": server.api_base,
        "DARKROOM_DISCORD_GATEWAY": server.gateway,
    }
    bot = await asyncio.to_thread(Serving, folder, DRAWER, environ)
    try:
        await server.ready(60.0, n_commands=1)
        await asyncio.sleep(5.0)  # until the worker is loaded and busy, and servers are told
        crowd = Crowd(server, bot)
        print((await crowd.measure(f"{about}: all at once", n_burst, None)).row(), flush=True)
        await asyncio.sleep(3.0)
        for per_s in RATES:
            found = await crowd.measure(f"{about}: {per_s} a second", per_s * n_seconds, per_s)
            print(found.row(), flush=True)
            await asyncio.sleep(3.0)
    finally:
        await asyncio.to_thread(bot.stop)
        await server.close()


def main() -> None:
    """Measure and print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--burst", type=int, default=1_000)
    options.add_argument("--seconds", type=int, default=20, help="of a hundred, and of ten, a second")
    options.add_argument("--waiting", type=int, default=N_WAITING)
    options.add_argument("--history", type=int, default=N_HISTORY)
    options.add_argument("--only", choices=("busy", "idle"))
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(
        f"{cpu_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before · Python "
        f"{platform.python_version()} · SQLite {sqlite3.sqlite_version}, synchronous=FULL\n\n{HEAD}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        for about, n_waiting, n_history in (
            (f"{chosen.waiting:,} waiting, drawer at full load", chosen.waiting, chosen.history),
            ("nothing else", 0, 0),
        ):
            is_busy = bool(n_waiting)
            if chosen.only in (None, "busy" if is_busy else "idle"):
                data = Path(folder) / ("busy" if is_busy else "idle")
                asyncio.run(prepared(data, n_waiting, n_history))
                asyncio.run(rounds(data, about, chosen.burst, chosen.seconds))


if __name__ == "__main__":
    main()

"""The desk with 10,000 jobs waiting: `python -m tests.bench.desk`. Everything on a real disk with synchronous=FULL.

Taking in, telling a position and admitting through the real store and queue; what somebody at the page waits for an
acknowledgement while the worker is at full load; nine patient people beside one who queued everything; the start after
kill -9. The rows of the queue and of the history are written past the bot, in bulk; what is timed is the bot's own.
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

import aiohttp
import msgspec
import structlog

from engine.cost import cost_of
from engine.domain import Job, Progress
from engine.engine import Engine, EngineSettings
from engine.fairness import FairQueue
from storage.asking import Asking
from storage.records import NewJob, NewRequest, State
from storage.store import DATABASE_NAME, Store, open_store
from tests.bench import history
from tests.bench.page import HEADERS, WORDS, ask, cpu_name, tell
from tests.fakes import drawer, remembered

N_WAITING, N_HISTORY = 10_000, 100_000
N_PEOPLE = 100
_UNLIMITED = "UPDATE settings SET value = 'inf' WHERE subject = 'tier:member'"
_NEVER_ASK = "INSERT OR REPLACE INTO settings (subject, key, value) VALUES ('', 'ask_after', '1000000')"
DRAWER = " ".join((*drawer.COMMAND, "--step-s", "0.05"))

Timed = Callable[[int], Awaitable[object]]


def fill_waiting(path: Path, n_jobs: int) -> None:
    """Requests of one job each that wait, of many people, as if they had asked one after the other."""
    recipe = msgspec.json.encode(remembered.recipe()).decode()
    cost = cost_of(remembered.recipe())
    now_ms = round(time.time() * 1_000)
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.execute(_UNLIMITED)
        connection.execute(_NEVER_ASK)
        connection.executemany(
            "INSERT OR IGNORE INTO people (owner, name, first_ms, last_ms) VALUES (?, 'x', 0, 0)",
            [(f"web:waiting{number}",) for number in range(N_PEOPLE)],
        )
        connection.execute("INSERT OR IGNORE INTO places (place, first_ms, last_ms) VALUES ('web:page', 0, 0)")
        first = 1 + connection.execute("SELECT coalesce(max(no), 0) FROM requests").fetchone()[0]
        rows = [
            {
                "no": no,
                "id": f"{no:09}q",
                "person": f"web:waiting{no % N_PEOPLE}",
                "recipe": recipe,
                "cost": cost,
                "now": now_ms,
                "day": now_ms // 86_400_000,
            }
            for no in range(first, first + n_jobs)
        ]
        for sql in _WAITING_SQL:
            connection.executemany(sql, rows)
        connection.execute("COMMIT")
    connection.close()


_WAITING_SQL = (
    "INSERT INTO requests (no, id, event_key, person, place, reply_to, asker, kind, words, state, sentence, "
    "created_ms) VALUES (:no, :id, 'bench:' || :id, (SELECT id FROM people WHERE owner = :person), "
    "(SELECT id FROM places WHERE place = 'web:page'), :person, 'x', 'imagine', 'a red circle', 'waiting', '', :now)",
    "INSERT INTO jobs (id, request, ordinal, first_number, label, recipe, n_pictures, state, cost) "
    "VALUES (:id || '-1', :no, 1, 1, '', :recipe, 1, 'waiting', :cost)",
    "INSERT INTO charges (person, day, job, kind, cost, n_pictures) "
    "VALUES ((SELECT id FROM people WHERE owner = :person), :day, :id || '-1', 'drawing', :cost, 1)",
    "INSERT INTO outbox (request, kind, state, next_ms, created_ms, ended_ms) "
    "VALUES (:no, 'acknowledge', 'sent', :now, :now, :now)",
)


async def prepared(folder: Path, n_waiting: int, n_history: int) -> None:
    """A data folder with a history and a queue."""
    async with open_store(folder):
        pass
    if n_history:
        history.fill(folder / DATABASE_NAME, n_history)
    fill_waiting(folder / DATABASE_NAME, n_waiting)


# Taking in


async def steps(folder: Path, n_rounds: int) -> list[tuple[str, list[float]]]:
    """Seconds of each step on the way of a request, one after the other."""
    async with open_store(folder) as store:
        queue = FairQueue()
        for row, jobs in await store.requests.unfinished():
            queue.push(jobs[0].id, row.owner, jobs[0].cost)
        offered = [_request(number, State.OFFERED) for number in range(n_rounds)]
        for new, job in offered:
            await store.requests.add(new, [job], _asking(new.owner))
        waiting = [_request(n_rounds + number, State.WAITING) for number in range(n_rounds)]
        return [
            ("enqueue: all limits, request, job, charge, outbox", await _timed(n_rounds, _adding(store, waiting))),
            ("position: one more in the queue, told where it is", await _timed(n_rounds, _positions(queue))),
            ("admit: what was offered is to be drawn", await _timed(n_rounds, _beginning(store, offered))),
        ]


def _request(number: int, state: State) -> tuple[NewRequest, NewJob]:
    owner = f"web:waiting{number % N_PEOPLE}"
    new = remembered.request(owner=owner, state=state, created_s=time.time())
    job = remembered.job(new)
    return new, replace(job, cost=cost_of(job.recipe))


def _asking(account: str) -> Asking:
    return Asking(account=account, place="web:page", most_waiting=10_000_000)


def _adding(store: Store, waiting: list[tuple[NewRequest, NewJob]]) -> Timed:
    async def add(number: int) -> None:
        new, job = waiting[number]
        await store.requests.add(new, [job], _asking(new.owner))

    return add


def _beginning(store: Store, offered: list[tuple[NewRequest, NewJob]]) -> Timed:
    async def begin(number: int) -> None:
        new, _ = offered[number]
        assert await store.requests.begin(new.id, _asking(new.owner))

    return begin


def _positions(queue: FairQueue) -> Timed:
    async def position(number: int) -> None:
        queue.push(f"new {number}", f"web:waiting{number % N_PEOPLE}", 0.01)
        queue.position(f"new {number}")

    return position


async def _timed(n_rounds: int, step: Timed) -> list[float]:
    seconds = []
    for number in range(n_rounds):
        began_s = time.perf_counter()
        await step(number)
        seconds.append(time.perf_counter() - began_s)
    return seconds


# Acknowledgements


class Serving:
    """The bot in a process of its own, which says how late its event loop is (`tests.bench.page --serve`)."""

    def __init__(self, folder: Path, worker: str | None, more: Mapping[str, str] | None = None) -> None:
        port = _free_port()
        environ = (
            os.environ
            | dict(more or {})
            | {
                "DARKROOM_DATA_DIR": str(folder),
                "DARKROOM_WEB_PORT": str(port),
                "DARKROOM_QUEUE_BOUND": str(2 * N_WAITING),  # those who ask during the bench come on top
            }
        )
        environ |= {"DARKROOM_WORKER_COMMAND": worker} if worker else {}
        self.began_s = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.page", "--serve"],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answers_s = _answers_after(port) - self.began_s
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        self.ready_s = time.perf_counter() - self.began_s

    def lags(self) -> list[float]:
        """Seconds by which the event loop was late, since the last time."""
        return sorted(json.loads(tell(self.process, "lags")))

    def resident_mib(self) -> float:
        """Memory of the bot itself, without its worker and its encoders."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1_024

    def cpu_s(self) -> float:
        """Seconds of a core that the bot itself has had."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """In order."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def _answers_after(port: int) -> float:
    """When the page answered first: it takes in what is asked, whether or not a worker is there already."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/me", timeout=60):
                return time.perf_counter()
        except OSError:
            time.sleep(0.01)


async def acknowledgements(url: str, n_rounds: int) -> list[float]:
    """Seconds from asking at the page to its answer, one after the other, ten a second."""
    seconds = []
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        await ask(session, url, WORDS)
        for _ in range(n_rounds):
            began_s = time.perf_counter()
            await ask(session, url, WORDS)
            seconds.append(time.perf_counter() - began_s)
            await asyncio.sleep(max(0.0, 0.1 - seconds[-1]))
    return seconds


def talk(folder: Path, worker: str | None, n_rounds: int) -> tuple[str, list[float], list[float]]:
    """A line about the start after a kill and the memory; acknowledgements; lags."""
    first = Serving(folder, worker)
    first.kill()
    bot = Serving(folder, worker)
    try:
        time.sleep(3.0)  # until the worker is loaded and busy
        bot.lags()
        seconds = asyncio.run(acknowledgements(bot.url, n_rounds))
        about = (
            f"After kill -9 the page answered after {bot.answers_s:.1f} s, and the worker was ready after "
            f"{bot.ready_s:.1f} s. Memory of the bot: {bot.resident_mib():.0f} MiB."
        )
        return about, seconds, bot.lags()
    finally:
        bot.stop()


# Fairness


async def waits(n_greedy: int, n_each: int) -> tuple[list[float], list[float]]:
    """Seconds until a job of one of nine patient people takes its first step, and until it is drawn.

    The real worker with pocket; beside them somebody with so many jobs, who asked first.
    """
    engine = Engine(EngineSettings(preload="pocket"))
    try:
        await engine.start()
        await engine.submit(_job("warm", "warm"))
        await engine.result("warm")
        for number in range(n_greedy):
            await engine.submit(_job(f"greedy {number}", "greedy"))
        people = [_patient(engine, f"patient {number}", n_each) for number in range(9)]
        seconds = [each for own in await asyncio.gather(*people) for each in own]
        return [began_s for began_s, _ in seconds], [done_s for _, done_s in seconds]
    finally:
        await engine.close()


def _job(job_id: str, owner: str) -> Job:
    return Job(id=job_id, owner=owner, recipe=remembered.recipe())


async def _patient(engine: Engine, owner: str, n_each: int) -> list[tuple[float, float]]:
    """One job after the other."""
    seconds = []
    for number in range(n_each):
        job = _job(f"{owner} {number}", owner)
        asked_s, began_s = time.perf_counter(), 0.0
        await engine.submit(job)
        async for event in engine.watch(job.id):
            if isinstance(event, Progress) and event.step and not began_s:
                began_s = time.perf_counter() - asked_s
        done_s = time.perf_counter() - asked_s
        seconds.append((began_s or done_s, done_s))
    return seconds


# The table


def _row(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return f"| {name} | {1_000 * median(ordered):.1f} | {1_000 * p99:.1f} | {1_000 * ordered[-1]:.1f} |"


def main() -> None:
    """Measure and print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--waiting", type=int, default=N_WAITING)
    options.add_argument("--history", type=int, default=N_HISTORY)
    options.add_argument("--rounds", type=int, default=1_000)
    options.add_argument("--only", choices=("steps", "talk", "fairness"))
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(
        f"{cpu_name()}, {os.cpu_count()} cores · Python {platform.python_version()} · "
        f"SQLite {sqlite3.sqlite_version}, synchronous=FULL · {chosen.waiting:,} jobs waiting, "
        f"{chosen.history:,} pictures in the history\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        if chosen.only in (None, "steps"):
            data = Path(folder) / "steps"
            asyncio.run(prepared(data, chosen.waiting, 0))
            print("| step | p50 ms | p99 ms | most ms |\n|---|---|---|---|")
            for name, seconds in asyncio.run(steps(data, chosen.rounds)):
                print(_row(name, seconds), flush=True)
        if chosen.only in (None, "talk"):
            for name, worker in (("drawer, 50 ms a step", DRAWER), ("pocket", None)):
                data = Path(folder) / name.partition(",")[0]
                asyncio.run(prepared(data, chosen.waiting, chosen.history))
                about, seconds, lags = talk(data, worker, min(chosen.rounds, 300))
                print(f"\n| {name} at full load | p50 ms | p99 ms | most ms |\n|---|---|---|---|")
                print(_row("acknowledgement at the page", seconds))
                print(_row("event loop late by", lags))
                print(f"\n{about}")
        if chosen.only in (None, "fairness"):
            print("\n| nine patient people, pocket | p50 ms | p99 ms | most ms |\n|---|---|---|---|")
            for whose, n_greedy in (("alone", 0), (f"beside one with {chosen.waiting:,} jobs", chosen.waiting)):
                began, done = asyncio.run(waits(n_greedy, max(2, chosen.rounds // 100)))
                print(_row(f"{whose}: until the first step", began))
                print(_row(f"{whose}: until the picture", done), flush=True)


if __name__ == "__main__":
    main()

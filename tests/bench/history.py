"""`python -m tests.bench.history`: the history page and its search with a million pictures, through the real storage.

The rows are written past the studio, in bulk and without syncing, into a temporary folder; what is timed is `History`
as the page calls it, threads and decoding included. Half of the pictures belong to one person, the rest to 500; one
more has 50. Words are drawn by Zipf's law from 20,000 made-up ones; "portrait" is in two of five prompts.
"""

import argparse
import asyncio
import hashlib
import itertools
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from engine.domain import Recipe, Sampler
from storage.database import Database
from storage.history import History
from storage.words import tokens_of

N_PICTURES = 1_000_000
N_ROUNDS = 200
PAGE = 24
BIG, RARE = "web:big", "web:rare"
_BIG_SHARE = 0.5
_N_OTHERS, _N_RARE = 500, 50
_N_WORDS, _WORDS_EACH = 20_000, 15
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_BATCH = 4_000

_Made = tuple[int, int, str, int]  # number, person, prompt, seed


class _Prompts:
    """Made-up prompts, the same in every run."""

    def __init__(self) -> None:
        self._random = random.Random(1)
        self.words = ["".join(self._random.choices(_LETTERS, k=self._random.randint(2, 10))) for _ in range(_N_WORDS)]
        self._weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(_N_WORDS)))

    def __call__(self) -> str:
        words = self._random.choices(self.words, cum_weights=self._weights, k=_WORDS_EACH)
        return " ".join([*words, *(["portrait"] if self._random.random() < 0.4 else [])])

    def person(self, number: int, n_pictures: int) -> int:
        """Whose the picture is: 1 is the big one, 2 the rare one."""
        if number % (n_pictures // _N_RARE) == 0:
            return 2
        return 1 if self._random.random() < _BIG_SHARE else self._random.randint(3, _N_OTHERS + 2)


def fill(path: Path, n_pictures: int) -> None:
    """Write people, one request and its pictures into a database that `Database.open` has made."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -262144")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN")
        owners = [BIG, RARE, *(f"web:{number}" for number in range(_N_OTHERS))]
        connection.executemany(
            "INSERT INTO people (owner, name, first_ms, last_ms) VALUES (?, 'x', 0, 0)", [(owner,) for owner in owners]
        )
        connection.execute("INSERT INTO places (place, first_ms, last_ms) VALUES ('web:page', 0, 0)")
        _fill_pictures(connection, n_pictures)
        connection.execute(
            "UPDATE people SET n_pictures = (SELECT count(*) FROM pictures WHERE pictures.person = people.id)"
        )
        connection.execute("COMMIT")
    connection.close()


def _fill_pictures(connection: sqlite3.Connection, n_pictures: int) -> None:
    prompts = _Prompts()
    recipe = Recipe(
        prompt="", model="pocket", seed=0, steps=20, guidance=7.5, sampler=Sampler.EULER, width_px=512, height_px=512
    )
    for first in range(1, n_pictures + 1, _BATCH):
        numbers = range(first, min(first + _BATCH, n_pictures + 1))
        pictures = [(number, prompts.person(number, n_pictures), prompts(), number * 7_919) for number in numbers]
        _insert(connection, recipe, pictures)


def _insert(connection: sqlite3.Connection, recipe: Recipe, pictures: list[_Made]) -> None:
    """Files and a request of its own for each, as a real life would leave them."""
    connection.executemany(
        "INSERT INTO files (id, hash, media_type, n_bytes, stored_ms) VALUES (?, ?, 'image/png', 400000, 0)",
        [(number, hashlib.sha256(b"%d" % number).digest()) for number, *_ in pictures],
    )
    connection.executemany(
        "INSERT INTO requests (no, id, event_key, person, place, reply_to, asker, kind, words, state, sentence, "
        "created_ms, ended_ms) VALUES (?1, ?2, ?2, ?3, 1, '', 'x', 'imagine', ?4, 'done', '', ?1, ?1)",
        [(number, f"{number:010}", person, prompt) for number, person, prompt, _ in pictures],
    )
    recipes = [
        msgspec.json.encode(replace(recipe, prompt=prompt, seed=seed)).decode() for _, _, prompt, seed in pictures
    ]
    connection.executemany(
        "INSERT INTO jobs (no, id, request, ordinal, first_number, label, recipe, n_pictures, state) "
        "VALUES (?1, ?1 || '-1', ?1, 1, 1, '', ?2, 1, 'done')",
        [(number, json) for (number, *_), json in zip(pictures, recipes)],
    )
    connection.executemany(
        "INSERT INTO pictures (id, request, job, number, person, place, recipe, label, pixel_hash, file, thumbnail, "
        "width_px, height_px, gpu_s, created_ms) VALUES (?1, ?1, ?1, 1, ?2, 1, ?3, '', ?4, ?1, ?1, 512, 512, 1.0, ?1)",
        [
            (number, person, json, hashlib.sha256(b"%d" % number).digest())
            for (number, person, *_), json in zip(pictures, recipes)
        ],
    )
    connection.executemany(
        "INSERT INTO search (rowid, tokens) VALUES (?, ?)",
        [(number, tokens_of(person, prompt, "", seed)) for number, person, prompt, seed in pictures],
    )


def questions(history: History, words: list[str]) -> dict[str, Callable[[], Awaitable[object]]]:
    """What is timed, each by the words of the table."""
    common, rare, unused = "portrait", words[_N_WORDS // 2], words[-1]
    texts = {
        "everything": "",
        "common word": common,
        "one letter": "p",
        "two common words": f"{common} {words[0]}",
        "rare word": rare,
        "common and rare": f"{common} {rare}",
        "two rare words": f"{rare} {unused}",
        "five letters": "p a s t e",
        "seed": f"{7_919 * 400_000}",
    }
    asked: dict[str, Callable[[], Awaitable[object]]] = {}
    for owner, (what, text) in itertools.product((BIG, RARE), texts.items()):
        asked[f"{owner} · {what} · first page"] = partial(history.search, owner, text, None, PAGE)
        asked[f"{owner} · {what} · count"] = partial(history.count, owner, text)
    for what in ("everything", "common word", "two common words"):
        asked[f"{BIG} · {what} · page 200"] = partial(history.page, BIG, texts[what], 200, PAGE)
    return asked


async def _bench(path: Path) -> None:
    began = time.perf_counter()
    database = await Database.open(path)
    print(f"opened in {time.perf_counter() - began:.2f} s")
    try:
        print("\n| what | p50 ms | p99 ms |\n|---|---|---|")
        for what, ask in questions(History(database), _Prompts().words).items():
            times_ms = [await _timed_ms(ask) for _ in range(N_ROUNDS)]
            p99 = statistics.quantiles(times_ms, n=100)[98]
            print(f"| {what} | {statistics.median(times_ms):.2f} | {p99:.2f} |")
    finally:
        await database.close()


async def _make(path: Path) -> None:
    await (await Database.open(path)).close()


async def _timed_ms(ask: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await ask()
    return (time.perf_counter() - began) * 1_000


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def main() -> None:
    """Fill, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=N_PICTURES)
    parser.add_argument("--folder", type=Path, help="keep the database here and use it again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = (asked.folder or Path(folder)) / "history.sqlite"
        if not path.exists():
            began = time.perf_counter()
            asyncio.run(_make(path))
            fill(path, asked.pictures)
            print(f"filled in {time.perf_counter() - began:.0f} s")
        print(f"{asked.pictures:,} pictures, {path.stat().st_size / 1e6:,.0f} MB")
        print(f"CPU: {_cpu()} · Python {platform.python_version()} · SQLite {sqlite3.sqlite_version}")
        asyncio.run(_bench(path))


if __name__ == "__main__":
    main()

"""How long somebody waits at the page: `python -m tests.bench.page`. Enter → acknowledged → first preview → picture.

The real bot with the real worker and pocket in a process of its own, over HTTP and server-sent events as a browser
does it; idle, and with 16 requests of others waiting or being drawn at all times. The bot's process samples its own
event loop: a timer that should fire every 5 ms, and how late it does.
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp
import structlog

from bot.app import open_bot
from bot.settings import load

WORDS = "/imagine a red circle on a blue background"
CROWD = 16
LAG_EVERY_S = 0.005
HEADERS = {"X-Darkroom": "1"}
Cards = defaultdict[str, "asyncio.Queue[dict[str, object]]"]


@dataclass
class Seen:
    """Seconds after Enter, one list a moment."""

    acknowledged: list[float] = field(default_factory=list)
    preview: list[float] = field(default_factory=list)
    picture: list[float] = field(default_factory=list)


async def serve() -> None:
    """The bot, and how late its event loop is; ends with standard input, and then says so."""
    lags: list[float] = []
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

    async def sample() -> None:
        while True:
            at = time.perf_counter()
            await asyncio.sleep(LAG_EVERY_S)
            lags.append(time.perf_counter() - at - LAG_EVERY_S)

    async with open_bot(load(os.environ, Path.cwd())) as bot:
        await bot.ready()
        print(bot.page_url, flush=True)
        sampling = asyncio.create_task(sample())
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip() == "lags":
                print(json.dumps(lags), flush=True)
                lags.clear()
        sampling.cancel()


async def events(session: aiohttp.ClientSession, url: str) -> AsyncIterator[dict[str, object]]:
    """The cards of a stream."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.get(f"{url}/api/events", timeout=timeout) as stream:
        kind = ""
        while line := await stream.content.readuntil(b"\n"):
            if line.startswith(b"event:"):
                kind = line[6:].strip().decode()
            elif line.startswith(b"data:") and kind == "card":
                yield json.loads(line[5:])


async def ask(session: aiohttp.ClientSession, url: str, words: str) -> str:
    body = {"key": str(uuid.uuid4()), "text": words}
    async with session.post(f"{url}/api/ask", json=body, headers=HEADERS) as answer:
        answer.raise_for_status()
        card = await answer.json()
    assert card["id"], card
    return str(card["id"])


async def one(session: aiohttp.ClientSession, url: str, cards: Cards, seen: Seen) -> None:
    """One request, watched to its end."""
    began = time.perf_counter()
    request = await ask(session, url, WORDS)
    seen.acknowledged.append(time.perf_counter() - began)
    has_preview = False
    while True:
        card = await cards[request].get()
        tiles = card["tiles"]
        assert isinstance(tiles, list)
        if not has_preview and any(tile["preview"] for tile in tiles):
            has_preview = True
            seen.preview.append(time.perf_counter() - began)
        if card["state"] == "done":
            seen.picture.append(time.perf_counter() - began)
            return
        assert card["state"] in ("waiting", "loading", "drawing"), card


@asynccontextmanager
async def reading(session: aiohttp.ClientSession, url: str) -> AsyncIterator[Cards]:
    """Cards by their request, as they come."""
    cards: Cards = defaultdict(asyncio.Queue)

    async def read() -> None:
        async for card in events(session, url):
            cards[str(card["id"])].put_nowait(card)

    task = asyncio.create_task(read())
    await asyncio.sleep(0.3)  # until the stream stands
    try:
        yield cards
    finally:
        task.cancel()


async def measure(url: str, n_rounds: int, *, n_others: int) -> Seen:
    """Some requests one after the other, while `n_others` requests are always being made; one open page sees all."""
    seen = Seen()
    async with aiohttp.ClientSession() as session, reading(session, url) as cards:
        await one(session, url, cards, Seen())  # the first one warms up
        others = [asyncio.create_task(keep_busy(session, url, cards)) for _ in range(n_others)]
        await asyncio.sleep(1.0 if n_others else 0.0)
        for _ in range(n_rounds):
            await one(session, url, cards, seen)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    return seen


async def keep_busy(session: aiohttp.ClientSession, url: str, cards: Cards) -> None:
    """One of the others: asks again as soon as it is served."""
    while True:
        await one(session, url, cards, Seen())


def main() -> None:
    """Measure and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--rounds", type=int, default=30)
    chosen = options.parse_args()
    if chosen.serve:
        asyncio.run(serve())
        return
    with tempfile.TemporaryDirectory() as folder:
        environ = os.environ | {"DARKROOM_DATA_DIR": str(Path(folder) / "data"), "DARKROOM_WEB_PORT": "0"}
        bot = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.page", "--serve"],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert bot.stdin
        assert bot.stdout
        url = bot.stdout.readline().strip()
        print(f"{cpu_name()}, {os.cpu_count()} cores; seconds after Enter, p50 / p99 of {chosen.rounds}")
        print("| | acknowledged | first preview | picture | event loop late by, p99 |")
        print("|---|---|---|---|---|")
        for name, n_others in (("idle", 0), (f"{CROWD} other requests at all times", CROWD)):
            tell(bot, "lags")
            seen = asyncio.run(measure(url, chosen.rounds, n_others=n_others))
            lags = sorted(json.loads(tell(bot, "lags")))
            late = f"{1000 * lags[int(0.99 * len(lags))]:.1f} ms (most {1000 * lags[-1]:.0f})"
            print(f"| {name} | {row(seen.acknowledged)} | {row(seen.preview)} | {row(seen.picture)} | {late} |")
        bot.stdin.close()
        bot.wait(timeout=30)


def tell(bot: "subprocess.Popen[str]", word: str) -> str:
    assert bot.stdin
    assert bot.stdout
    bot.stdin.write(f"{word}\n")
    bot.stdin.flush()
    return bot.stdout.readline()


def row(seconds: list[float]) -> str:
    if not seconds:
        return "none seen"
    ordered = sorted(seconds)
    return f"{median(ordered):.3f} / {ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]:.3f}"


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


if __name__ == "__main__":
    main()

"""Starts lives of the bot and ends them. Each is a process of its own, forked from one that has imported the program:
a start costs milliseconds instead of a second. Workers are started by the bot itself, as ever.
"""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from tests.fakes.wire_bot import TAG, live

_LOOK_EVERY_S = 0.02
PRELOADED = ("tests.fakes.wire_bot", "tests.campaigns.nursery", "bot.platforms.web.server")


class Reporting(Protocol):
    """What a life is begun with: what it has to say goes into a file."""

    @property
    def report(self) -> Path:
        """That file."""


class Being:
    """A life that was begun. `live` lives it; what is `preloaded` by the first of them is there for all."""

    def __init__(
        self, life: Reporting, live: Callable[[Any], None] = live, preloaded: tuple[str, ...] = PRELOADED
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(preloaded))
        self.life = life
        self.begun_at = time.monotonic()
        self._process = context.Process(target=live, args=(life,))
        self._process.start()

    @property
    def status(self) -> int | None:
        """How it ended: negative is a signal."""
        return self._process.exitcode

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid
        return self._process.pid

    async def ended(self, within_s: float) -> bool:
        """Wait for its end, whoever brings it."""
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        if self._process.exitcode is not None:
            return True
        loop.add_reader(self._process.sentinel, end.set)
        try:
            async with asyncio.timeout(within_s):
                await end.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        return True

    def send(self, number: signal.Signals) -> None:
        """A signal, if it lives."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def said(self) -> list[str]:
        """What it has told so far."""
        return self.life.report.read_text().splitlines() if self.life.report.exists() else []

    async def orphans_s(self, is_worker: bool, within_s: float) -> tuple[float, list[str]]:
        """Seconds until none of its workers (or of its other processes) was left, and which were after `within_s`."""
        began_at = time.monotonic()
        while left := [pid for pid in children_of(self.life.report) if _is_worker(pid) == is_worker]:
            if time.monotonic() - began_at > within_s:
                lines = [_command_line(pid) for pid in left]
                for pid in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return within_s, lines
            await asyncio.sleep(_LOOK_EVERY_S)
        return time.monotonic() - began_at, []


def _is_worker(pid: int) -> bool:
    line = _command_line(pid)
    return "drawer" in line or "engine.worker" in line


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
    return "gone just now"


def children_of(report: Path) -> list[int]:
    """Living processes that a life started."""
    tag = f"{TAG}={report}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                if tag in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found

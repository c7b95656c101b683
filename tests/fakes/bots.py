"""The real bot as a child process, as `make run` starts it."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
READY = re.compile(r"Ready: (\S+) \(web\)")
READY_WITHIN_S = 90.0


@dataclass
class RunningBot:
    """A bot that said it is ready."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str] = field(default_factory=list)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def environment(data_dir: Path, worker: str | None, **settings: str) -> dict[str, str]:
    """Nobody's settings but these."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    mine = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "DARKROOM_DATA_DIR": str(data_dir)}
    mine["DARKROOM_WEB_PORT"] = "0"
    return keep | mine | ({"DARKROOM_WORKER_COMMAND": worker} if worker else {}) | settings


@contextmanager
def running_bot(data_dir: Path, *, worker: str | None = None, **settings: str) -> Iterator[RunningBot]:
    """Start it, wait for its ready line, and leave no process behind. `worker` None is the real one."""
    errors = data_dir.parent / "stderr.txt"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"],
            cwd=data_dir.parent,
            env=environment(data_dir, worker, **settings),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    timer = threading.Timer(READY_WITHIN_S, process.kill)
    timer.start()
    bot = RunningBot(process=process, url="")
    assert process.stdout
    try:
        for line in process.stdout:
            bot.lines.append(line.rstrip("\n"))
            if match := READY.search(line):
                bot.url = match[1]
                break
        timer.cancel()
        if not bot.url:
            raise AssertionError(f"the bot never was ready: {errors.read_text()}")
        yield bot
    finally:
        timer.cancel()
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


@asynccontextmanager
async def bot_beside(data_dir: Path, *, worker: str | None = None, **settings: str) -> AsyncIterator[RunningBot]:
    """The same, for a test in whose own event loop a chat's server lives: it answers while the bot starts and ends."""
    running = running_bot(data_dir, worker=worker, **settings)
    bot = await asyncio.to_thread(running.__enter__)
    try:
        yield bot
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)

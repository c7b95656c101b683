"""One life of the real house with one real chat adapter, for a campaign: in a process of its own until SIGTERM.

The adapter speaks to a fake chat in another process. What the life has to say it writes into a file, a line each:
`ready`, `refused <sentence>`, `closed`. Whatever waits before another try, or gives up after a time, does so `pace`
times as soon; what the chat asks for is waited for in full. Knows no chat.
"""

import asyncio
import os
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import structlog

import bot.bulletin
import bot.delivery
import bot.runner
from bot.house import House, furnish
from bot.platforms.base import Chat
from bot.settings import Settings
from engine.engine import Engine, EngineSettings
from engine.errors import DarkroomError
from engine.finish import Finisher
from storage.store import open_store
from tests.fakes.wire_bot import TAG

JOB_DEADLINE_S = 60.0

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatLife(ABC):
    """What a life needs. `ahead`: seconds by which its clock is ahead of the wall's, shared with the fake's process."""

    data_dir: Path
    report: Path
    worker: tuple[str, ...]
    token: str
    api_base: str
    pace: float
    ahead: Any  # a multiprocessing.Value("d")

    @abstractmethod
    def hurry(self) -> None:
        """Make the adapter's own pauses shorter."""

    @abstractmethod
    def platform(self, house: House, finisher: Finisher, clock: Clock) -> Chat:
        """The real adapter, that is to be started."""


def live(life: ChatLife) -> None:
    """Live it; the process ends with it."""
    log = os.open(life.report.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(sys.stderr))
    os.environ[TAG] = str(life.report)
    _be_the_program()
    _hurry(life.pace)
    life.hurry()
    try:
        asyncio.run(_serve(life))
    except DarkroomError as exc:
        _say(life, f"refused {exc}")
        sys.exit(1)
    _say(life, "closed")


def _say(life: ChatLife, line: str) -> None:
    with life.report.open("a") as report:
        report.write(f"{line}\n")


async def _serve(life: ChatLife) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    started_at = time.monotonic()

    def clock() -> float:
        return time.time() + float(life.ahead.value)

    async with _house(life, clock):
        _say(life, f"ready {time.monotonic() - started_at:.3f}")
        await asked.wait()


@asynccontextmanager
async def _house(life: ChatLife, clock: Clock) -> AsyncIterator[None]:
    """As `bot.app.open_bot` puts it together, without a page."""
    settings = Settings(data_dir=life.data_dir, job_deadline_s=JOB_DEADLINE_S)
    async with open_store(life.data_dir, clock) as store:
        engine, finisher = Engine(EngineSettings(worker_command=life.worker)), Finisher()
        try:
            house = await furnish(settings, store, engine, finisher, clock)
            platform = life.platform(house, finisher, clock)
            house.teller.add(platform)
            try:
                await house.studio.resume()
                await house.teller.start()
                await engine.start()
                await platform.start()
                yield
            finally:
                await house.wind_down()
                await platform.close()
                await house.close()
        finally:
            await asyncio.gather(engine.close(), finisher.close())


def _hurry(pace: float) -> None:
    """Pauses before a second try, and patience with calls, are so many times people's."""
    courier, progress = bot.delivery, bot.bulletin
    courier.FIRST_PAUSE_S, courier.LONGEST_PAUSE_S = pace * courier.FIRST_PAUSE_S, pace * courier.LONGEST_PAUSE_S
    courier.CALL_WITHIN_S = pace * courier.CALL_WITHIN_S
    progress.CALL_WITHIN_S = pace * progress.CALL_WITHIN_S
    bot.runner.TRY_AGAIN_S = pace * bot.runner.TRY_AGAIN_S


def _be_the_program() -> None:
    """What is started from here imports no campaign, and what a kill leaves is not the campaign's to complain about."""
    main = sys.modules["__main__"]
    main.__spec__ = None
    main.__file__ = None
    tracker = resource_tracker._resource_tracker
    tracker._fd = tracker._pid = None  # type: ignore[attr-defined]  # it has no way to be left

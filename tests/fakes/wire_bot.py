"""One life of the real bot for a campaign: everything of `open_bot`, with chats that speak to `chat_server.py`.

Runs in a process of its own until it is told to stop (SIGTERM), reaches its point, or is killed. What it has to say to
the campaign it writes into a file, a line each: `ready`, `refused <sentence>`, `struck …`, `healed …`, `closed`.
Pauses before a second try are shorter than people's (`_hurry`), so that a campaign takes minutes and not days; nothing
else differs.
"""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

import bot.delivery
import bot.runner
from bot.app import open_bot
from bot.house import House
from bot.platforms.base import Chat
from bot.settings import load
from engine.errors import DarkroomError
from tests.fakes import disk
from tests.fakes.disk import Trouble
from tests.fakes.points import Point, Points
from tests.fakes.wire_chat import Wire, WireChat

TAG = "DARKROOM_CAMPAIGN"  # in the environment of a life and of its workers: whose they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What a life needs. `worker` None is the real one. `trouble` is its disk's."""

    data_dir: Path
    report: Path
    wires: tuple[Wire, ...]
    worker: tuple[str, ...] | None
    point: Point | None = None
    trouble: Trouble | None = None


def live(life: Life) -> None:
    """Live it; the process ends with it."""
    sys.exit(_live(life))


def _live(life: Life) -> int:
    log = os.open(life.report.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(sys.stderr))
    os.environ.pop("LD_PRELOAD", None)  # the disk is ill for the bot; a worker writes nothing
    os.environ[TAG] = str(life.report)
    _be_the_program()
    _hurry()
    points = Points(life.point, life.report)
    points.watch()
    if life.trouble:
        disk.arm(life.trouble)
    try:
        asyncio.run(_serve(life, points))
    except DarkroomError as exc:
        points.say(f"refused {exc}")
        return 1
    points.say("closed")
    return 0


async def _serve(life: Life, points: Points) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    started_at = time.monotonic()
    settings = load(_settings(life), life.data_dir.parent)
    async with open_bot(settings, chats=tuple(partial(_chat, wire, points) for wire in life.wires)) as bot:
        await bot.ready()
        points.say(f"ready {time.monotonic() - started_at:.3f}")
        watching = asyncio.create_task(disk.tell_when_healed(points.say)) if life.trouble else None
        await asked.wait()
        if watching:
            watching.cancel()


def _chat(wire: Wire, points: Points, house: House) -> Chat:
    return WireChat(house.studio, wire, points.reach)


def _settings(life: Life) -> dict[str, str]:
    """As an operator would write them."""
    settings = {"DATA_DIR": str(life.data_dir), "WEB_PORT": "0", "RESTART_PAUSE_S": "0"}
    if life.worker:
        settings["WORKER_COMMAND"] = " ".join(life.worker)
    return {f"DARKROOM_{name}": value for name, value in settings.items()}


def _be_the_program() -> None:
    """What is started from here imports no campaign, as nothing that `python -m bot` starts imports that."""
    main = sys.modules["__main__"]
    main.__spec__ = None
    main.__file__ = None


def _hurry() -> None:
    bot.delivery.FIRST_PAUSE_S, bot.delivery.LONGEST_PAUSE_S = 0.05, 0.3
    bot.runner.TRY_AGAIN_S = 0.3

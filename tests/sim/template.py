"""An empty database, migrated once: each history begins with a copy."""

import logging
from pathlib import Path

import structlog

from storage.database import Database
from tests.fakes.inline_sqlite import InlineConnection
from tests.sim.life import play_files
from tests.sim.virtual import Clock, VirtualLoop


def made(folder: Path) -> Path:
    """Make it in a folder. From then on stores keep pictures in memory."""
    play_files()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    path = folder / "template.sqlite"

    async def connect(uri: str) -> InlineConnection:
        return InlineConnection(uri)

    async def make() -> None:
        await (await Database.open(path, connect=connect)).close()

    loop = VirtualLoop(Clock(0.0))
    loop.run_until_complete(make())
    loop.close()
    return path

"""Everything that is remembered, opened together and closed in order. The only place that knows the files' names."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine.errors import StorageError
from storage.database import Database
from storage.deleting import forget_words
from storage.history import History
from storage.lock import Hold, hold
from storage.pictures import PictureFiles
from storage.requests import Requests
from storage.sessions import Sessions
from storage.speeds import Speeds

DATABASE_NAME = "darkroom.sqlite"
PICTURES_NAME = "pictures"
FORGET_EVERY_S = 60.0  # deleted words leave the search index within this; it costs nothing where nothing was deleted

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The parts of storage over one data folder; they live as long as the `open_store` they came from."""

    hold: Hold
    database: Database
    requests: Requests
    history: History
    pictures: PictureFiles
    sessions: Sessions
    speeds: Speeds


@contextlib.asynccontextmanager
async def open_store(data_dir: Path) -> AsyncIterator[Store]:
    """Lock the folder, open and migrate its database, sweep its files; close all of it with the block.

    Raises: UserError for a folder in use or out of reach; StorageError for a damaged or newer database or an ill disk.
    """
    async with _held(data_dir) as held:
        database = await Database.open(data_dir / DATABASE_NAME)
        try:
            pictures = PictureFiles(data_dir / PICTURES_NAME, database)
            await pictures.sweep()
            async with _forgetting(database):
                yield Store(
                    hold=held,
                    database=database,
                    requests=Requests(database),
                    history=History(database),
                    pictures=pictures,
                    sessions=Sessions(database),
                    speeds=Speeds(database),
                )
        finally:
            await database.close()


@contextlib.asynccontextmanager
async def _held(data_dir: Path) -> AsyncIterator[Hold]:
    """The lock, which is let go of after everything else."""
    with contextlib.ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, hold(data_dir))


@contextlib.asynccontextmanager
async def _forgetting(database: Database) -> AsyncIterator[None]:
    """Deleted words leave the search index in the background, now for what an earlier life left, then ever again."""
    task = asyncio.create_task(_keep_forgetting(database), name="storage-forgetting")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _keep_forgetting(database: Database) -> None:
    while True:
        try:
            await forget_words(database)
        except StorageError as exc:
            log.warning("deleted words are still in the search index", reason=str(exc))
        await asyncio.sleep(FORGET_EVERY_S)

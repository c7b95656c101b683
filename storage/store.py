"""Everything that is remembered, opened together and closed in order. The only place that knows the files' names."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine.errors import StorageError
from storage.abroad import Abroad
from storage.acts import Acts
from storage.arrivals import Arrivals
from storage.audit import Audit
from storage.codes import Codes
from storage.database import Connect, Database
from storage.exporting import Exporting
from storage.forgetting import Forgetting
from storage.history import History
from storage.limits import Ledger
from storage.lives import Lives
from storage.lock import Hold, hold
from storage.outbox import Outbox
from storage.people import People
from storage.pictures import PictureFiles
from storage.requests import Requests
from storage.secret import keep_secret
from storage.sessions import Sessions
from storage.speeds import Speeds
from storage.statistics import Figures
from storage.tuning import Tuning

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
    people: People
    tuning: Tuning
    acts: Acts
    audit: Audit
    codes: Codes
    outbox: Outbox
    ledger: Ledger
    statistics: Figures
    exporting: Exporting
    forgetting: Forgetting
    lives: Lives
    arrivals: Arrivals
    abroad: Abroad


@contextlib.asynccontextmanager
async def open_store(
    data_dir: Path, clock: Callable[[], float] = time.time, connect: Connect | None = None
) -> AsyncIterator[Store]:
    """Lock the folder, open and migrate its database, sweep its files; close all of it with the block.

    `clock` gives Unix seconds; `connect` makes connections, see `Database.open`. Raises: UserError for a folder in use
    or out of reach; StorageError for a damaged or newer database or an ill disk.
    """
    async with _held(data_dir) as held:
        secret = await asyncio.to_thread(keep_secret, data_dir)
        database = await Database.open(data_dir / DATABASE_NAME, connect=connect)
        try:
            pictures = PictureFiles(data_dir / PICTURES_NAME, database, clock)
            forgetting = Forgetting(database, pictures, clock, secret.hash_of)
            await pictures.sweep()  # first, because it makes room on a full disk
            await forgetting.resume()
            async with _keeping_forgotten(forgetting):
                yield Store(
                    hold=held,
                    database=database,
                    requests=Requests(database, clock, secret.hash_of),
                    history=History(database),
                    pictures=pictures,
                    sessions=Sessions(database, clock),
                    speeds=Speeds(database),
                    people=People(database, clock, secret.hash_of),
                    tuning=Tuning(database, secret.hash_of),
                    acts=Acts(database, clock, secret.hash_of),
                    audit=Audit(database),
                    codes=Codes(database, clock, secret.hash_of),
                    outbox=Outbox(database, clock, secret.hash_of),
                    ledger=Ledger(database, clock, secret.hash_of),
                    statistics=Figures(database, clock),
                    exporting=Exporting(database, pictures, clock, secret.hash_of),
                    forgetting=forgetting,
                    lives=Lives(database, clock),
                    arrivals=Arrivals(database, clock),
                    abroad=Abroad(database, clock),
                )
        finally:
            await database.close()


@contextlib.asynccontextmanager
async def _held(data_dir: Path) -> AsyncIterator[Hold]:
    """The lock, which is let go of after everything else."""
    with contextlib.ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, hold(data_dir))


@contextlib.asynccontextmanager
async def _keeping_forgotten(forgetting: Forgetting) -> AsyncIterator[None]:
    """What is deleted leaves the files in the background, now what an earlier life left, then ever again."""
    task = asyncio.create_task(_keep_forgetting(forgetting), name="storage-forgetting")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _keep_forgetting(forgetting: Forgetting) -> None:
    while True:
        try:
            await forgetting.tidy()
        except StorageError as exc:
            log.warning("what was deleted is not gone from all files yet", reason=str(exc))
        await asyncio.sleep(FORGET_EVERY_S)

"""One SQLite file: one task writes to it, a few connections read it. Knows nothing of tables.

Every write is a *step*, a coroutine that runs between BEGIN IMMEDIATE and COMMIT in the writer task, one after another.
A caller waits on a shielded future: one that is cancelled leaves the step to end by itself, so the connection never
stays inside a transaction. The writer does every checkpoint too (SQLite before 3.51.3 can damage a database where one
connection writes while another checkpoints).
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiosqlite
import structlog

from engine.errors import StorageError
from storage import migrate
from storage.statements import Connection, Reading, Writing
from storage.troubles import trouble

T = TypeVar("T")
Connect = Callable[[str], Awaitable[Connection]]  # an SQLite URI → an open connection in autocommit mode

N_READERS = 2  # one long search and everybody else
CHECKPOINT_EVERY = 64  # steps; at a few pages each the log stays under some MiB, and one step in 64 waits for it
_BUSY_TIMEOUT_S = 5.0  # only a stranger's connection (a shell, a backup) can hold ours up
_INTERRUPT_EVERY_S = 0.02  # a query that nobody waits for
_CACHE_KIB = 16_384  # the inner pages of every index at a million pictures
_WRITER_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # an acknowledged request outlives a power cut
    "PRAGMA secure_delete = ON",  # deleted words are overwritten, not only unlinked
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA foreign_keys = ON",
)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Order:
    """Work on the writing connection that somebody waits for; `done` is always answered."""

    work: Callable[[], Awaitable[Any]]
    done: asyncio.Future[Any]


class Database:
    """An open database. Make it with `open`, end it with `close`: its threads outlive everything else."""

    def __init__(self, path: Path, writer: Connection, readers: Iterable[Connection]) -> None:
        self.path = path
        self._writer = writer
        self._readers = tuple(readers)
        self._idle_readers: asyncio.Queue[Connection] = asyncio.Queue()
        for reader in self._readers:
            self._idle_readers.put_nowait(reader)
        self._orders: asyncio.Queue[_Order | None] = asyncio.Queue()
        self._n_steps = 0
        self._is_closed = False
        self._tidying: set[asyncio.Task[None]] = set()
        self._writing = asyncio.create_task(self._write_all(), name="storage-writer")
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: Path, migrations: Path = migrate.FOLDER, connect: Connect | None = None) -> Self:
        """Open the file or make it, check it, and bring its tables up to date; an older one is copied first.

        `connect` makes each connection; by default one with a thread of its own. Raises: StorageError for a
        damaged, foreign or newer file, and whatever the disk refuses.
        """
        connect = connect or connect_in_thread
        connections: list[Connection] = []
        try:
            with _translated(path):
                connections.append(await connect(_uri(path, "rwc")))
                await _prepare(connections[0], path, migrations)
                for _ in range(N_READERS):
                    connections.append(await connect(_uri(path, "ro")))
                    await connections[-1].execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            writer, *readers = connections
            return cls(path, writer, readers)
        except BaseException:  # also a cancellation: a connection's thread that is left keeps the process from exiting
            await asyncio.shield(_close_all(connections))
            raise

    async def write(self, step: Callable[[Writing], Awaitable[T]]) -> T:
        """Run `step` in a transaction of its own, after those before it; it is saved when this returns.

        A caller that is cancelled does not stop the step. Raises: StorageError, and what `step` raises; nothing is
        saved then.
        """
        return await self._order(lambda: self._in_transaction(step))

    async def read(self, ask: Callable[[Reading], Awaitable[T]]) -> T:
        """Run queries on a connection that cannot write. Raises: StorageError."""
        if self._is_closed:
            raise _closed(self.path)
        reader = await self._idle_readers.get()
        try:
            with _translated(self.path):
                found = await ask(Reading(reader))
        except asyncio.CancelledError:
            tidying = asyncio.create_task(self._tidy(reader), name="storage-reader")
            self._tidying.add(tidying)
            tidying.add_done_callback(self._tidying.discard)
            raise
        except BaseException as exc:  # whatever it was, the reader is free for the next
            self._idle_readers.put_nowait(reader)
            if self._closing and isinstance(exc, ValueError):  # what aiosqlite says of a closed connection
                raise _closed(self.path) from exc
            raise
        self._idle_readers.put_nowait(reader)
        return found

    async def flush(self) -> None:
        """Bring the log into the database and empty it, so that nothing deleted is left in it.

        Raises: StorageError, also where somebody reads what the log holds for longer than we wait.
        """
        await self._order(lambda: self._checkpoint("TRUNCATE"))

    async def rewrite(self) -> None:
        """Write the whole file anew, with what is in it and nothing else, then empty the log. Raises: StorageError.

        PRAGMA secure_delete overwrites what is deleted, but not the copies that SQLite leaves in the free middle of a
        page when it moves rows to another. Everybody waits for it: about a second for 100 MB.
        """
        await self._order(self._rewrite)

    async def close(self) -> None:
        """End every step that is waiting, then the connections and their threads; may be called again."""
        self._is_closed = True
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="storage-close")
        await asyncio.shield(self._closing)

    async def _tidy(self, reader: Connection) -> None:
        """Stop a query that nobody waits for; it may not even have begun, and then cannot be interrupted yet."""
        idle = asyncio.ensure_future(reader.rollback())  # does nothing, after whatever the thread has to do before
        while not idle.done():
            await reader.interrupt()
            await asyncio.wait((idle,), timeout=_INTERRUPT_EVERY_S)
        self._idle_readers.put_nowait(reader)

    async def _close(self) -> None:
        self._orders.put_nowait(None)
        try:
            await asyncio.wait((self._writing, *self._tidying))
        finally:
            await _close_all((*self._readers, self._writer))  # the writer last: it takes the log along

    async def _order(self, work: Callable[[], Awaitable[T]]) -> T:
        if self._is_closed:
            raise _closed(self.path)
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._orders.put_nowait(_Order(work, done))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            done.add_done_callback(_log_unheard)
            raise

    async def _write_all(self) -> None:
        """The writer task: one order after the other; a checkpoint now and then, when nobody is kept waiting by it."""
        try:
            while order := await self._orders.get():
                await self._fulfil(order)
                self._n_steps += 1
                if self._n_steps % CHECKPOINT_EVERY == 0:
                    with contextlib.suppress(sqlite3.Error):  # all is safe in the log; the next one tries again
                        await self._checkpoint("PASSIVE")
        finally:
            self._is_closed = True
            while not self._orders.empty():
                if order := self._orders.get_nowait():
                    order.done.set_exception(_closed(self.path))

    async def _fulfil(self, order: _Order) -> None:
        """Answer an order whatever happens."""
        try:
            with _translated(self.path):
                result = await order.work()
        except asyncio.CancelledError:  # the loop is being stopped under us
            order.done.set_exception(_closed(self.path))
            raise
        except Exception as exc:  # noqa: BLE001  # not ours to judge: it goes to the one who asked
            order.done.set_exception(exc)
        else:
            order.done.set_result(result)

    async def _in_transaction(self, step: Callable[[Writing], Awaitable[T]]) -> T:
        """The connection is outside a transaction afterwards, whatever happened inside."""
        try:
            await self._writer.execute("BEGIN IMMEDIATE")
            result = await step(Writing(self._writer))
            await self._writer.execute("COMMIT")
        except BaseException:  # also a cancellation: the next step must find the connection outside a transaction
            await self._writer.rollback()  # does nothing where SQLite has rolled back by itself
            raise
        return result

    async def _rewrite(self) -> None:
        await self._writer.execute_fetchall("VACUUM")
        await self._checkpoint("TRUNCATE")

    async def _checkpoint(self, mode: str) -> None:
        """One that is not PASSIVE has to come to its end. Raises: StorageError where somebody reads meanwhile."""
        answer = list(await self._writer.execute_fetchall(f"PRAGMA wal_checkpoint({mode})"))
        if mode != "PASSIVE" and answer and answer[0][0]:
            raise StorageError(f"The log of {self.path} could not be emptied, because it is being read.")


async def connect_in_thread(uri: str) -> aiosqlite.Connection:
    """A connection whose thread does the waiting. Raises: sqlite3.Error."""
    connection = aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S)
    try:
        return await connection
    except BaseException:  # aiosqlite has told its thread to end, but waits for it nowhere, and it answers to our loop
        await asyncio.to_thread(connection._thread.join)  # noqa: SLF001
        raise


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(os.fspath(path))}?mode={mode}"


async def _prepare(writer: Connection, path: Path, migrations: Path) -> None:
    await migrate.check(writer, path, migrations)
    for setting in _WRITER_SETTINGS:
        await writer.execute_fetchall(setting)
    await migrate.bring_up_to_date(writer, path, migrations)
    log.info("database open", path=str(path), sqlite=sqlite3.sqlite_version)


async def _close_all(connections: Iterable[Connection]) -> None:
    """Whatever one of them says, the threads of all end: a thread that is left keeps the process from exiting."""
    left = list(connections)
    try:
        while left:
            try:
                await left[0].close()
            except sqlite3.Error as exc:
                log.warning("a connection closed with an error", reason=str(exc))
            left.pop(0)
    finally:
        for connection in left:  # we were cancelled; the one that was closing stops by itself, twice does no harm
            connection.stop()


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise trouble(exc, path) from exc


def _closed(path: Path) -> StorageError:
    return StorageError(f"The database {path} is closed: Darkroom is stopping. Ask again once it runs.")


def _log_unheard(done: asyncio.Future[Any]) -> None:
    if not done.cancelled() and (exc := done.exception()):
        log.warning("a write failed after its caller had gone", reason=str(exc))

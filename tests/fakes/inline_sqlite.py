"""A connection to SQLite without a thread: what `storage/database.py` uses of aiosqlite's, run where it is awaited.

For the simulator, whose time stands still while SQL runs, and for tests that run ten thousand transactions. `Spoiler`
stands before and after each statement: it may wait, refuse as a disk would, or never come back.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

_MESSAGES = {
    sqlite3.SQLITE_FULL: "database or disk is full",
    sqlite3.SQLITE_IOERR: "disk I/O error",
    sqlite3.SQLITE_BUSY: "database is locked",
}


class Spoiler:
    """Lets everything pass. Each method may wait for as long as it likes, and raise what SQLite would."""

    async def before(self, sql: str) -> None:
        """A statement is about to run."""

    async def after(self, sql: str) -> None:
        """It has run."""


class InlineConnection:
    """An open connection in autocommit mode, by its URI."""

    def __init__(self, uri: str, *, timeout_s: float = 5.0, spoiler: Spoiler | None = None) -> None:
        self._connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, timeout=timeout_s, cached_statements=512
        )
        self._spoiler = spoiler or Spoiler()

    @property
    def in_transaction(self) -> bool:
        """Whether something is not committed yet."""
        return self._connection.in_transaction

    async def execute(self, sql: str, parameters: Any = ()) -> None:
        """Run a statement whose answer nobody reads."""
        await self._spoiler.before(sql)
        self._connection.execute(sql, parameters).fetchall()
        await self._spoiler.after(sql)

    async def execute_fetchall(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Every row of a statement's answer."""
        await self._spoiler.before(sql)
        rows = self._connection.execute(sql, parameters).fetchall()
        await self._spoiler.after(sql)
        return rows

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> None:
        """One statement for each set of values."""
        await self._spoiler.before(sql)
        self._connection.executemany(sql, parameters)
        await self._spoiler.after(sql)

    async def executescript(self, sql: str) -> None:
        """Several statements in a row."""
        await self._spoiler.before(sql)
        self._connection.executescript(sql)
        await self._spoiler.after(sql)

    async def rollback(self) -> None:
        """Out of any transaction; nothing where there is none."""
        self._connection.rollback()

    async def interrupt(self) -> None:
        """Stop what runs: nothing does while somebody else does."""
        self._connection.interrupt()

    async def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def stop(self) -> None:
        """The same, where nobody waits."""
        self._connection.close()

    def drop(self) -> None:
        """As when the process is killed: what is not committed never was."""
        self._connection.close()


def refusal(code: int) -> sqlite3.OperationalError:
    """What SQLite raises with this code."""
    exc = sqlite3.OperationalError(_MESSAGES[code])
    exc.sqlite_errorcode = code
    exc.sqlite_errorname = {sqlite3.SQLITE_FULL: "SQLITE_FULL", sqlite3.SQLITE_IOERR: "SQLITE_IOERR"}.get(
        code, "SQLITE_BUSY"
    )
    return exc

"""How the rest of storage speaks to a connection: few methods, whole results. Knows nothing of tables.

Each call is one trip to the connection's own thread. Results are always fetched to the end, so that no statement stays
open and holds a snapshot.
"""

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Protocol

Row = tuple[Any, ...]
Values = Mapping[str, object]


class Connection(Protocol):
    """What storage asks of a connection: aiosqlite's, with a thread of its own, or one that answers at once."""

    def execute(self, sql: str, parameters: Iterable[Any] | None = None, /) -> Awaitable[Any]:
        """Run a statement of which no row is wanted."""

    def execute_fetchall(self, sql: str, parameters: Iterable[Any] | None = None, /) -> Awaitable[Iterable[Any]]:
        """Run a statement; all rows of the answer."""

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Awaitable[Any]:
        """Run a statement for each set of values."""

    def executescript(self, sql_script: str, /) -> Awaitable[Any]:
        """Run several statements."""

    def rollback(self) -> Awaitable[None]:
        """Leave the transaction, if there is one."""

    def interrupt(self) -> Awaitable[None]:
        """Let the statement that runs fail, if there is one."""

    def close(self) -> Awaitable[None]:
        """End the connection, and its thread if it has one."""

    def stop(self) -> Any:
        """The same without waiting for it; may be called after `close`."""


class Reading:
    """Asks a connection. Values are named in the statement (`:owner`) and never put into its text."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, **values: object) -> list[Row]:
        """Every row of the answer."""
        return list(await self._connection.execute_fetchall(sql, values))

    async def row(self, sql: str, **values: object) -> Row | None:
        """The first row of the answer; None if there is none."""
        rows = await self.rows(sql, **values)
        return rows[0] if rows else None

    async def value(self, sql: str, **values: object) -> Any:
        """The first column of the first row; None if there is no row."""
        row = await self.row(sql, **values)
        return row[0] if row else None


class Writing(Reading):
    """The writing connection inside a transaction. Count what changed with RETURNING."""

    async def run_many(self, sql: str, values: Iterable[Values]) -> None:
        """One statement for each set of values."""
        await self._connection.executemany(sql, values)

"""Sessions of the page, and one-time links to sign in with. Holds hashes of tokens only, never a token."""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

import time
from collections.abc import Callable
from typing import Literal

from storage.database import Database
from storage.records import Session
from storage.rows import clean, ms
from storage.statements import Reading, Row, Writing

_Table = Literal["sessions", "links"]


class Sessions:
    """Who is signed in. What has expired is not found, and goes with the next one that is added.

    `clock` gives Unix seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def add(self, token_hash: str, owner: str, name: str, expires_s: float) -> None:
        """Somebody is signed in until `expires_s`. Raises: StorageError."""
        await self._add("sessions", token_hash, owner, name, expires_s)

    async def find(self, token_hash: str, now_s: float) -> Session | None:
        """Whose session it is, if it has not expired."""

        async def ask(reading: Reading) -> Session | None:
            row = await reading.row(
                "SELECT owner, name, expires_ms FROM sessions WHERE token_hash = :hash AND expires_ms > :now",
                hash=clean(token_hash),
                now=ms(now_s),
            )
            return _session(row) if row else None

        return await self._database.read(ask)

    async def drop(self, token_hash: str) -> None:
        """Sign out; of a session that is not there too."""

        async def step(writing: Writing) -> None:
            await writing.rows("DELETE FROM sessions WHERE token_hash = :hash", hash=clean(token_hash))

        await self._database.write(step)

    async def add_link(self, token_hash: str, owner: str, name: str, expires_s: float) -> None:
        """A link that signs in once, until `expires_s`."""
        await self._add("links", token_hash, owner, name, expires_s)

    async def take_link(self, token_hash: str, now_s: float) -> Session | None:
        """Whom the link signs in; the second time, or after it expired, nobody."""

        async def step(writing: Writing) -> Session | None:
            row = await writing.row(
                "DELETE FROM links WHERE token_hash = :hash RETURNING owner, name, expires_ms", hash=clean(token_hash)
            )
            return _session(row) if row and row[2] > ms(now_s) else None

        return await self._database.write(step)

    async def _add(self, table: _Table, token_hash: str, owner: str, name: str, expires_s: float) -> None:
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> None:
            await writing.rows(f"DELETE FROM {table} WHERE expires_ms <= :now", now=now_ms)
            await writing.rows(
                f"INSERT INTO {table} (token_hash, owner, name, expires_ms) VALUES (:hash, :owner, :name, :expires) "
                "ON CONFLICT (token_hash) DO UPDATE SET owner = excluded.owner, name = excluded.name, "
                "expires_ms = excluded.expires_ms",
                hash=clean(token_hash),
                owner=clean(owner),
                name=clean(name),
                expires=ms(expires_s),
            )

        await self._database.write(step)


def _session(row: Row) -> Session:
    return Session(owner=row[0], name=row[1], expires_s=row[2] / 1_000)

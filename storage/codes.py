"""One-time codes: to link two accounts, and to claim the bot. Holds hashes only. Knows nothing of what codes do."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from storage.accounts import HashOf, as_it_is, person_id
from storage.database import Database
from storage.rows import ms
from storage.statements import Writing

Purpose = Literal["link", "claim"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A code that was good. `account` made it; None for the operator's."""

    account: str | None


class Codes:
    """Codes that are good once, and for a time. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time, hash_of: HashOf = as_it_is) -> None:
        self._database = database
        self._clock = clock
        self._hash_of = hash_of

    async def make(self, purpose: Purpose, code: str, account: str | None, within_s: float) -> None:
        """Let `code` be good once, for `within_s` seconds; the earlier ones of this account (or of nobody) are not.

        Raises: StorageError.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> None:
            person = None
            if account is not None:
                person = await person_id(writing, account, None, now_ms, self._hash_of)
            await writing.rows(
                "DELETE FROM codes WHERE expires_ms <= :now OR (purpose = :purpose AND person IS :person)",
                now=now_ms,
                purpose=purpose,
                person=person,
            )
            await writing.rows(
                "INSERT INTO codes (hash, purpose, person, expires_ms) VALUES (:hash, :purpose, :person, :expires) "
                "ON CONFLICT (hash) DO UPDATE SET purpose = excluded.purpose, person = excluded.person, "
                "expires_ms = excluded.expires_ms",
                hash=_hash(purpose, code),
                purpose=purpose,
                person=person,
                expires=ms(now_ms / 1_000 + within_s),
            )

        await self._database.write(step)

    async def take(self, purpose: Purpose, code: str) -> Taken | None:
        """Use a code up. None if it is no code of this purpose, was used, or is too old. Raises: StorageError."""
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> Taken | None:
            row = await writing.row(
                "DELETE FROM codes WHERE hash = :hash AND purpose = :purpose "
                "RETURNING (SELECT owner FROM people WHERE id = person), expires_ms",
                hash=_hash(purpose, code),
                purpose=purpose,
            )
            return Taken(account=row[0]) if row and row[1] > now_ms else None

        return await self._database.write(step)

    async def drop(self, purpose: Purpose) -> None:
        """No code of this purpose is good any more. Raises: StorageError."""

        async def step(writing: Writing) -> None:
            await writing.rows("DELETE FROM codes WHERE purpose = :purpose", purpose=purpose)

        await self._database.write(step)


def _hash(purpose: Purpose, code: str) -> str:
    return hashlib.sha256(f"{purpose} {code}".encode("utf-8", "replace")).hexdigest()

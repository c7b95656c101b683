"""Events that a platform hands over once: kept before they are confirmed to it, until they are taken care of.

What is taken care of is known again for two days and holds no word any more. Knows nothing of what an event says.
"""

import time
from collections.abc import Callable

from storage.database import Database
from storage.rows import clean, ms
from storage.statements import Reading, Writing

KNOWN_S = 48 * 3_600.0  # longer than a platform tells anything again; ids may come back after a week


class Arrivals:
    """The events of all platforms. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def take(self, platform: str, number: int, account: str, body: str) -> bool:
        """Keep an event; False if it is known already. Raises: StorageError."""
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> bool:
            old_ms = now_ms - round(KNOWN_S * 1_000)
            await writing.rows("DELETE FROM arrivals WHERE at_ms < :old AND body IS NULL", old=old_ms)
            new = await writing.value(
                "INSERT INTO arrivals (platform, id, account, body, at_ms) VALUES (:platform, :id, :account, :body, "
                ":now) ON CONFLICT DO NOTHING RETURNING id",
                platform=platform,
                id=number,
                account=clean(account),
                body=clean(body),
                now=now_ms,
            )
            return new is not None

        return await self._database.write(step)

    async def done(self, platform: str, number: int) -> None:
        """It is taken care of. Raises: StorageError."""

        async def step(writing: Writing) -> None:
            await writing.rows(
                "UPDATE arrivals SET body = NULL, account = '' WHERE platform = :platform AND id = :id",
                platform=platform,
                id=number,
            )

        await self._database.write(step)

    async def left(self, platform: str) -> tuple[tuple[int, str], ...]:
        """What was kept and not taken care of, oldest first: numbers and bodies. Raises: StorageError."""

        async def ask(reading: Reading) -> tuple[tuple[int, str], ...]:
            rows = await reading.rows(
                "SELECT id, body FROM arrivals WHERE platform = :platform AND body IS NOT NULL ORDER BY id",
                platform=platform,
            )
            return tuple((row[0], row[1]) for row in rows)

        return await self._database.read(ask)

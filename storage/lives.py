"""The lives of the bot: when it started, and whether it ended by itself. Knows nothing of why."""

import time
from collections.abc import Callable

from storage.database import Database
from storage.rows import ms
from storage.statements import Row, Writing

SHORT_S = 60.0  # a life without an end, after which the next began within this, is one of a loop of crashes
_MOST_KEPT = 100


class Lives:
    """One row a start. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def begin(self) -> tuple[int, int]:
        """A life begins: how many short ones in a row were cut off right before it, and its number.

        Raises: StorageError.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> tuple[int, int]:
            rows = await writing.rows(
                "SELECT started_ms, ended_ms FROM lives ORDER BY no DESC LIMIT :most", most=_MOST_KEPT
            )
            number = int(await writing.value("INSERT INTO lives (started_ms) VALUES (:now) RETURNING no", now=now_ms))
            await writing.rows("DELETE FROM lives WHERE no <= :oldest", oldest=number - _MOST_KEPT)
            return _n_cut_short(rows, now_ms), number

        return await self._database.write(step)

    async def end(self, number: int) -> None:
        """That life ends by itself. Raises: StorageError."""
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> None:
            await writing.rows("UPDATE lives SET ended_ms = :now WHERE no = :no", now=now_ms, no=number)

        await self._database.write(step)


def _n_cut_short(newest_first: list[Row], next_ms: int) -> int:
    """A clock that was set back makes no life short."""
    n = 0
    for started_ms, ended_ms in newest_first:
        if ended_ms is not None or not 0 <= next_ms - started_ms < SHORT_S * 1_000:
            break
        n += 1
        next_ms = started_ms
    return n

"""The lives of the bot: when it started, and whether it ended by itself. Knows nothing of why.

A life counts from `go_on`, after whatever pause it was given: else a pause as long as a short life would make every
life look long, and the pauses would begin anew once they had grown that long.
"""

import time
from collections.abc import Callable

from storage.database import Database
from storage.rows import ms
from storage.statements import Row, Writing

SHORT_S = 60.0  # a life without an end, after which the next began within this, is one of a loop of crashes
_MOST_KEPT = 100
_N_SINCE_AN_END = (
    "SELECT count(*) FROM lives WHERE no > coalesce((SELECT max(no) FROM lives WHERE ended_ms IS NOT NULL), 0)"
)
_WAITS = 0  # in the place of its end: it waits still, before it goes on


class Lives:
    """One row a start. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def begin(self) -> tuple[int, int]:
        """A life begins, and waits: how many short ones in a row were cut off right before it, and its number.

        One that was cut off while it waited was none. Raises: StorageError.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> tuple[int, int]:
            waited = await writing.rows("DELETE FROM lives WHERE ended_ms = :waits RETURNING no", waits=_WAITS)
            newest = await writing.row("SELECT started_ms, ended_ms FROM lives ORDER BY no DESC LIMIT 1")
            if newest and not waited and not _is_cut_short(newest, now_ms):
                await writing.rows("UPDATE lives SET ended_ms = started_ms WHERE ended_ms IS NULL")  # the loop is over
            n_cut_short = await writing.value(_N_SINCE_AN_END)
            number = await writing.value(
                "INSERT INTO lives (started_ms, ended_ms) VALUES (:now, :waits) RETURNING no", now=now_ms, waits=_WAITS
            )
            await writing.rows("DELETE FROM lives WHERE no <= :oldest", oldest=number - _MOST_KEPT)
            return int(n_cut_short), int(number)

        return await self._database.write(step)

    async def go_on(self, number: int) -> None:
        """That life waits no more. Raises: StorageError."""
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> None:
            await writing.rows(
                "UPDATE lives SET started_ms = :now, ended_ms = NULL WHERE no = :no", now=now_ms, no=number
            )

        await self._database.write(step)

    async def end(self, number: int) -> None:
        """That life ends by itself. Raises: StorageError."""
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> None:
            await writing.rows("UPDATE lives SET ended_ms = :now WHERE no = :no", now=now_ms, no=number)

        await self._database.write(step)


def _is_cut_short(life: Row, next_ms: int) -> bool:
    """A clock that was set back makes no life short."""
    started_ms, ended_ms = life
    return ended_ms is None and 0 <= next_ms - started_ms < SHORT_S * 1_000

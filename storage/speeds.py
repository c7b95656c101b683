"""What the engine has learned about its own speed, over a restart. Knows nothing of how it is used."""

from collections.abc import Iterable

import msgspec

from engine.cost import Speed
from storage.database import Database
from storage.rows import clean
from storage.statements import Reading, Writing

_seconds = msgspec.json.Decoder(tuple[float, ...])


class Speeds:
    """One table, whole each time: `SpeedBook` remembers 512 sizes at most."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, speeds: Iterable[Speed]) -> None:
        """Keep these, and only these, in this order. Raises: StorageError."""
        values = [
            {
                "ordinal": ordinal,
                "model": clean(speed.model),
                "width_px": speed.width_px,
                "height_px": speed.height_px,
                "seconds": msgspec.json.encode(speed.seconds_per_cost).decode(),
            }
            for ordinal, speed in enumerate(speeds)
        ]

        async def step(writing: Writing) -> None:
            await writing.rows("DELETE FROM speeds")
            await writing.run_many(
                "INSERT INTO speeds (ordinal, model, width_px, height_px, seconds_per_cost) "
                "VALUES (:ordinal, :model, :width_px, :height_px, :seconds)",
                values,
            )

        await self._database.write(step)

    async def load(self) -> tuple[Speed, ...]:
        """What was saved last; nothing the first time."""

        async def ask(reading: Reading) -> tuple[Speed, ...]:
            rows = await reading.rows(
                "SELECT model, width_px, height_px, seconds_per_cost FROM speeds ORDER BY ordinal"
            )
            return tuple(
                Speed(model=row[0], width_px=row[1], height_px=row[2], seconds_per_cost=_seconds.decode(row[3]))
                for row in rows
            )

        return await self._database.read(ask)

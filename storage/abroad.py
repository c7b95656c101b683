"""What is known of us outside: pictures that were shared, what a chat calls a file it has, a place with another name.

Knows nothing of who may share what, and of no chat but the prefix of its names.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence

from storage.database import Database
from storage.ids import read_picture_name
from storage.rows import clean, ms
from storage.statements import Reading, Writing

_THIS = "request = (SELECT no FROM requests WHERE id = :request) AND number = :number"


class Abroad:
    """The marks on pictures and places. `clock` gives Unix seconds. Each coroutine raises StorageError."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def share(self, request: str, number: int, *, is_shared: bool = True) -> None:
        """Whether whoever knows its name may see a picture; one that is gone stays gone."""
        at_ms = ms(self._clock()) if is_shared else None

        async def step(writing: Writing) -> None:
            await writing.rows(
                f"UPDATE pictures SET shared_ms = :at WHERE {_THIS}",  # noqa: S608  # a constant of ours
                at=at_ms,
                request=clean(request),
                number=number,
            )

        await self._database.write(step)

    async def is_shared(self, request: str, number: int) -> bool:
        """Whether it is there and was shared."""

        async def ask(reading: Reading) -> bool:
            at_ms = await reading.value(
                f"SELECT shared_ms FROM pictures WHERE {_THIS}",  # noqa: S608  # a constant of ours
                request=clean(request),
                number=number,
            )
            return at_ms is not None

        return await self._database.read(ask)

    async def note_sent(self, picture: str, sent_as: str) -> None:
        """A chat has this picture under such a name from now on; the newest is kept."""
        request, number = read_picture_name(picture) or ("", 0)

        async def step(writing: Writing) -> None:
            await writing.rows(
                f"UPDATE pictures SET sent_as = :sent_as WHERE {_THIS}",  # noqa: S608  # a constant of ours
                sent_as=clean(sent_as),
                request=request,
                number=number,
            )

        await self._database.write(step)

    async def sent(self, pictures: Sequence[str], prefix: str) -> Mapping[str, str]:
        """Those of these pictures that a chat has, with its names for them, which begin with `prefix`."""
        names = {name: read_picture_name(name) for name in pictures}
        asked = [[*each, name] for name, each in names.items() if each]

        async def ask(reading: Reading) -> dict[str, str]:
            rows = await reading.rows(
                "SELECT asked.value ->> 2, sent_as FROM json_each(:asked) AS asked "
                "JOIN requests ON requests.id = asked.value ->> 0 "
                "JOIN pictures ON pictures.request = requests.no AND pictures.number = asked.value ->> 1 "
                "WHERE substr(sent_as, 1, :length) = :prefix",
                asked=json.dumps(asked),
                prefix=prefix,
                length=len(prefix),
            )
            return {row[0]: row[1] for row in rows}

        return await self._database.read(ask)

    async def move_place(self, old: str, new: str) -> None:
        """A place goes by another name: what was set, banned, done and drawn in the old one is the new one's."""
        if old == new:
            return

        async def step(writing: Writing) -> None:
            if await _has_place(writing, old):
                await _rename(writing, old, new)
            both = {"old": f"place:{old}", "new": f"place:{new}"}
            await writing.rows("UPDATE OR REPLACE settings SET subject = :new WHERE subject = :old", **both)
            await writing.rows("UPDATE OR REPLACE bans SET place = :new WHERE place = :old", old=old, new=new)
            await writing.rows("UPDATE audit SET place = :new WHERE place = :old", old=old, new=new)

        await self._database.write(step)


async def _has_place(reading: Reading, place: str) -> bool:
    return await reading.value("SELECT 1 FROM places WHERE place = :place", place=clean(place)) is not None


async def _rename(writing: Writing, old: str, new: str) -> None:
    """Where somebody asked under the new name already, both are one."""
    names = {"old": clean(old), "new": clean(new)}
    if not await _has_place(writing, new):
        await writing.rows("UPDATE places SET place = :new WHERE place = :old", **names)
        return
    of_old, of_new = "(SELECT id FROM places WHERE place = :old)", "(SELECT id FROM places WHERE place = :new)"
    for table in ("requests", "pictures"):
        await writing.rows(f"UPDATE {table} SET place = {of_new} WHERE place = {of_old}", **names)  # noqa: S608  # ours
    await writing.rows("DELETE FROM places WHERE place = :old", old=names["old"])

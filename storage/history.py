"""Pictures that were made, newest first, and the search in their words and seeds. Only reads.

Newest means last finished. How words are found: `words.py`.
"""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

from storage.database import Database
from storage.records import PictureRow
from storage.rows import PICTURE_COLUMNS, PICTURE_NAMES, clean, hash_bytes, picture_row, readable
from storage.statements import Reading
from storage.words import match_for

MOST_COUNTED = 10_000  # "more than 10,000" is all that anybody wants to know, and counting further takes time
MOST_SKIPPED = 100_000  # a page further back than that is empty
_FIRST_ID, _LAST_ID = 0, 2**63 - 1

_ALL = "SELECT id FROM pictures WHERE person = :person AND id < :before ORDER BY id DESC LIMIT :limit OFFSET :skip"
_FOUND = (
    "SELECT rowid AS id FROM search WHERE search MATCH :match AND rowid < :before "
    "ORDER BY rowid DESC LIMIT :limit OFFSET :skip"
)


class History:
    """What everybody drew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def picture(self, request_id: str, number: int) -> PictureRow | None:
        """One picture; None if there is none of that number, or no more."""

        async def ask(reading: Reading) -> PictureRow | None:
            rows = await reading.rows(
                f"SELECT {PICTURE_COLUMNS} FROM pictures {PICTURE_NAMES} "
                "WHERE pictures.request = (SELECT no FROM requests WHERE id = :request) AND number = :number",
                request=clean(request_id),
                number=min(max(number, 0), _LAST_ID),
            )
            return next(iter(readable(picture_row, rows)), None)

        return await self._database.read(ask)

    async def pictures_of(self, request_id: str) -> tuple[PictureRow, ...]:
        """The pictures of a request by their numbers."""

        async def ask(reading: Reading) -> tuple[PictureRow, ...]:
            rows = await reading.rows(
                f"SELECT {PICTURE_COLUMNS} FROM pictures {PICTURE_NAMES} "
                "WHERE pictures.request = (SELECT no FROM requests WHERE id = :request) ORDER BY number",
                request=clean(request_id),
            )
            return readable(picture_row, rows)

        return await self._database.read(ask)

    async def newest(self, owner: str) -> PictureRow | None:
        """The last picture that was finished for somebody."""
        return next(iter(await self.search(owner, "", None, 1)), None)

    async def search(self, owner: str, words: str, before: PictureRow | None, limit: int) -> tuple[PictureRow, ...]:
        """Somebody's pictures with all of `words` (any text) in them, newest first, from after `before`.

        Each word may be the beginning of one in the prompt or the negative prompt; a number may also be the seed.
        """

        async def ask(reading: Reading) -> tuple[PictureRow, ...]:
            first = _LAST_ID if before is None else await _id_of(reading, before)
            return await _found(reading, owner, words, before=first, skip=0, limit=limit)

        return await self._database.read(ask)

    async def page(self, owner: str, words: str, page: int, limit: int) -> tuple[PictureRow, ...]:
        """The same by pages of `limit`, counted from 1; empty after the last."""
        skip = (max(page, 1) - 1) * max(limit, 0)

        async def ask(reading: Reading) -> tuple[PictureRow, ...]:
            return await _found(reading, owner, words, before=_LAST_ID, skip=skip, limit=limit)

        return () if skip > MOST_SKIPPED else await self._database.read(ask)

    async def count(self, owner: str, words: str) -> int:
        """How many `search` finds, up to `MOST_COUNTED` where there are words."""

        async def ask(reading: Reading) -> int:
            person = await _person(reading, owner)
            if person is None:
                return 0
            match = match_for(person[0], words)
            if match is None:
                return int(person[1])
            return int(
                await reading.value(
                    "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH :match LIMIT :most)",
                    match=match,
                    most=MOST_COUNTED,
                )
            )

        return await self._database.read(ask)

    async def file_of_pixels(self, pixel_hash: str) -> str | None:
        """A kept file with exactly these pixels: a picture of ours, or what somebody gave as a source."""

        async def ask(reading: Reading) -> str | None:
            found = await reading.value(
                "SELECT hash FROM pictures JOIN files ON files.id = pictures.file "
                "WHERE pixel_hash = :pixels AND state = 'kept' LIMIT 1",
                pixels=hash_bytes(pixel_hash),
            ) or await reading.value(
                "SELECT hash FROM jobs JOIN files ON files.id = jobs.source "
                "WHERE source_pixels = :pixels AND files.state = 'kept' LIMIT 1",
                pixels=hash_bytes(pixel_hash),
            )
            return found.hex() if found else None

        return await self._database.read(ask)

    async def totals(self, owner: str) -> tuple[int, float]:
        """How many pictures somebody has, and the seconds of the device that all of theirs took, deleted or not."""

        async def ask(reading: Reading) -> tuple[int, float]:
            person = await _person(reading, owner)
            return (int(person[1]), float(person[2])) if person else (0, 0.0)

        return await self._database.read(ask)


async def _found(
    reading: Reading, owner: str, words: str, *, before: int, skip: int, limit: int
) -> tuple[PictureRow, ...]:
    person = await _person(reading, owner)
    if person is None:
        return ()
    match = match_for(person[0], words)
    ids = _ALL if match is None else _FOUND
    rows = await reading.rows(
        f"SELECT {PICTURE_COLUMNS} FROM ({ids}) AS found CROSS JOIN pictures ON pictures.id = found.id "
        f"{PICTURE_NAMES} ORDER BY found.id DESC",
        before=before,
        limit=max(0, min(limit, MOST_COUNTED)),
        skip=skip,
        **({"person": person[0]} if match is None else {"match": match}),
    )
    return readable(picture_row, rows)


async def _person(reading: Reading, owner: str) -> tuple[int, int, float] | None:
    row = await reading.row("SELECT id, n_pictures, gpu_s FROM people WHERE owner = :owner", owner=clean(owner))
    return (row[0], row[1], row[2]) if row else None


async def _id_of(reading: Reading, picture: PictureRow) -> int:
    found = await reading.value(
        "SELECT id FROM pictures WHERE request = (SELECT no FROM requests WHERE id = :request) AND number = :number",
        request=clean(picture.request),
        number=picture.number,
    )
    return int(found or _FIRST_ID)

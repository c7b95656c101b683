"""Pictures that were made, newest first, and the search in their words and seeds. Only reads.

Newest means last finished. How words are found: `words.py`. Somebody's are those of all their linked accounts: each is
read by its own index, and what was found is merged here.
"""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

import heapq
import itertools
import json
from collections.abc import Sequence

from storage.database import Database
from storage.records import PictureRow
from storage.rows import PICTURE_COLUMNS, PICTURE_NAMES, clean, hash_bytes, picture_row, readable
from storage.statements import Reading
from storage.words import match_for

MOST_COUNTED = 10_000  # "more than 10,000" is all that anybody wants to know, and counting further takes time
_LOOKED_THROUGH = 5_000
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

    async def latest_owners(self, prefix: str, limit: int) -> tuple[str, ...]:
        """Whose pictures are the newest, of accounts that begin so; as far back as some thousands of pictures."""

        async def ask(reading: Reading) -> tuple[str, ...]:
            rows = await reading.rows(
                "SELECT owner FROM (SELECT person, max(id) AS latest FROM "
                "(SELECT id, person FROM pictures ORDER BY id DESC LIMIT :look) GROUP BY person) AS found "
                "JOIN people ON people.id = found.person "
                "WHERE substr(owner, 1, length(:prefix)) = :prefix ORDER BY latest DESC LIMIT :limit",
                look=_LOOKED_THROUGH,
                prefix=clean(prefix),
                limit=limit,
            )
            return tuple(str(row[0]) for row in rows)

        return await self._database.read(ask)

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
            people = await _people(reading, owner)
            n_found = 0
            for person, n_pictures, _ in people:
                match = match_for(person, words)
                if match is None:
                    n_found += n_pictures
                    continue
                n_found += await reading.value(
                    "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH :match LIMIT :most)",
                    match=match,
                    most=max(0, MOST_COUNTED - n_found),
                )
            return n_found

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
            people = await _people(reading, owner)
            return sum(person[1] for person in people), float(sum(person[2] for person in people))

        return await self._database.read(ask)


async def _found(
    reading: Reading, owner: str, words: str, *, before: int, skip: int, limit: int
) -> tuple[PictureRow, ...]:
    people = [person[0] for person in await _people(reading, owner)]
    ids = await _ids(reading, people, words, before=before, skip=skip, limit=max(0, min(limit, MOST_COUNTED)))
    rows = await reading.rows(
        f"SELECT {PICTURE_COLUMNS} FROM json_each(:ids) AS found CROSS JOIN pictures ON pictures.id = found.value "
        f"{PICTURE_NAMES} ORDER BY found.key",
        ids=json.dumps(ids),
    )
    return readable(picture_row, rows)


async def _ids(reading: Reading, people: Sequence[int], words: str, *, before: int, skip: int, limit: int) -> list[int]:
    """Pictures of any of these accounts, newest first. Of one account alone SQLite does the skipping."""
    is_alone = len(people) == 1
    found = []
    for person in people:
        match = match_for(person, words)
        rows = await reading.rows(
            _ALL if match is None else _FOUND,
            before=before,
            limit=limit if is_alone else skip + limit,
            skip=skip if is_alone else 0,
            **({"person": person} if match is None else {"match": match}),
        )
        found.append([int(row[0]) for row in rows])
    merged = heapq.merge(*found, reverse=True)
    return list(merged if is_alone else itertools.islice(merged, skip, skip + limit))


async def _people(reading: Reading, owner: str) -> list[tuple[int, int, float]]:
    """The rows of somebody's accounts: id, pictures that are there, seconds of the device."""
    head = "(SELECT coalesce(head, id) FROM people WHERE owner = :owner)"
    rows = await reading.rows(
        f"SELECT id, n_pictures, gpu_s FROM people WHERE id = {head} OR head = {head}", owner=clean(owner)
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def _id_of(reading: Reading, picture: PictureRow) -> int:
    found = await reading.value(
        "SELECT id FROM pictures WHERE request = (SELECT no FROM requests WHERE id = :request) AND number = :number",
        request=clean(picture.request),
        number=picture.number,
    )
    return int(found or _FIRST_ID)

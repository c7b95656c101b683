"""Everything about one person as a file: darkroom.json, their pictures, and what they gave to start from.

Where a file may only be so large it comes in parts, the words first. Read a little at a time and written in threads, so
that nobody waits for it. Knows nothing of who may ask for it.
"""

# statements are put together from constants of ours; what people say is always a bound value

import asyncio
import contextlib
import secrets
import time
import zipfile
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from storage.accounts import HashOf, as_it_is, find_id, members_of
from storage.database import Database
from storage.dossier import REQUESTS, about_person, about_request
from storage.files import adopt
from storage.pictures import PictureFiles
from storage.statements import Reading, Row
from storage.troubles import disk_trouble

WORDS_NAME = "darkroom.json"
_BATCH = 50  # requests that are read at a time
_FILES = (
    "SELECT picture, name, hash, media_type, n_bytes FROM (SELECT pictures.id AS picture, "
    "'pictures/' || requests.id || '.' || number AS name, file FROM pictures "
    "JOIN requests ON requests.no = request WHERE pictures.person = :person AND pictures.id > :seen) "
    "JOIN files ON files.id = file WHERE files.state = 'kept' ORDER BY 1 LIMIT :batch"
)
_SOURCES = (
    "SELECT jobs.no, 'sources/' || lower(hex(hash)), hash, media_type, n_bytes FROM requests "
    "JOIN jobs ON request = requests.no JOIN files ON files.id = source "
    "WHERE person = :person AND jobs.no > :seen AND files.state = 'kept' "
    "ORDER BY 1 LIMIT :batch"
)


_NOWHERE = 0  # in the place of a part
_AROUND_BYTES = 512  # of a ZIP for each file, with its name twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of `n_parts` files, from 1, for the caller to delete. `n_too_large`: files that fit into none of them."""

    path: Path
    number: int
    n_parts: int
    n_too_large: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    name: str
    path: Path
    n_bytes: int


class Exporting:
    """Makes such files. `clock` gives Unix seconds."""

    def __init__(
        self,
        database: Database,
        pictures: PictureFiles,
        clock: Callable[[], float] = time.time,
        hash_of: HashOf = as_it_is,
    ) -> None:
        self._database = database
        self._pictures = pictures
        self._clock = clock
        self._hash_of = hash_of

    async def export(self, owner: str, folder: Path) -> Path:
        """A ZIP file in `folder` that only we may read, for the caller to delete: all linked accounts of a person.

        Of somebody nobody has seen it says just that. Raises: StorageError, with nothing left behind.
        """
        members = await self._database.read(lambda reading: _members(reading, owner, self._hash_of))
        return await self._write(folder, members, self._files(members), has_words=True)

    async def export_part(self, owner: str, folder: Path, number: int, within_bytes: int) -> Part | None:
        """The same in files of at most so many bytes, where it is more than that; None for one that is not there.

        Which picture is in which part is the same each time, as long as none comes or goes. Raises: StorageError.
        """
        members = await self._database.read(lambda reading: _members(reading, owner, self._hash_of))
        sizes = [file.n_bytes + _AROUND_BYTES async for file in self._files(members)]
        if sum(sizes) <= within_bytes // 2:  # room for the words, which are packed
            places = [1] * len(sizes)
        else:
            places = _places(sizes, within_bytes)
        n_parts = max([1, *places])
        if not 1 <= number <= n_parts:
            return None
        files = self._in_part(members, places, number)
        path = await self._write(folder, members, files, has_words=number == 1)
        return Part(path=path, number=number, n_parts=n_parts, n_too_large=places.count(_NOWHERE))

    async def _in_part(self, members: tuple[int, ...], places: list[int], number: int) -> AsyncIterator[_File]:
        at = 0
        async for file in self._files(members):
            if at < len(places) and places[at] == number:
                yield file
            at += 1

    async def _write(
        self, folder: Path, members: tuple[int, ...], files: AsyncIterable[_File], *, has_words: bool
    ) -> Path:
        token = secrets.token_hex(8)
        part, whole = folder / f".darkroom-{token}.part", folder / f"mydata-{token}.zip"
        try:
            archive = await asyncio.to_thread(_open, part)
            try:
                if has_words:
                    await self._write_words(archive, members)
                async for file in files:
                    await asyncio.to_thread(_add, archive, file.path, file.name)
            finally:
                await asyncio.to_thread(archive.close)
            await asyncio.to_thread(adopt, part, whole)
        except OSError as exc:
            raise disk_trouble(exc, whole) from exc
        finally:
            with contextlib.suppress(OSError):  # what went wrong is said already
                await asyncio.to_thread(part.unlink, missing_ok=True)
        return whole

    async def _write_words(self, archive: zipfile.ZipFile, members: tuple[int, ...]) -> None:
        """One JSON object; its requests last, as they are read."""
        about = await self._database.read(lambda reading: about_person(reading, members, self._clock()))
        words = zipfile.ZipInfo(WORDS_NAME)
        words.compress_type = zipfile.ZIP_DEFLATED  # to a tenth; pictures are packed already
        entry = archive.open(words, "w", force_zip64=True)
        try:
            await asyncio.to_thread(entry.write, _json(about)[:-2] + b',\n  "requests": [')
            is_first = True
            for member in members:
                async for requests in self._requests(member):
                    await asyncio.to_thread(_write_each, entry, requests, is_first)
                    is_first = False
            await asyncio.to_thread(entry.write, b"]\n}\n")
        finally:
            await asyncio.to_thread(entry.close)

    async def _requests(self, person: int) -> AsyncIterator[list[object]]:
        seen = 0
        while True:

            async def ask(reading: Reading, after: int = seen) -> list[tuple[int, object]]:
                rows = await reading.rows(REQUESTS, person=person, seen=after, batch=_BATCH)
                return [(row[0], await about_request(reading, row)) for row in rows]

            found = await self._database.read(ask)
            if not found:
                return
            yield [request for _no, request in found]
            seen = found[-1][0]

    async def _files(self, members: tuple[int, ...]) -> AsyncIterator[_File]:
        written: set[str] = set()
        for sql in (_FILES, _SOURCES):
            for member in members:
                seen = 0
                while rows := await self._rows(sql, member, seen):
                    for _id, name, digest, media_type, n_bytes in rows:
                        if name not in written:
                            written.add(name)
                            path = self._pictures.path(digest.hex())
                            yield _File(name=f"{name}.{media_type.split('/')[-1]}", path=path, n_bytes=n_bytes)
                    seen = rows[-1][0]

    async def _rows(self, sql: str, person: int, seen: int) -> list[Row]:
        async def ask(reading: Reading) -> list[Row]:
            return await reading.rows(sql, person=person, seen=seen, batch=_BATCH)

        return await self._database.read(ask)


def _places(sizes: list[int], within_bytes: int) -> list[int]:
    """The part of each file: from 2, in order, as full as can be; the words are the first."""
    places: list[int] = []
    part, room = 2, within_bytes
    for size in sizes:
        if size > within_bytes:
            places.append(_NOWHERE)
            continue
        if size > room:
            part, room = part + 1, within_bytes
        room -= size
        places.append(part)
    return places


async def _members(reading: Reading, owner: str, hash_of: HashOf) -> tuple[int, ...]:
    person = await find_id(reading, owner, hash_of)
    return () if person is None else await members_of(reading, person)


def _open(part: Path) -> zipfile.ZipFile:
    part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part.touch(mode=0o600, exist_ok=False)
    return zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True)


def _write_each(entry: IO[bytes], requests: list[object], is_first: bool) -> None:
    for number, request in enumerate(requests):
        entry.write(b"\n" if is_first and number == 0 else b",\n")
        entry.write(_json(request))


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # pruned a moment ago
        archive.write(path, name)


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2)

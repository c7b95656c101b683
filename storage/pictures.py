"""Files of pictures by the hash of their content, in two levels of folders: `ab/abcdef…`. Knows nothing of formats.

The row says whether a file is there: kept → leaving → gone. A file is whole before its row says kept, with a mark
until it does, and its row says leaving before it is unlinked: so a kill at any point leaves at most work for `sweep`,
which need not look at all files. Same content, same file.
"""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import structlog

from engine.errors import StorageError, UserError
from storage.database import Database
from storage.files import PART_PATTERN, sync_folder, write_whole
from storage.records import Pruned
from storage.references import GOES_FIRST, IS_FREE_OF_MORE, IS_NEEDED, IS_UNREFERENCED, LOOSE_MS
from storage.rows import hash_bytes, ms
from storage.statements import Reading, Writing
from storage.troubles import disk_trouble, why

UNCLAIMED_S = 86_400.0  # an upload that nothing was made of; a day, so that a tab left open over night still works
_BATCH = 200  # files that leave in one go: a transaction of some ms
_ANY = 2**62  # more bytes than there are
_PARTS = "incoming"
MARK = ".coming"  # after its hash: a file that is there and whose row may not be
_GONE = "This picture's file was removed to save disk space; /again draws it once more."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class PictureFiles:
    """The files under `folder`. `clock` gives Unix seconds."""

    def __init__(self, folder: Path, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._database = database
        self._clock = clock
        self._locks = {digit: asyncio.Lock() for digit in "0123456789abcdef"}  # by a hash's first digit
        self._seen_up_to: dict[str, int] = {}  # what `prune` need not look at again

    async def put(self, content: bytes, media_type: str, put_for: str = "") -> str:
        """Keep a file for good; returns its hash. It stays a day, or as long as something refers to it.

        `put_for` is the account that it is of until something refers to it: /forget takes it along. Who is cancelled
        meanwhile leaves no file behind. Raises: StorageError, with nothing half-written.
        """
        putting = asyncio.create_task(self._put(content, media_type, put_for or None), name="storage-put")
        try:
            return await asyncio.shield(putting)
        except asyncio.CancelledError:
            await asyncio.wait((putting,))
            if not putting.cancelled() and not putting.exception():
                with contextlib.suppress(StorageError):  # it goes with what nobody came for
                    await self.forget({putting.result()})
            raise

    async def _put(self, content: bytes, media_type: str, put_for: str | None) -> str:
        digest = await asyncio.to_thread(lambda: hashlib.sha256(content).digest())
        async with self._locked((digest.hex(),)):
            await asyncio.to_thread(self._write, digest.hex(), content)
            stored_ms = ms(self._clock())

            async def step(writing: Writing) -> None:
                await writing.rows(
                    "INSERT INTO files (hash, media_type, n_bytes, stored_ms, put_for) "
                    "VALUES (:hash, :type, :n, :now, :put_for) ON CONFLICT (hash) DO UPDATE SET state = 'kept', "
                    "n_unclaimed = n_unclaimed + 1, stored_ms = excluded.stored_ms, put_for = excluded.put_for",
                    hash=digest,
                    type=media_type,
                    n=len(content),
                    now=stored_ms,
                    put_for=put_for,
                )

            try:
                await self._database.write(step)
            except StorageError:
                await self._take_back(digest.hex())
                raise
            await asyncio.to_thread(self._unmark, (digest.hex(),))
        return digest.hex()

    def path(self, file_hash: str) -> Path:
        """Where a file of that hash lies, if it is kept."""
        return self._folder / file_hash[:2] / file_hash

    async def has(self, file_hash: str) -> bool:
        """Whether that file is kept."""

        async def ask(reading: Reading) -> bool:
            state = await reading.value("SELECT state FROM files WHERE hash = :hash", hash=hash_bytes(file_hash))
            return bool(state == "kept")

        return await self._database.read(ask)

    async def read(self, file_hash: str) -> bytes:
        """A file's content. Raises: UserError if it is no longer kept; StorageError if it is damaged or missing."""
        if not await self.has(file_hash):
            raise UserError(_GONE)
        return await asyncio.to_thread(_read_checked, self.path(file_hash), file_hash)

    async def forget(self, hashes: Iterable[str]) -> None:
        """Delete those files that nothing refers to; the others stay. Raises: StorageError."""
        now_ms = ms(self._clock())
        await self._remove(frozenset(hashes), IS_FREE_OF_MORE, now_ms=now_ms)

    async def prune(self, budget_bytes: int) -> Pruned:
        """Delete what nobody came for in a day, and then, oldest first, what is above the budget.

        First goes what nobody came for yet, if it is older than some minutes, then animations, grids and originals;
        never a thumbnail or the source of an unfinished job. Pictures stay in the history without their file.

        Raises: StorageError.
        """
        went, n_bytes = await self._prune_unclaimed()
        loose_ms = ms(self._clock()) - LOOSE_MS
        self._seen_up_to.pop("loose", None)  # what was young before is not now
        excess = await self._kept_bytes() - budget_bytes
        for what, condition in GOES_FIRST:
            can_go = f"NOT ({IS_NEEDED}) AND {condition}"
            while excess > 0 and (batch := await self._oldest(what, can_go, excess, loose_ms=loose_ms)):
                gone = await self._remove(frozenset(batch), can_go, loose_ms=loose_ms)
                went |= gone
                n_bytes += sum(batch[each] for each in gone)
                excess -= sum(batch[each] for each in gone)
        if excess > 0:
            self._seen_up_to.clear()  # look at everything again next time: sources are free once their jobs have ended
        return Pruned(hashes=went, n_bytes=n_bytes)

    async def sweep(self) -> None:
        """Finish what a killed process left: parts of files, files without a row, and those that were leaving.

        To be called once, at start. Raises: StorageError.
        """
        marked = await asyncio.to_thread(self._sweep_parts)
        without_row = frozenset([each for each in marked if not await self.has(each)])
        await asyncio.to_thread(self._unlink, without_row)
        await asyncio.to_thread(self._unmark, marked)

        # Before any row is written: on a full disk that makes the room for it.
        await asyncio.to_thread(self._unlink, await self._leaving())
        await self.finish_leaving()

    async def finish_leaving(self) -> None:
        """Unlink what was to leave and could not be unlinked then. Raises: StorageError."""
        if leaving := await self._leaving():
            await self._remove(leaving, "state = 'leaving'")
            log.info("files swept", n=len(leaving))

    async def _leaving(self) -> frozenset[str]:
        async def ask(reading: Reading) -> frozenset[str]:
            rows = await reading.rows("SELECT hash FROM files WHERE state = 'leaving'")
            return frozenset(row[0].hex() for row in rows)

        return await self._database.read(ask)

    async def _take_back(self, file_hash: str) -> None:
        """Its row could not be written: an ill disk should not keep what nobody knows. Else the next start does it."""
        with contextlib.suppress(StorageError):
            if not await self.has(file_hash):
                await asyncio.to_thread(self._unlink, (file_hash,))
                await asyncio.to_thread(self._unmark, (file_hash,))

    async def _prune_unclaimed(self) -> tuple[frozenset[str], int]:
        before_ms = ms(self._clock() - UNCLAIMED_S)
        condition = f"stored_ms < {before_ms} AND {IS_UNREFERENCED}"
        unclaimed: dict[str, int] = {}
        while batch := await self._oldest("unclaimed", condition, _ANY):
            unclaimed |= batch
        self._seen_up_to.pop("unclaimed", None)
        went = await self._remove(frozenset(unclaimed), condition)
        return went, sum(unclaimed[each] for each in went)

    async def _oldest(self, what: str, condition: str, n_bytes: int, **values: int) -> dict[str, int]:
        """The next kept files of a kind, oldest first, as many as hold `n_bytes` together: hash → bytes."""

        async def ask(reading: Reading) -> dict[str, int]:
            rows = await reading.rows(
                f"SELECT id, hash, n_bytes FROM files WHERE state = 'kept' AND id > :seen AND {condition} "
                "ORDER BY id LIMIT :batch",
                seen=self._seen_up_to.get(what, 0),
                batch=_BATCH,
                **values,
            )
            enough: dict[str, int] = {}
            for number, digest, size in rows:
                if sum(enough.values()) >= n_bytes:
                    break
                enough[digest.hex()] = size
                self._seen_up_to[what] = number
            return enough

        return await self._database.read(ask)

    async def _kept_bytes(self) -> int:
        async def ask(reading: Reading) -> int:
            return int(await reading.value("SELECT coalesce(sum(n_bytes), 0) FROM files WHERE state = 'kept'"))

        return await self._database.read(ask)

    async def _remove(self, hashes: frozenset[str], condition: str, **values: int) -> frozenset[str]:
        """Unlink those of `hashes` that meet `condition`: row first, file next, row again. Returns which went."""
        async with self._locked(hashes):

            async def mark(writing: Writing) -> frozenset[str]:
                marked = [
                    await writing.value(
                        f"UPDATE files SET state = 'leaving' WHERE hash = :hash AND {condition} RETURNING hash",
                        hash=hash_bytes(each),
                        **values,
                    )
                    for each in sorted(hashes)
                ]
                return frozenset(each.hex() for each in marked if each)

            async def settle(writing: Writing) -> None:
                for each in sorted(leaving):
                    await writing.rows(
                        f"DELETE FROM files WHERE hash = :hash AND {IS_UNREFERENCED}", hash=hash_bytes(each)
                    )
                    await writing.rows("UPDATE files SET state = 'gone' WHERE hash = :hash", hash=hash_bytes(each))

            leaving = await self._database.write(mark)
            await asyncio.to_thread(self._unlink, leaving)
            await self._database.write(settle)
        return leaving

    @contextlib.asynccontextmanager
    async def _locked(self, hashes: Iterable[str]) -> AsyncIterator[None]:
        """Nobody else writes or unlinks files of these hashes. All take the locks in one order: none waits for ever."""
        async with contextlib.AsyncExitStack() as stack:
            for digit in sorted({each[:1] for each in hashes} & self._locks.keys()):
                await stack.enter_async_context(self._locks[digit])
            yield

    def _write(self, file_hash: str, content: bytes) -> None:
        path = self.path(file_hash)
        try:
            if path.is_file() and path.stat().st_size == len(content):
                return
            parts = self._folder / _PARTS
            for folder in (parts, path.parent):
                if not folder.is_dir():
                    folder.mkdir(parents=True, exist_ok=True)
                    sync_folder(folder.parent)
            (parts / f"{file_hash}{MARK}").touch()
        except OSError as exc:
            raise disk_trouble(exc, path, len(content)) from exc
        try:
            write_whole(path, content, parts)
        finally:
            if not path.exists():
                self._unmark((file_hash,))

    def _unlink(self, hashes: Iterable[str]) -> None:
        for each in hashes:
            try:
                self.path(each).unlink(missing_ok=True)
            except OSError as exc:
                raise StorageError(f"{self.path(each)} cannot be deleted: {why(exc)}.") from exc

    def _unmark(self, hashes: Iterable[str]) -> None:
        for each in hashes:
            with contextlib.suppress(OSError):  # the next start finds that its row is there
                (self._folder / _PARTS / f"{each}{MARK}").unlink(missing_ok=True)

    def _sweep_parts(self) -> frozenset[str]:
        """Unlink the parts of files; the hashes of files that are marked."""
        parts = self._folder / _PARTS
        try:
            parts.mkdir(parents=True, exist_ok=True)
            for part in parts.glob(PART_PATTERN):
                part.unlink(missing_ok=True)
            return frozenset(mark.name.removesuffix(MARK) for mark in parts.glob(f"*{MARK}"))
        except OSError as exc:
            raise disk_trouble(exc, self._folder) from exc


def _read_checked(path: Path, file_hash: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise StorageError(f"The picture's file {path} cannot be read: {why(exc)}. Draw it again with /again.") from exc
    if hashlib.sha256(content).hexdigest() != file_hash:
        raise StorageError(f"The picture's file {path} is damaged. Draw it again with /again.")
    return content

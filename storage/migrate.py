"""Numbered migrations: `migrations/0001_….sql`, each in one transaction, counted by PRAGMA user_version.

Looks before it writes: a file that is damaged, foreign or newer is refused untouched, and one that holds something is
copied before its first migration. Knows nothing of what the tables mean.
"""

import asyncio
import glob
import sqlite3
from pathlib import Path

import structlog

from engine.errors import StorageError
from storage.files import adopt
from storage.statements import Connection
from storage.troubles import disk_trouble

FOLDER = Path(__file__).parent / "migrations"
APPLICATION_ID = 0x4461726B  # "Dark", so that no other program's database is taken for ours

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


async def check(connection: Connection, path: Path, folder: Path = FOLDER) -> None:
    """Raises: StorageError for a file that is not ours, newer or damaged; sqlite3.Error where it is not even SQLite."""
    version = await _number(connection, "user_version")
    if version == 0:
        if await _number(connection, "schema_version"):
            raise StorageError(
                f"The file {path} belongs to another program; move it away or choose another data folder."
            )
        return
    if await _number(connection, "application_id") != APPLICATION_ID:
        raise StorageError(f"The file {path} belongs to another program; move it away or choose another data folder.")
    newest = max(migrations(folder))
    if version > newest:
        raise StorageError(
            f"The database {path} was written by a newer Darkroom (its version is {version}, this one knows {newest}): "
            "update Darkroom, or choose another data folder."
        )
    found = list(await connection.execute_fetchall("PRAGMA quick_check(1)"))
    if found[0][0] != "ok":
        raise sqlite3_damage(str(found[0][0]))


async def bring_up_to_date(connection: Connection, path: Path, folder: Path = FOLDER) -> None:
    """Run what is missing. Raises: StorageError; the database is then as before the migration that failed."""
    version = await _number(connection, "user_version")
    missing = {number: file for number, file in migrations(folder).items() if number > version}
    if not missing:
        return
    copy = await _copy(connection, path, version) if version else None
    for number, file in sorted(missing.items()):
        await _migrate(connection, number, file, path, copy)
    log.info("database migrated", path=str(path), version=max(missing), before=version, copy=str(copy))


def migrations(folder: Path = FOLDER) -> dict[int, Path]:
    """Number → file; numbers begin with 1 and leave none out."""
    found = {int(file.name.split("_")[0]): file for file in folder.glob("*.sql")}
    assert sorted(found) == list(range(1, len(found) + 1)), "a migration is missing or there twice"
    return found


def copies(path: Path) -> list[Path]:
    """The copies that were made of a database before its migrations."""
    return sorted(path.parent.glob(f"{glob.escape(path.stem)}-version-*{glob.escape(path.suffix)}"))


def sqlite3_damage(reason: str) -> sqlite3.DatabaseError:
    """What SQLite would raise on meeting it."""
    exc = sqlite3.DatabaseError(reason)
    exc.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return exc


async def _migrate(connection: Connection, number: int, file: Path, path: Path, copy: Path | None) -> None:
    statements = await asyncio.to_thread(file.read_text, encoding="utf-8")
    try:
        await connection.executescript(
            f"BEGIN IMMEDIATE; {statements}\n; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {number}; COMMIT;"
        )
    except sqlite3.Error as exc:
        await connection.rollback()
        kept = f" A copy from before is {copy}." if copy else ""
        raise StorageError(
            f"The database {path} could not be brought to version {number}: {exc}. It is as it was.{kept} "
            "Free some disk space if that is what it says; else go back to the Darkroom you had and report this."
        ) from exc


async def _copy(connection: Connection, path: Path, version: int) -> Path:
    """A whole copy beside the database, or StorageError and no migration."""
    copy = path.with_name(f"{path.stem}-version-{version:04}{path.suffix}")
    part = path.with_name(f".darkroom-{path.stem}.part")
    try:
        await asyncio.to_thread(part.unlink, missing_ok=True)
        await connection.execute("VACUUM INTO ?", (str(part),))
        await asyncio.to_thread(adopt, part, copy)
    except OSError as exc:
        raise disk_trouble(exc, copy) from exc
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    return copy


async def _number(connection: Connection, pragma: str) -> int:
    rows = list(await connection.execute_fetchall(f"PRAGMA {pragma}"))
    return int(rows[0][0])

"""What SQLite and the disk complain of → one sentence of ours. Pure."""

import errno
import sqlite3
from pathlib import Path

from engine.errors import StorageError

FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
_PRIMARY = 0xFF  # SQLite's extended codes carry more in the upper bytes

_ADVICE = {
    sqlite3.SQLITE_FULL: "The disk is full: nothing could be saved in {path}. Free some space and try again.",
    sqlite3.SQLITE_IOERR: "The disk under {path} reports an error; see to its space and its health, then try again.",
    sqlite3.SQLITE_CORRUPT: (
        "The database {path} is damaged. Nothing was overwritten: stop Darkroom, move that file away "
        "and put a copy of yours in its place."
    ),
    sqlite3.SQLITE_NOTADB: (
        "The file {path} is no Darkroom database, or is damaged. Nothing was overwritten: move it away, "
        "or put a copy of yours in its place."
    ),
    sqlite3.SQLITE_BUSY: "Another program holds the database {path}; close it and try again.",
    sqlite3.SQLITE_LOCKED: "Another program holds the database {path}; close it and try again.",
    sqlite3.SQLITE_CANTOPEN: "The database {path} cannot be opened; check that the folder is there and may be written.",
    sqlite3.SQLITE_PERM: "The database {path} may not be written; check whose it is and its permissions.",
    sqlite3.SQLITE_READONLY: "The database {path} may not be written; check whose it is and its permissions.",
    sqlite3.SQLITE_NOMEM: "There is too little memory for the database {path}; close something and try again.",
}
_ELSE = "The database {path} refused a step: {reason}. Nothing of that step was saved."


def trouble(exc: sqlite3.Error, path: Path) -> StorageError:
    """Our error for one of SQLite's; raise it `from exc`."""
    code = getattr(exc, "sqlite_errorcode", None)
    advice = _ADVICE.get(code & _PRIMARY, _ELSE) if isinstance(code, int) else _ELSE
    return StorageError(advice.format(path=path, reason=str(exc).rstrip(".")))


def disk_trouble(exc: OSError, path: Path, n_bytes: int = 0) -> StorageError:
    """Our error for one of the disk's, met while writing `n_bytes` to `path`; raise it `from exc`."""
    if exc.errno in FULL_ERRNOS:
        return StorageError(f"The disk is full: {path} needs {n_bytes:,} bytes. Free some and try again.")
    return StorageError(f"{path} cannot be written: {why(exc)}.")


def why(exc: OSError) -> str:
    """The system's reason, as part of a sentence."""
    return (exc.strerror or str(exc)).lower()

import errno
import sqlite3
from pathlib import Path

import pytest

from storage.troubles import disk_trouble, trouble


def error(code: int | None) -> sqlite3.Error:
    exc = sqlite3.OperationalError("what SQLite says")
    if code is not None:
        exc.sqlite_errorcode = code
    return exc


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_FULL, "The disk is full"),
        (sqlite3.SQLITE_IOERR_WRITE, "reports an error"),
        (sqlite3.SQLITE_IOERR_FSYNC, "reports an error"),
        (sqlite3.SQLITE_CORRUPT, "is damaged"),
        (sqlite3.SQLITE_NOTADB, "is no Darkroom database"),
        (sqlite3.SQLITE_BUSY, "Another program holds"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "may not be written"),
        (sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, "refused a step: what SQLite says. Nothing"),
        (None, "refused a step: what SQLite says. Nothing"),
    ],
)
def test_every_error_of_sqlite_is_a_sentence_that_names_the_file(code: int | None, words: str) -> None:
    """Extended codes say the same as their family."""
    said = str(trouble(error(code), Path("/data/darkroom.sqlite")))
    assert words in said
    assert "/data/darkroom.sqlite" in said
    assert said.endswith(".")


def test_a_full_disk_says_how_much_is_needed() -> None:
    """Any other reason is the system's own."""
    assert "needs 1,234 bytes" in str(disk_trouble(OSError(errno.ENOSPC, "x"), Path("/a"), 1_234))
    assert str(disk_trouble(OSError(errno.EROFS, "Read-only file system"), Path("/a"))) == (
        "/a cannot be written: read-only file system."
    )

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from bot import files
from engine.errors import BadPicture, StorageError, UserError
from engine.intake import MAX_FILE_BYTES


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    """What was there before is replaced."""
    path = tmp_path / "a.png"
    files.write_whole(path, b"old")
    files.write_whole(path, b"new")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.png", b"new")]


def test_a_written_file_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    """Not only by its owner, as temporary files are."""
    mask = os.umask(0o022)
    try:
        files.write_whole(tmp_path / "a.png", b"x")
    finally:
        os.umask(mask)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "The disk is full"), (errno.EDQUOT, "The disk is full"), (errno.EIO, "cannot be written")],
)
def test_a_disk_that_fails_is_one_sentence_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    """No half file, no temporary file."""
    path = tmp_path / "a.png"
    files.write_whole(path, b"old")

    def fail(_descriptor: int) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(StorageError, match=words):
        files.write_whole(path, b"new")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.png", b"old")]


@pytest.mark.parametrize("name", ["nope/a.png", "x" * 300 + ".png"])
def test_a_name_that_cannot_be_written_is_one_sentence(tmp_path: Path, name: str) -> None:
    """A folder that went away, a name too long."""
    with pytest.raises(StorageError, match="cannot be written"):
        files.write_whole(tmp_path / name, b"x")


def test_a_folder_is_tried_before_anything_is_drawn(tmp_path: Path) -> None:
    """Missing, a file, or closed to us; and trying leaves nothing behind."""
    files.check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="does not exist"):
        files.check_writable(tmp_path / "nope")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="not a folder"):
        files.check_writable(tmp_path / "file")
    with pytest.raises(UserError, match="Nothing can be written into /proc"):
        files.check_writable(Path("/proc"))


def test_a_picture_is_read_no_further_than_needed(tmp_path: Path) -> None:
    """One byte above the limit is enough to refuse it."""
    path = tmp_path / "a.png"
    path.write_bytes(bytes(MAX_FILE_BYTES + 100))
    assert len(files.read_picture(path)) == MAX_FILE_BYTES + 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nope.png", "There is no file"),
        (".", "is a folder"),
        ("/dev/zero", "is no file"),
        ("x" * 300, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, words: str) -> None:
    """A device that never ends is not even opened."""
    with pytest.raises(BadPicture, match=words):
        files.read_picture(tmp_path / name)

"""Pictures on disk for the command line: read one that somebody names, write one whole or not at all. Blocking."""

import errno
import os
import secrets
from pathlib import Path

from engine.errors import BadPicture, StorageError, UserError
from engine.intake import MAX_FILE_BYTES

_FULL = (errno.ENOSPC, errno.EDQUOT)


def read_picture(path: Path) -> bytes:
    """The bytes of a file, at most one more than the intake takes. Raises: BadPicture."""
    try:
        if path.is_dir():
            raise BadPicture(f"{path} is a folder; name a picture in it.")
        if path.exists() and not path.is_file():  # a device or pipe may never end
            raise BadPicture(f"{path} is no file; name a picture.")
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as exc:
        raise BadPicture(f"There is no file {path}.") from exc
    except OSError as exc:
        raise BadPicture(f"{path} cannot be read: {why(exc)}.") from exc


def check_writable(folder: Path) -> None:
    """Raises: UserError if no file can be made in `folder`. Asks the disk by making one."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UserError(f"The folder {folder} {what}; make it first or choose another.")
    probe = folder / f".darkroom-{secrets.token_hex(4)}"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as exc:
        raise UserError(f"Nothing can be written into {folder}: {why(exc)}.") from exc


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that its name never stands for half of it, also after a power cut. Replaces what was there.

    Raises: StorageError.
    """
    part = path.with_name(f".darkroom-{secrets.token_hex(4)}.part")
    try:
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)
    except OSError as exc:
        if exc.errno in _FULL:
            raise StorageError(
                f"The disk is full: {path} needs {len(content):,} bytes. Free some and try again."
            ) from exc
        raise StorageError(f"{path} cannot be written: {why(exc)}.") from exc


def _sync_folder(folder: Path) -> None:
    """Make the new name itself outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def why(exc: OSError) -> str:
    """The system's reason, as part of a sentence."""
    return (exc.strerror or str(exc)).lower()

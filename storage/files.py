"""A file on disk is whole or not there, also after a power cut. Blocking; knows nothing of pictures or databases."""

import os
import secrets
from pathlib import Path

from storage.troubles import disk_trouble

PART_PATTERN = ".darkroom-*.part"  # what a killed process may leave behind


def write_whole(path: Path, content: bytes, part_folder: Path | None = None) -> None:
    """Write a file so that its name never stands for half of it. Replaces what was there.

    The part is written beside it, or into `part_folder` of the same file system. Raises: StorageError.
    """
    part = (part_folder or path.parent) / f".darkroom-{secrets.token_hex(4)}.part"
    try:
        try:
            with part.open("xb") as file:
                file.write(content)
            adopt(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as exc:
        raise disk_trouble(exc, path, len(content)) from exc


def adopt(part: Path, path: Path) -> None:
    """Give a finished part its name for good. Raises: OSError."""
    _sync(part, os.O_RDONLY)
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut. Raises: OSError."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

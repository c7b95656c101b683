"""Pictures on disk for the command line: read one that somebody names, write one whole or not at all. Blocking."""

import secrets
from pathlib import Path

from engine.errors import BadPicture, UserError
from engine.intake import MAX_FILE_BYTES
from storage.files import write_whole
from storage.troubles import why

__all__ = ["check_writable", "read_picture", "why", "write_whole"]


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

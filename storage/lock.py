"""One Darkroom for each data folder: a lock that the system lets go of by itself when its process ends. Blocking."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.errors import StorageError, UserError
from storage.troubles import why

LOCK_NAME = "darkroom.lock"
_MAX_BYTES = 4_096


class _Holder(msgspec.Struct):
    """Who holds the folder, as written into the lock file."""

    pid: int
    started: str
    address: str = ""


class Hold:
    """The folder is ours for as long as the `hold` lasts that made this."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._holder = _Holder(os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S"))
        self._write()

    def tell(self, address: str) -> None:
        """Say where the page is, for who comes second."""
        self._holder.address = address
        self._write()

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # a full disk does not make the lock weaker
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, msgspec.json.encode(self._holder), 0)


@contextlib.contextmanager
def hold(data_dir: Path) -> Iterator[Hold]:
    """Hold the folder, made if need be. Raises: UserError if somebody else does; StorageError."""
    path = data_dir / LOCK_NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise UserError(
            f"The data folder {data_dir} cannot be used: {why(exc)}. Choose another with DARKROOM_DATA_DIR."
        ) from exc
    try:
        _lock(descriptor, data_dir)
        yield Hold(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise UserError(
            f"The data folder {data_dir} is in use by another Darkroom{_holder(descriptor)}. "
            "Stop that one, or choose another folder with DARKROOM_DATA_DIR."
        ) from exc
    except OSError as exc:
        raise StorageError(
            f"The data folder {data_dir} cannot be locked: {why(exc)}. Put it on a disk of this machine."
        ) from exc


def _holder(descriptor: int) -> str:
    """Who it is, as far as the file tells."""
    try:
        holder = msgspec.json.decode(os.pread(descriptor, _MAX_BYTES, 0), type=_Holder)
    except (OSError, msgspec.MsgspecError):
        return ""
    page = f", page {holder.address}" if holder.address else ""
    return f" (process {holder.pid}, since {holder.started}{page})"

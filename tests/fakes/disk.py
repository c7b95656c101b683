"""A disk that fails below SQLite: `shim/disk.c`, built when it is needed and preloaded into the bot's process."""

import asyncio
import ctypes
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

SOURCE = Path(__file__).parent / "shim" / "disk.c"
_LOOK_EVERY_S = 0.02


class Ailment(IntEnum):
    """How it fails; the numbers are the shim's."""

    FULL = 0
    ILL = 1
    SHORT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The `first` write to a file under `folder` fails, and those after it: `n_calls` of them, and all for `for_ms`."""

    folder: Path
    first: int
    n_calls: int
    for_ms: int
    ailment: Ailment


def build(folder: Path) -> Path | None:
    """The shim, to be preloaded; None where there is no gcc. Raises: CalledProcessError."""
    gcc = shutil.which("gcc")
    if gcc is None:
        return None
    made = folder / "disk.so"
    subprocess.run([gcc, "-O1", "-Wall", "-shared", "-fPIC", "-o", made, SOURCE, "-ldl"], check=True)
    return made


def arm(trouble: Trouble) -> None:
    """Let this process's disk fail; it must have been started with the shim."""
    ctypes.CDLL(None).darkroom_disk_arm(
        str(trouble.folder).encode(),
        ctypes.c_long(trouble.first),
        ctypes.c_long(trouble.n_calls),
        ctypes.c_long(trouble.for_ms),
        ctypes.c_int(trouble.ailment),
    )


async def tell_when_healed(say: Callable[[str], None]) -> None:
    """Say `healed` once the disk has failed and works again."""
    shim = ctypes.CDLL(None)
    while not shim.darkroom_disk_is_healed():  # noqa: ASYNC110  # C code sets no event
        await asyncio.sleep(_LOOK_EVERY_S)
    say(f"healed after {shim.darkroom_disk_failed()} of {shim.darkroom_disk_counted()} writes")

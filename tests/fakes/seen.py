"""What a process looks like from inside; importable there, as a pool's work has to be."""

import os
import sys
import time
from pathlib import Path


def modules_and_pid() -> tuple[list[str], int]:
    """The names of all modules imported so far, and the process id."""
    return list(sys.modules), os.getpid()


def wait_for_file(path: Path) -> None:
    """Work that goes on until somebody makes this file."""
    while not path.exists():
        time.sleep(0.01)

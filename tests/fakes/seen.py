"""What a process looks like from inside; importable there, as a pool's work has to be."""

import os
import sys


def modules_and_pid() -> tuple[list[str], int]:
    """The names of all modules imported so far, and the process id."""
    return list(sys.modules), os.getpid()

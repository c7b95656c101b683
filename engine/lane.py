"""A pool of processes for work on pictures, off the event loop; its processes never import torch.

Work that one lane has waits for no work of another. Knows nothing of pictures.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, ParamSpec, TypeVar

from engine.errors import JobError

# Of address space, after which a decoder gets a MemoryError. The largest honest work measured, an upload of 24
# megapixels, peaks at 356 MB.
MAX_PROCESS_BYTES = 2 * 2**30

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """Does work in at most so many processes, which start with the first use. For one event loop."""

    def __init__(self, max_processes: int) -> None:
        self._max_processes = max_processes
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        return tuple(self._pool._processes) if self._pool else ()  # noqa: SLF001  # there is no other way to know them

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it there; when a process dies, once more in a new pool. Raises: JobError, and what the work raises."""
        assert not kwargs
        for _attempt in range(2):
            if self._closed:
                break
            pool = self._pool = self._pool or _new_pool(self._max_processes)
            try:
                return await asyncio.get_running_loop().run_in_executor(pool, work, *args)
            except BrokenProcessPool:
                if self._pool is pool:  # several wait on one pool: the first to notice replaces it for all
                    self._pool = None
                pool.shutdown(wait=False)
            except asyncio.CancelledError:
                if not self._is_over() or _is_cancelled():
                    raise
                break  # it had not begun when we closed
        raise JobError("The picture could not be encoded: the process that does it died twice.")

    def _is_over(self) -> bool:
        return self._closed

    async def close(self) -> None:
        """End the processes, also in the middle of what they do: nobody waits for it any more. Idempotent."""
        self._closed = True
        processes = dict(self._pool._processes) if self._pool else {}  # noqa: SLF001  # there is no other way to them
        pool, self._pool = self._pool, None
        for process in processes.values():
            process.kill()
        if pool:
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)


def _is_cancelled() -> bool:
    """Whether it is the caller who is to end, and not the work alone."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _new_pool(max_processes: int) -> ProcessPoolExecutor:
    """`spawn`, because a fork of a process with threads may deadlock."""
    return ProcessPoolExecutor(max_processes, multiprocessing.get_context("spawn"), _begin_process)


def _begin_process() -> None:
    """In each process of the pool: leave Ctrl-C to the parent, take no more than its memory, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # elsewhere it is not kept to, or not there
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_PROCESS_BYTES, hard))
    parent: Any = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(0)), daemon=True, name="exit-with-parent").start()

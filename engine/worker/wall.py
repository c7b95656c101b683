"""The worker's end of the pipe to the front. Opened before anything else is imported or printed.

Three things a worker's loop cannot do for itself, because a step of a large model takes many seconds: hear that the
front is gone and end, say every second that it lives, and take commands. They happen here, on threads of their own.
Linux and macOS. Knows nothing of torch, jobs or models.
"""

import ctypes
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NoReturn

from engine.errors import ProtocolError
from engine.messages import Close, FromWorker, Heartbeat, ToWorker, Unframer, frame, to_worker

HEARTBEAT_EVERY_S = 1.0
EXIT_CLOSED, EXIT_PROTOCOL = 0, 3
_READ_BYTES = 256 * 1024
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Wall:
    """Typed messages over the pipe that the front started this process with.

    The process ends at once, in the middle of whatever it does, when the front says Close, closes the pipe or dies
    (status 0), or when what arrives is no message of ours (status 3). A picture half drawn is worth nothing without its
    front.

    `n_ticks`, `n_works` and `n_jobs` are for the loop to set; heartbeats carry them.
    """

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.n_ticks = 0
        self.n_works = 0
        self.n_jobs = 0
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._write_lock = threading.Lock()
        self._received: SimpleQueue[ToWorker] = SimpleQueue()
        self._silent = threading.Event()

    @classmethod
    def open(cls) -> "Wall":
        """Take standard input and output for the protocol, once per process.

        From here on whatever prints reaches standard error, and whatever reads standard input reads nothing.
        """
        _die_with_parent()
        wall = cls(os.dup(0), os.dup(1))  # duplicates are not inherited by children of the worker
        os.dup2(2, 1)  # text that Python has buffered until now also goes to standard error
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        threading.Thread(target=wall._read, name="wall-reader", daemon=True).start()
        threading.Thread(target=wall._beat, name="wall-heartbeat", daemon=True).start()
        return wall

    def send(self, message: FromWorker) -> None:
        """Say one message; whole, whichever threads speak. Waits while the front is busy.

        Raises: ProtocolError for a message larger than a frame may be.
        """
        rest = memoryview(frame(message))
        with self._write_lock:
            try:
                while rest:
                    rest = rest[os.write(self._write_fd, rest) :]
            except ConnectionError:  # nobody reads any more
                _exit(EXIT_CLOSED)

    def receive(self, timeout_s: float | None) -> ToWorker | None:
        """The next command in order: waits for ever (None), for so long, or not at all (0). None if nothing came."""
        try:
            return self._received.get(block=timeout_s != 0, timeout=timeout_s)
        except Empty:
            return None

    def stop_heartbeats(self) -> None:
        """Fall silent, so that the front takes this worker for dead. For tests of exactly that."""
        self._silent.set()

    def _read(self) -> None:
        status = EXIT_PROTOCOL  # also if this thread fails in a way nobody foresaw: a deaf worker must not live on
        try:
            self._read_until_closed()
            status = EXIT_CLOSED
        except ProtocolError as exc:
            print(f"The front said something that is no message: {exc}", file=sys.stderr, flush=True)
        finally:
            _exit(status)

    def _read_until_closed(self) -> None:
        unframer = Unframer()
        while chunk := _read_some(self._read_fd):
            for body in unframer.feed(chunk):
                message = to_worker(body)
                if isinstance(message, Close):
                    return
                self._received.put(message)

    def _beat(self) -> None:
        while not self._silent.is_set():
            self.send(Heartbeat(n_ticks=self.n_ticks, n_jobs=self.n_jobs, rss_mib=rss_mib(), n_works=self.n_works))
            time.sleep(HEARTBEAT_EVERY_S)


def rss_mib() -> int:
    """Resident memory of this process in MiB; its peak where the system tells only that (macOS)."""
    try:
        resident_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return resident_pages * os.sysconf("SC_PAGE_SIZE") // 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20  # macOS counts bytes


def _read_some(fd: int) -> bytes:
    try:
        return os.read(fd, _READ_BYTES)
    except ConnectionError:  # the front died with bytes of ours unread
        return b""


def _exit(status: int) -> NoReturn:
    """End without unwinding: the main thread may be deep in a step and would not come back for many seconds."""
    os._exit(status)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies: a belt, for the case that no thread of ours gets to run."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if (
        os.getppid() != parent
    ):  # it died before the request; a parent of 1 proves nothing, in a container that is the front
        _exit(EXIT_CLOSED)

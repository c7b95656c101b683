"""One life of one worker: start it, shake hands, hear it, watch it, end it.

Knows nothing of jobs, queues or restarts (supervisor.py lives a worker's next life). A life ends in exactly one way:
the `live` coroutine returns the reason, a sentence for the operator.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from engine.errors import ProtocolError
from engine.inherited import for_a_worker
from engine.messages import (
    PROTOCOL_VERSION,
    Close,
    FromWorker,
    Heartbeat,
    Ready,
    ToWorker,
    Unframer,
    frame,
    from_worker,
)

_READ_BYTES = 1024 * 1024
_FULL_PIPE_BYTES = 16 * 2**20  # about one 2048 x 2048 source: more waiting in memory would not reach the worker sooner
_LAST_WORDS = 20
_LINE_BYTES = 2_000  # of standard error; a progress bar can be one line for ever
_REAP_S = 10.0  # a process stuck in a driver does not even die by SIGKILL; do not wait for it for ever
_STDERR_END_S = 0.5  # the end of standard error arrives with the process's death, unless a grandchild holds it open

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """How to start a worker, and how long to bear with it."""

    command: tuple[str, ...]
    ready_deadline_s: float = 180.0
    heartbeat_timeout_s: float = 15.0
    close_grace_s: float = 2.0


class Process(Protocol):
    """What a supervisor needs of one life of a worker: `WorkerProcess`, or a stand-in on a clock of its own."""

    @property
    def takes_more(self) -> bool:
        """Whether it makes sense to send more now."""

    def send(self, message: ToWorker) -> None:
        """Say one message; one that is gone hears nothing. Does not wait."""

    def kill(self, cause: str) -> None:
        """End it now; nothing if it has ended."""

    def close(self) -> None:
        """Ask it to end."""

    async def live(self) -> str:
        """Begin, and stay until it has ended; once per object. Returns why it ended."""


class WorkerProcess:
    """A worker program on the other end of two pipes. `said` gets its messages in order, `Ready` first."""

    def __init__(self, settings: ProcessSettings, said: Callable[[FromWorker], None]) -> None:
        self._settings = settings
        self._said = said
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._heard_at = 0.0
        self._is_ending = False
        self._cause = ""  # why we killed it, if we did
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def takes_more(self) -> bool:
        """Whether it makes sense to send more: it is not about to end, and its pipe is not piling up in memory."""
        stdin = self._process.stdin if self._process else None
        if stdin is None or stdin.is_closing() or self._is_ending:
            return False
        return stdin.transport.get_write_buffer_size() < _FULL_PIPE_BYTES

    def send(self, message: ToWorker) -> None:
        """Say one message. Does not wait: who sends much asks `takes_more` first. A worker that is gone hears nothing.

        Raises: ProtocolError for a message larger than a frame may be.
        """
        framed = frame(message)
        stdin = self._process.stdin if self._process else None
        if stdin is not None and not stdin.is_closing():
            stdin.write(framed)

    def kill(self, cause: str) -> None:
        """End it now, with all its children; nothing if it has ended. `cause` is a sentence; the first one counts."""
        if self._process and self._process.returncode is None:
            self._is_ending, self._cause = True, self._cause or cause
            with suppress(ProcessLookupError, PermissionError):  # macOS denies a group of which only a zombie is left
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Ask it to end; it is killed if it does not in time. `live` returns when it has."""
        self._is_ending = True
        stdin = self._process.stdin if self._process else None
        if stdin is None:
            return
        self.send(Close())
        stdin.close()
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.close_grace_s, self.kill, "The worker did not end when it was asked to.")

    async def live(self) -> str:
        """Start the worker and stay until it has ended; once per object. Returns why it ended."""
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._settings.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_READ_BYTES,
                env=for_a_worker(os.environ),
                start_new_session=True,  # Ctrl-C in the terminal is for the front, which closes the worker in order
            )
        except OSError as exc:
            return f"The worker could not be started: {exc}."
        assert process.stdout
        assert process.stderr
        if self._is_ending:
            self.kill("The worker was not needed any more.")
        listener = asyncio.create_task(self._listen(process.stderr))
        watchdog = asyncio.create_task(self._watch())
        try:
            await self._read(process.stdout)
            self._is_ending = True
            await self._reap(process)
            await asyncio.wait([listener], timeout=_STDERR_END_S)
        finally:
            self.kill("The front stopped.")
            watchdog.cancel()
            listener.cancel()
            # A grandchild that holds standard error would keep this open for ever, and there is no public way.
            process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001
        return self._reason(process.returncode)

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        unframer = Unframer()
        try:
            while chunk := await stdout.read(_READ_BYTES):
                for body in unframer.feed(chunk):
                    self._hear(from_worker(body))
        except ProtocolError as exc:
            self.kill(f"The worker broke the protocol. {exc}")
        except Exception as exc:  # one of the four places: a bug of ours must not leave a worker unheard
            log.exception("the read loop failed")
            self.kill(f"What the worker said could not be dealt with: {exc!r}.")

    def _hear(self, message: FromWorker) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if self._ready.is_set() == isinstance(message, Ready) and not isinstance(message, Heartbeat):
            raise ProtocolError(f"It said {type(message).__name__} at the wrong time.")
        if isinstance(message, Ready):
            if message.protocol != PROTOCOL_VERSION:
                raise ProtocolError(
                    f"It speaks version {message.protocol}, this program version {PROTOCOL_VERSION}: "
                    "parts of two releases are installed."
                )
            self._ready.set()
        if self._ready.is_set():  # a heartbeat before: it is still importing
            self._said(message)

    async def _watch(self) -> None:
        """Kill a worker that is not ready in time, or falls silent. A slow one is not silent: heartbeats go on."""
        deadline_s, timeout_s = self._settings.ready_deadline_s, self._settings.heartbeat_timeout_s
        try:
            async with asyncio.timeout(deadline_s):
                await self._ready.wait()
        except TimeoutError:
            self.kill(f"The worker was not ready within {deadline_s:g} seconds.")
            return
        loop = asyncio.get_running_loop()
        while (silence_s := loop.time() - self._heard_at) < timeout_s:
            await asyncio.sleep(timeout_s - silence_s)
            # If it was this program that stood still, the heartbeats lie unread in the pipe: read them first.
            await asyncio.sleep(timeout_s / 10)
        self.kill(f"The worker said nothing for {timeout_s:g} seconds.")

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        """Pass standard error on, line by line, so that the pipe never fills; keep its end for the reason of death."""
        partial = b""
        while chunk := await stderr.read(_READ_BYTES):
            *lines, partial = (partial + chunk.replace(b"\r", b"\n")).split(b"\n")
            for line in lines:
                self._note(line)
            partial = partial[-_LINE_BYTES:]
        self._note(partial)

    def _note(self, line: bytes) -> None:
        text = line[-_LINE_BYTES:].decode(errors="replace").strip()
        if text:
            self._last_words.append(text)
            log.debug("worker's stderr", pid=self._process and self._process.pid, line=text)

    async def _reap(self, process: asyncio.subprocess.Process) -> None:
        for grace_s in (self._settings.close_grace_s, _REAP_S):
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await process.wait()
                    return
            self.kill("The worker closed its pipe and did not end.")

    def _reason(self, status: int | None) -> str:
        if status is None:
            how = "It cannot be killed."
        elif status < 0:
            names = {known.value: known.name for known in signal.Signals}  # real-time signals have no name
            how = f"It was ended by {names.get(-status, f'signal {-status}')}."
        else:
            how = f"It exited with status {status}."
        last = f" Its last words: {self._last_words[-1]}" if self._last_words else ""
        return f"{self._cause or 'The worker ended.'} {how}{last}"


MakeProcess = Callable[[ProcessSettings, Callable[[FromWorker], None]], Process]

"""A worker that lives on virtual time: real messages in real frames through the real front, and no process at all.

It stands where a child process would (`VirtualLoop` starts it), so `engine/process.py` reads, watches and kills it as
it does the real one. `Manner` says how its life goes: it may be slow, fall silent, hang, talk nonsense or die.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from engine.domain import Job, Raster
from engine.messages import (
    PROTOCOL_VERSION,
    Broke,
    Cancel,
    Close,
    Draw,
    Drawn,
    Drew,
    Finished,
    FromWorker,
    Heartbeat,
    JobStep,
    Load,
    Loaded,
    LoadingModel,
    Ready,
    Ticked,
    ToWorker,
    Unframer,
    WasCancelled,
    frame,
    to_worker,
)

FIRST_PID = 2**22 + 1  # above what Linux gives to anybody: whoever signals it by the system finds nobody
HEARTBEAT_S = 1.0
POISON = "poison"  # a prompt that ends whatever worker draws it
UNPAINTABLE = "unpaintable"  # a prompt that the worker refuses, at the asker's fault
BROKEN = "broken"  # a prompt at which the worker fails, at ours
_SIGKILL = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a worker's life goes; seconds from its start, None for never."""

    ready_s: float = 2.0
    step_s: float = 0.3
    load_s: float = 1.0
    row_cap: int = 8
    dies_s: float | None = None
    silent_s: float | None = None
    hangs_s: float | None = None
    nonsense_s: float | None = None


@dataclass(slots=True, eq=False)
class _Drawing:
    job: Job
    step: int = 0
    gpu_s: float = 0.0

    @property
    def n_rows(self) -> int:
        return self.job.recipe.n_rows * self.job.n_pictures

    @property
    def n_steps(self) -> int:
        return self.job.recipe.evaluations_at_most


class _Pipe(asyncio.WriteTransport, asyncio.ReadTransport):
    """One end of a pipe; what the front writes is heard by `heard`, its end by `ended`."""

    def __init__(self, heard: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        super().__init__()
        self._heard = heard
        self._ended = ended
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._is_closing:
            self._heard(bytes(data))

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._ended()

    def is_closing(self) -> bool:
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing is lost: what was said is kept by the reader."""

    def resume_reading(self) -> None:
        """As above."""


class Worker(asyncio.SubprocessTransport):
    """A life of a worker, seen from its parent. `note(what, job_id, step)` is told what it does to jobs."""

    def __init__(
        self,
        protocol: asyncio.SubprocessProtocol,
        pid: int,
        manner: Manner,
        note: Callable[[str, str, int], None],
    ) -> None:
        super().__init__()
        self._protocol = protocol
        self._pid = pid
        self._manner = manner
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[int] = self._loop.create_future()
        self._unframer = Unframer()
        self._pipes = {
            0: _Pipe(self._heard, lambda: self.exit(0)),
            1: _Pipe(lambda _: None, lambda: None),
            2: _Pipe(lambda _: None, lambda: None),
        }
        self._drawings: deque[_Drawing] = deque()
        self._models: set[str] = set()
        self._is_silent = self._is_hung = self._is_busy = False
        self._n_ticks = 0
        self._later(manner.ready_s, self._say_ready)
        self._later(HEARTBEAT_S, self._beat)
        for at_s, happens in (
            (manner.dies_s, lambda: self.exit(-_SIGKILL)),
            (manner.silent_s, self._fall_silent),
            (manner.hangs_s, self._hang),
            (manner.nonsense_s, lambda: self._write(b"\x00\x00\x00\x05hello")),
        ):
            if at_s is not None:
                self._later(at_s, happens)

    # As a process

    def get_pid(self) -> int:
        return self._pid

    def get_returncode(self) -> int | None:
        return self._exited.result() if self._exited.done() else None

    def get_pipe_transport(self, fd: int) -> asyncio.BaseTransport | None:
        return self._pipes[fd]

    def kill(self) -> None:
        self._later(0.001, lambda: self.exit(-_SIGKILL))

    def terminate(self) -> None:
        self.kill()

    def send_signal(self, signal: int) -> None:
        self.kill()

    def close(self) -> None:
        self.exit(-_SIGKILL)

    async def _wait(self) -> int:
        return await asyncio.shield(self._exited)

    def exit(self, status: int) -> None:
        """It is gone: its pipes end, and its parent hears of it."""
        if self._exited.done():
            return
        self._exited.set_result(status)
        for fd in (1, 2):
            self._loop.call_soon(self._protocol.pipe_connection_lost, fd, None)
        self._loop.call_soon(self._protocol.process_exited)

    # As a worker

    def _later(self, after_s: float, happens: Callable[[], None]) -> None:
        def unless_gone() -> None:
            if not self._exited.done():
                happens()

        self._loop.call_later(after_s, unless_gone)

    def _write(self, what: bytes) -> None:
        if not self._exited.done():
            self._protocol.pipe_data_received(1, what)

    def _say(self, message: FromWorker) -> None:
        if not self._is_silent:
            self._write(frame(message))

    def _say_ready(self) -> None:
        self._say(
            Ready(
                protocol=PROTOCOL_VERSION,
                pid=self._pid,
                device="cpu",
                device_name="virtual",
                n_devices=1,
                dtype="float32",
                versions={},
            )
        )

    def _beat(self) -> None:
        self._say(Heartbeat(n_ticks=self._n_ticks, n_jobs=len(self._drawings), rss_mib=1, n_works=self._n_ticks))
        self._later(HEARTBEAT_S, self._beat)

    def _fall_silent(self) -> None:
        self._is_silent = self._is_hung = True

    def _hang(self) -> None:
        self._is_hung = True

    def _heard(self, chunk: bytes) -> None:
        for body in self._unframer.feed(chunk):
            self._later(0.0005, partial(self._obey, to_worker(body)))

    def _obey(self, message: ToWorker) -> None:
        match message:
            case Draw(job=job):
                self._note("taken", job.id, 0)
                self._drawings.append(_Drawing(job))
                self._go_on()
            case Cancel(job_id=job_id):
                for drawing in [each for each in self._drawings if each.job.id == job_id]:
                    self._later(0.01, partial(self._finish, drawing, WasCancelled()))
            case Load(model=model):
                self._load(model, lambda: None)
            case Close():
                self.exit(0)

    def _load(self, model: str, then: Callable[[], None]) -> None:
        self._say(LoadingModel(model=model, fraction=0.5, doing="mixing colours"))

        def loaded() -> None:
            self._models.add(model)
            self._say(
                Loaded(
                    model=model,
                    family="virtual",
                    native_width_px=64,
                    native_height_px=64,
                    seconds=self._manner.load_s,
                )
            )
            then()

        self._later(self._manner.load_s, loaded)

    def _go_on(self) -> None:
        """Begin the next step, unless one runs."""
        if self._is_busy or self._is_hung or not self._drawings:
            return
        self._is_busy = True
        model = self._drawings[0].job.recipe.model
        if model not in self._models:
            self._load(model, self._stepped_none)
        else:
            batch = self._batch()
            self._later(self._manner.step_s, lambda: self._stepped(batch))

    def _stepped_none(self) -> None:
        self._is_busy = False
        self._go_on()

    def _batch(self) -> list[_Drawing]:
        """The next jobs in turn, up to the row cap; at least one."""
        batch: list[_Drawing] = []
        for _ in range(len(self._drawings)):
            if batch and sum(each.n_rows for each in batch) + self._drawings[0].n_rows > self._manner.row_cap:
                break
            batch.append(self._drawings[0])
            self._drawings.rotate(-1)
        return batch

    def _stepped(self, batch: list[_Drawing]) -> None:
        self._is_busy = False
        if self._is_hung:
            return
        batch = [drawing for drawing in batch if drawing in self._drawings]
        rows = sum(drawing.n_rows for drawing in batch)
        for drawing in batch:
            drawing.step += 1
            drawing.gpu_s += self._manner.step_s * drawing.n_rows / rows
            self._note("stepped", drawing.job.id, drawing.step)
            if POISON in drawing.job.recipe.prompt:
                self.exit(-_SIGKILL)
                return
        self._n_ticks += 1
        steps = [_progress(drawing) for drawing in batch]
        self._say(Ticked(jobs=steps, rows=rows, row_cap=self._manner.row_cap, seconds=self._manner.step_s))
        for drawing in batch:
            self._retire(drawing)
        self._go_on()

    def _retire(self, drawing: _Drawing) -> None:
        job = drawing.job
        if BROKEN in job.recipe.prompt:
            self._finish(drawing, Broke(sentence="The paint ran out.", their_fault=False))
        elif UNPAINTABLE in job.recipe.prompt:
            self._finish(drawing, Broke(sentence="I do not draw that.", their_fault=True))
        elif drawing.step >= drawing.n_steps:
            for index in range(job.n_pictures):
                self._say(Drawn(job_id=job.id, index=index, raster=_pixels(job, index)))
            self._finish(drawing, Drew(gpu_s=drawing.gpu_s))

    def _finish(self, drawing: _Drawing, result: Drew | WasCancelled | Broke) -> None:
        if drawing in self._drawings:
            self._drawings.remove(drawing)
            self._note(type(result).__name__.lower(), drawing.job.id, drawing.step)
            self._say(Finished(job_id=drawing.job.id, result=result))


@dataclass(slots=True)
class Workers:
    """Starts workers, each in the manner of its turn, and knows them by their ids."""

    manner: Callable[[], Manner]
    note: Callable[[str, str, int], None]
    alive: dict[int, Worker] = field(default_factory=dict)
    n_started: int = 0

    def start(self, protocol: asyncio.SubprocessProtocol, command: tuple[str, ...]) -> Worker:
        """What the system does when asked for a child process."""
        pid = FIRST_PID + self.n_started
        self.n_started += 1
        self.alive[pid] = worker = Worker(protocol, pid, self.manner(), self.note)
        return worker

    def kill(self, pid: int) -> None:
        """What the system does when asked to kill it. Raises: ProcessLookupError."""
        worker = self.alive.get(pid)
        if worker is None or worker.get_returncode() is not None:
            raise ProcessLookupError
        worker.kill()


def _progress(drawing: _Drawing) -> JobStep:
    n = drawing.job.n_pictures
    return JobStep(job_id=drawing.job.id, step=drawing.step * n, n_steps=drawing.n_steps * n, previews={})


def _pixels(job: Job, index: int) -> Raster:
    """The picture of a recipe, in one colour that its seed says."""
    recipe = job.recipe_of(index)
    colour = (recipe.seed % 2**24).to_bytes(3)
    return Raster(
        width_px=recipe.width_px, height_px=recipe.height_px, rgb=colour * (recipe.width_px * recipe.height_px)
    )

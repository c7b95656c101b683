"""The worker's one loop: take messages → let jobs in → one denoising step → a slice of decoding → report.

Everything with tensors happens on this thread. Text encoding, setting up and decoding are items between steps, so that
nobody's step waits for more than one of them. Knows nothing of the queue outside or of who may ask for what.
"""

import time
from collections import deque
from collections.abc import Sequence

from engine import messages
from engine.domain import Job
from engine.worker import answers, vae
from engine.worker.batch import Key, Member, RunningBatch, Tick
from engine.worker.denoise import Stepper
from engine.worker.device import Device, is_out_of_memory
from engine.worker.drawing import Drawing, Easel
from engine.worker.running import Decode, Running, encode_source, job_step, member_of
from engine.worker.supply import Supply
from engine.worker.wall import Wall

FETCHING_POLL_S = 0.05  # how often a loop with nothing to draw looks whether a download is over
_IDLE_POLL_S = 0.5  # how often an idle loop looks at its clock


class Loop:
    """Runs until the pipe closes. `idle_unload_s`: let go of the models after that long without a job; 0 never."""

    def __init__(self, wall: Wall, device: Device, idle_unload_s: float) -> None:
        self._wall = wall
        self._device = device
        self._idle_unload_s = idle_unload_s
        self._supply = Supply(wall, device, self._make_room, self._stood_still_for)
        self._easel = Easel()
        self._stepper = Stepper()
        self._batch = RunningBatch()
        self._incoming: deque[tuple[Job, float]] = deque()
        self._running: dict[str, Running] = {}
        self._decodes: deque[Decode] = deque()
        self._is_waiting = False  # whether all who are not let in yet wait for files from the hub
        self._busy_until = time.monotonic()

    def run(self) -> None:
        """Serve for ever; the wall ends the process."""
        step_s = 0.0
        while True:
            self._take_messages()
            self._enforce_deadlines()
            self._load_ahead()
            self._let_in(step_s)
            step_s = self._step()
            self._decode(step_s)
            self._unload_if_idle()
            self._wall.n_jobs = len(self._running) + len(self._incoming)

    # Messages

    def _take_messages(self) -> None:
        pause_s = _IDLE_POLL_S
        if self._incoming or self._supply.is_asked_ahead:
            pause_s = FETCHING_POLL_S if self._is_waiting else 0
        if self._running:
            pause_s = 0
        message = self._wall.receive(timeout_s=pause_s)
        while message is not None:
            self._take(message)
            message = self._wall.receive(timeout_s=0)

    def _take(self, message: messages.ToWorker) -> None:
        match message:
            case messages.Draw(job=job):
                self._incoming.append((job, time.monotonic() + job.deadline_s))
            case messages.Cancel(job_id=job_id):
                self._cancel(job_id)
            case messages.Load(model=model):
                self._supply.ask_ahead(model)
            case messages.Close():
                pass  # the wall's reader has ended the process already

    def _cancel(self, job_id: str) -> None:
        if self._drop_incoming(job_id) or job_id in self._running:
            self._finish(job_id, messages.WasCancelled())

    def _drop_incoming(self, job_id: str) -> bool:
        """Take a job out that was not let in yet; whether it was there."""
        before = len(self._incoming)
        self._incoming = deque(item for item in self._incoming if item[0].id != job_id)
        return len(self._incoming) < before

    # Models

    def _load_ahead(self) -> None:
        self._is_waiting = True
        for _got in self._supply.get_ahead():
            self._is_waiting = False
            self._busy_until = time.monotonic()

    def _make_room(self, name: str) -> frozenset[str]:
        """Let go of what would keep a model that is about to leave; returns those that must stay."""
        self._stepper.forget()
        self._easel.forget(name)
        return frozenset(running.job.recipe.model for running in self._running.values())

    def _stood_still_for(self, seconds: float) -> None:
        """A model was read meanwhile: that is on nobody's time."""
        for running in self._running.values():
            running.deadline += seconds
        self._incoming = deque((job, deadline + seconds) for job, deadline in self._incoming)

    # Letting jobs in

    def _let_in(self, step_s: float) -> None:
        """Set jobs up for about as long as a step takes, at least one: a burst need not wait a step for each.

        A job whose model is still being fetched waits aside, and lets those behind it pass. An owner of whom nothing
        runs yet goes first, or it would wait for all that a greedy one has sent to be set up.
        """
        started = time.monotonic()
        running = {each.job.owner for each in self._running.values()}
        for job, deadline in sorted(self._incoming, key=lambda item: item[0].owner in running):
            try:
                if not self._supply.is_here(job.recipe.model):
                    continue
                self._is_waiting = False
                self._drop_incoming(job.id)
                self._let_one_in(job, deadline)
            except Exception as exc:
                self._drop_incoming(job.id)
                self._finish(job.id, answers.explain(exc))
            if time.monotonic() - started >= step_s:
                return

    def _let_one_in(self, job: Job, deadline: float) -> None:
        loading = time.monotonic()
        model = self._supply.get(job.recipe.model)
        started = time.monotonic()  # loading is nobody's own share of the device, and not on the job's time
        running = Running(job=job, model=model, deadline=deadline + started - loading, n_left=job.n_pictures)
        self._running[job.id] = running
        source = encode_source(model, job)
        self._wall.n_works += 1
        for index in range(job.n_pictures):
            drawing = self._easel.set_up(model, job.recipe_of(index), source)
            running.drawings[index] = drawing
            self._batch.add(member_of(job, index, drawing))
            self._wall.n_works += 1
        self._device.synchronize()
        running.gpu_s += time.monotonic() - started

    # One step

    def _step(self) -> float:
        """Run the next tick, if anyone is here; return its seconds."""
        tick = self._batch.next_tick()
        if tick is None:
            return 0.0
        started = time.monotonic()
        ran, was_whole = self._run_tick(tick)
        seconds = time.monotonic() - started
        self._wall.n_ticks += 1
        if ran:
            self._batch.account(tick, seconds if was_whole else None)
            self._report(tick, ran, seconds)
        return seconds

    def _run_tick(self, tick: Tick) -> tuple[list[Member], bool]:
        """Advance the tick's members; whoever cannot be advanced even alone fails.

        Returns those who were, and whether all went in one forward pass.
        """
        ran: list[Member] = []
        parts: list[tuple[Member, ...]] = [tick.members]
        was_whole = True
        while parts:
            part = parts.pop(0)
            failure = self._advance(part, tick)
            if failure is None:
                ran.extend(part)
                continue
            was_whole = False
            if len(part) == 1:  # a batch of one is one job's failure; a larger one is tried in halves
                job_id = part[0].key[0]
                self._finish(job_id, failure)
                parts = [rest for rest in (_without_job(rest, job_id) for rest in parts) if rest]
            else:
                parts[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]
        return ran, was_whole

    def _advance(self, part: tuple[Member, ...], tick: Tick) -> messages.Broke | None:
        """One forward pass for these members; what to tell them if it fails."""
        try:
            self._stepper.step([self._drawing(member.key) for member in part], tick.pad_to_rows)
            self._device.synchronize()
            self._wall.n_works += 1
        except Exception as exc:
            failure = answers.explain(exc)
            if is_out_of_memory(exc):
                self._batch.did_not_fit(Tick(lane=tick.lane, members=part, pad_to_rows=tick.pad_to_rows))
                failure = failure if tick.pad_to_rows is None else answers.stable_does_not_fit(tick.pad_to_rows)
        else:
            return None
        self._wall.n_works += 1
        # After the except block, whose traceback would keep the failed step's tensors.
        self._stepper.forget()
        self._device.free_cache()
        return failure

    def _drawing(self, key: Key) -> Drawing:
        return self._running[key[0]].drawings[key[1]]

    def _report(self, tick: Tick, ran: Sequence[Member], seconds: float) -> None:
        """Tell how far each job is, share the tick's seconds, and pass finished pictures on to the decoder."""
        n_rows = sum(member.n_rows for member in ran)
        steps: dict[str, messages.JobStep] = {}
        for member in ran:
            running = self._running.get(member.key[0])
            if running is None:
                continue  # another of its pictures failed in this tick
            running.gpu_s += seconds * member.n_rows / n_rows
            try:
                if running.job.id not in steps:
                    steps[running.job.id] = job_step(running)
                drawing = running.drawings[member.key[1]]
                if drawing.is_finished:
                    self._stepper.forget([drawing])
                    self._batch.remove([member.key])
                    self._decodes.append(Decode(running, member.key[1], vae.Decoding(running.model, drawing.latents)))
            except Exception as exc:
                steps.pop(running.job.id, None)
                self._finish(running.job.id, answers.explain(exc))
        if not len(self._batch):
            self._stepper.forget()
        self._wall.send(
            messages.Ticked(
                jobs=list(steps.values()),
                rows=n_rows,
                row_cap=self._batch.row_cap(tick.lane),
                seconds=seconds,
            )
        )

    # Decoding

    def _decode(self, step_s: float) -> None:
        """Decode for about as long as a step takes, at least one layer; then look at the pipe again."""
        started = time.monotonic()
        while self._decodes:
            decode = self._decodes[0]
            layer_started = time.monotonic()
            try:
                decode.decoding.advance()
                self._device.synchronize()
                self._wall.n_works += 1
                decode.running.gpu_s += time.monotonic() - layer_started
                if decode.decoding.is_done:
                    self._decodes.popleft()
                    self._hand_over(decode)
            except Exception as exc:
                self._finish(decode.running.job.id, answers.explain(exc))
            if time.monotonic() - started >= step_s:
                return

    def _hand_over(self, decode: Decode) -> None:
        running, job = decode.running, decode.running.job
        raster = decode.decoding.raster()
        if raster is None:
            self._finish(job.id, answers.not_finite(running.model))
            return
        self._wall.send(messages.Drawn(job_id=job.id, index=decode.index, raster=raster))
        running.drawings.pop(decode.index)
        running.n_left -= 1
        if running.n_left == 0:
            self._finish(job.id, messages.Drew(gpu_s=running.gpu_s))

    # Endings

    def _finish(self, job_id: str, result: messages.Drew | messages.WasCancelled | messages.Broke) -> None:
        """The last word about a job; whatever of it is still here leaves."""
        running = self._running.pop(job_id, None)
        if running is not None:
            self._batch.remove([(job_id, index) for index in range(running.job.n_pictures)])
            self._decodes = deque(decode for decode in self._decodes if decode.running is not running)
            self._stepper.forget(running.drawings.values())
        self._busy_until = time.monotonic()
        self._wall.send(messages.Finished(job_id=job_id, result=result))

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        for running in [running for running in self._running.values() if now > running.deadline]:
            self._finish(running.job.id, answers.too_late(running.job))
        for job in [job for job, deadline in self._incoming if now > deadline]:
            self._drop_incoming(job.id)
            self._finish(job.id, answers.never_began(job))

    def _unload_if_idle(self) -> None:
        if not self._idle_unload_s or self._running or self._incoming or not len(self._supply):
            return
        if time.monotonic() - self._busy_until > self._idle_unload_s:
            self._easel.clear()
            self._stepper.forget()
            self._supply.clear()


def _without_job(members: tuple[Member, ...], job_id: str) -> tuple[Member, ...]:
    return tuple(member for member in members if member.key[0] != job_id)

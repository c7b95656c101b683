"""A worker without torch: speaks the real protocol, draws gradients, and misbehaves when asked to.

    python -m tests.fakes.drawer [--step-s 0.01] [--row-cap 8] [--misbehave exit|mute|version|early|die-ready] …

Pixels depend on the recipe alone, so the same recipe gives the same picture in every life. A prompt can hold orders:

    die@K       SIGKILL to itself at step K          print@K     print to standard output
    hang@K      never come back from step K          garbage@K   write bytes that are no frame
    silent@K    hang, and stop the heartbeats        huge@K      write a frame header that claims 4 GiB
    broke@K     fail, our fault                      refuse@K    fail, their fault
    twice@K     say Finished twice                   small@K     draw at another size

With `--once FILE` orders are obeyed only until FILE exists, and the first that is obeyed makes it: the next life
behaves.
A model whose name starts with "missing" cannot be loaded.
"""

import argparse
import hashlib
import os
import re
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from engine.domain import Job, Raster, Recipe
from engine.messages import (
    PROTOCOL_VERSION,
    Broke,
    Cancel,
    Draw,
    Drawn,
    Drew,
    Finished,
    JobStep,
    Load,
    Loaded,
    LoadFailed,
    LoadingModel,
    Ready,
    Ticked,
    ToWorker,
    WasCancelled,
)
from engine.worker.wall import Wall

COMMAND = (sys.executable, "-m", "tests.fakes.drawer")
_ORDER = re.compile(r"\b([a-z]+)@(\d+)\b")
_FOREVER_S = 3_600.0


def pixels(recipe: Recipe, shrink: int = 1) -> Raster:
    """The picture of a recipe: a gradient whose colours are a hash of everything in it."""
    digest = hashlib.sha256(msgspec.json.encode(recipe)).digest()
    width, height = recipe.width_px // shrink, recipe.height_px // shrink
    ramp = b"".join(
        bytes((digest[c] + n * (1 + digest[3 + c] % 3)) % 256 for c in range(3)) for n in range(width + height)
    )
    return Raster(width_px=width, height_px=height, rgb=b"".join(ramp[3 * y : 3 * (y + width)] for y in range(height)))


@dataclass(slots=True, eq=False)
class Drawing:
    """A job in the running batch; all its pictures take their steps together."""

    job: Job
    taken_at: float = field(default_factory=time.monotonic)
    step: int = 0
    gpu_s: float = 0.0

    @property
    def n_rows(self) -> int:
        """Rows of all its pictures."""
        return self.job.recipe.n_rows * self.job.n_pictures

    @property
    def n_steps(self) -> int:
        """Steps of one picture."""
        return self.job.recipe.evaluations_at_most

    def orders(self) -> set[str]:
        """What the prompt asks for at the present step."""
        return {order for order, step in _ORDER.findall(self.job.recipe.prompt) if int(step) == self.step}

    def progress(self, previews: bool) -> JobStep:
        """How far it is."""
        n = self.job.n_pictures
        shown = {index: self._preview(index) for index in range(n)} if previews else {}
        return JobStep(job_id=self.job.id, step=self.step * n, n_steps=self.n_steps * n, previews=shown)

    def _preview(self, index: int) -> Raster:
        """Another picture at each step, as of something that develops."""
        recipe = self.job.recipe_of(index)
        return pixels(replace(recipe, prompt=f"{recipe.prompt} at step {self.step}"), shrink=8)


class Drawer:
    """The worker's loop: take commands, one step for some jobs, report; until the wall ends the process."""

    def __init__(self, wall: Wall, options: argparse.Namespace) -> None:
        self._wall = wall
        self._options = options
        self._drawings: deque[Drawing] = deque()
        self._models: set[str] = set()

    def run(self) -> None:
        """Say Ready, then draw for ever."""
        kind = "cpu" if self._options.device == "auto" else self._options.device
        if self._options.n_devices > 1 and self._options.device == "auto":
            kind = "cuda:0"
        version = PROTOCOL_VERSION + (self._options.misbehave == "version")
        ready = Ready(
            protocol=version,
            pid=os.getpid(),
            device=kind,
            device_name="gradient drawer",
            n_devices=self._options.n_devices,
            dtype="float32",
            versions={"drawer": "1"},
        )
        self._wall.send(ready)
        if self._options.misbehave == "die-ready":
            os.kill(os.getpid(), signal.SIGKILL)
        while True:
            self._take_commands()
            self._tick()

    def _take_commands(self) -> None:
        message = self._wall.receive(0 if self._drawings else None)
        while message is not None:
            self._obey(message)
            message = self._wall.receive(0)
        self._wall.n_jobs = len(self._drawings)

    def _obey(self, message: ToWorker) -> None:
        match message:
            case Draw(job=job):
                drawing = Drawing(job)
                if self._load(job.recipe.model):
                    self._drawings.append(drawing)
                else:
                    self._finish(drawing, Broke(sentence=_no_model(job.recipe.model), their_fault=True))
            case Cancel(job_id=job_id):
                for drawing in [drawing for drawing in self._drawings if drawing.job.id == job_id]:
                    self._finish(drawing, WasCancelled())
            case Load(model=model):
                if not self._load(model):
                    self._wall.send(LoadFailed(model=model, sentence=_no_model(model), their_fault=True))
            case _:
                raise AssertionError(message)  # the wall deals with Close

    def _load(self, model: str) -> bool:
        if model.startswith("missing"):
            return False
        if model not in self._models:
            for fraction in (0.0, 0.5, 1.0):
                self._wall.send(LoadingModel(model=model, fraction=fraction, doing="mixing colours"))
                time.sleep(self._options.load_s / 3)
            seconds = self._options.load_s
            size = 64
            self._wall.send(
                Loaded(model=model, family="gradient", native_width_px=size, native_height_px=size, seconds=seconds)
            )
            self._models.add(model)
        return True

    def _tick(self) -> None:
        batch = self._batch()
        if not batch:
            return
        started = time.monotonic()
        time.sleep(self._options.step_s)
        for drawing in batch:
            drawing.step += 1
            self._misbehave(drawing)
        seconds, rows = time.monotonic() - started, sum(drawing.n_rows for drawing in batch)
        for drawing in batch:
            drawing.gpu_s += seconds * drawing.n_rows / rows
        batch = [drawing for drawing in batch if drawing in self._drawings]  # without those that were told to fail
        steps = [drawing.progress(drawing.step % self._options.preview_every == 0) for drawing in batch]
        self._wall.n_ticks += 1
        self._wall.n_works += 1
        self._wall.send(Ticked(jobs=steps, rows=rows, row_cap=self._options.row_cap, seconds=seconds))
        for drawing in batch:
            self._retire(drawing)

    def _batch(self) -> list[Drawing]:
        """The next jobs in turn, up to the row cap; at least one."""
        batch: list[Drawing] = []
        for _ in range(len(self._drawings)):
            if batch and sum(d.n_rows for d in batch) + self._drawings[0].n_rows > self._options.row_cap:
                break
            batch.append(self._drawings[0])
            self._drawings.rotate(-1)
        return batch

    def _retire(self, drawing: Drawing) -> None:
        job = drawing.job
        if drawing.step >= drawing.n_steps:
            for index in range(job.n_pictures):
                shrink = 2 if "small" in drawing.orders() else 1
                self._wall.send(Drawn(job_id=job.id, index=index, raster=pixels(job.recipe_of(index), shrink)))
            self._finish(drawing, Drew(gpu_s=drawing.gpu_s))
        elif time.monotonic() - drawing.taken_at > job.deadline_s:
            sentence = f"This took longer than the {job.deadline_s:g} seconds it may take."
            self._finish(drawing, Broke(sentence=sentence, their_fault=False, detail=f"at step {drawing.step}"))

    def _finish(self, drawing: Drawing, result: Drew | WasCancelled | Broke) -> None:
        if drawing in self._drawings:
            self._drawings.remove(drawing)
        for _ in range(1 + ("twice" in drawing.orders())):
            self._wall.send(Finished(job_id=drawing.job.id, result=result))

    def _misbehave(self, drawing: Drawing) -> None:
        orders = drawing.orders()
        once: Path | None = self._options.once
        if not orders or (once and once.exists()):
            return
        if once:
            once.touch()
        if "print" in orders:
            print("I am a stray print.", flush=True)
            os.write(1, b"And I go to the descriptor itself.\n")
        if orders & {"garbage", "huge"}:
            os.write(self._wall._write_fd, b"\x00\x00\x00\x05hello" if "garbage" in orders else b"\xff\xff\xff\xff")
        if "die" in orders:
            os.kill(os.getpid(), signal.SIGKILL)
        if "silent" in orders:
            self._wall.stop_heartbeats()
        if orders & {"hang", "silent"}:
            time.sleep(_FOREVER_S)
        if orders & {"broke", "refuse"}:
            sentence = "The paint ran out." if "broke" in orders else "I do not draw that."
            self._finish(drawing, Broke(sentence=sentence, their_fault="refuse" in orders, detail="ordered"))


def _no_model(model: str) -> str:
    return f"There is no model {model} here."


def main() -> None:
    """Run as a worker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--idle-unload-s", type=float, default=0.0)
    parser.add_argument("--step-s", type=float, default=0.005, help="how long a step takes")
    parser.add_argument("--load-s", type=float, default=0.0, help="how long a model takes to load")
    parser.add_argument("--row-cap", type=int, default=8)
    parser.add_argument("--n-devices", type=int, default=1, help="cards to claim")
    parser.add_argument("--preview-every", type=int, default=4, help="steps from preview to preview")
    parser.add_argument("--once", type=Path, help="obey orders in prompts only until this file exists")
    parser.add_argument(
        "--misbehave",
        choices=("exit", "mute", "version", "early", "die-ready"),
        help="exit at once; never be ready; speak another version; speak before Ready; die after Ready",
    )
    options = parser.parse_args()
    if options.misbehave == "exit":
        sys.exit("no brushes: I give up")
    wall = Wall.open()
    if options.misbehave == "mute":
        time.sleep(_FOREVER_S)
    if options.misbehave == "early":
        wall.send(Ticked(jobs=[], rows=0, row_cap=1, seconds=0.0))
    Drawer(wall, options).run()


if __name__ == "__main__":
    main()

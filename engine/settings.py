"""How the engine runs: its workers' command, devices, patience and windows."""

import sys
from dataclasses import dataclass, field

from engine.process import ProcessSettings
from engine.supervisor import Backoff


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How the engine runs. Seconds unless the name says otherwise.

    `worker_command` gets `--device` and `--idle-unload-s` appended; None is our own worker. `devices`: a worker each;
    "auto" alone means the best there is, and a worker for every card if it is cards. `idle_unload_s` 0 keeps models
    for ever.

    A worker hangs that stands still for `hang_factor` times what it ever took between two signs of life in jobs like
    those it has, at least `hang_floor_s`; and whatever is known of it, one that has not answered about a job
    `hang_grace_s` after the job's own deadline: one step of a large model on a CPU takes up to 20 s, and a worker looks
    at deadlines between steps.
    """

    worker_command: tuple[str, ...] | None = None
    devices: tuple[str, ...] = ("auto",)
    preload: str | None = None
    idle_unload_s: float = 900.0
    ready_deadline_s: float = 180.0
    heartbeat_timeout_s: float = 15.0
    close_grace_s: float = 2.0
    hang_grace_s: float = 120.0
    hang_floor_s: float = 30.0
    hang_factor: float = 10.0
    backoff: Backoff = field(default_factory=Backoff)
    first_window_rows: int = 16  # two batches of 8 rows, until the worker says what pays
    most_jobs_in_worker: int = 64
    kept_outcomes: int = 64

    @property
    def jobs_in_turn(self) -> int:
        """Seats of a worker that are filled in turn; the others are for owners of whom nothing is inside."""
        return max(1, self.most_jobs_in_worker // 2)

    def process(self, device: str) -> ProcessSettings:
        """How to run a worker for this device."""
        command = self.worker_command or (sys.executable, "-m", "engine.worker")
        return ProcessSettings(
            command=(*command, "--device", device, "--idle-unload-s", f"{self.idle_unload_s:g}"),
            ready_deadline_s=self.ready_deadline_s,
            heartbeat_timeout_s=self.heartbeat_timeout_s,
            close_grace_s=self.close_grace_s,
        )

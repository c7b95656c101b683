"""Ends the process, or its worker, at exactly the n-th moment of a phase; only ever in a bot that a campaign started.

A phase is a part of a request's way: ingest, commit, admit, draw, store, deliver, finish, migrate. Its moments are laid
around the program's own steps from outside (`watch`), by name: each database step before it, before its commit and
after it; every file; every message to and from a worker; every call of a chat. What is counted is told to a file, so
that a campaign can say where it struck. Knows nothing of what a moment means.
"""

import functools
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from weakref import WeakSet

import storage.files
import storage.migrate
from bot.planning import Planner
from engine.engine import Engine
from engine.finish import Finisher
from engine.messages import FromWorker, Heartbeat, ToWorker
from engine.process import ProcessSettings, WorkerProcess
from storage.database import Database
from storage.statements import Writing

_OPERATIONS = 10  # of SQLite's machine, from moment to moment within a migration


class Phase(StrEnum):
    """Where on its way a request is."""

    INGEST = "ingest"
    COMMIT = "commit"
    ADMIT = "admit"
    DRAW = "draw"
    STORE = "store"
    DELIVER = "deliver"
    FINISH = "finish"
    MIGRATE = "migrate"


class Target(StrEnum):
    """Whom it hits."""

    BOT = "bot"
    WORKER = "worker"
    BOTH = "both"


# Whose steps in the database belong to which phase, by the beginning of their names; others are no moments of any.
_STEPS = {
    "Requests.add": Phase.COMMIT,
    "Requests.begin": Phase.COMMIT,
    "Acts.": Phase.COMMIT,
    "Requests.finish_job": Phase.STORE,
    "Requests.fail_job": Phase.STORE,
    "Requests.note_loss": Phase.STORE,
    "PictureFiles.": Phase.STORE,
    "Outbox.sending": Phase.DELIVER,
    "Outbox.": Phase.FINISH,
    "Requests.": Phase.FINISH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Strike at the n-th moment of a phase, from 1."""

    phase: Phase
    n: int
    target: Target


class Points:
    """Counts the moments of one life, and strikes. `report` is a file that gets a line when it does."""

    def __init__(self, point: Point | None, report: Path) -> None:
        self._point = point
        self._report = report
        self._n = 0
        self._workers: WeakSet[WorkerProcess] = WeakSet()

    def reach(self, phase: str, what: str) -> None:
        """A moment. Nothing after it happens where it is the one that was meant."""
        point = self._point
        if point is None or phase != point.phase:
            return
        self._n += 1
        if self._n != point.n:
            return
        self._point = None
        self.say(f"struck {point.target} {phase}: {what}")
        if point.target is not Target.BOT:
            self._strike_workers()
        if point.target is not Target.WORKER:
            os.kill(os.getpid(), signal.SIGKILL)

    def say(self, line: str) -> None:
        """Tell the campaign; it arrives also if this is the last thing that happens."""
        descriptor = os.open(self._report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)

    def _strike_workers(self) -> None:
        for worker in self._workers:
            if worker.pid:
                os.killpg(worker.pid, signal.SIGKILL)

    # Where the moments are

    def watch(self) -> None:
        """Lay moments around the steps of this program. For good: the process lives no longer than its point."""
        self._watch_the_database()
        self._watch_files()
        self._watch_the_worker()
        self._watch_the_migration()
        _around(Planner, "plan", self, Phase.INGEST)
        _around(Engine, "submit", self, Phase.ADMIT)
        for name in ("finish", "animation", "grid"):
            _around(Finisher, name, self, Phase.STORE)

    def _watch_the_database(self) -> None:
        write, rows = Database.write, Writing.rows
        points, phases = self, dict[Writing, tuple[Phase, str]]()

        @functools.wraps(write)
        async def watched(database: Database, step: Callable[[Writing], Awaitable[Any]]) -> Any:
            name = step.__qualname__.replace(".<locals>", "")
            phase = next((phase for start, phase in _STEPS.items() if name.startswith(start)), None)
            if phase is None:
                return await write(database, step)

            async def marked(writing: Writing) -> Any:
                phases[writing] = (phase, name)
                try:
                    result = await step(writing)
                finally:
                    del phases[writing]
                points.reach(phase, f"{name}: about to be saved")
                return result

            points.reach(phase, f"{name}: about to begin")
            result = await write(database, marked)
            points.reach(phase, f"{name}: is saved")
            return result

        @functools.wraps(rows)
        async def watched_rows(writing: Writing, sql: str, **values: Any) -> Any:
            if named := phases.get(writing):
                points.reach(named[0], f"{named[1]}: between its statements")
            return await rows(writing, sql, **values)

        _replace(Database, "write", watched)
        _replace(Writing, "rows", watched_rows)

    def _watch_files(self) -> None:
        points, adopt, sync = self, storage.files.adopt, storage.files.sync_folder

        def watched_adopt(part: Path, path: Path) -> None:
            phase = Phase.MIGRATE if "version" in path.name else Phase.STORE
            points.reach(phase, "a part is written")
            adopt(part, path)
            points.reach(phase, "a file is in its place")

        def watched_sync(folder: Path) -> None:
            points.reach(Phase.STORE, "a file has its name")
            sync(folder)

        _replace(storage.files, "adopt", watched_adopt)
        _replace(storage.files, "sync_folder", watched_sync)
        _replace(storage.migrate, "adopt", watched_adopt)  # it has the name too

    def _watch_the_worker(self) -> None:
        points, init, send = self, WorkerProcess.__init__, WorkerProcess.send

        def watched_init(process: WorkerProcess, settings: ProcessSettings, said: Callable[[FromWorker], None]) -> None:
            def heard(message: FromWorker) -> None:
                if not isinstance(message, Heartbeat):
                    points.reach(Phase.DRAW, f"{type(message).__name__} came")
                said(message)

            init(process, settings, heard)
            points._workers.add(process)

        def watched_send(process: WorkerProcess, message: ToWorker) -> None:
            points.reach(Phase.ADMIT, f"{type(message).__name__} is next")
            send(process, message)
            points.reach(Phase.ADMIT, f"{type(message).__name__} is sent")

        _replace(WorkerProcess, "__init__", watched_init)
        _replace(WorkerProcess, "send", watched_send)

    def _watch_the_migration(self) -> None:
        points, bring = self, storage.migrate.bring_up_to_date

        @functools.wraps(bring)
        async def watched(connection: Any, *rest: Any, **named: Any) -> None:
            def counted() -> None:
                points.reach(Phase.MIGRATE, "in the middle of it")

            points.reach(Phase.MIGRATE, "about to begin")
            await connection.set_progress_handler(counted, _OPERATIONS)
            await bring(connection, *rest, **named)
            await connection.set_progress_handler(None, _OPERATIONS)
            points.reach(Phase.MIGRATE, "is done")

        _replace(storage.migrate, "bring_up_to_date", watched)


def _around(owner: type, name: str, points: Points, phase: Phase) -> None:
    """Moments before and after a coroutine of a class."""
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    @functools.wraps(original)
    async def watched(*rest: Any, **named: Any) -> Any:
        points.reach(phase, f"{owner.__name__}.{name} is next")
        result = await original(*rest, **named)
        points.reach(phase, f"{owner.__name__}.{name} is done")
        return result

    _replace(owner, name, watched)


def _replace(owner: object, name: str, new: Callable[..., Any]) -> None:
    """Put something into the place of a function, for good."""
    assert hasattr(owner, name)
    setattr(owner, name, new)

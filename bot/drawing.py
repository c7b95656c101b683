"""One request, from recipe to files: draw, finish, write. The use case behind `darkroom imagine` and `darkroom run`.

Opens no database. Knows nothing of arguments; what happens meanwhile it shows to whoever it is given.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from bot import files
from bot.app import App
from bot.progress import Show
from bot.recipes import source_for
from engine.domain import Cancelled, Done, Event, Failed, Job, Lost, Outcome, Picture, Recipe
from engine.errors import BadPicture, InvalidRecipe, JobError, UserError, WorkerLost

OWNER = "terminal"  # whoever types here; one owner, so no fairness to speak of


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Draw `n_pictures` of `recipe` into `paths`, one each. `init`: the picture to start from, at `strength`."""

    recipe: Recipe
    paths: tuple[Path, ...]
    init: Path | None = None
    strength: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A picture on disk. `seconds`: its share of the device's time."""

    path: Path
    seed: int
    seconds: float


async def draw_and_write(app: App, request: Request, show: Show) -> list[Written]:
    """Draw, finish and write every picture of a request, in order.

    Raises: UserError, JobError, EngineError, StorageError; no file is half written then.
    """
    job = await _job(app, request)
    show.say("Starting the engine")
    await app.engine.start()
    done = await _draw(app, job, show.event)
    return [await _write(app, picture, path, done) for picture, path in zip(done.pictures, request.paths, strict=True)]


async def _job(app: App, request: Request) -> Job:
    recipe, source = request.recipe, None
    if request.init:
        try:
            file = await asyncio.to_thread(files.read_picture, request.init)
            source = await app.finisher.read_source(file, recipe.width_px, recipe.height_px)
        except BadPicture as exc:
            raise BadPicture(_naming(request.init, exc)) from exc
        recipe = replace(recipe, source=source_for(source, request.strength))
    return Job(
        id=uuid.uuid4().hex,
        owner=OWNER,
        recipe=recipe,
        n_pictures=len(request.paths),
        source=source,
        deadline_s=app.settings.job_deadline_s,
    )


def _naming(path: Path, exc: BadPicture) -> str:
    """The sentence, with the file's name in it."""
    return str(exc) if str(path) in str(exc) else f"{path}: {exc}"


async def _draw(app: App, job: Job, tell: Callable[[Event], None]) -> Done:
    """Draw it; once more when the worker was lost, for that may have been the machine and not the job."""
    lost = Lost(reason="")
    for _attempt in range(2):
        outcome = await _outcome(app, job, tell)
        match outcome:
            case Done():
                return outcome
            case Failed(sentence=sentence, their_fault=their_fault):
                raise InvalidRecipe(sentence) if their_fault else JobError(sentence)
            case Cancelled():
                raise UserError("Cancelled.")
            case Lost():
                lost = outcome
            case _:
                assert_never(outcome)
    raise WorkerLost(f"The worker was lost twice while drawing this, so nothing was written. {lost.reason}")


async def _outcome(app: App, job: Job, tell: Callable[[Event], None]) -> Outcome:
    await app.engine.submit(job)
    async for event in app.engine.watch(job.id):
        if isinstance(event, Outcome):
            return event
        tell(event)
    raise AssertionError("a watch ends with an outcome")


async def _write(app: App, picture: Picture, path: Path, done: Done) -> Written:
    finished = await app.finisher.finish(picture)
    await asyncio.to_thread(files.write_whole, path, finished.png)
    return Written(path=path, seed=picture.recipe.seed, seconds=done.gpu_s / len(done.pictures))

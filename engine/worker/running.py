"""A job that was let in: its pictures in the making, its share of the device, and how far it is."""

import time
from dataclasses import dataclass, field
from typing import Any

from engine.domain import Job, Mode, Raster
from engine.errors import UserError
from engine.messages import JobStep
from engine.worker import vae
from engine.worker.batch import Lane, Member
from engine.worker.drawing import Drawing
from engine.worker.models import Model

PREVIEW_EVERY_S = 0.4  # chats take one edit a second at best, a page two or three: more would be drawn for nobody
# A job that is over in half a second has a development too. A preview is one small matrix product: 12 of them are less
# than one step of the smallest model.
PREVIEWS_AT_LEAST = 12


@dataclass(slots=True, eq=False)
class Running:
    """A job that was let in: its pictures still being drawn, decoded, and its share of the device so far."""

    job: Job
    model: Model
    deadline: float  # time.monotonic()
    drawings: dict[int, Drawing] = field(default_factory=dict)
    n_left: int = 0
    gpu_s: float = 0.0
    preview_due: float = 0.0  # the first step shows something at once
    n_shares_shown: int = 0  # of PREVIEWS_AT_LEAST


@dataclass(slots=True, eq=False)
class Decode:
    """One finished picture on its way to pixels."""

    running: Running
    index: int
    decoding: vae.Decoding


def member_of(job: Job, index: int, drawing: Drawing) -> Member:
    """The picture as the batch sees it."""
    recipe, model = drawing.recipe, drawing.model
    height, width = recipe.height_px // model.latent_factor, recipe.width_px // model.latent_factor
    lane = Lane(
        model=model.entry.name,
        height=height,
        width=width,
        n_tokens=drawing.embeddings[0].shape[1],
        mode=recipe.mode,
        alone=(job.id, index) if recipe.mode is Mode.EXACT else None,
    )
    return Member(
        key=(job.id, index),
        owner=job.owner,
        lane=lane,
        n_rows=drawing.n_rows,
        row_cost=recipe.width_px * recipe.height_px,
    )


def encode_source(model: Model, job: Job) -> Any | None:
    """The posterior of the job's source, if it has one. Raises: UserError for a size this model cannot draw."""
    factor = model.latent_factor
    if job.recipe.width_px % factor or job.recipe.height_px % factor:
        raise UserError(f"The model {model.entry.name} draws in steps of {factor} pixels; please choose such a size.")
    return vae.encode(model, job.source) if job.source is not None else None


def job_step(running: Running) -> JobStep:
    """How far a job is, with previews if they are due; pictures that are decoded count whole."""
    drawings = running.drawings
    n_steps = next(iter(drawings.values())).n_steps
    n_finished = running.job.n_pictures - len(drawings)
    previews: dict[int, Raster] = {}
    step = n_finished * n_steps + sum(drawing.step for drawing in drawings.values())
    now, share = time.monotonic(), step * PREVIEWS_AT_LEAST // (running.job.n_pictures * n_steps)
    if now >= running.preview_due or share > running.n_shares_shown:
        running.preview_due, running.n_shares_shown = now + PREVIEW_EVERY_S, share
        for index, drawing in drawings.items():
            latents = drawing.developing()
            if latents is not None:
                previews[index] = running.model.projector.raster(latents)
    return JobStep(
        job_id=running.job.id,
        step=step,
        n_steps=running.job.n_pictures * n_steps,
        previews=previews,
    )

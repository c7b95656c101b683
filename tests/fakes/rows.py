"""Stored rows for tests that need no database."""

from dataclasses import replace
from typing import Any

from engine.domain import Recipe, Sampler
from storage.records import JobRow, PictureRow, RequestRow, State

REQUEST = "k3f9m2q7xa"
RECIPE = Recipe(
    prompt="a red circle",
    model="pocket",
    seed=7,
    steps=20,
    guidance=4.0,
    sampler=Sampler.EULER_A,
    width_px=128,
    height_px=128,
)


def request_row(**changes: Any) -> RequestRow:
    """A request that waits."""
    row = RequestRow(
        id=REQUEST,
        event_key="w:1",
        owner="web:ada",
        account="web:ada",
        place="web:page",
        reply_to="web:ada",
        asker="Ada",
        kind="imagine",
        words="/imagine a red circle",
        parent=None,
        state=State.WAITING,
        sentence="",
        created_s=1_000.0,
        ended_s=None,
        grid_hash=None,
        is_deleted=False,
    )
    return replace(row, **changes)


def job_row(ordinal: int = 1, **changes: Any) -> JobRow:
    """A job of it that waits."""
    row = JobRow(
        id=f"{REQUEST}-{ordinal}",
        request=REQUEST,
        ordinal=ordinal,
        first_number=1,
        label="",
        recipe=RECIPE,
        n_pictures=1,
        source_file=None,
        treatment=None,
        state=State.WAITING,
        n_losses=0,
        gpu_s=0.0,
        sentence="",
    )
    return replace(row, **changes)


def picture_row(number: int = 1, **changes: Any) -> PictureRow:
    """A picture of it that is there."""
    row = PictureRow(
        request=REQUEST,
        number=number,
        job=f"{REQUEST}-1",
        recipe=RECIPE.with_seed(RECIPE.seed + number - 1),
        label="",
        treatment=None,
        pixel_hash="p" * 64,
        file_hash="f" * 64,
        thumbnail_hash="t" * 64,
        animation_hash=None,
        width_px=128,
        height_px=128,
        gpu_s=0.5,
        owner="web:ada",
        place="web:page",
        created_s=1_010.0,
    )
    return replace(row, **changes)

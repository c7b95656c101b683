"""The drawn training set: latents and captions of many seeds, and whole pictures of the first few for the decoder.

Knows nothing of networks. Drawn once by all cores and kept beside the checkpoints.
"""

from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.pocket import checkpoint
from engine.pocket.codec import raw_latents
from engine.pocket.world import PICTURE_PX, sample

# Seeds below this belong to tests and evaluation.
FIRST_SEED = 10_000_000
_CHUNK = 250
_LOOKED_AT = 16  # pictures drawn again to see whether a stored set is still what the world draws


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """What the stages train on.

    latents: raw, (N, 4, 16, 16), float16. pictures: the first M, (M, 128, 128, 3), uint8. captions: N of them.
    """

    latents: Tensor
    pictures: Tensor
    captions: tuple[str, ...]


def unit_range(pictures: Tensor) -> Tensor:
    """Turn (B, H, W, 3) uint8 into (B, 3, H, W) float32 in [-1, 1]."""
    return pictures.permute(0, 3, 1, 2).float().div(127.5).sub(1)


def training_set(path: Path, *, count: int, kept: int, processes: int) -> TrainingSet:
    """Read the set from `path`, or draw `count` pictures, keep `kept` of them whole, and write it there.

    A stored set of another size, or of a world that draws otherwise today, is drawn again.
    """
    stored = checkpoint.load(path)
    if stored is None or not _is_current(stored, count, kept):
        stored = _draw(count, kept, processes)
        checkpoint.save(path, stored)
    return TrainingSet(latents=stored["latents"], pictures=stored["pictures"], captions=tuple(stored["captions"]))


def _is_current(stored: dict[str, Any], count: int, kept: int) -> bool:
    if len(stored["captions"]) != count or len(stored["pictures"]) != kept:
        return False
    looked_at = min(_LOOKED_AT, kept)
    pictures, captions = _draw_chunk((FIRST_SEED, looked_at))
    return captions == stored["captions"][:looked_at] and bool(
        (stored["pictures"][:looked_at].numpy() == pictures).all()
    )


def _draw(count: int, kept: int, processes: int) -> dict[str, Any]:
    latents: list[Tensor] = []
    pictures: list[Tensor] = []
    captions: list[str] = []
    starts = range(FIRST_SEED, FIRST_SEED + count, _CHUNK)
    jobs = [(start, min(_CHUNK, FIRST_SEED + count - start)) for start in starts]
    # spawn: torch's thread pools do not survive a fork.
    with get_context("spawn").Pool(processes) as pool:
        for drawn, words in pool.imap(_draw_chunk, jobs):
            chunk = torch.from_numpy(drawn)
            latents.append(raw_latents(unit_range(chunk)).half())
            missing = kept - sum(len(part) for part in pictures)
            pictures.append(chunk[: max(0, missing)].clone())
            captions.extend(words)
    return {"latents": torch.cat(latents), "pictures": torch.cat(pictures), "captions": captions}


def _draw_chunk(job: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    start, count = job
    pictures = np.empty((count, PICTURE_PX, PICTURE_PX, 3), np.uint8)
    captions = []
    for row in range(count):
        drawn = sample(start + row)
        pictures[row] = np.asarray(drawn.picture)
        captions.append(drawn.caption)
    return pictures, captions

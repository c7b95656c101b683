"""Pixels → marked file bytes, and strangers' files → pixels, off the event loop: the one encoder of the product.

What is done to them is in `label`, `intake`, `look`, `resample`, `compose`, `grid` and `shrink`; here is the pool that
does it, whose processes never import torch. Knows nothing of files on disk, chats or the worker.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from PIL import Image

from engine import compose
from engine.chart import Figures, chart
from engine.domain import Picture, Raster
from engine.errors import JobError
from engine.grid import SHEET_PX, Cell, developing, grid, plain_grid
from engine.intake import raster_from_file
from engine.label import A1111_SAMPLERS, recipe_from_png, texts, version
from engine.look import Look, look
from engine.resample import resample
from engine.shrink import Shrunk, within

__all__ = [
    "A1111_SAMPLERS",
    "Cell",
    "Figures",
    "Finished",
    "Finisher",
    "Look",
    "Shrunk",
    "finished",
    "recipe_from_png",
    "version",
]

# Finishing is short (CPU seconds of one core, a photo: 0.03 at 128 px, 0.09 at 512 px, 0.6 at 2048 px, 1.6 at 4096 px):
# more processes would only take cores from the worker.
MAX_PROCESSES = 2
# Of address space, after which a decoder gets a MemoryError. The largest honest work measured, an upload of 24
# megapixels, peaks at 356 MB.
MAX_PROCESS_BYTES = 2 * 2**30

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A picture as files: `png` with its recipe in it, `thumbnail` a WebP; `pixel_hash` is the raster's SHA-256."""

    png: bytes
    thumbnail: bytes
    pixel_hash: str


def finished(picture: Picture, treatment: str | None = None) -> Finished:
    """Encode a picture with its recipe in it. Pure: the same picture and version give the same bytes."""
    raster = picture.raster
    image = Image.frombytes("RGB", (raster.width_px, raster.height_px), raster.rgb)
    return Finished(
        png=compose.plain_png(image, texts(picture.recipe, treatment)),
        thumbnail=compose.thumbnail(image),
        pixel_hash=raster.sha256(),
    )


class Finisher:
    """Encodes and reads pictures in processes of its own, which start with the first use.

    For one event loop. `close` it, or its processes stay until this one ends.
    """

    def __init__(self, max_processes: int = MAX_PROCESSES) -> None:
        self._max_processes = max_processes
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    async def finish(self, picture: Picture, *, treatment: str | None = None) -> Finished:
        """A picture as files. `treatment`: how its raster was made larger than the recipe says. Raises: JobError."""
        return await self._run(finished, picture, treatment)

    async def read_source(self, file: bytes, width_px: int, height_px: int) -> Raster:
        """A stranger's picture at the size asked for. Raises: BadPicture, JobError."""
        return await self._run(raster_from_file, file, width_px, height_px)

    async def look(self, file: bytes) -> Look:
        """An upload, checked, without metadata, and what recipe is in it. Raises: BadPicture, JobError."""
        return await self._run(look, file)

    async def resample(self, file: bytes, factor: int) -> Raster:
        """A picture 2 or 4 times as large, without a model. Raises: InvalidRecipe, BadPicture, JobError."""
        return await self._run(resample, file, factor)

    async def grid(self, cells: tuple[Cell, ...], title: str) -> bytes:
        """A PNG of labelled pictures under a title. Raises: BadPicture, JobError."""
        return await self._run(grid, cells, title)

    async def plain_grid(self, pngs: tuple[bytes, ...]) -> bytes:
        """A PNG of pictures side by side. Raises: BadPicture, JobError."""
        return await self._run(plain_grid, pngs)

    async def animation(self, frames: tuple[Raster, ...], png: bytes) -> bytes:
        """A WebP of the previews becoming the picture, noise first. Raises: BadPicture, JobError."""
        return await self._run(compose.animation, frames, png)

    async def developing(self, previews: tuple[Raster | None, ...], most_side_px: int = SHEET_PX) -> bytes:
        """A small WebP of all pictures of a request while they develop; None is not there yet. Raises: JobError."""
        return await self._run(developing, previews, most_side_px)

    async def within(self, png: bytes, most_bytes: int, texts_kept: bool = True) -> Shrunk:
        """A picture as the best file of at most so many bytes, with its recipe in it. Raises: BadPicture, JobError."""
        return await self._run(within, png, most_bytes, texts_kept)

    async def chart(self, figures: Figures) -> bytes:
        """A PNG of what was drawn day by day, and by whom. Raises: JobError."""
        return await self._run(chart, figures)

    async def close(self) -> None:
        """Let go of the processes; they end when what they do is done. Idempotent."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool:
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in the pool; when a process dies, once more in a new pool."""
        assert not kwargs
        for _attempt in range(2):
            if self._closed:
                break
            pool = self._pool = self._pool or _new_pool(self._max_processes)
            try:
                return await asyncio.get_running_loop().run_in_executor(pool, work, *args)
            except BrokenProcessPool:
                if self._pool is pool:  # several wait on one pool: the first to notice replaces it for all
                    self._pool = None
                pool.shutdown(wait=False)
        raise JobError("The picture could not be encoded: the process that does it died twice.")


def _new_pool(max_processes: int) -> ProcessPoolExecutor:
    """`spawn`, because a fork of a process with threads may deadlock."""
    return ProcessPoolExecutor(max_processes, multiprocessing.get_context("spawn"), _begin_process)


def _begin_process() -> None:
    """In each process of the pool: leave Ctrl-C to the parent, take no more than its memory, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # elsewhere it is not kept to, or not there
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_PROCESS_BYTES, hard))
    parent: Any = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(0)), daemon=True, name="exit-with-parent").start()

"""Pixels → marked file bytes, and strangers' files → pixels, off the event loop: the one encoder of the product.

What is done to them is in `label`, `intake`, `look`, `resample`, `compose`, `grid` and `shrink`; here is who
does it. Knows nothing of files on disk, chats or the worker.
"""

import asyncio
from dataclasses import dataclass

from PIL import Image

from engine import compose
from engine.chart import Figures, chart
from engine.domain import Picture, Raster
from engine.grid import SHEET_PX, Cell, developing, grid, plain_grid
from engine.intake import raster_from_file
from engine.label import A1111_SAMPLERS, recipe_from_png, texts, version
from engine.lane import Lane
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
# One more for what somebody sits in front of, or the device: short each (a sheet of previews 0.04, a chart 0.1, an
# upload of 24 megapixels 1.9), and there may be hundreds of pictures to finish.
N_FOR_WAITED = 1


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


def _nothing() -> None:
    """A process has started, with all that it imports."""


class Finisher:
    """Encodes and reads pictures in processes of its own, which start with the first use.

    What is drawn is finished and delivered in one lane; what somebody waits for has another, which no crowd fills.
    For one event loop. `close` it, or its processes stay until this one ends.
    """

    def __init__(self, max_processes: int = MAX_PROCESSES) -> None:
        self._finishing = Lane(max_processes)
        self._waited_for = Lane(N_FOR_WAITED)

    async def finish(self, picture: Picture, *, treatment: str | None = None) -> Finished:
        """A picture as files. `treatment`: how its raster was made larger than the recipe says. Raises: JobError."""
        return await self._finishing.run(finished, picture, treatment)

    async def read_source(self, file: bytes, width_px: int, height_px: int) -> Raster:
        """A stranger's picture at the size asked for. Raises: BadPicture, JobError."""
        return await self._waited_for.run(raster_from_file, file, width_px, height_px)

    async def look(self, file: bytes) -> Look:
        """An upload, checked, without metadata, and what recipe is in it. Raises: BadPicture, JobError."""
        return await self._waited_for.run(look, file)

    async def resample(self, file: bytes, factor: int) -> Raster:
        """A picture 2 or 4 times as large, without a model. Raises: InvalidRecipe, BadPicture, JobError."""
        return await self._finishing.run(resample, file, factor)

    async def grid(self, cells: tuple[Cell, ...], title: str) -> bytes:
        """A PNG of labelled pictures under a title. Raises: BadPicture, JobError."""
        return await self._finishing.run(grid, cells, title)

    async def plain_grid(self, pngs: tuple[bytes, ...]) -> bytes:
        """A PNG of pictures side by side. Raises: BadPicture, JobError."""
        return await self._finishing.run(plain_grid, pngs)

    async def animation(self, frames: tuple[Raster, ...], png: bytes) -> bytes:
        """A WebP of the previews becoming the picture, noise first. Raises: BadPicture, JobError."""
        return await self._finishing.run(compose.animation, frames, png)

    async def developing(self, previews: tuple[Raster | None, ...], most_side_px: int = SHEET_PX) -> bytes:
        """A small WebP of all pictures of a request while they develop; None is not there yet. Raises: JobError."""
        return await self._waited_for.run(developing, previews, most_side_px)

    async def within(self, png: bytes, most_bytes: int, texts_kept: bool = True) -> Shrunk:
        """A picture as the best file of at most so many bytes, with its recipe in it. Raises: BadPicture, JobError."""
        return await self._finishing.run(within, png, most_bytes, texts_kept)

    async def chart(self, figures: Figures) -> bytes:
        """A PNG of what was drawn day by day, and by whom. Raises: JobError."""
        return await self._waited_for.run(chart, figures)

    async def warm(self) -> None:
        """Start what people wait for, before the first of them does. Raises: JobError."""
        await self._waited_for.run(_nothing)

    async def close(self) -> None:
        """Let go of the processes; they end when what they do is done. Idempotent."""
        await asyncio.gather(self._finishing.close(), self._waited_for.close())

"""The picture that a message shows, and files as they are: within Telegram's bounds. Knows nothing of calls.

Several pictures are one grid; each alone comes on a button. Telegram makes a JPEG of every photo: for the very file
there is /original. What is too long and thin for a photo comes as a file.
"""

import struct
from dataclasses import dataclass, replace

from bot.cards import Card, Paper, State
from bot.platforms.fetching import Files, fetched, fetched_paper
from bot.platforms.telegram.address import Where
from engine.finish import Finisher

MAX_PHOTO_BYTES = 10 * 2**20 - 65_536
MAX_FILE_BYTES = 50 * 2**20 - 65_536
MAX_SUM_PX, MAX_RATIO = 10_000, 20  # of a photo: width and height together, one by the other
_PNG, _SIZE = b"\x89PNG\r\n\x1a\n", struct.Struct(">II")  # width and height stand first in a PNG, after its name


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file, and what it is called. `picture`: the picture of ours that it is, whole and alone."""

    name: str
    body: bytes
    is_photo: bool = True
    picture: str | None = None


class Pictures:
    """Gathers what a card shows."""

    def __init__(self, files: Files, finisher: Finisher) -> None:
        self._files = files
        self._finisher = finisher

    async def of_card(self, card: Card, where: Where) -> File | None:
        """One picture or file for a message, None for words alone. Raises: DarkroomError."""
        if card.paper:
            return await self._paper(card.paper, where)
        if card.state in (State.DRAWING, State.LOADING):
            return await self._preview(card)
        if card.grid:
            return await self._photo(*await self._read(where, card.grid, "picture"))
        there = [(tile.picture, tile.is_kept) for tile in card.tiles if tile.picture]
        kind = "picture" if card.id else "thumbnail"  # a page of the history is small
        found = [await self._read(where, picture, kind if is_kept else "thumbnail") for picture, is_kept in there]
        if not found:
            return None
        if len(found) == 1:
            alone, is_kept = there[0]
            return replace(await self._photo(*found[0]), picture=alone if card.id and is_kept else None)
        grid = await self._finisher.plain_grid(tuple(body for _, body in found))
        return await self._photo(f"darkroom-{len(found)}-pictures.png", grid)

    async def alone(self, where: Where, picture: str) -> File:
        """One picture, whole. Raises: DarkroomError."""
        return replace(await self._photo(*await self._read(where, picture, "picture")), picture=picture)

    async def _preview(self, card: Card) -> File | None:
        previews = tuple(tile.preview for tile in card.tiles)
        if not any(previews) or not all(_fits_photo(tile.width_px, tile.height_px) for tile in card.tiles):
            return None
        return File(name="developing.webp", body=await self._finisher.developing(previews))

    async def _photo(self, name: str, body: bytes) -> File:
        if body.startswith(_PNG) and not _fits_photo(*_SIZE.unpack_from(body, 16)):
            return File(name=name, body=body, is_photo=False)
        if len(body) <= MAX_PHOTO_BYTES:
            return File(name=name, body=body)
        shrunk = await self._finisher.within(body, MAX_PHOTO_BYTES)
        return File(name=name.removesuffix(".png") + shrunk.suffix, body=shrunk.file)

    async def _paper(self, paper: Paper, where: Where) -> File:
        name, body = await fetched_paper(self._files, where, paper, MAX_FILE_BYTES)
        is_chart = paper.kind == "paper" and paper.media_type == "image/png"
        return File(name=paper.download_name if paper.kind == "paper" else name, body=body, is_photo=is_chart)

    async def _read(self, where: Where, name: str, kind: str) -> tuple[str, bytes]:
        return await fetched(self._files, where, name, kind)


def _fits_photo(width_px: int, height_px: int) -> bool:
    long_px, short_px = max(width_px, height_px), min(width_px, height_px)
    return long_px + short_px <= MAX_SUM_PX and long_px <= MAX_RATIO * short_px

"""The files that a message carries: pictures, previews, papers, each within what the place takes.

Asks the studio for files on behalf of who sees the message. Knows nothing of messages and of calls.
"""

from bot.cards import Card, Paper, State, Tile
from bot.platforms.discord.address import Where
from bot.platforms.discord.messages import MAX_ITEMS, Upload, alt_of, fields_of, is_cut
from bot.platforms.fetching import Files, fetched, fetched_paper
from engine.errors import DarkroomError
from engine.finish import Finisher

_MARGIN_BYTES = 32_768  # of a message, for all that is not files
PREVIEW_NAME, IN_FULL_NAME = "developing.webp", "in-full.txt"


class Uploader:
    """Gathers files."""

    def __init__(self, files: Files, finisher: Finisher) -> None:
        self._files = files
        self._finisher = finisher

    async def of_card(self, card: Card, where: Where, most_bytes: int) -> tuple[Upload, ...]:
        """What this card shows, within so many bytes together. Raises: DarkroomError."""
        room = max(1, most_bytes - _MARGIN_BYTES)
        if card.paper:
            return (await self._paper(card.paper, where, room),)
        if not card.id:
            return (*await self._thumbnails(card, where), *_in_full(card))
        if card.state in (State.DRAWING, State.LOADING, State.WAITING):
            return await self._previews(card)
        if card.grid:
            return (await self._grid(card, where, room),)
        there = [tile for tile in card.tiles if tile.picture]
        return await self._pictures(there, where, room)

    async def _pictures(self, tiles: list[Tile], where: Where, room: int) -> tuple[Upload, ...]:
        if not tiles:
            return ()
        pngs = [await self._picture(tile, where) for tile in tiles]
        if len(tiles) > MAX_ITEMS:
            whole = await self._finisher.plain_grid(tuple(body for _, body in pngs))
            alt = f"{len(tiles)} pictures: {alt_of(tiles[0])}"
            return (await self._fitting(f"darkroom-{len(tiles)}-pictures.png", whole, room, alt),)
        if sum(len(body) for _, body in pngs) <= room:
            return tuple(
                Upload(name=name, body=body, media_type=_media_type(name), alt=alt_of(tile))
                for tile, (name, body) in zip(tiles, pngs, strict=True)
            )
        each_room = room // len(tiles)
        return tuple(
            [
                await self._fitting(name, body, each_room, alt_of(tile))
                for tile, (name, body) in zip(tiles, pngs, strict=True)
            ]
        )

    async def _picture(self, tile: Tile, where: Where) -> tuple[str, bytes]:
        """The file of a picture, or what is left of it."""
        assert tile.picture
        return await self._read(where, tile.picture, "picture" if tile.is_kept else "thumbnail")

    async def _grid(self, card: Card, where: Where, room: int) -> Upload:
        assert card.grid
        name, body = await self._read(where, card.grid, "picture")
        alt = f"{len(card.tiles)} pictures with labels: {alt_of(card.tiles[0])}" if card.tiles else "A comparison"
        return await self._fitting(name, body, room, alt)

    async def _fitting(self, name: str, png: bytes, room: int, alt: str) -> Upload:
        if len(png) <= room or not name.endswith(".png"):
            return Upload(name=name, body=png, media_type=_media_type(name), alt=alt)
        shrunk = await self._finisher.within(png, room)
        return Upload(
            name=name.removesuffix(".png") + shrunk.suffix, body=shrunk.file, media_type=shrunk.media_type, alt=alt
        )

    async def _previews(self, card: Card) -> tuple[Upload, ...]:
        previews = tuple(tile.preview for tile in card.tiles)
        if not any(previews):
            return ()
        sheet = await self._finisher.developing(previews)
        return (Upload(name=PREVIEW_NAME, body=sheet, media_type="image/webp", alt="The picture as it develops"),)

    async def _thumbnails(self, card: Card, where: Where) -> tuple[Upload, ...]:
        found = []
        for tile in card.tiles[:MAX_ITEMS]:
            if not tile.picture:
                continue
            try:
                name, body = await self._read(where, tile.picture, "thumbnail")
            except DarkroomError:
                continue  # its line is there all the same
            found.append(Upload(name=name, body=body, media_type=_media_type(name), alt=alt_of(tile)))
        return tuple(found)

    async def _paper(self, paper: Paper, where: Where, room: int) -> Upload:
        name, body = await fetched_paper(self._files, where, paper, room)
        is_picture = paper.media_type.startswith("image/") and paper.kind == "paper"
        return Upload(
            name=paper.download_name if paper.kind == "paper" else name,
            body=body,
            media_type=paper.media_type,
            alt=paper.alt,
            is_picture=is_picture or paper.kind != "paper",
        )

    async def _read(self, where: Where, name: str, kind: str) -> tuple[str, bytes]:
        """What it is called on somebody's disk, and the file."""
        return await fetched(self._files, where, name, kind)


def _in_full(card: Card) -> tuple[Upload, ...]:
    """What a message has no room for, as a file."""
    if not is_cut(card):
        return ()
    body = fields_of(card).encode()
    return (Upload(name=IN_FULL_NAME, body=body, media_type="text/plain; charset=utf-8", is_picture=False),)


def _media_type(name: str) -> str:
    return "image/webp" if name.endswith(".webp") else "image/png"

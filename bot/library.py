"""What can be looked at: conversations, histories, files, each for who may see it. Changes nothing.

Knows rows and cards; knows no platform.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bot import answers
from bot.cards import Card, Origin, Paper, State
from bot.gallery import HistoryPage, PictureLine
from bot.live import Live
from bot.showing import GRID_NUMBER, NOTICE, buttons_of, card_of
from bot.sources import Sources, split
from engine.errors import StorageError, UserError
from storage import records
from storage.ids import picture_name
from storage.records import JobRow, PictureRow, RequestRow
from storage.store import Store

_GONE = "That file is no longer kept."


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A file to hand out: where it lies, what it is, and what to call it on somebody's disk."""

    path: Path
    media_type: str
    download_name: str


_NO_NEWS = frozenset({"show", NOTICE})  # there was nothing to wait for


class Library:
    """Reads what is kept and what is being made. Every method raises UserError for what is not theirs or not there."""

    def __init__(
        self,
        store: Store,
        sources: Sources,
        live: Callable[[str], Live | None],
        visibility: Callable[[str], Awaitable[str]],
        wants_ping: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._store = store
        self._visibility = visibility
        self._wants_ping = wants_ping
        self._sources = sources
        self._live = live
        self.notice = ""  # what to say to those who wait: that the engine is paused

    async def rendered(self, request_id: str) -> tuple[RequestRow, Card] | None:
        """A request and its message as it is now; None where it is gone."""
        row = await self._store.requests.find(request_id)
        if row is None:
            return None
        if row.is_deleted:
            return row, Card(id=row.id, kind=row.kind, state=State.CANCELLED)
        card = await self.card(row)
        is_done = card.state is State.DONE and row.kind not in _NO_NEWS
        return row, replace(card, is_to_ping=True) if is_done and await self._wants_ping(row.account) else card

    async def covered(self, card: Card, place: str) -> Card:
        """Its pictures covered, those that come as files too, where the place has it so."""
        try:
            is_spoiler = bool(card.tiles or card.paper) and await self._visibility(place) == "spoiler"
        except StorageError:  # rather one too many
            is_spoiler = True
        return replace(card, is_spoiler=True) if is_spoiler else card

    async def card(self, row: RequestRow) -> Card:
        """The message of a request as it is now."""
        return await self.covered(await self._uncovered(row), row.place)

    async def _uncovered(self, row: RequestRow) -> Card:
        live = self._live(row.id)
        if live and row.state is records.State.WAITING:
            return self.card_of(row, live.jobs)
        if row.kind == "show":
            picture = await self._store.history.picture(*split(row.parent or ""))
            return card_of(row, (), (picture,) if picture else ())
        jobs = await self._store.requests.jobs_of(row.id)
        return card_of(row, jobs, await self._store.history.pictures_of(row.id))

    def card_of(self, row: RequestRow, jobs: tuple[JobRow, ...]) -> Card:
        """The message of a request that is not over, from what is in memory; those who wait are told why."""
        live = self._live(row.id)
        is_stuck = live is not None and bool(live.trouble)  # whatever was drawn of it could not be written down
        card = card_of(row, jobs, live.pictures if live else (), None if is_stuck else live)
        notice = (live.trouble if live else "") or self.notice
        return replace(card, sentence=notice, wait_s=None) if notice and card.state is State.WAITING else card

    async def conversation(self, account: str, before: str | None, limit: int) -> tuple[tuple[Card, ...], bool]:
        """The latest cards of an account, or those before a request; oldest first, and whether there are older ones."""
        since = await self._store.requests.find(before) if before else None
        if before and (since is None or since.account != account):
            raise UserError("I do not know that message; reload the page.")
        rows = await self._store.requests.conversation(
            account, since.created_s if since else None, before if since else None, limit + 1
        )
        cards = [await self.card(row) for row in reversed(rows[:limit])]
        return tuple(cards), len(rows) > limit

    async def history(self, owner: str, words: str, before: str | None, limit: int) -> HistoryPage:
        """Somebody's pictures, newest first, from after the picture named `before`."""
        cursor = await self._store.history.picture(*split(before)) if before else None
        if before and (cursor is None or cursor.owner != owner):
            raise UserError("I do not know that picture; reload the page.")
        rows = await self._store.history.search(owner, words, cursor, limit + 1)
        return HistoryPage(
            pictures=tuple(_line(row) for row in rows[:limit]),
            next=rows[limit - 1].name if len(rows) > limit else None,
            total=await self._store.history.count(owner, words),
        )

    async def file(self, owner: str, name: str, kind: str) -> Served:
        """A file of somebody's own: kind is picture, thumbnail, animation or upload."""
        nowhere = Origin(platform="", owner=owner, place="", reply_to="", event_key="", asker="")
        return await self.file_for(nowhere, name, kind)

    async def file_for(self, origin: Origin, name: str, kind: str) -> Served:
        """A picture's file, for who may see it from there; an upload for its owner."""
        if kind == "upload":
            return await self._served(self._sources.upload_file(origin.owner, name), "image/png", "upload.png")
        if kind != "animation" and split(name)[1] == GRID_NUMBER:
            return await self._grid(await self._sources.request(origin, split(name)[0], naming=name))
        return await self._file(await self._sources.picture(origin, name), kind)

    async def original(self, origin: Origin, name: str | None) -> Card:
        """A picture's original to take away, or the labelled grid of a comparison."""
        if name and split(name)[1] == GRID_NUMBER:
            row = await self._sources.request(origin, split(name)[0], naming=name)
            paper = await _paper(await self._grid(row), picture_name(row.id, GRID_NUMBER), "picture", row.words)
            return await self.covered(answers.labelled_grid(row.id, paper), origin.place)
        picture = (await self._sources.find(origin, name, ())).picture
        assert picture, "without uploads it is one of ours"
        served = await self._file(picture, "picture")
        paper = await _paper(served, picture.name, "picture", picture.recipe.prompt)
        return await self.covered(answers.original(picture.name, paper), origin.place)

    async def development(self, origin: Origin, name: str) -> Card:
        """How a picture developed, as an animation to take away."""
        picture = await self._sources.picture(origin, name)
        if picture.animation_hash is None:
            raise UserError(f"There is no development of {picture.name}: it was made at once, or is no longer kept.")
        served = await self._file(picture, "animation")
        paper = await _paper(served, picture.name, "animation", picture.recipe.prompt)
        return await self.covered(answers.development(picture.name, paper), origin.place)

    async def _grid(self, row: RequestRow) -> Served:
        return await self._served(row.grid_hash, "image/png", f"darkroom-{row.id}-compared.png")

    async def _file(self, picture: PictureRow, kind: str) -> Served:
        stem = f"darkroom-{picture.request}-{picture.number}-seed-{picture.recipe.seed}"
        match kind:
            case "picture":
                return await self._served(picture.file_hash, "image/png", f"{stem}.png")
            case "thumbnail":
                return await self._served(picture.thumbnail_hash, "image/webp", f"{stem}-small.webp")
            case _:
                return await self._served(picture.animation_hash, "image/webp", f"{stem}-development.webp")

    async def _served(self, file_hash: str | None, media_type: str, download_name: str) -> Served:
        if file_hash is None or not await self._store.pictures.has(file_hash):
            raise UserError(_GONE)
        path = self._store.pictures.path(file_hash)
        return Served(path=path, media_type=media_type, download_name=download_name)


async def _paper(served: Served, name: str, kind: str, alt: str) -> Paper:
    """A file that is kept, as what goes with an answer."""
    try:
        n_bytes = (await asyncio.to_thread(served.path.stat)).st_size
    except OSError as exc:  # it had to make room just now
        raise UserError(_GONE) from exc
    return Paper(
        name=name,
        media_type=served.media_type,
        download_name=served.download_name,
        n_bytes=n_bytes,
        alt=alt,
        kind=kind,
    )


def _line(row: PictureRow) -> PictureLine:
    return PictureLine(
        picture=row.name,
        prompt=row.recipe.prompt,
        seed=row.recipe.seed,
        model=row.recipe.model,
        width_px=row.width_px,
        height_px=row.height_px,
        created_s=row.created_s,
        has_animation=row.animation_hash is not None,
        is_kept=row.is_kept,
        label=row.label,
        buttons=buttons_of(row),
    )

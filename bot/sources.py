"""The picture that a request starts from: an upload, one of ours by its name, or the newest.

Uploads are checked and stripped at once and kept in the picture store; their names live in memory, the latest few
of each person. Whose picture somebody may use is decided here. Knows nothing of recipes to come.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from bot import a1111
from bot.cards import Origin
from bot.recipes import words_of
from engine.domain import Recipe
from engine.errors import UserError
from engine.finish import Finisher
from storage.ids import read_picture_name
from storage.records import JobRow, PictureRow, RequestRow
from storage.store import Store

MAX_UPLOADS_EACH = 32  # of one person, by name: each is a file on disk, and none is in memory
MAX_UPLOADS = 4_096  # of all
_NO_PICTURE = "I know no picture {name} of yours. See /history for what you have."
_GONE = "The file of picture {name} is no longer kept. Its recipe is: /again draws it anew."
_NOTHING_AT_HAND = "Give me a picture first: attach one, answer to one, or name one from /history."


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload that was taken in. `recipe`: a sentence about the recipe in it; `words` draw it again; both or none."""

    id: str
    width_px: int
    height_px: int
    recipe: str | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A picture to start from: `file_hash` in the store, upright, its size; ours has `picture`, a recipe if known."""

    file_hash: str
    width_px: int
    height_px: int
    recipe: Recipe | None = None
    picture: PictureRow | None = None

    @property
    def name(self) -> str | None:
        """The name of a picture of ours."""
        return self.picture.name if self.picture else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    owner: str
    found: Found
    parameters: str | None


class Sources:
    """Finds pictures to start from, and says whose they are."""

    def __init__(self, store: Store, finisher: Finisher) -> None:
        self._store = store
        self._finisher = finisher
        self._uploads: OrderedDict[str, _Kept] = OrderedDict()

    async def take(self, owner: str, file: bytes) -> Upload:
        """Check and keep an upload. Raises: BadPicture, StorageError."""
        look = await self._finisher.look(file)
        file_hash = await self._store.pictures.put(look.png, "image/png")
        upload_id = secrets.token_urlsafe(12)
        found = Found(file_hash=file_hash, width_px=look.width_px, height_px=look.height_px, recipe=look.recipe)
        self._uploads[upload_id] = _Kept(owner=owner, found=found, parameters=look.parameters)
        own = [each for each, kept in self._uploads.items() if kept.owner == owner]
        for each in own[:-MAX_UPLOADS_EACH]:
            del self._uploads[each]
        while len(self._uploads) > MAX_UPLOADS:
            self._uploads.popitem(last=False)
        told, words = imported(look.recipe, look.parameters)
        return Upload(id=upload_id, width_px=look.width_px, height_px=look.height_px, recipe=told, words=words)

    async def forget(self, owner: str) -> None:
        """Their uploads are gone, and the files of those that nothing was made from. Raises: StorageError."""
        own = [upload_id for upload_id, kept in self._uploads.items() if kept.owner == owner]
        await self._store.pictures.forget({self._uploads.pop(each).found.file_hash for each in own})

    def upload_file(self, owner: str, upload_id: str) -> str:
        """The hash of an upload's file. Raises: UserError."""
        return self._upload(owner, upload_id).found.file_hash

    def parameters(self, owner: str, upload_id: str) -> str | None:
        """What another program wrote into an upload about how it was made. Raises: UserError."""
        return self._upload(owner, upload_id).parameters

    async def find(self, origin: Origin, name: str | None, uploads: tuple[str, ...]) -> Found:
        """What is attached, else what is named, else what was answered to, else the newest. Raises: UserError."""
        if uploads:
            return self._upload(origin.owner, uploads[0]).found
        if name is None and origin.answered:
            name = origin.answered
        if name is not None:
            return _with_file(await self.picture(origin, name))
        newest = await self._store.history.newest(origin.owner)
        if newest is None:
            raise UserError(_NOTHING_AT_HAND)
        return _with_file(newest)

    async def find_kept_or_not(self, origin: Origin, name: str | None) -> PictureRow:
        """A picture of ours whose file may be gone: what is named, answered to, or the newest. Raises: UserError."""
        if name or origin.answered:
            return await self.picture(origin, name or origin.answered or "")
        newest = await self._store.history.newest(origin.owner)
        if newest is None:
            raise UserError(_NOTHING_AT_HAND)
        return newest

    async def jobs(self, origin: Origin, request: str) -> tuple[JobRow, ...]:
        """The jobs of a request they may see. Raises: UserError."""
        row = await self.request(origin, request)
        return await self._store.requests.jobs_of(row.id)

    async def source_file(self, picture: PictureRow) -> str:
        """The stored file that a picture of ours was redrawn from. Raises: UserError if it is no longer kept."""
        jobs = await self._store.requests.jobs_of(picture.request)
        own = next((job for job in jobs if job.id == picture.job), None)
        kept = own.source_file if own and not own.treatment else None
        if kept is None and picture.recipe.source:  # an enlarged one: its own source is what was enlarged
            kept = await self._store.history.file_of_pixels(picture.recipe.source.sha256)
        if kept is None:
            raise UserError("The picture that this one was redrawn from is no longer kept; give me one with /remix.")
        return kept

    async def picture(self, origin: Origin, name: str) -> PictureRow:
        """A picture of ours that they may see. Raises: UserError, in the same words for not theirs and not there."""
        request, number = split(name)
        row = await self._request_with(origin, request, number, name)
        if row.kind == "show" and row.parent:
            request, number = split(row.parent)
            await self._request_with(origin, request, number, name)
        found = await self._store.history.picture(request, number)
        if found is None:
            raise UserError(_NO_PICTURE.format(name=name[:40]))
        return found

    async def request(self, origin: Origin, request: str, naming: str | None = None) -> RequestRow:
        """A request they may see. Raises: UserError."""
        row = await self._store.requests.find(request)
        if row is None or row.is_deleted or not may_see(origin, row):
            raise UserError(_NO_PICTURE.format(name=(naming or request)[:40]))
        return row

    async def _request_with(self, origin: Origin, request: str, number: int, name: str) -> RequestRow:
        """The request of a picture that they may see."""
        row = await self._store.requests.find(request)
        is_there = row is not None and not row.is_deleted
        if row and is_there and (may_see(origin, row) or await self._store.abroad.is_shared(request, number)):
            return row
        raise UserError(_NO_PICTURE.format(name=name[:40]))

    def _upload(self, owner: str, upload_id: str) -> _Kept:
        kept = self._uploads.get(upload_id)
        if kept is None or kept.owner != owner:
            raise UserError("That upload is no longer here; attach the picture again.")
        self._uploads.move_to_end(upload_id)
        return kept


def may_see(origin: Origin, row: RequestRow) -> bool:
    """Their own, and whatever was made in a place that people share."""
    return row.owner == origin.owner or (origin.sees_others and row.place == origin.place)


def split(name: str) -> tuple[str, int]:
    """The request and number that a picture's name is made of; the request alone means its first. Total."""
    return read_picture_name(name.strip().lower()) or ("", 0)


def imported(recipe: Recipe | None, parameters: str | None) -> tuple[str | None, str | None]:
    """What to say of a recipe found in a file, and the words that draw it again."""
    if recipe:
        from_another = (
            " It was redrawn from another picture: attach that one to draw it again." if recipe.source else ""
        )
        return f"This picture carries a Darkroom recipe.{from_another}", words_of(recipe)
    wish = a1111.read(parameters) if parameters else None
    if wish is None:
        return None, None
    notes = " ".join(wish.notes)
    return f"This picture carries a recipe. {notes}".strip(), wish.words


def _with_file(picture: PictureRow) -> Found:
    if picture.file_hash is None:
        raise UserError(_GONE.format(name=picture.name))
    return Found(
        file_hash=picture.file_hash,
        width_px=picture.width_px,
        height_px=picture.height_px,
        recipe=picture.recipe,
        picture=picture,
    )

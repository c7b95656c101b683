"""The picture that a request starts from: an upload, one of ours by its name, or the newest.

Uploads are checked and stripped at once and kept in the picture store; their names live in memory, the latest few
of each person, and the file of one that is pushed out goes, unless something was made of it. Whose picture somebody may
use is decided here. Knows nothing of recipes to come.
"""

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from bot import a1111
from bot.cards import Origin
from bot.recipes import words_of
from engine.domain import Recipe
from engine.errors import StorageError, UserError
from engine.finish import Finisher
from storage.ids import read_picture_name
from storage.records import JobRow, PictureRow, RequestRow
from storage.store import Store

MAX_UPLOADS_EACH = 32  # of one person, by name: each is a file on disk, and none is in memory
MAX_UPLOADS = 4_096  # of all
# One of 4,096 pixels on a side is 50 MB if it is noise. Over these the oldest go: of the person, of all.
MAX_BYTES_EACH, MAX_BYTES = 256 * 2**20, 2 * 2**30
_UPLOAD_GONE = "That upload is no longer here; attach the picture again."
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
    n_bytes: int


log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Sources:
    """Finds pictures to start from, and says whose they are."""

    def __init__(self, store: Store, finisher: Finisher) -> None:
        self._store = store
        self._finisher = finisher
        self._uploads: OrderedDict[str, _Kept] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, owner: str, file: bytes, account: str = "") -> Upload:
        """Check and keep an upload of a person, given by this account of theirs. Raises: BadPicture, StorageError."""
        async with self._turn(owner):
            look = await self._finisher.look(file)
            file_hash = await self._store.pictures.put(look.png, "image/png", account or owner)
            upload_id = secrets.token_urlsafe(12)
            found = Found(file_hash=file_hash, width_px=look.width_px, height_px=look.height_px, recipe=look.recipe)
            kept = _Kept(owner=owner, found=found, parameters=look.parameters, n_bytes=len(look.png))
            self._uploads[upload_id] = kept
            await self._make_room(owner)
        told, words = imported(look.recipe, look.parameters)
        return Upload(id=upload_id, width_px=look.width_px, height_px=look.height_px, recipe=told, words=words)

    async def forget(self, owner: str) -> None:
        """Their uploads are gone, and the files of those that nothing was made from. Raises: StorageError."""
        async with self._turn(owner):  # after the one that is being taken
            await self._drop([upload_id for upload_id, kept in self._uploads.items() if kept.owner == owner])

    async def _make_room(self, owner: str) -> None:
        """The oldest of theirs go that are too many or too large, then the oldest of all."""
        own = {upload_id: kept for upload_id, kept in self._uploads.items() if kept.owner == owner}
        going = _too_many(own, MAX_UPLOADS_EACH, MAX_BYTES_EACH)
        going |= _too_many(
            {each: self._uploads[each] for each in self._uploads if each not in going}, MAX_UPLOADS, MAX_BYTES
        )
        try:
            await self._drop(list(going))
        except StorageError as exc:
            log.warning("uploads could not be let go of", reason=str(exc))

    async def _drop(self, uploads: list[str]) -> None:
        """Their names go, and the files that nothing was made from and no other name is for. Raises: StorageError."""
        hashes = {kept.found.file_hash for each in uploads if (kept := self._uploads.pop(each, None))}
        await self._store.pictures.forget(hashes - {kept.found.file_hash for kept in self._uploads.values()})

    def _turn(self, owner: str) -> asyncio.Lock:
        """One after the other for one person."""
        return self._turns.setdefault(owner, asyncio.Lock())

    def upload_file(self, owner: str, upload_id: str) -> str:
        """The hash of an upload's file. Raises: UserError."""
        return self._upload(owner, upload_id).found.file_hash

    def parameters(self, owner: str, upload_id: str) -> str | None:
        """What another program wrote into an upload about how it was made. Raises: UserError."""
        return self._upload(owner, upload_id).parameters

    async def find(self, origin: Origin, name: str | None, uploads: tuple[str, ...]) -> Found:
        """What is attached, else what is named, else what was answered to, else the newest. Raises: UserError."""
        if uploads:
            found = self._upload(origin.owner, uploads[0]).found
            if not await self._store.pictures.has(found.file_hash):  # it had to make room
                raise UserError(_UPLOAD_GONE)
            return found
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
            raise UserError(_UPLOAD_GONE)
        self._uploads.move_to_end(upload_id)
        return kept


def _too_many(uploads: dict[str, _Kept], most: int, most_bytes: int) -> set[str]:
    """Those that are too many, the oldest; the newest always stays."""
    going = set(list(uploads)[:-most])
    left = sum(kept.n_bytes for each, kept in uploads.items() if each not in going)
    for each, kept in list(uploads.items())[:-1]:
        if left <= most_bytes:
            break
        if each not in going:
            going.add(each)
            left -= kept.n_bytes
    return going


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

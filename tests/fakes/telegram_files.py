"""Files of the fake Telegram: photos are made anew as JPEG, as Telegram does, and everything else keeps its bytes."""

import hashlib
import io
import mimetypes
import secrets
from dataclasses import dataclass, field

from PIL import Image, ImageOps

from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_world import MIB, File, Media, World

LINK_S = 3600.0  # for how long the address of a file is good
_JPEG_QUALITY = 87
_THUMBNAILS_PX = (90, 320)
_MOST_SIDES_PX, _MOST_RATIO = 10_000, 20  # width and height together; one by the other
_PREFIX = {"photo": "AgACAgI", "document": "BQACAgI", "animation": "CgACAgI"}
_FOLDER = {"photo": "photos", "document": "documents", "animation": "animations"}


@dataclass(kw_only=True, frozen=True)
class Part:
    """An uploaded file."""

    filename: str
    content: bytes = field(repr=False)
    content_type: str = ""


@dataclass(kw_only=True)
class Sizes:
    """How large things may be. `side_px`: to which the longest side of a photo is made smaller."""

    photo: int = 10 * MIB
    upload: int = 50 * MIB
    download: int = 20 * 1000 * 1000
    side_px: int = 1280


class Files:
    """What is on the servers. `reuses_uploads`: the same bytes as a photo again are the same photo, by its file_id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sizes = Sizes()
        self.reuses_uploads = True
        self._uploads: dict[str, Media] = {}  # photos, by the digest of what was uploaded
        self._photos: dict[str, Media] = {}  # by the file_id of each size
        self._linked: dict[str, File] = {}  # by where they can be fetched
        self._n_made = 0

    def photo(self, content: bytes) -> Media:
        """Raises: Refusal for what is no picture, too heavy, too large or too long."""
        if len(content) > self.sizes.photo:
            most = f"the maximum size is {self.sizes.photo} bytes"
            raise Refusal.bad(f"file of size {len(content)} bytes is too big for a photo; {most}")
        digest = hashlib.sha256(content).hexdigest()
        if self.reuses_uploads and digest in self._uploads:
            return self._uploads[digest]
        picture = self._decoded(content)
        shrunk = [self._size(picture, side) for side in _THUMBNAILS_PX if max(picture.size) > side]
        media = self._photo_of((*shrunk, self._size(picture, self.sizes.side_px)))
        self._uploads[digest] = media
        return media

    def document(self, part: Part) -> Media:
        """The bytes as they are."""
        mime = mimetypes.guess_type(part.filename)[0] or part.content_type or "application/octet-stream"
        file = self._file("document", part.content, part.filename, mime)
        try:
            picture = self._decoded(part.content)
        except Refusal:
            return Media(file=file)
        file.thumbnail = self._size(picture, _THUMBNAILS_PX[1])
        return Media(file=file)

    def animation(self, part: Part) -> Media:
        """A GIF or an MP4; anything else is a document. Telegram would make an MP4 of a GIF, here it stays one."""
        is_mp4, is_gif = part.content[4:8] == b"ftyp", part.content[:4] == b"GIF8"
        if not (is_mp4 or is_gif):
            return self.document(part)
        file = self._file("animation", part.content, part.filename, "video/mp4" if is_mp4 else "image/gif")
        if is_gif:
            with Image.open(io.BytesIO(part.content)) as picture:
                file.width, file.height = picture.size
                for n in range(getattr(picture, "n_frames", 1)):
                    picture.seek(n)
                    file.duration_s += picture.info.get("duration", 0) / 1000
            file.duration_s = round(file.duration_s)
        return Media(file=file)

    def known(self, file_id: str, kind: str) -> Media:
        """What was sent before. Raises: Refusal."""
        file = self._world.files.get(file_id)
        if file is None:
            raise Refusal(Why.URL if "://" in file_id else Why.FILE_ID)
        if file.kind != kind:
            raise Refusal.bad(f"can't use file of type {file.kind.capitalize()} as {kind.capitalize()}")
        return self._photos[file_id] if kind == "photo" else Media(file=file)

    def linked(self, file_id: str) -> File:
        """For a while it can be fetched. Raises: Refusal."""
        file = self._world.files.get(file_id)
        if file is None:
            raise Refusal(Why.BAD_FILE_ID)
        if file.size > self.sizes.download:
            raise Refusal(Why.FILE_TOO_BIG)
        file.linked_until_s = self._world.now() + LINK_S
        self._linked[file.path] = file
        return file

    def at(self, path: str) -> File | None:
        """What can be fetched there now."""
        file = self._linked.get(path)
        return file if file and self._world.now() < file.linked_until_s else None

    # Below

    def _decoded(self, content: bytes) -> Image.Image:
        try:
            with Image.open(io.BytesIO(content)) as opened:
                width, height = opened.size
                if width + height > _MOST_SIDES_PX or max(width, height) > _MOST_RATIO * min(width, height):
                    raise Refusal(Why.DIMENSIONS)
                picture = ImageOps.exif_transpose(opened)
                picture.load()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            raise Refusal(Why.NO_IMAGE) from None
        if picture.mode in ("RGBA", "LA", "PA", "P"):
            seen = picture.convert("RGBA")
            picture = Image.new("RGBA", seen.size, "white")
            picture.alpha_composite(seen)
        return picture.convert("RGB")

    def _size(self, picture: Image.Image, side_px: int) -> File:
        small = picture.copy()
        small.thumbnail((side_px, side_px))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=_JPEG_QUALITY)
        file = self._file("photo", out.getvalue(), "", "image/jpeg")
        file.width, file.height = small.size
        return file

    def _photo_of(self, sizes: tuple[File, ...]) -> Media:
        media = Media(file=sizes[-1], sizes=sizes)
        self._photos |= {each.id: media for each in sizes}
        return media

    def _file(self, kind: str, content: bytes, name: str, mime: str) -> File:
        if not content:
            raise Refusal(Why.EMPTY_FILE)
        extension = ".jpg" if kind == "photo" else mimetypes.guess_extension(mime) or ""
        self._n_made += 1
        file = File(
            id=f"{_PREFIX[kind]}{secrets.token_urlsafe(40)}",
            unique_id=secrets.token_urlsafe(11),
            kind=kind,
            content=content if self._world.keeps_files else b"",
            size=len(content),
            digest=hashlib.sha256(content).hexdigest(),
            path=f"{_FOLDER[kind]}/file_{self._n_made}{extension}",
            name=name,
            mime=mime,
        )
        self._world.files[file.id] = file
        return file

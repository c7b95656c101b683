"""A picture's PNG → the best file within so many bytes, because chats limit uploads. Pure; runs in the pool.

Down a ladder: the PNG as it is, WebP without loss, WebP of the same size, smaller WebP. What the PNG says of its recipe
is said in the WebP too, and nothing else is. Knows nothing of chats.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from engine.compose import bare, plain_png
from engine.errors import JobError
from engine.intake import opened, upright_rgb
from engine.label import JSON_KEYWORD, PARAMETERS_KEYWORD, chunks
from engine.marks import exif_of, png_texts

QUALITIES = (95, 90, 80)  # of the picture's own size: 95 cannot be told from the original by looking
SCALES = (3 / 4, 1 / 2, 3 / 8, 1 / 4, 3 / 16, 1 / 8, 3 / 32, 1 / 16, 1 / 32)
SCALED_QUALITY = 85  # of pictures made smaller: at half the size a lower one is seen before it saves much
MIN_SIDE_PX = 64  # of the longer side: what is smaller shows nothing
# WebP without loss saves a photo 5 to 30 % of its PNG, and flat shapes two thirds. Where more is to be saved it is not
# tried: it is the dearest step, 3 s of one core at 2048 px and 12 s at 4096 px.
_LOSSLESS_SAVES = 3
_EFFORT = 4  # of 0 to 6. Without loss 6 takes twice as long for 0.1 %
_PIXELS = frozenset((b"IHDR", b"IDAT", b"IEND"))
_TEXTS = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_MARKS = frozenset(keyword.encode() for keyword in (PARAMETERS_KEYWORD, JSON_KEYWORD))
_SIGNATURE_BYTES, _AROUND_A_CHUNK_BYTES = 8, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """A picture as a file that fits. `suffix` is ".png" or ".webp"; `is_original`: the very bytes of the original."""

    file: bytes
    media_type: str
    suffix: str
    width_px: int
    height_px: int
    is_original: bool


def within(png: bytes, most_bytes: int, texts_kept: bool = True) -> Shrunk:
    """The best file of a picture that has no more than `most_bytes`.

    `texts_kept`: say of its recipe what the PNG says. Raises: BadPicture; JobError if nothing of it fits.
    """
    with opened(png) as image:
        is_as_it_may_be = _is_plain(png, with_marks=texts_kept)
        if is_as_it_may_be and len(png) <= most_bytes:
            return _png(png, image.size, is_original=True)
        picture = upright_rgb(image)
        texts = png_texts(image) if texts_kept else {}
    if not is_as_it_may_be:
        png = plain_png(picture, texts)
        if len(png) <= most_bytes:
            return _png(png, picture.size, is_original=False)
    has_hope = len(png) <= _LOSSLESS_SAVES * most_bytes
    for width_px, height_px, file in _webps(picture, exif_of(texts), with_lossless=has_hope):
        if len(file) <= most_bytes:
            return Shrunk(
                file=file,
                media_type="image/webp",
                suffix=".webp",
                width_px=width_px,
                height_px=height_px,
                is_original=False,
            )
    raise JobError(f"The picture cannot be made small enough: a file may have {most_bytes:,} bytes here.")


def _webps(picture: Image.Image, exif: bytes, *, with_lossless: bool) -> Iterator[tuple[int, int, bytes]]:
    """Width, height and file of each step, made when it is asked for."""
    if with_lossless:
        yield *picture.size, _webp(picture, exif, lossless=True)
    for quality in QUALITIES:
        yield *picture.size, _webp(picture, exif, quality=quality)
    for scale in SCALES:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        if max(size) < MIN_SIDE_PX:
            return
        yield *size, _webp(picture.resize(size, Image.Resampling.LANCZOS), exif, quality=SCALED_QUALITY)


def _webp(picture: Image.Image, exif: bytes, **how: int) -> bytes:
    buffer = io.BytesIO()
    bare(picture).save(buffer, format="WEBP", method=_EFFORT, exif=exif, **how)
    return buffer.getvalue()


def _png(png: bytes, size_px: tuple[int, int], *, is_original: bool) -> Shrunk:
    width_px, height_px = size_px
    return Shrunk(
        file=png,
        media_type="image/png",
        suffix=".png",
        width_px=width_px,
        height_px=height_px,
        is_original=is_original,
    )


def _is_plain(png: bytes, *, with_marks: bool) -> bool:
    """Whether there is nothing in it, to the last byte, but pixels and the words that may be there."""
    n_bytes = _SIGNATURE_BYTES
    for kind, body in chunks(png):
        is_mark = with_marks and kind in _TEXTS and bytes(body[:80]).partition(b"\0")[0] in _MARKS
        if kind not in _PIXELS and not is_mark:
            return False
        n_bytes += len(body) + _AROUND_A_CHUNK_BYTES
    return n_bytes == len(png)

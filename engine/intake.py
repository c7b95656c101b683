"""A stranger's file → upright RGB pixels. Pure; meant to run in the finisher's process pool.

Everything that can be is checked before a pixel is decoded: bytes, format, size, scans, pieces. Of an animation the
first frame alone is decoded. Colour profiles are not applied: the numbers are taken as sRGB. Knows nothing of where the
file came from.
"""

import io
import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageOps, UnidentifiedImageError

from engine.domain import Raster, check_side
from engine.errors import BadPicture, DarkroomError
from engine.label import chunks

MAX_FILE_BYTES = 32 * 2**20  # above what either chat hands a bot (Discord 25 MB by default, Telegram 20 MB)
MAX_PIXELS = 24_000_000  # a full-frame camera; 72 MB as RGB
MAX_SIDE_PX = 16_384  # the longest side WebP can have, rounded up to a power of two
# Each scan of a progressive JPEG is a pass over all pixels, and an empty one costs 10 bytes: a small file can hold
# minutes of work. libjpeg's own script writes 10 scans, optimisers a few dozen.
MAX_JPEG_SCANS = 100
# Pillow walks chunks and segments in Python, and joins EXIF segments by copying all before: 32 MiB of empty ones are
# hours. libpng writes 4,096 chunks of 8 KiB into 32 MiB, a phone's depth map is some 200 segments.
MAX_PIECES = 20_000
MAX_JPEG_SEGMENTS = 2_000
FORMATS = ("PNG", "JPEG", "WEBP")
_START_OF_SCAN = b"\xff\xda"
_ALONE = frozenset((0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)))  # markers that Pillow takes for two bytes
_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MOST_PIXELS = f"{MAX_PIXELS // 1_000_000} megapixels and {MAX_SIDE_PX:,} pixels on a side is the most"
_NOT_A_PICTURE = "The file is no picture that can be opened here; send a PNG, JPEG or WebP."
_BROKEN = "The picture is damaged or cut short; save or send it again."
_TAKES_LONG = "The {} is built to take very long to open; save it again with another program."
# Formats that people do send, by where and how their files begin.
_KNOWN_OTHERS = (
    (0, b"GIF8", "GIFs cannot be opened here"),
    (4, b"ftyphei", "HEIC photos cannot be opened here"),
    (4, b"ftypmif", "HEIC photos cannot be opened here"),
    (4, b"ftypavi", "AVIF pictures cannot be opened here"),
    (4, b"ftyp", "Videos cannot be opened here"),
)


def raster_from_file(file: bytes, width_px: int, height_px: int) -> Raster:
    """The first frame of `file`, upright, on white, scaled to cover width x height and cropped around its middle.

    Raises: BadPicture, with a sentence that says what to do; InvalidRecipe if the size asked for is out of bounds.
    """
    check_side("width", width_px)
    check_side("height", height_px)
    with opened(file) as image:
        covered = ImageOps.fit(upright_rgb(image), (width_px, height_px), Image.Resampling.LANCZOS)
        return Raster(width_px=width_px, height_px=height_px, rgb=covered.tobytes())


@contextmanager
def opened(file: bytes) -> Iterator[Image.Image]:
    """The picture in `file`, within our bounds and not decoded yet; as stored, perhaps not upright.

    Raises: BadPicture, also for whatever goes wrong with the picture inside the `with`.
    """
    _check_bytes(file)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(file), formats=FORMATS) as image:
            _check_size(*image.size)
            yield image
    except DarkroomError:
        raise
    except Image.DecompressionBombError as exc:  # Pillow's own bound, far above ours, comes first
        raise BadPicture(f"The picture has too many pixels: {_MOST_PIXELS}. Send a smaller one.") from exc
    except UnidentifiedImageError as exc:
        raise BadPicture(_NOT_A_PICTURE) from exc
    except MemoryError as exc:
        raise BadPicture("The picture needs too much memory to open; send a smaller one.") from exc
    except Exception as exc:  # a decoder fed by strangers raises whatever it trips over: the file is at fault
        raise BadPicture(_BROKEN) from exc


def upright_rgb(image: Image.Image) -> Image.Image:
    """Decoded, turned as the camera was held, 8-bit RGB, with white where it is transparent."""
    return _on_white(_upright(image))


def _check_bytes(file: bytes) -> None:
    if not file:
        raise BadPicture("The file is empty; send a PNG, JPEG or WebP picture.")
    if len(file) > MAX_FILE_BYTES:
        raise BadPicture(f"The file is larger than {MAX_FILE_BYTES // 2**20} MiB; send a smaller one.")
    for at, start, sentence in _KNOWN_OTHERS:
        if file.startswith(start, at):
            raise BadPicture(f"{sentence}; send the picture as PNG, JPEG or WebP.")
    if file.startswith(b"\xff\xd8") and (
        file.count(_START_OF_SCAN) > MAX_JPEG_SCANS or _is_longer(_segments(file), MAX_JPEG_SEGMENTS)
    ):
        raise BadPicture(_TAKES_LONG.format("JPEG"))
    if _is_longer(chunks(file), MAX_PIECES):
        raise BadPicture(_TAKES_LONG.format("PNG"))


def _is_longer(pieces: Iterator[object], most: int) -> bool:
    return next(itertools.islice(pieces, most, None), None) is not None


def _segments(file: bytes) -> Iterator[int]:
    """Where each marker before the first scan stands. What lies between segments counts too, as it costs as much."""
    at = 2
    while at + 4 <= len(file) and not file.startswith(_START_OF_SCAN, at):
        yield at
        if file[at] != 0xFF or file[at + 1] in (0x00, 0xFF):
            at += 1
        elif file[at + 1] in _ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(file[at + 2 : at + 4], "big")


def _check_size(width_px: int, height_px: int) -> None:
    if width_px * height_px > MAX_PIXELS or max(width_px, height_px) > MAX_SIDE_PX:
        raise BadPicture(f"The picture is {width_px} x {height_px} pixels; {_MOST_PIXELS}. Send a smaller one.")


def _upright(image: Image.Image) -> Image.Image:
    """Turned as the camera was held; as stored where its EXIF is damaged."""
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 # as above; damaged EXIF is no reason to refuse a good picture
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _on_white(image: Image.Image) -> Image.Image:
    """8-bit RGB of any mode; what is transparent becomes white."""
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")  # Pillow's own conversion clips at 255
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer, mask=layer.getchannel("A"))
    return white

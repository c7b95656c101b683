import io
import struct
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine import intake
from engine.domain import Raster
from engine.errors import BadPicture, InvalidRecipe
from engine.intake import MAX_FILE_BYTES, MAX_JPEG_SCANS, MAX_JPEG_SEGMENTS, MAX_PIECES, raster_from_file


def file_of(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def pixel(raster: Raster, x: int, y: int) -> tuple[int, ...]:
    at = 3 * (y * raster.width_px + x)
    return tuple(raster.rgb[at : at + 3])


@pytest.mark.parametrize(
    ("mode", "file_format", "colour", "expected"),
    [
        ("RGB", "PNG", (255, 0, 0), (255, 0, 0)),
        ("L", "PNG", 77, (77, 77, 77)),
        ("1", "PNG", 1, (255, 255, 255)),
        ("I;16", "PNG", 0x8000, (128, 128, 128)),
        ("LA", "PNG", (0, 0), (255, 255, 255)),
        ("RGBA", "PNG", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", "PNG", (255, 0, 0, 128), (255, 127, 127)),
        ("RGBA", "WEBP", (0, 0, 0, 0), (255, 255, 255)),
        ("L", "JPEG", 77, (77, 77, 77)),
        ("CMYK", "JPEG", (0, 255, 255, 0), (255, 0, 0)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb_on_white(
    mode: str, file_format: str, colour: Any, expected: tuple[int, ...]
) -> None:
    """Greyscale, palette, 16 bit, CMYK and transparency all end as plain RGB."""
    raster = raster_from_file(file_of(Image.new(mode, (80, 80), colour), file_format), 64, 64)
    assert all(abs(a - b) <= 2 for a, b in zip(pixel(raster, 32, 32), expected, strict=True))


def test_a_palette_with_a_transparent_colour_is_put_on_white() -> None:
    """As GIFs turned PNG have it."""
    image = Image.new("P", (80, 80), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    assert pixel(raster_from_file(file_of(image, "PNG"), 64, 64), 0, 0) == (10, 20, 30)
    assert pixel(raster_from_file(file_of(image, "PNG", transparency=0), 64, 64), 0, 0) == (255, 255, 255)


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    """No pixel changes where nothing has to."""
    noise = Image.effect_noise((64, 128), 90).convert("RGB")
    assert raster_from_file(file_of(noise, "PNG"), 64, 128).rgb == noise.tobytes()


def test_the_middle_is_kept_and_nothing_is_squeezed() -> None:
    """A wide picture with differently coloured thirds comes out as its middle third."""
    image = Image.new("RGB", (300, 100), "black")
    image.paste("white", (100, 0, 200, 100))
    raster = raster_from_file(file_of(image, "PNG"), 64, 64)
    assert pixel(raster, 32, 32) == (255, 255, 255)
    assert min(pixel(raster, 2, 32)) > 250


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_the_camera_was_held(orientation: int) -> None:
    """However EXIF says it was stored, the red corner ends top left."""
    upright = Image.new("RGB", (64, 64), "white")
    upright.paste("red", (0, 0, 32, 32))
    undo = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    turns = {**intake._UPRIGHT, **undo}
    stored = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    raster = raster_from_file(file_of(stored, "PNG", exif=exif), 64, 64)
    assert pixel(raster, 10, 10) == (255, 0, 0)
    assert pixel(raster, 50, 50) == (255, 255, 255)


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0garbage", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"]
)
def test_damaged_exif_does_not_spoil_a_good_picture(exif: bytes) -> None:
    """It is drawn as stored."""
    raster = raster_from_file(file_of(Image.new("RGB", (64, 64), "red"), "PNG", exif=exif), 64, 64)
    assert pixel(raster, 0, 0) == (255, 0, 0)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_an_animation_gives_its_first_frame(file_format: str) -> None:
    """The later frames are not even decoded."""
    red, blue = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    file = file_of(
        red, file_format, save_all=True, append_images=[blue], **({"lossless": True} if file_format == "WEBP" else {})
    )
    assert pixel(raster_from_file(file, 64, 64), 32, 32) == (255, 0, 0)


def test_a_jpeg_of_several_pictures_gives_the_first() -> None:
    """Phones write MPO and call it .jpg."""
    red, blue = Image.new("RGB", (64, 64), (250, 0, 0)), Image.new("RGB", (64, 64), "blue")
    raster = raster_from_file(file_of(red, "MPO", save_all=True, append_images=[blue]), 64, 64)
    assert pixel(raster, 32, 32)[0] > 240


@pytest.mark.parametrize("file_format", ["GIF", "BMP", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(file_format: str) -> None:
    """Fewer decoders, fewer holes."""
    with pytest.raises(BadPicture, match="PNG, JPEG or WebP"):
        raster_from_file(file_of(Image.new("RGB", (64, 64)), file_format), 64, 64)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"RIFF\x04\0\0\0WEBP",
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_what_is_no_picture_is_refused(file: bytes) -> None:
    """The sentence says what to send."""
    with pytest.raises(BadPicture):
        raster_from_file(file, 64, 64)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_a_picture_cut_short_is_refused(file_format: str) -> None:
    """Half a picture is not drawn over a grey rest."""
    file = file_of(Image.effect_noise((200, 200), 90).convert("RGB"), file_format)
    for length in (len(file) // 2, len(file) // 10, 30):
        with pytest.raises(BadPicture):
            raster_from_file(file[:length], 64, 64)


def test_a_file_too_large_is_refused_unread() -> None:
    """Whatever it holds."""
    with pytest.raises(BadPicture, match="larger than 32 MiB"):
        raster_from_file(b"\x89PNG\r\n\x1a\n" + bytes(MAX_FILE_BYTES), 64, 64)


@pytest.mark.parametrize(
    ("width_px", "height_px"), [(5_000, 5_000), (16_385, 8), (8, 2**31 - 1), (2**31 - 1, 2**31 - 1)]
)
def test_too_many_pixels_are_refused_before_one_is_decoded(width_px: int, height_px: int) -> None:
    """A PNG of 100 bytes can claim any size."""
    small = bytearray(file_of(Image.new("RGB", (64, 64)), "PNG"))
    header = b"IHDR" + struct.pack(">II", width_px, height_px) + bytes(small[24:29])
    small[12:29] = header
    small[29:33] = struct.pack(">I", zlib.crc32(header))
    with pytest.raises(BadPicture, match="megapixels"):
        raster_from_file(bytes(small), 64, 64)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    """Each scan costs a pass over all pixels, and ten bytes."""
    file = file_of(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    assert raster_from_file(file, 64, 64).width_px == 64
    with pytest.raises(BadPicture, match="very long"):
        raster_from_file(file + b"\xff\xda" * MAX_JPEG_SCANS, 64, 64)


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


AFTER_IHDR = 33
SEGMENTS = {
    "EXIF": b"\xff\xe1\x00\x09Exif\0\0x",
    "comments": b"\xff\xfe\x00\x02",
    "padding": b"\xff",
    "junk": b"\0",
    "escapes": b"\xff\0",
    "restarts": b"\xff\xd0",
    "starts": b"\xff\xd8",
    "reserved": b"\xff\xf0",
}


@pytest.mark.parametrize("segment", SEGMENTS.values(), ids=SEGMENTS.keys())
def test_a_jpeg_of_endless_segments_is_refused(segment: bytes) -> None:
    """Each is a turn in Python, and one of EXIF a copy of all before."""
    file = file_of(Image.new("RGB", (64, 64)), "JPEG")
    with pytest.raises(BadPicture, match="JPEG is built to take very long"):
        raster_from_file(file[:2] + segment * (MAX_JPEG_SEGMENTS + 1) + file[2:], 64, 64)


def test_a_jpeg_of_honestly_many_segments_is_opened() -> None:
    """A phone's depth map in two hundred of them."""
    file = file_of(Image.new("RGB", (64, 64)), "JPEG")
    extended = b"\xff\xe1\xff\xffhttp://ns.adobe.com/xmp/extension/\0" + bytes(0xFFFF - 2 - 35)
    assert raster_from_file(file[:2] + extended * 200 + file[2:], 64, 64).width_px == 64


@pytest.mark.parametrize("kind", [b"IDAT", b"abCd"])
def test_a_png_of_endless_chunks_is_refused(kind: bytes) -> None:
    """Wherever they stand."""
    file = file_of(Image.new("RGB", (64, 64)), "PNG")
    for at in (AFTER_IHDR, len(file) - 12, len(file)):
        with pytest.raises(BadPicture, match="PNG is built to take very long"):
            raster_from_file(file[:at] + chunk(kind) * MAX_PIECES + file[at:], 64, 64)


def test_a_png_whose_texts_unfold_to_gigabytes_is_refused() -> None:
    """Seventy thousand bytes that would take seventy million."""
    file = file_of(Image.new("RGB", (64, 64)), "PNG")
    text = chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2**20 - 1)))
    with pytest.raises(BadPicture):
        raster_from_file(file[:AFTER_IHDR] + text * 70 + file[AFTER_IHDR:], 64, 64)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"GIF89a", "GIFs"),
        (b"\0\0\0\x1cftypheic", "HEIC photos"),
        (b"\0\0\0\x1cftypmif1", "HEIC photos"),
        (b"\0\0\0\x1cftypavif", "AVIF pictures"),
        (b"\0\0\0\x1cftypmp42", "Videos"),
    ],
)
def test_what_people_send_by_mistake_is_called_by_its_name(start: bytes, kind: str) -> None:
    """And what to send instead is said."""
    with pytest.raises(BadPicture, match=f"{kind} cannot be opened here; send the picture as PNG, JPEG or WebP"):
        raster_from_file(start + bytes(100), 64, 64)


@pytest.mark.parametrize(
    ("colour_type", "value", "expected"),
    [
        (0, b"\x80\0", (128, 128, 128)),
        (2, b"\x80\0\x40\0\x20\0", (128, 64, 32)),
        (4, b"\0\0\x80\0", (127, 127, 127)),
        (6, b"\xff\xff\0\0\0\0\x80\0", (255, 127, 127)),
    ],
    ids=["grey", "RGB", "grey and alpha", "RGB and alpha"],
)
def test_sixteen_bits_become_eight(colour_type: int, value: bytes, expected: tuple[int, ...]) -> None:
    """The upper ones, in every kind of PNG that can have them."""
    rows = (b"\0" + value * 64) * 64
    header = struct.pack(">IIBBBBB", 64, 64, 16, colour_type, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")
    assert pixel(raster_from_file(file, 64, 64), 9, 9) == expected


@pytest.mark.parametrize(("width_px", "height_px"), [(63, 64), (64, 0), (100, 64), (4_096, 64)])
def test_a_size_out_of_bounds_is_refused(width_px: int, height_px: int) -> None:
    """The sizes are those of recipes."""
    with pytest.raises(InvalidRecipe):
        raster_from_file(b"", width_px, height_px)


FILES = [
    file_of(Image.effect_noise((64, 64), 90).convert(mode), file_format)
    for mode, file_format in [("RGB", "PNG"), ("P", "PNG"), ("RGB", "JPEG"), ("CMYK", "JPEG"), ("RGBA", "WEBP")]
]


@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_bytes_give_a_picture_or_one_error_of_ours(file: bytes, changes: list[tuple[int, int]]) -> None:
    """Nothing else ever comes out of the decoders."""
    damaged = bytearray(file)
    for at, byte in changes:
        damaged[at % len(damaged)] = byte
    with suppress(BadPicture):
        assert len(raster_from_file(bytes(damaged), 64, 64).rgb) == 64 * 64 * 3

import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from engine.domain import Picture, Raster, Recipe, Sampler
from engine.errors import BadPicture
from engine.finish import finished
from engine.label import chunks
from engine.look import MAX_KEPT_SIDE_PX, MAX_PARAMETERS_CHARS, look

RECIPE = Recipe(
    prompt="a red circle",
    model="pocket",
    seed=7,
    steps=20,
    guidance=4.0,
    sampler=Sampler.EULER_A,
    width_px=64,
    height_px=64,
)
OURS = Picture(index=0, recipe=RECIPE, raster=Raster(width_px=64, height_px=64, rgb=bytes(range(256)) * 48))
WORDS = "a red circle\nNegative prompt: blur\nSteps: 20, Sampler: Euler a, Seed: 7"
CAMERA = "Canary 5000"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:li>Canary Street 7</rdf:li></x:xmpmeta>'
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GPS_IFD, EXIF_IFD, USER_COMMENT = 0x8825, 0x8769, 0x9286
ORIENTATION = 0x0112


def file_of(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def opened(file: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(file))
    image.load()
    return image


def holiday_exif() -> Image.Exif:
    """Where, when and with what a photo was taken, and a small copy of the scene before it was cropped."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x0110] = CAMERA
    exif.get_ifd(GPS_IFD)[1] = "N"
    exif.get_ifd(GPS_IFD)[2] = (48.0, 51.0, 29.0)
    exif.get_ifd(EXIF_IFD)[0x9003] = "2026:11:24 01:23:45"
    exif.get_ifd(EXIF_IFD)[0x927C] = b"canary maker note"
    exif.get_ifd(1)[0x010E] = "canary thumbnail"
    return exif


def with_comment(comment: bytes, file_format: str) -> bytes:
    exif = Image.Exif()
    exif[0x0131] = "some program"
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = comment
    return file_of(Image.new("RGB", (64, 64)), file_format, exif=exif)


def with_text(words: str, *, is_international: bool = False) -> bytes:
    texts = PngInfo()
    (texts.add_itxt if is_international else texts.add_text)("parameters", words)
    return file_of(Image.new("RGB", (64, 64)), "PNG", pnginfo=texts)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_nothing_but_pixels_is_kept(file_format: str) -> None:
    """No place, time, camera, maker's note, small copy, profile, XMP or comment: none but the chunks of the pixels."""
    options: dict[str, Any] = {"exif": holiday_exif(), "icc_profile": PROFILE}
    if file_format == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("Comment", "canary comment")
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    else:
        options["xmp"] = XMP
    if file_format == "JPEG":
        options["comment"] = "canary comment"
    file = file_of(Image.effect_noise((96, 64), 90).convert("RGB"), file_format, **options)
    assert b"canary" in file.lower()
    looked = look(file)
    assert {kind for kind, _ in chunks(looked.png)} == {b"IHDR", b"IDAT", b"IEND"}
    assert b"canary" not in looked.png.lower()
    assert opened(looked.png).info == {}
    assert not opened(looked.png).getexif()


def test_what_follows_the_picture_is_not_kept() -> None:
    """Phones put whole videos behind a photo."""
    file = file_of(Image.effect_noise((64, 64), 90), "JPEG") + b"canary" * 1_000
    assert b"canary" not in look(file).png


def test_the_picture_is_kept_upright() -> None:
    """And its size is told as it is seen."""
    looked = look(file_of(Image.new("RGB", (96, 64)), "JPEG", exif=holiday_exif()))
    assert (looked.width_px, looked.height_px) == (64, 96)
    assert opened(looked.png).size == (64, 96)


def test_the_pixels_of_a_lossless_picture_are_kept_as_they_are() -> None:
    """Our own picture, uploaded, is the same source again."""
    looked = look(finished(OURS).png)
    assert opened(looked.png).tobytes() == OURS.raster.rgb


def test_what_is_transparent_is_kept_on_white() -> None:
    """As it is drawn from."""
    looked = look(file_of(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "PNG"))
    assert opened(looked.png).getpixel((0, 0)) == (255, 255, 255)


def test_a_very_long_picture_is_scaled_down() -> None:
    """To the largest side that we make ourselves, in its shape."""
    looked = look(file_of(Image.new("RGB", (2 * MAX_KEPT_SIDE_PX, 100)), "PNG"))
    assert (looked.width_px, looked.height_px) == opened(looked.png).size == (MAX_KEPT_SIDE_PX, 50)


def test_our_recipe_is_found() -> None:
    """With the words that other tools read."""
    looked = look(finished(OURS).png)
    assert looked.recipe == RECIPE
    assert looked.parameters
    assert looked.parameters.startswith("a red circle\nSteps: 20, Sampler: Euler a")


COMMENTS = {
    "big-endian": b"UNICODE\0" + WORDS.encode("utf-16-be"),
    "little-endian": b"UNICODE\0" + WORDS.encode("utf-16-le"),
    "ascii": b"ASCII\0\0\0" + WORDS.encode(),
    "no code": bytes(8) + WORDS.encode(),
    "not even that": WORDS.encode(),
}
WITH_WORDS = {
    "tEXt": with_text(WORDS),
    "carriage returns": with_text(WORDS.replace("\n", "\r\n")),
    "iTXt": with_text(WORDS, is_international=True),
    **{f"{kind} {name}": with_comment(COMMENTS[name], kind) for kind in ("PNG", "JPEG", "WEBP") for name in COMMENTS},
}


@pytest.mark.parametrize("file", WITH_WORDS.values(), ids=WITH_WORDS.keys())
def test_the_words_of_a1111_are_found_wherever_its_like_put_them(file: bytes) -> None:
    """As text of a PNG, or as EXIF comment in either order of bytes."""
    looked = look(file)
    assert looked.parameters == WORDS
    assert looked.recipe is None


def test_words_outside_latin_are_found_too() -> None:
    """In either place."""
    words = "日本の赤い円, кру́г 😀\nSteps: 20"
    assert look(with_text(words)).parameters == words
    assert look(with_comment(b"UNICODE\0" + words.encode("utf-16-be"), "JPEG")).parameters == words


@pytest.mark.parametrize(
    "file",
    [
        with_text(""),
        with_text(" \n"),
        with_text("x" * (MAX_PARAMETERS_CHARS + 1)),
        with_comment(b"UNICODE\0", "JPEG"),
        file_of(Image.new("RGB", (64, 64)), "JPEG"),
        file_of(Image.new("RGB", (64, 64)), "JPEG", exif=b"Exif\0\0garbage"),
    ],
    ids=["empty", "blank", "too long", "empty comment", "no EXIF", "damaged EXIF"],
)
def test_without_words_worth_reading_there_are_none(file: bytes) -> None:
    """And the picture is as good as any."""
    looked = look(file)
    assert looked.parameters is None
    assert looked.width_px == 64


@given(st.text(max_size=100))
def test_words_come_without_control_characters(words: str) -> None:
    """They are shown to people and parsed."""
    told = look(with_comment(b"UNICODE\0" + words.encode("utf-16-be"), "WEBP")).parameters or ""
    assert not [each for each in told if each != "\n" and (ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0)]


@pytest.mark.parametrize("file", [b"", b"no picture", file_of(Image.new("L", (8, 8)), "GIF")])
def test_what_cannot_be_opened_is_refused(file: bytes) -> None:
    """In a sentence that says what to send."""
    with pytest.raises(BadPicture, match="PNG, JPEG or WebP"):
        look(file)


FILES = [
    finished(OURS).png,
    with_text(WORDS),
    *(with_comment(b"UNICODE\0" + WORDS.encode("utf-16-be"), file_format) for file_format in ("PNG", "JPEG", "WEBP")),
    file_of(Image.new("RGB", (64, 48), "red"), "JPEG", exif=holiday_exif()),
]


@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_bytes_give_a_clean_picture_or_one_error_of_ours(file: bytes, changes: list[tuple[int, int]]) -> None:
    """Most changes fall on metadata, for the files are small."""
    damaged = bytearray(file)
    for at, byte in changes:
        damaged[at % len(damaged)] = byte
    with suppress(BadPicture):
        looked = look(bytes(damaged))
        assert {kind for kind, _ in chunks(looked.png)} == {b"IHDR", b"IDAT", b"IEND"}
        assert opened(looked.png).size == (looked.width_px, looked.height_px)


@given(st.sampled_from(FILES), st.data())
def test_a_file_cut_anywhere_is_a_picture_or_refused(file: bytes, data: st.DataObject) -> None:
    """A JPEG that lacks only its last bytes may pass, as it is whole to look at."""
    with suppress(BadPicture):
        look(file[: data.draw(st.integers(0, len(file) - 1))])

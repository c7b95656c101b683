import io
import random
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.compose import plain_png
from engine.domain import Picture, Raster, Recipe, Sampler
from engine.errors import BadPicture, JobError
from engine.finish import finished
from engine.label import JSON_KEYWORD, PARAMETERS_KEYWORD, texts
from engine.look import look
from engine.shrink import MIN_SIDE_PX, Shrunk, within

SIDE_PX = 256
RECIPE = Recipe(
    prompt="a red circle, 日本 😀",
    negative="blur",
    model="pocket",
    seed=7,
    steps=20,
    guidance=4.0,
    sampler=Sampler.EULER_A,
    width_px=SIDE_PX,
    height_px=SIDE_PX,
)


def photo(width_px: int = SIDE_PX, height_px: int = SIDE_PX) -> Image.Image:
    """Soft shapes under the grain of a film: no format holds it for nothing."""
    chance = random.Random(7)
    soft = Image.frombytes("RGB", (width_px // 16, height_px // 16), chance.randbytes(width_px * height_px * 3 // 256))
    grain = Image.frombytes("RGB", (width_px, height_px), chance.randbytes(width_px * height_px * 3))
    return Image.blend(soft.resize((width_px, height_px), Image.Resampling.BICUBIC), grain, 0.2)


PIXELS = photo().tobytes()
ORIGINAL = finished(Picture(index=0, recipe=RECIPE, raster=Raster(width_px=SIDE_PX, height_px=SIDE_PX, rgb=PIXELS))).png
LOSSLESS, LOSSY = "without loss", "with loss"


def opened(file: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(file))
    image.load()
    return image


def png_of(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def kind_of(shrunk: Shrunk) -> str:
    if shrunk.suffix == ".png":
        return "PNG"
    return LOSSLESS if b"VP8L" in shrunk.file[:64] else LOSSY


def down_the_ladder(png: bytes) -> list[Shrunk]:
    """Every file that there can be: the best, then the best that is smaller than that, until nothing fits."""
    steps = [within(png, len(png))]
    while True:
        try:
            steps.append(within(png, len(steps[-1].file) - 1))
        except JobError:
            return steps


def test_what_fits_is_sent_as_it_is() -> None:
    """To the byte, with its recipe in it."""
    shrunk = within(ORIGINAL, len(ORIGINAL))
    assert shrunk == Shrunk(
        file=ORIGINAL, media_type="image/png", suffix=".png", width_px=SIDE_PX, height_px=SIDE_PX, is_original=True
    )


def test_the_ladder_goes_down_in_its_order_and_every_step_fits() -> None:
    """The PNG, the same pixels as WebP, three qualities of the same size, then smaller and smaller ones."""
    steps = down_the_ladder(ORIGINAL)
    assert [kind_of(step) for step in steps[:6]] == ["PNG", LOSSLESS, LOSSY, LOSSY, LOSSY, LOSSY]
    sides = [step.width_px for step in steps]
    assert sides == [*[SIDE_PX] * 5, *(SIDE_PX * 3 // 4, SIDE_PX // 2, SIDE_PX * 3 // 8, MIN_SIDE_PX)]
    assert all(len(after.file) < len(before.file) for before, after in pairwise(steps))
    assert [step.is_original for step in steps] == [True, *[False] * 8]
    for step in steps:
        image = opened(step.file)
        assert image.size == (step.width_px, step.height_px)
        assert image.get_format_mimetype() == step.media_type  # type: ignore[attr-defined]  # files have it


def test_without_loss_means_the_very_pixels() -> None:
    """Only the container differs."""
    shrunk = within(ORIGINAL, len(ORIGINAL) - 1)
    assert kind_of(shrunk) == LOSSLESS
    assert opened(shrunk.file).convert("RGB").tobytes() == PIXELS


def test_where_much_is_to_be_saved_no_time_is_lost_on_what_cannot_save_it() -> None:
    """A file of a quarter is found among those with loss, also where the pixels would fit without."""
    flat = plain_png(Image.linear_gradient("L").convert("RGB"))
    assert kind_of(within(flat, len(flat) // 2)) == LOSSLESS
    assert kind_of(within(ORIGINAL, len(ORIGINAL) // 4)) == LOSSY


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2, 0.05])
def test_the_recipe_travels_down_the_whole_ladder(share: float) -> None:
    """Somebody who uploads the file again is told what it was made with."""
    shrunk = within(ORIGINAL, int(len(ORIGINAL) * share))
    looked = look(shrunk.file)
    assert shrunk.suffix == ".webp"
    assert looked.recipe == RECIPE
    assert looked.parameters == texts(RECIPE)[PARAMETERS_KEYWORD]


def test_nothing_else_travels() -> None:
    """No place, no profile, no comment, whatever the file had."""
    words = PngInfo()
    words.add_text("Comment", "canary")
    words.add_itxt("XML:com.adobe.xmp", "<canary/>")
    words.add_text(JSON_KEYWORD, texts(RECIPE)[JSON_KEYWORD])
    exif = Image.Exif()
    exif[0x0110] = "canary camera"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0canary"
    png = png_of(photo(), exif=exif, pnginfo=words, icc_profile=b"canary profile")
    for most_bytes in (len(png), len(png) // 2, len(png) // 10):
        shrunk = within(png, most_bytes)
        assert b"canary" not in shrunk.file
        assert not shrunk.is_original
        assert not {"icc_profile", "xmp", "Comment"} & opened(shrunk.file).info.keys()
        assert look(shrunk.file).recipe == RECIPE
        assert look(shrunk.file).parameters is None


def test_what_follows_the_picture_does_not_travel() -> None:
    """Whatever somebody hung behind it."""
    for behind in (b"canary", b"\0\0\0\6caNAcanary" + bytes(4)):
        shrunk = within(ORIGINAL + behind, len(ORIGINAL) + 100)
        assert (shrunk.file, shrunk.is_original) == (ORIGINAL, False)


def test_words_that_are_not_to_be_kept_are_not_there() -> None:
    """In a PNG that would fit as it is, and in a WebP."""
    for most_bytes in (len(ORIGINAL), len(ORIGINAL) // 2):
        shrunk = within(ORIGINAL, most_bytes, texts_kept=False)
        looked = look(shrunk.file)
        assert (looked.recipe, looked.parameters) == (None, None)
        assert not shrunk.is_original
        assert not opened(shrunk.file).info.keys() & {"exif", PARAMETERS_KEYWORD, JSON_KEYWORD}


def test_a_picture_without_words_has_no_exif() -> None:
    """A plain grid says nothing, and its WebP neither."""
    png = plain_png(photo())
    assert within(png, len(png), texts_kept=False).is_original
    assert "exif" not in opened(within(png, len(png) // 2).file).info


@pytest.mark.parametrize(("width_px", "height_px"), [(512, 64), (64, 512)])
def test_the_shape_is_kept(width_px: int, height_px: int) -> None:
    """As near as whole pixels can be."""
    png = plain_png(photo(width_px, height_px))
    for step in down_the_ladder(png):
        assert abs(step.width_px * height_px - step.height_px * width_px) <= max(width_px, height_px) / 2


@pytest.mark.parametrize("most_bytes", [-1, 0, 1, 200, 1_000])
def test_what_fits_nowhere_is_a_sentence(most_bytes: int) -> None:
    """With the limit in it, and nothing above the limit."""
    with pytest.raises(JobError, match=rf"small enough: a file may have {most_bytes:,} bytes here\."):
        within(ORIGINAL, most_bytes)


def test_a_small_picture_is_never_made_too_small_to_see() -> None:
    """Rather nothing is sent."""
    png = plain_png(photo(64, 64))
    with pytest.raises(JobError):
        within(png, 300)


def test_a_broken_file_is_refused() -> None:
    """In a sentence."""
    with pytest.raises(BadPicture):
        within(ORIGINAL[:200], 10**6)

import io
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from engine.compose import plain_png
from engine.domain import Raster
from engine.errors import BadPicture, InvalidRecipe
from engine.resample import MAX_RESULT_PX, resample


def image_of(raster: Raster) -> Image.Image:
    return Image.frombytes("RGB", (raster.width_px, raster.height_px), raster.rgb)


def disc(side_px: int) -> Image.Image:
    """A red disc on blue, with soft edges as a camera or a model has them."""
    large = Image.new("RGB", (side_px * 4, side_px * 4), (40, 80, 200))
    ImageDraw.Draw(large).ellipse((side_px, side_px, side_px * 3, side_px * 3), (220, 40, 30))
    return large.resize((side_px, side_px), Image.Resampling.BOX)


def gradient_energy(image: Image.Image) -> float:
    """The mean square of the differences between neighbours."""
    grey = image.convert("L")
    rows = [bytes(grey.crop((0, y, grey.width, y + 1)).tobytes()) for y in range(grey.height)]
    across = sum((a - b) ** 2 for row in rows for a, b in pairwise(row))
    down = sum((a - b) ** 2 for upper, lower in pairwise(rows) for a, b in zip(upper, lower))
    return (across + down) / (grey.width * grey.height)


def squared_error(image: Image.Image, truth: Image.Image) -> float:
    pairs = zip(image.tobytes(), truth.tobytes(), strict=True)
    return sum((a - b) ** 2 for a, b in pairs) / len(image.tobytes())


@pytest.mark.parametrize("factor", [2, 4])
def test_it_is_sharper_and_truer_than_plain_lanczos(factor: int) -> None:
    """More energy in its edges, and nearer to the same scene drawn at that size."""
    small, truth = disc(32), disc(32 * factor)
    plain = small.resize(truth.size, Image.Resampling.LANCZOS)
    sharp = image_of(resample(plain_png(small), factor))
    assert gradient_energy(plain) * 1.1 < gradient_energy(sharp) <= gradient_energy(truth) * 1.05
    assert squared_error(sharp, truth) < 0.8 * squared_error(plain, truth)


@given(st.binary(min_size=300, max_size=300), st.sampled_from([2, 4]))
def test_no_pixel_leaves_the_range_of_those_around_it(rgb: bytes, factor: int) -> None:
    """So no edge gets a halo, whatever the picture."""
    small = Image.frombytes("RGB", (10, 10), rgb)
    large = image_of(resample(plain_png(small), factor))
    for band, source in zip(large.split(), small.split()):
        low, high = (
            source.filter(bound(5)).resize(large.size, Image.Resampling.NEAREST).tobytes()
            for bound in (ImageFilter.MinFilter, ImageFilter.MaxFilter)
        )
        assert all(a <= value <= b for a, value, b in zip(low, band.tobytes(), high, strict=True))


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (17, 130, 200)])
def test_a_plain_colour_stays_as_it_is(colour: tuple[int, int, int]) -> None:
    """To the last bit."""
    large = image_of(resample(plain_png(Image.new("RGB", (9, 7), colour)), 4))
    assert large.size == (36, 28)
    assert large.getcolors() == [(36 * 28, colour)]


def test_the_same_file_gives_the_same_pixels() -> None:
    """As whole numbers do; an enlarged picture can be made again."""
    file = plain_png(disc(24))
    assert resample(file, 2) == resample(file, 2)


@pytest.mark.parametrize(("width_px", "height_px", "factor"), [(2_049, 8, 2), (8, 1_025, 4), (4_096, 4_096, 2)])
def test_more_than_the_most_is_refused(width_px: int, height_px: int, factor: int) -> None:
    """Before a pixel is decoded, with the size it would have."""
    with pytest.raises(InvalidRecipe, match=f"{width_px * factor} x {height_px * factor} pixels; 4,096 on a side"):
        resample(plain_png(Image.new("RGB", (width_px, height_px))), factor)


def test_the_most_is_allowed() -> None:
    """The limit itself is within."""
    assert resample(plain_png(Image.new("RGB", (2_048, 8))), 2).width_px == MAX_RESULT_PX


@pytest.mark.parametrize("factor", [0, 1, 3, -2, 8])
def test_other_factors_are_refused(factor: int) -> None:
    """Two or four."""
    with pytest.raises(InvalidRecipe, match="2 or 4 times"):
        resample(b"", factor)


@pytest.mark.parametrize("file", [b"", b"no picture", plain_png(Image.new("RGB", (64, 64)))[:60]])
def test_what_is_no_picture_is_refused(file: bytes) -> None:
    """As anywhere."""
    with pytest.raises(BadPicture):
        resample(file, 2)


def test_a_photo_is_enlarged_upright() -> None:
    """The size is that of the picture as seen."""
    exif: Any = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (64, 32)).save(buffer, "JPEG", exif=exif)
    raster = resample(buffer.getvalue(), 2)
    assert (raster.width_px, raster.height_px) == (64, 128)

import io
from dataclasses import replace

from PIL import Image

from engine.domain import Picture, Raster, Recipe, Sampler
from engine.finish import finished, recipe_from_png

RECIPE = Recipe(
    prompt="a red circle",
    model="pocket",
    seed=7,
    steps=20,
    guidance=4.0,
    sampler=Sampler.EULER_A,
    width_px=64,
    height_px=72,
)
RASTER = Raster(width_px=64, height_px=72, rgb=bytes(range(256)) * 54)
PICTURE = Picture(index=0, recipe=RECIPE, raster=RASTER)
LARGE = Raster(width_px=1_024, height_px=512, rgb=bytes(range(256)) * (4 * 512 * 3))


def opened(file: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(file))
    image.load()
    return image


def test_the_same_picture_gives_the_same_bytes() -> None:
    """A file's hash can be its name."""
    assert finished(PICTURE) == finished(PICTURE)


def test_the_pixels_are_intact_and_named_by_their_hash() -> None:
    """What a remix starts from is found again by it."""
    done = finished(PICTURE)
    image = opened(done.png)
    assert (image.format, image.mode, image.size, image.tobytes()) == ("PNG", "RGB", (64, 72), RASTER.rgb)
    assert done.pixel_hash == RASTER.sha256()


def test_a_large_picture_has_a_small_thumbnail_of_its_shape() -> None:
    """A WebP of 384 pixels at most, with nothing in it but pixels."""
    image = opened(finished(replace(PICTURE, raster=LARGE)).thumbnail)
    assert (image.format, image.size) == ("WEBP", (384, 192))
    assert not {"exif", "xmp", "icc_profile"} & image.info.keys()


def test_the_thumbnail_of_a_small_picture_is_no_larger() -> None:
    """Nothing is blown up."""
    assert opened(finished(PICTURE).thumbnail).size == (64, 72)


def test_a_treated_picture_may_be_larger_than_its_recipe_says() -> None:
    """The recipe is of the picture before."""
    done = finished(replace(PICTURE, raster=LARGE), "resample 4")
    assert opened(done.png).size == (1_024, 512)
    assert recipe_from_png(done.png) == RECIPE
    assert "Hires upscale: 4" in opened(done.png).info["parameters"]

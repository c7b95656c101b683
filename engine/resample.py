"""Enlargement without weights: a stored picture → two or four times its size. Pure; runs in the pool.

Lanczos, then an unsharp mask that may not leave the range of the pixels around: edges get steeper, and no halo appears.
The figures behind it are in `README.md`. Knows nothing of models, and adds nothing that the picture does not hold.
"""

from PIL import Image, ImageChops, ImageFilter

from engine.domain import Raster
from engine.errors import InvalidRecipe
from engine.intake import opened, upright_rgb

FACTORS = (2, 4)
MAX_RESULT_PX = 4_096
_SHARPEN_PERCENT = 100
_NEIGHBOURS_PX = 3  # a pixel and those that touch it


def resample(file: bytes, factor: int) -> Raster:
    """The picture in `file`, upright, `factor` times as wide and high: 2 or 4, at most 4,096 px a side.

    Raises: InvalidRecipe, BadPicture.
    """
    if factor not in FACTORS:
        raise InvalidRecipe(f"A picture can be enlarged 2 or 4 times; you gave {factor}.")
    with opened(file) as image:
        check_enlarged(*image.size, factor)
        bands = [_enlarged(band, factor) for band in upright_rgb(image).split()]
        result = Image.merge("RGB", bands)
        return Raster(width_px=result.width, height_px=result.height, rgb=result.tobytes())


def check_enlarged(width_px: int, height_px: int, factor: int) -> None:
    """Raises: InvalidRecipe if a picture of that size gets too large."""
    width_px, height_px = width_px * factor, height_px * factor
    if max(width_px, height_px) > MAX_RESULT_PX:
        raise InvalidRecipe(
            f"Enlarged {factor} times it would be {width_px} x {height_px} pixels; {MAX_RESULT_PX:,} on a side is the "
            "most. Try a smaller factor or a smaller picture."
        )


def _enlarged(band: Image.Image, factor: int) -> Image.Image:
    """One colour, in whole numbers throughout, so that every machine gives the same."""
    size = (band.width * factor, band.height * factor)
    smooth = band.resize(size, Image.Resampling.LANCZOS)
    sharp = smooth.filter(ImageFilter.UnsharpMask(radius=factor / 2, percent=_SHARPEN_PERCENT, threshold=0))
    darkest, brightest = (
        band.filter(bound(_NEIGHBOURS_PX)).resize(size, Image.Resampling.BILINEAR)
        for bound in (ImageFilter.MinFilter, ImageFilter.MaxFilter)
    )
    return ImageChops.darker(ImageChops.lighter(sharp, darkest), brightest)

"""Pixels → the files shown for them: PNG, thumbnail, the animation of a development. Pure; runs in the pool.

Nothing here writes any metadata but the texts it is given. Knows nothing of recipes, requests or files on disk.
"""

import io

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.domain import Raster
from engine.intake import opened, upright_rgb

MAX_THUMBNAIL_PX = 384  # a tile of the page is at most 192 px wide on a screen with two pixels to one
MAX_ANIMATION_PX = 512
MAX_FRAMES = 24
FRAME_MS = 90
FADE_FRAMES = 4  # the last preview is a blur of the picture: without a fade the end is a jump
FADE_MS = 60
HOLD_MS = 2_000
# Deflate's effort: a photo of 2048 px takes 0.46 s and 4.5 MB at level 4, 1.2 s and 4.4 MB at 6; small ones are fast.
_EFFORT, _EFFORT_OF_LARGE, _LARGE_PIXELS = 6, 4, 2 * 2**20
_THUMBNAIL_QUALITY = 80
_ANIMATION_QUALITY = 75
_ANIMATION_EFFORT = 3  # of 0 to 6


def plain_png(image: Image.Image, texts: dict[str, str] | None = None) -> bytes:
    """The pixels of an RGB image as PNG, and `texts` by keyword; nothing else of what the image carries."""
    words = PngInfo()
    for keyword, text in (texts or {}).items():
        words.add_text(keyword, text)
    effort = _EFFORT_OF_LARGE if image.width * image.height > _LARGE_PIXELS else _EFFORT
    buffer = io.BytesIO()
    bare(image).save(buffer, format="PNG", pnginfo=words, compress_level=effort)
    return buffer.getvalue()


def thumbnail(image: Image.Image) -> bytes:
    """A WebP of at most 384 px a side, never larger than the image."""
    small, buffer = image.copy(), io.BytesIO()
    small.thumbnail((MAX_THUMBNAIL_PX, MAX_THUMBNAIL_PX), Image.Resampling.LANCZOS)
    bare(small).save(buffer, format="WEBP", quality=_THUMBNAIL_QUALITY)
    return buffer.getvalue()


def animation(frames: tuple[Raster, ...], png: bytes) -> bytes:
    """A WebP in which `frames`, previews of any size, become the picture in `png`, which stays 2 s; then again.

    At most 24 of them, evenly chosen, the first and last among them. At most 512 px a side. Raises: BadPicture.
    """
    with opened(png) as image:
        picture = upright_rgb(image)
        picture.thumbnail((MAX_ANIMATION_PX, MAX_ANIMATION_PX), Image.Resampling.LANCZOS)
        picture = bare(picture)
    previews = [_enlarged(frame, picture.size) for frame in _evenly(frames, MAX_FRAMES)]
    fade = [
        Image.blend(last, picture, at / (FADE_FRAMES + 1)) for last in previews[-1:] for at in range(1, FADE_FRAMES + 1)
    ]
    first, *others = [*previews, *fade, picture]
    buffer = io.BytesIO()
    first.save(
        buffer,
        format="WEBP",
        save_all=True,
        append_images=others,
        duration=[FRAME_MS] * len(previews) + [FADE_MS] * len(fade) + [HOLD_MS],
        loop=0,
        quality=_ANIMATION_QUALITY,
        method=_ANIMATION_EFFORT,
    )
    return buffer.getvalue()


def bare(image: Image.Image) -> Image.Image:
    """Its pixels and nothing else: Pillow would write the profile and more of what an image was opened with."""
    bare = Image.new("RGB", image.size)
    bare.paste(image)
    return bare


def _evenly(frames: tuple[Raster, ...], most: int) -> list[Raster]:
    if len(frames) <= most:
        return list(frames)
    return [frames[round(at * (len(frames) - 1) / (most - 1))] for at in range(most)]


def _enlarged(frame: Raster, size: tuple[int, int]) -> Image.Image:
    small = Image.frombytes("RGB", (frame.width_px, frame.height_px), frame.rgb)
    return small.resize(size, Image.Resampling.BICUBIC)

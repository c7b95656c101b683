"""An upload → its pixels without anything else, and what it says about how it was made. Pure; runs in the pool.

The picture is encoded anew from its pixels, so where and with what it was taken stays behind. Knows nothing of who
sent it.
"""

from dataclasses import dataclass

from PIL import Image

from engine.compose import plain_png
from engine.domain import Recipe
from engine.intake import opened, upright_rgb
from engine.label import JSON_KEYWORD, PARAMETERS_KEYWORD, one_newline, plain, recipe_from_json, recipe_from_png
from engine.marks import exif_texts, png_texts

MAX_KEPT_SIDE_PX = 4_096  # what we enlarge to at most; no model here starts from more than 2,048
MAX_PARAMETERS_CHARS = 20_000  # two prompts as long as ours may be, and settings; longer is somebody's workflow graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An upload, checked. `png`: the picture upright, RGB, `width_px` x `height_px`, with no metadata at all.

    `recipe`: ours, if our JSON is in it; `parameters`: the text that A1111 and its like write, if there is one.
    """

    width_px: int
    height_px: int
    png: bytes
    recipe: Recipe | None
    parameters: str | None


def look(file: bytes) -> Look:
    """Check an upload, then decode it once. Longer sides than 4,096 px are scaled down. Raises: BadPicture."""
    with opened(file) as image:
        upright = upright_rgb(image)
        in_exif = exif_texts(image)
        parameters = png_texts(image).get(PARAMETERS_KEYWORD, in_exif.get(PARAMETERS_KEYWORD, ""))
        upright.thumbnail((MAX_KEPT_SIDE_PX, MAX_KEPT_SIDE_PX), Image.Resampling.LANCZOS)
        return Look(
            width_px=upright.width,
            height_px=upright.height,
            png=plain_png(upright),
            recipe=recipe_from_png(file) or recipe_from_json(in_exif.get(JSON_KEYWORD, "").encode(errors="replace")),
            parameters=_worth_reading(parameters),
        )


def _worth_reading(words: str) -> str | None:
    """What is too long is as good as none."""
    words = plain(one_newline(words)).strip()
    return words if 0 < len(words) <= MAX_PARAMETERS_CHARS else None

"""An upload → its pixels without anything else, and what it says about how it was made. Pure; runs in the pool.

The picture is encoded anew from its pixels, so where and with what it was taken stays behind. Knows nothing of who
sent it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from engine.compose import plain_png
from engine.domain import Recipe
from engine.intake import opened, upright_rgb
from engine.label import PARAMETERS_KEYWORD, one_newline, plain, recipe_from_png

MAX_KEPT_SIDE_PX = 4_096  # what we enlarge to at most; no model here starts from more than 2,048
MAX_PARAMETERS_CHARS = 20_000  # two prompts as long as ours may be, and settings; longer is somebody's workflow graph
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_CODE_BYTES = 8  # EXIF 2.3, 4.6.5: UserComment begins with the name of its code


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
        parameters = _parameters(image)
        upright.thumbnail((MAX_KEPT_SIDE_PX, MAX_KEPT_SIDE_PX), Image.Resampling.LANCZOS)
        return Look(
            width_px=upright.width,
            height_px=upright.height,
            png=plain_png(upright),
            recipe=recipe_from_png(file),
            parameters=parameters,
        )


def _parameters(image: Image.Image) -> str | None:
    """As text of a PNG, or as EXIF comment of the others. What is damaged or too long is as good as none."""
    words = image.info.get(PARAMETERS_KEYWORD)
    if not isinstance(words, str):
        words = _user_comment(image)
    words = plain(one_newline(words)).strip()
    return words if 0 < len(words) <= MAX_PARAMETERS_CHARS else None


def _user_comment(image: Image.Image) -> str:
    try:
        section: Mapping[int, object] = image.getexif().get_ifd(_EXIF_IFD)
        comment = section.get(_USER_COMMENT)
    except Exception:  # noqa: BLE001 # a stranger's EXIF: whatever is wrong with it, the picture may be good
        return ""
    return comment_text(comment) if isinstance(comment, bytes) else comment if isinstance(comment, str) else ""


def comment_text(comment: bytes) -> str:
    """The text of an EXIF UserComment. Total: what is no text of its code comes out as replacement characters."""
    code, words = comment[:_CODE_BYTES].rstrip(b"\0"), comment[_CODE_BYTES:]
    match code:
        case b"UNICODE":
            return words.decode(_utf_16_of(words), "replace").removeprefix("\ufeff")
        case b"ASCII" | b"":
            return words.decode("utf-8", "replace")
        case _:
            return comment.decode("utf-8", "replace")


def _utf_16_of(words: bytes) -> str:
    """A1111 writes big-endian whatever the EXIF around it says, others little; in most texts the high bytes are 0."""
    return "utf-16-be" if words[0::2].count(0) >= words[1::2].count(0) else "utf-16-le"

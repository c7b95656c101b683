"""Words → lines that fit a width, in a font that has their letters. Pure; knows nothing of pictures.

Pillow brings a font along that holds little more than ASCII. Other letters need a font of the machine's; where there is
none, they lose their accents or become a sign that something stood there.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageDraw, ImageFont

_MISSING = "\uffff"  # no character: every font draws its sign for a missing one
_SUBSTITUTE = "?"
_CUT = "..."
# Free fonts that Linux distributions, macOS and Windows have; Pillow looks where each of them keeps its fonts.
_WIDE_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lettering:
    """Lines of words and the font to draw them in. `line_px`: from one line to the next."""

    font: ImageFont.FreeTypeFont
    lines: tuple[str, ...]
    line_px: int

    @property
    def height_px(self) -> int:
        """Of all lines together."""
        return self.line_px * len(self.lines)

    def draw(self, draw: ImageDraw.ImageDraw, middle_px: float, top_px: float, colour: str) -> None:
        """Each line centred around x = `middle_px`."""
        for number, line in enumerate(self.lines):
            draw.text(
                (middle_px, top_px + (number + 0.5) * self.line_px), line, fill=colour, font=self.font, anchor="mm"
            )


def letter(words: str, size_px: int, width_px: int, max_lines: int) -> Lettering:
    """Wrap `words` to `width_px`, at most `max_lines` lines; what does not fit is cut with an ellipsis. Total."""
    text = " ".join("".join(each if each.isprintable() else " " for each in words).split())
    font = _font_for(text, size_px)
    lines = _wrapped(_drawable(text, font), font, width_px, max_lines)
    return Lettering(font=font, lines=tuple(lines), line_px=round(size_px * 1.35))


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width_px: int, max_lines: int) -> list[str]:
    lines: list[str] = []
    while text and len(lines) < max_lines:
        fitting = _fitting(text, font, width_px)
        at_word = text.rfind(" ", 0, fitting + 1)
        end = fitting if fitting == len(text) or at_word <= 0 else at_word
        lines.append(text[:end])
        text = text[end:].lstrip()
    if text and lines:
        whole = lines[-1]
        lines[-1] = whole[: _fitting(whole, font, width_px - font.getlength(_CUT))].rstrip() + _CUT
    return lines


def _fitting(text: str, font: ImageFont.FreeTypeFont, width_px: float) -> int:
    """How many letters fit, at least one; by bisection, as each look costs the length of the text."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle]) <= width_px:
            low = middle
        else:
            high = middle - 1
    return low


def _font_for(text: str, size_px: int) -> ImageFont.FreeTypeFont:
    """The one that comes along if it has all letters, else a wider one if this machine has it."""
    font = _built_in(size_px)
    if all(_has(font, each) for each in set(text)):
        return font
    return _wide(size_px) or font


@lru_cache(maxsize=16)
def _built_in(size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_px)
    assert isinstance(font, ImageFont.FreeTypeFont)  # what every wheel of Pillow has
    return font


@lru_cache(maxsize=16)
def _wide(size_px: int) -> ImageFont.FreeTypeFont | None:
    for name in _WIDE_FONTS:
        try:
            return ImageFont.truetype(name, size_px)
        except OSError:
            continue
    return None


def _drawable(text: str, font: ImageFont.FreeTypeFont) -> str:
    """The text in letters that the font has; without accents where only the bare letter is there."""
    letters = {each: each if _has(font, each) else _bare_letter(each, font) for each in set(text)}
    return "".join(letters[each] for each in text)


def _bare_letter(letter: str, font: ImageFont.FreeTypeFont) -> str:
    bare = unicodedata.normalize("NFKD", letter)
    bare = "".join(each for each in bare if not unicodedata.combining(each))
    return bare if bare != letter and all(_has(font, each) for each in bare) else _SUBSTITUTE


def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    return letter == " " or bytes(font.getmask(letter)) != bytes(font.getmask(_MISSING))

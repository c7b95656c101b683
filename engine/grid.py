"""Pictures → one picture of them all: a labelled grid for comparing, a plain one for chats, a sheet of previews.

The grid of a comparison says its words also as text in the file. Pure; runs in the pool. Knows nothing of recipes.
"""

import io
import math
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps

from engine.compose import plain_png
from engine.domain import Raster
from engine.intake import opened, upright_rgb
from engine.label import PARAMETERS_KEYWORD, one_newline, plain
from engine.lettering import letter

MAX_CELLS = 64
MAX_SIDE_PX = 4_096
MAX_CELL_PX = 512
MIN_CELL_PX = 256  # smaller pictures are enlarged to this: nobody compares what is too small to see
MIN_BOX_PX = 200  # a label below a narrow picture is no column of letters
_COLUMNS = (1, 2, 3, 2, 3, 3, 4, 4, 3, 5, 4, 4, 5, 5, 5, 4)  # of 1 to 16 pictures: full rows where it can be
_BACKGROUND = "#1a1b1e"  # neutral and dark: a bright one outshines the pictures
_TITLE_COLOUR, _LABEL_COLOUR = "#f2f2f3", "#c3c5ca"
_MAX_TITLE_LINES, _MAX_LABEL_LINES = 3, 2
_ROOM_FOR_WORDS_PX = 112  # for each of 8 rows: two lines of a label, the gap, a share of the title
_PLAIN_GAP_PX = 4
SHEET_PX = 512  # previews are a few dozen pixels a side: larger shows nothing more
_SHEET_GAP_PX = 4
_NOTHING_YET = "#1e1f22"  # a tile that is dark and neutral, and still a tile on the background
_SHEET_QUALITY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One picture of a grid: its file, and what to write below it."""

    png: bytes
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Where `n` boxes of one size go: rows of `columns`, the last one centred. `top_px` is left free above."""

    n: int
    columns: int
    box_px: tuple[int, int]
    gap_px: int
    margin_px: int
    top_px: int

    @property
    def size_px(self) -> tuple[int, int]:
        rows = math.ceil(self.n / self.columns)
        return self._along(self.columns, 0), self.top_px + self._along(rows, 1)

    def corner(self, number: int) -> tuple[int, int]:
        """The top left corner of a box, numbered from 0."""
        row, column = divmod(number, self.columns)
        missing = self.columns - min(self.columns, self.n - row * self.columns)
        x = self.margin_px + column * (self.box_px[0] + self.gap_px) + missing * (self.box_px[0] + self.gap_px) // 2
        return x, self.top_px + self.margin_px + row * (self.box_px[1] + self.gap_px)

    def _along(self, n_boxes: int, axis: int) -> int:
        return 2 * self.margin_px + n_boxes * self.box_px[axis] + (n_boxes - 1) * self.gap_px


def grid(cells: tuple[Cell, ...], title: str) -> bytes:
    """A PNG of 1 to 64 labelled pictures under a title, at most 4,096 px a side. Raises: BadPicture."""
    pictures = _of_one_size([cell.png for cell in cells])
    width_px, height_px = _largest(pictures)
    box_px = max(width_px, MIN_BOX_PX)
    letters_px, gap_px = max(15, box_px // 24), max(12, box_px // 20)
    labels = [letter(cell.label, letters_px, box_px, _MAX_LABEL_LINES) for cell in cells]
    columns = columns_of(len(cells))
    heading = letter(title, round(letters_px * 1.2), columns * (box_px + gap_px) - gap_px, _MAX_TITLE_LINES)
    table = _Table(
        n=len(cells),
        columns=columns,
        box_px=(box_px, height_px + letters_px // 2 + max(label.height_px for label in labels)),
        gap_px=gap_px,
        margin_px=round(gap_px * 1.25),
        top_px=heading.height_px + gap_px if heading.lines else 0,
    )
    sheet = _pasted(table, pictures, height_px)
    pen = ImageDraw.Draw(sheet)
    heading.draw(pen, sheet.width / 2, table.margin_px, _TITLE_COLOUR)
    for number, label in enumerate(labels):
        x, y = table.corner(number)
        label.draw(pen, x + box_px / 2, y + height_px + letters_px // 2, _LABEL_COLOUR)
    words = plain("\n".join(one_newline(each) for each in (title, *(cell.label for cell in cells))))
    return plain_png(sheet, {PARAMETERS_KEYWORD: words})


def plain_grid(pngs: tuple[bytes, ...]) -> bytes:
    """A PNG of 1 to 64 pictures side by side at their own size, at most 4,096 px a side in all. Raises: BadPicture."""
    columns = columns_of(len(pngs))
    most_px = (MAX_SIDE_PX - (columns - 1) * _PLAIN_GAP_PX) // columns  # there are never more rows than columns
    pictures = [_read(png, most_px) for png in pngs]
    width_px, height_px = _largest(pictures)
    table = _Table(
        n=len(pngs), columns=columns, box_px=(width_px, height_px), gap_px=_PLAIN_GAP_PX, margin_px=0, top_px=0
    )
    return plain_png(_pasted(table, pictures, height_px))


def developing(previews: tuple[Raster | None, ...], most_side_px: int = SHEET_PX) -> bytes:
    """A WebP of the previews of up to 64 pictures, side by side; None is not there yet. At most so long a side.

    Total: previews of another shape than the first are shown whole, on the tile that stands for nothing yet.
    """
    shown = previews[:MAX_CELLS] or (None,)
    columns = columns_of(len(shown))
    box_px = _box_of_previews(shown, columns, most_side_px)
    table = _Table(n=len(shown), columns=columns, box_px=box_px, gap_px=_SHEET_GAP_PX, margin_px=0, top_px=0)
    sheet, buffer = _pasted(table, [_developed(each, box_px) for each in shown], box_px[1]), io.BytesIO()
    sheet.save(buffer, format="WEBP", quality=_SHEET_QUALITY)
    return buffer.getvalue()


def columns_of(n_cells: int) -> int:
    """How many pictures stand side by side."""
    assert 1 <= n_cells <= MAX_CELLS
    return _COLUMNS[n_cells - 1] if n_cells <= len(_COLUMNS) else math.ceil(math.sqrt(n_cells))


def _of_one_size(pngs: list[bytes]) -> list[Image.Image]:
    """All with the same longest side: that of the largest, within what can be seen and what there is room for."""
    most_px = min(MAX_CELL_PX, MAX_SIDE_PX // columns_of(len(pngs)) - _ROOM_FOR_WORDS_PX)
    pictures = [_read(png, most_px) for png in pngs]
    side_px = min(most_px, max(MIN_CELL_PX, *_largest(pictures)))
    return [ImageOps.contain(picture, (side_px, side_px), Image.Resampling.LANCZOS) for picture in pictures]


def _read(png: bytes, most_px: int) -> Image.Image:
    with opened(png) as image:
        picture = upright_rgb(image)
        picture.thumbnail((most_px, most_px), Image.Resampling.LANCZOS)
        return picture


def _box_of_previews(shown: tuple[Raster | None, ...], columns: int, most_side_px: int) -> tuple[int, int]:
    """As large as there is room for, in the shape of the first preview; square while there is none."""
    first = next((each for each in shown if each), None)
    shape = (first.width_px, first.height_px) if first else (1, 1)
    across_px, down_px = (
        (most_side_px - (n - 1) * _SHEET_GAP_PX) / n for n in (columns, math.ceil(len(shown) / columns))
    )
    return _scaled(shape, (across_px, down_px))


def _developed(preview: Raster | None, box_px: tuple[int, int]) -> Image.Image:
    """A preview enlarged into its tile; the bare tile while there is none."""
    tile = Image.new("RGB", box_px, _NOTHING_YET)
    if preview:
        small = Image.frombytes("RGB", (preview.width_px, preview.height_px), preview.rgb)
        large = small.resize(_scaled(small.size, box_px), Image.Resampling.BICUBIC)
        tile.paste(large, ((box_px[0] - large.width) // 2, (box_px[1] - large.height) // 2))
    return tile


def _scaled(shape: tuple[int, int], room_px: tuple[float, float]) -> tuple[int, int]:
    """Width and height of what has this shape and fills the room."""
    scale = min(room / side for side, room in zip(shape, room_px))
    return max(1, int(shape[0] * scale)), max(1, int(shape[1] * scale))


def _largest(pictures: list[Image.Image]) -> tuple[int, int]:
    return max(picture.width for picture in pictures), max(picture.height for picture in pictures)


def _pasted(table: _Table, pictures: list[Image.Image], height_px: int) -> Image.Image:
    """Each picture in the middle of the top `height_px` of its box."""
    sheet = Image.new("RGB", table.size_px, _BACKGROUND)
    for number, picture in enumerate(pictures):
        x, y = table.corner(number)
        sheet.paste(picture, (x + (table.box_px[0] - picture.width) // 2, y + (height_px - picture.height) // 2))
    return sheet

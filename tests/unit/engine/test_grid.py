import io

import pytest
from PIL import Image, ImageChops

from engine.compose import plain_png
from engine.errors import BadPicture
from engine.grid import MAX_CELLS, MAX_SIDE_PX, Cell, columns_of, grid, plain_grid

COLOURS = ("red", "lime", "blue", "yellow", "magenta", "cyan", "white", "orange", "purple")


def opened(file: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(file))
    image.load()
    return image


def square(colour: str, side_px: int = 64) -> bytes:
    return plain_png(Image.new("RGB", (side_px, side_px), colour))


def cells(n: int, label: str = "steps 20") -> tuple[Cell, ...]:
    return tuple(Cell(png=square(COLOURS[at % len(COLOURS)]), label=label) for at in range(n))


def box_of(image: Image.Image, colour: str) -> tuple[int, int, int, int]:
    """Where a colour is to be seen: left, top, right, bottom."""
    difference = ImageChops.difference(image, Image.new("RGB", image.size, colour))
    mask = difference.convert("L", (1, 1, 1, 0)).point(lambda value: 255 if value == 0 else 0)
    box = mask.getbbox()
    assert box
    return box


@pytest.mark.parametrize(
    ("n", "columns"),
    [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 3), (8, 4), (9, 3), (10, 5), (12, 4), (16, 4), (25, 5)],
)
def test_the_shape_is_pleasant(n: int, columns: int) -> None:
    """Full rows where there can be, and never more rows than columns past three pictures."""
    assert columns_of(n) == columns


def test_there_are_never_more_rows_than_columns() -> None:
    """So what fits across fits down."""
    assert all(columns_of(n) ** 2 >= n for n in range(1, MAX_CELLS + 1))


def test_pictures_stand_in_reading_order_and_the_last_row_in_the_middle() -> None:
    """Five: three above, two below."""
    image = opened(grid(cells(5), ""))
    boxes = [box_of(image, colour) for colour in COLOURS[:5]]
    assert [box[1] for box in boxes[:3]] == [boxes[0][1]] * 3
    assert [box[0] for box in boxes[:3]] == sorted(box[0] for box in boxes[:3])
    assert boxes[3][1] == boxes[4][1] > boxes[0][3]
    assert abs((boxes[3][0] + boxes[4][2]) - image.width) <= 2


def test_a_label_stands_below_its_picture_and_the_title_above_all() -> None:
    """Without them these stripes are empty."""
    with_words, without = (opened(grid(cells(2, label), title)) for label, title in (("euler", "a cat"), ("", "")))
    left, _, right, bottom = box_of(with_words, "red")
    assert len(with_words.crop((left, bottom, right, bottom + 40)).getcolors() or ()) > 2
    left, _, right, bottom = box_of(without, "red")
    assert len(without.crop((left, bottom, right, without.height)).getcolors() or ()) == 1
    assert box_of(with_words, "red")[1] > box_of(without, "red")[1]
    assert len(with_words.crop((0, 0, with_words.width, box_of(with_words, "red")[1])).getcolors() or ()) > 2


def test_the_words_are_in_the_file() -> None:
    """Title, then labels, one a line."""
    file = grid(
        (Cell(png=square("red"), label="steps 1"), Cell(png=square("blue"), label="steps\x002")), "a cat\r\nhere"
    )
    assert opened(file).info == {"parameters": "a cat\nhere\nsteps 1\nsteps 2"}


def test_pictures_of_unlike_size_are_shown_alike() -> None:
    """One model draws 128 pixels, another 512: nobody compares stamps with posters."""
    image = opened(grid((Cell(png=square("red", 64), label="a"), Cell(png=square("blue", 512), label="b")), "x"))
    sides = {(right - left, bottom - top) for left, top, right, bottom in (box_of(image, c) for c in ("red", "blue"))}
    assert sides == {(512, 512)}


def test_wide_and_tall_pictures_keep_their_shape() -> None:
    """Each in the middle of its box."""
    wide, tall = (
        plain_png(Image.new("RGB", size, colour)) for size, colour in (((400, 100), "red"), ((100, 400), "blue"))
    )
    image = opened(grid((Cell(png=wide, label="a"), Cell(png=tall, label="b")), "x"))
    left, top, right, bottom = box_of(image, "red")
    assert (right - left, bottom - top) == (400, 100)
    left, top, right, bottom = box_of(image, "blue")
    assert (right - left, bottom - top) == (100, 400)


@pytest.mark.parametrize("n", [16, MAX_CELLS])
def test_the_largest_grid_stays_within_the_bounds(n: int) -> None:
    """With the longest words on every picture."""
    large = square("red", 600)
    image = opened(grid(tuple(Cell(png=large, label="long words " * 40) for _ in range(n)), "a title " * 500))
    assert max(image.size) <= MAX_SIDE_PX


@pytest.mark.parametrize("words", ["", "日本 😀 \u202e abc \ud7ff\x00", "é" * 4_000, "\n" * 100, "W" * 4_000])
def test_any_words_can_be_drawn(words: str) -> None:
    """Letters that no font here has break nothing."""
    assert opened(grid(cells(2, words), words)).width > 500


def test_a_broken_cell_is_refused() -> None:
    """In a sentence."""
    with pytest.raises(BadPicture):
        grid((Cell(png=b"broken", label="a"),), "x")


def test_a_plain_grid_is_the_pictures_as_they_are() -> None:
    """Two by two, with a thin gap."""
    image = opened(plain_grid(tuple(square(colour) for colour in COLOURS[:4])))
    assert image.size == (132, 132)
    assert [box_of(image, colour) for colour in COLOURS[:4]] == [
        (0, 0, 64, 64),
        (68, 0, 132, 64),
        (0, 68, 64, 132),
        (68, 68, 132, 132),
    ]
    assert image.info == {}


def test_a_plain_grid_of_large_pictures_is_scaled_down() -> None:
    """To the largest side that we make."""
    assert opened(plain_grid((square("red", 3_000),) * 2)).size[0] == MAX_SIDE_PX

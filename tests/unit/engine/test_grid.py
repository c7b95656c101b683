import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from engine.compose import plain_png
from engine.domain import Raster
from engine.errors import BadPicture
from engine.grid import MAX_CELLS, MAX_SIDE_PX, SHEET_PX, Cell, columns_of, developing, grid, plain_grid

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


def preview(colour: str, width_px: int = 16, height_px: int = 16) -> Raster:
    return Raster(width_px=width_px, height_px=height_px, rgb=Image.new("RGB", (width_px, height_px), colour).tobytes())


def seen(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The colour at a place, as parts of width and height."""
    at = (int(x * image.width), int(y * image.height))
    return tuple(image.convert("RGB").crop((*at, at[0] + 1, at[1] + 1)).tobytes())


def is_near(colour: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 16 for a, b in zip(colour, other, strict=True))


NOTHING_YET = (0x1E, 0x1F, 0x22)


@pytest.mark.parametrize(("n", "size"), [(1, (512, 512)), (2, (512, 254)), (3, (512, 168)), (4, (512, 512))])
def test_previews_stand_side_by_side(n: int, size: tuple[int, int]) -> None:
    """In the rows and columns of the pictures to come, a WebP without metadata."""
    image = opened(developing((preview("red"),) * n))
    assert (image.format, image.size) == ("WEBP", size)
    assert not {"exif", "xmp", "icc_profile"} & image.info.keys()


def test_a_preview_that_is_not_there_yet_is_a_dark_tile() -> None:
    """In its own place."""
    image = opened(developing((preview("red"), None, None, preview("blue"))))
    assert is_near(seen(image, 0.25, 0.25), (255, 0, 0))
    assert is_near(seen(image, 0.75, 0.25), NOTHING_YET)
    assert is_near(seen(image, 0.25, 0.75), NOTHING_YET)
    assert is_near(seen(image, 0.75, 0.75), (0, 0, 255))


def test_previews_are_enlarged_smoothly() -> None:
    """Two pixels become a slope and no edge."""
    image = opened(developing((Raster(width_px=2, height_px=1, rgb=bytes(3) + b"\xff" * 3),)))
    shades = [seen(image, x / 20, 0.5)[0] for x in range(20)]
    assert (shades[0] < 16, shades[-1] > 239) == (True, True)
    assert len([shade for shade in shades if 32 < shade < 223]) >= 4


def test_previews_have_the_shape_of_their_pictures() -> None:
    """A wide one is wide; without any they are square; one of another shape is shown whole."""
    assert opened(developing((preview("red", 24, 12),))).size == (SHEET_PX, SHEET_PX // 2)
    assert opened(developing((None, None, None, None), most_side_px=256)).size == (256, 256)
    mixed = opened(developing((preview("red", 24, 12), preview("blue", 12, 24))))
    assert is_near(seen(mixed, 0.75, 0.5), (0, 0, 255))
    assert is_near(seen(mixed, 0.55, 0.5), NOTHING_YET)


def test_a_sheet_of_previews_is_small_to_send() -> None:
    """Tens of kilobytes, though noise is the hardest there is; it is sent every few seconds."""
    noise = Image.effect_noise((64, 64), 60).convert("RGB").tobytes()
    assert len(developing((Raster(width_px=64, height_px=64, rgb=noise),) * 4)) < 80_000


@settings(deadline=None)  # 64 tiles on a busy machine
@given(st.lists(st.none() | st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=70), st.integers(-1, 600))
def test_any_previews_make_a_sheet(sizes: list[tuple[int, int] | None], most_side_px: int) -> None:
    """Of whatever shapes and however many, within the side there is room for."""
    previews = tuple(size and preview("red", *size) for size in sizes)
    image = opened(developing(previews, most_side_px))
    assert max(image.size) <= max(most_side_px, 64)

import io
from itertools import pairwise

import pytest
from PIL import Image, WebPImagePlugin

from engine.compose import FADE_FRAMES, HOLD_MS, MAX_ANIMATION_PX, MAX_FRAMES, animation, plain_png
from engine.domain import Raster
from engine.errors import BadPicture
from engine.label import chunks

PICTURE = plain_png(Image.new("RGB", (96, 64), (200, 30, 40)))


def opened(file: bytes) -> WebPImagePlugin.WebPImageFile:
    image = Image.open(io.BytesIO(file))
    assert isinstance(image, WebPImagePlugin.WebPImageFile)
    return image


def previews(n: int) -> tuple[Raster, ...]:
    """From black to white, all of them different."""
    return tuple(Raster(width_px=12, height_px=8, rgb=bytes([at * 255 // max(1, n - 1)]) * 288) for at in range(n))


def shades(image: WebPImagePlugin.WebPImageFile) -> list[int]:
    """The green of each frame's middle."""
    found = []
    for at in range(image.n_frames):
        image.seek(at)
        found.append(image.convert("RGB").crop((48, 32, 49, 33)).tobytes()[1])
    return found


@pytest.mark.parametrize("n", [1, 2, MAX_FRAMES])
def test_every_preview_is_seen_in_order_and_then_the_picture(n: int) -> None:
    """With a short fade before it, for ever again."""
    image = opened(animation(previews(n), PICTURE))
    assert image.n_frames == n + FADE_FRAMES + 1
    seen = shades(image)
    assert seen[:n] == sorted(seen[:n])
    assert abs(seen[-1] - 30) < 6
    assert image.info["loop"] == 0


def test_of_many_previews_a_few_are_chosen_evenly() -> None:
    """The first, which is noise, and the last among them."""
    image = opened(animation(previews(200), PICTURE))
    assert image.n_frames == MAX_FRAMES + FADE_FRAMES + 1
    seen = shades(image)[:MAX_FRAMES]
    assert seen[0] < 6
    assert seen[-1] > 249
    steps = [b - a for a, b in pairwise(seen)]
    assert max(steps) - min(steps) < 8


def test_the_finished_picture_stays_for_two_seconds() -> None:
    """Long enough to look at."""
    image = opened(animation(previews(3), PICTURE))
    image.seek(image.n_frames - 1)
    image.load()
    assert image.info["duration"] == HOLD_MS == 2_000


def test_without_previews_there_is_the_picture_alone() -> None:
    """A run of one step may have none."""
    assert opened(animation((), PICTURE)).size == (96, 64)


def test_a_large_picture_is_shown_smaller() -> None:
    """An animation is no original."""
    large = plain_png(Image.new("RGB", (1_024, 2_048)))
    assert opened(animation(previews(2), large)).size == (MAX_ANIMATION_PX // 2, MAX_ANIMATION_PX)


def test_an_animation_carries_no_metadata() -> None:
    """Whatever the picture's file says."""
    file = animation(previews(2), plain_png(Image.new("RGB", (64, 64)), {"parameters": "canary"}))
    assert b"canary" not in file
    assert not [mark for mark in (b"EXIF", b"XMP ", b"ICCP") if mark in file]


def test_an_animation_of_a_broken_picture_is_refused() -> None:
    """In a sentence."""
    with pytest.raises(BadPicture):
        animation(previews(2), b"broken")


def test_a_plain_png_is_written_without_what_the_image_came_with() -> None:
    """Only the texts it is given are added."""
    image = Image.new("RGB", (64, 64))
    image.info.update(icc_profile=b"canary", exif=b"canary", dpi=(72, 72), transparency=(0, 0, 0), Comment="canary")
    assert {kind for kind, _ in chunks(plain_png(image))} == {b"IHDR", b"IDAT", b"IEND"}
    assert [bytes(body) for kind, body in chunks(plain_png(image, {"a": "b"})) if kind == b"tEXt"] == [b"a\0b"]

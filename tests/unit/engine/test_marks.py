import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.domain import MAX_SEED, Recipe, Sampler
from engine.label import JSON_KEYWORD, PARAMETERS_KEYWORD, texts
from engine.look import MAX_PARAMETERS_CHARS, look
from engine.marks import comment_text, exif_of, exif_texts

RECIPE = Recipe(
    prompt="a red circle",
    model="pocket",
    seed=7,
    steps=20,
    guidance=4.0,
    sampler=Sampler.EULER_A,
    width_px=64,
    height_px=64,
)
EXIF_IFD, USER_COMMENT, DESCRIPTION = 0x8769, 0x9286, 0x010E
WORDS = st.text(max_size=200)  # any Unicode, control characters too, but no surrogates
RECIPES = st.builds(
    Recipe,
    prompt=WORDS,
    negative=WORDS,
    model=st.text(min_size=1, max_size=200),
    seed=st.integers(0, MAX_SEED),
    steps=st.integers(1, 50),
    guidance=st.just(4.0),
    sampler=st.sampled_from(Sampler),
    width_px=st.just(64),
    height_px=st.just(72),
)


def with_exif(exif: bytes | Image.Exif, file_format: str = "WEBP") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, file_format, exif=exif)
    return buffer.getvalue()


def described(description: Any, file_format: str = "WEBP") -> bytes:
    exif = Image.Exif()
    exif[DESCRIPTION] = description
    return with_exif(exif, file_format)


@settings(deadline=None)  # the first picture of a format has Pillow load what reads it
@given(RECIPES, st.sampled_from(["WEBP", "JPEG", "PNG"]))
def test_any_recipe_is_read_back_from_exif(recipe: Recipe, file_format: str) -> None:
    """Exactly, whatever its words hold; and the readable words with it."""
    said = texts(recipe)
    looked = look(with_exif(exif_of(said), file_format))
    assert looked.recipe == recipe
    assert looked.parameters == said[PARAMETERS_KEYWORD].strip()


def test_the_longest_honest_recipe_is_read_back_from_a_webp() -> None:
    """Its EXIF is longer than the 64 KiB that a JPEG has for it."""
    long = Recipe(
        prompt="😀" * 4_000,
        negative="😀" * 4_000,
        model="😀" * 1_024,
        seed=7,
        steps=20,
        guidance=4.0,
        sampler=Sampler.DDIM,
        width_px=64,
        height_px=64,
    )
    exif = exif_of(texts(long))
    assert len(exif) > 2**16
    looked = look(with_exif(exif))
    assert looked.recipe == long
    assert looked.parameters
    assert len(looked.parameters) < MAX_PARAMETERS_CHARS


def test_the_words_stand_where_a1111_puts_them_and_nothing_else_is_there() -> None:
    """UserComment in UTF-16, big-endian; our JSON as description."""
    said = texts(RECIPE)
    exif = Image.Exif()
    exif.load(exif_of(said))
    assert exif.keys() == {DESCRIPTION, EXIF_IFD}
    assert exif[DESCRIPTION] == f"{JSON_KEYWORD}:{said[JSON_KEYWORD]}"
    assert exif.get_ifd(EXIF_IFD) == {USER_COMMENT: b"UNICODE\0" + said[PARAMETERS_KEYWORD].encode("utf-16-be")}


def test_where_there_is_nothing_to_say_there_is_no_exif() -> None:
    """Not even an empty one."""
    assert exif_of({}) == b""
    assert exif_of({"Comment": "canary"}) == b""


@pytest.mark.parametrize("file_format", ["WEBP", "JPEG"])
@pytest.mark.parametrize(
    "description",
    [
        "My holiday",
        texts(RECIPE)[JSON_KEYWORD],
        "darkroom:",
        "darkroom:" + "[" * 60_000,
        'darkroom:{"v":2,"recipe":{}}',
        "darkroom:" + json.dumps({"v": 1, "recipe": {"steps": 10_000}}),
        7,
    ],
    ids=["words", "no keyword", "empty", "deep", "another version", "out of bounds", "no text"],
)
def test_somebody_elses_description_is_no_recipe(description: object, file_format: str) -> None:
    """Nor a hostile one of ours; the picture is as good as any."""
    looked = look(described(description, file_format))
    assert (looked.recipe, looked.parameters, looked.width_px) == (None, None, 64)


@settings(deadline=None)
@given(st.data())
def test_damaged_exif_is_as_good_as_none(data: st.DataObject) -> None:
    """Whatever a byte of it becomes."""
    exif = bytearray(exif_of(texts(RECIPE)))
    exif[data.draw(st.integers(0, len(exif) - 1))] = data.draw(st.integers(0, 255))
    image = Image.open(io.BytesIO(with_exif(bytes(exif))))
    assert exif_texts(image).keys() <= {PARAMETERS_KEYWORD, JSON_KEYWORD}


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: b"UNICODE\0" + rest))
def test_any_comment_is_some_text(comment: bytes) -> None:
    """With signs for what is none, and encodable whatever came in."""
    comment_text(comment).encode()

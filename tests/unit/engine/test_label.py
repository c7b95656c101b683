import io
import json
import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.domain import MAX_GUIDANCE, MAX_SEED, Mode, Picture, Raster, Recipe, Sampler, Source
from engine.finish import finished
from engine.label import JSON_KEYWORD, MAX_JSON_BYTES, chunks, parameters_text, recipe_from_png, texts, version

RECIPE = Recipe(
    prompt="a red circle",
    model="pocket",
    seed=7,
    steps=20,
    guidance=4.0,
    sampler=Sampler.EULER_A,
    width_px=64,
    height_px=72,
)
RASTER = Raster(width_px=64, height_px=72, rgb=bytes(range(256)) * 54)
WORDS = st.text(max_size=200)  # any Unicode, control characters too, but no surrogates
RECIPES = st.builds(
    Recipe,
    prompt=WORDS,
    negative=WORDS,
    model=st.text(min_size=1, max_size=200),
    seed=st.integers(0, MAX_SEED),
    steps=st.integers(10, 50),
    guidance=st.floats(0, MAX_GUIDANCE),
    sampler=st.sampled_from(Sampler),
    width_px=st.just(64),
    height_px=st.just(72),
    mode=st.sampled_from(Mode),
    source=st.none() | st.builds(Source, sha256=st.just("ab" * 32), strength=st.floats(0.1, 1)),
)


def written(recipe: Recipe) -> bytes:
    return finished(Picture(index=0, recipe=recipe, raster=RASTER)).png


def opened(file: bytes) -> tuple[Image.Image, dict[str, str]]:
    image = Image.open(io.BytesIO(file))
    image.load()
    return image, image.text  # type: ignore[attr-defined]  # PNG has it


def with_label(text: bytes, kind: bytes = b"tEXt") -> bytes:
    """A PNG that says `text` under our keyword."""
    body = kind + JSON_KEYWORD.encode() + b"\0" + text
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk


@given(RECIPES)
def test_any_recipe_survives_the_file_and_the_file_stays_a_png(recipe: Recipe) -> None:
    """Whatever the prompt holds, the pixels are intact and the recipe is rebuilt exactly."""
    file = written(recipe)
    image, _texts = opened(file)
    assert (image.size, image.tobytes()) == ((64, 72), RASTER.rgb)
    assert recipe_from_png(file) == recipe


@given(WORDS)
def test_the_readable_text_holds_no_control_character_but_the_newline(prompt: str) -> None:
    """The PNG standard allows no other, and a NUL would end the text in many readers."""
    text = parameters_text(Recipe(**{**_fields(RECIPE), "prompt": prompt}))  # type: ignore[arg-type]
    assert not [letter for letter in text if letter != "\n" and (ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0)]


def _fields(recipe: Recipe) -> dict[str, object]:
    return {name: getattr(recipe, name) for name in Recipe.__dataclass_fields__}


def test_the_readable_text_is_as_a1111_writes_it() -> None:
    """Prompt, negative prompt, one line of settings in A1111's names and order."""
    recipe = Recipe(
        **{
            **_fields(RECIPE),
            "negative": "text, blur",
            "guidance": 7.5,
            "model": "/models/Nice, really.safetensors",
            "source": Source(sha256="ab" * 32, strength=0.7),
        }  # type: ignore[arg-type]
    )
    _image, texts = opened(written(recipe))
    assert texts["parameters"].split("\n") == [
        "a red circle",
        "Negative prompt: text, blur",
        'Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 7, Size: 64x72, Model: "Nice, really", '
        f"Denoising strength: 0.7, Version: Darkroom {version()}",
    ]


@pytest.mark.parametrize(
    ("sampler", "name"),
    [
        (Sampler.EULER_A, "Euler a"),
        (Sampler.DPMPP_2M, "DPM++ 2M"),
        (Sampler.PLMS, "PLMS"),
        (Sampler.UNIPC, "UniPC"),
        (Sampler.DDIM, "DDIM"),
    ],
)
def test_samplers_have_the_names_that_people_know(sampler: Sampler, name: str) -> None:
    """A picture pasted into another tool finds its sampler there."""
    recipe = Recipe(**{**_fields(RECIPE), "sampler": sampler})  # type: ignore[arg-type]
    assert f"Sampler: {name}, CFG scale: 4," in parameters_text(recipe)


def test_a_picture_from_nothing_names_no_strength_and_no_negative_prompt() -> None:
    """What was not asked for is not in the text."""
    assert "Denoising" not in parameters_text(RECIPE)
    assert "Negative" not in parameters_text(RECIPE)


def test_the_longest_honest_recipe_is_read_back() -> None:
    """Two texts of 4,000 characters outside the basic plane and a long model name fit the limit on our JSON."""
    recipe = Recipe(**{**_fields(RECIPE), "prompt": "😀" * 4_000, "negative": "😀" * 4_000, "model": "😀" * 1_024})  # type: ignore[arg-type]
    assert recipe_from_png(written(recipe)) == recipe


@given(st.binary(max_size=400) | st.binary(max_size=400).map(with_label))
def test_reading_any_bytes_gives_nothing_and_never_raises(file: bytes) -> None:
    """A hostile file is just no picture of ours."""
    assert recipe_from_png(file) is None


@given(st.integers(0, len(written(RECIPE)) - 1), st.integers(0, 255))
def test_reading_a_damaged_picture_never_raises(at: int, byte: int) -> None:
    """One wrong byte anywhere, and the rest cut off."""
    file = bytearray(written(RECIPE))
    file[at] = byte
    recipe_from_png(bytes(file))
    recipe_from_png(bytes(file[:at]))


@pytest.mark.parametrize(
    "label",
    [
        b"[" * 60_000,
        b'{"v":1,"x":' + b"[" * 60_000,
        b'{"v":1}',
        b'{"v":2,"recipe":{}}',
        b"\xff\xfe",
        b'{"v":1,"recipe":"\\ud800"}',
        b" " * (MAX_JSON_BYTES + 1),
    ],
    ids=["deep", "deep unknown key", "no recipe", "another version", "no text", "surrogate", "huge"],
)
def test_a_hostile_label_is_no_recipe(label: bytes) -> None:
    """What does not decode to a recipe within its bounds is None."""
    assert recipe_from_png(with_label(label)) is None


def test_a_recipe_out_of_its_bounds_is_not_believed() -> None:
    """A forged label cannot ask for 10,000 steps."""
    file = written(RECIPE)
    label = json.loads(opened(file)[1][JSON_KEYWORD])
    label["recipe"]["steps"] = 10_000
    assert recipe_from_png(with_label(json.dumps(label).encode())) is None


def test_another_version_of_the_label_is_not_guessed_at() -> None:
    """A reader of version 1 reads no other."""
    label = json.loads(opened(written(RECIPE))[1][JSON_KEYWORD])
    assert recipe_from_png(with_label(json.dumps(label).encode())) == RECIPE
    label["v"] = 2
    assert recipe_from_png(with_label(json.dumps(label).encode())) is None


@pytest.mark.parametrize("factor", [2, 4])
def test_an_enlarged_picture_says_so_in_the_terms_of_a1111(factor: int) -> None:
    """Both in the readable text, which keeps the recipe's own size, and in our JSON."""
    words = texts(RECIPE, f"resample {factor}")
    assert (
        f"Size: 64x72, Model: pocket, Hires upscale: {factor}, Hires upscaler: Lanczos, Version" in words["parameters"]
    )
    assert json.loads(words[JSON_KEYWORD])["treatment"] == f"resample {factor}"
    assert recipe_from_png(with_label(words[JSON_KEYWORD].encode())) == RECIPE


def test_a_picture_as_drawn_mentions_no_treatment() -> None:
    """So its file is the same as before there were any."""
    assert list(json.loads(texts(RECIPE)[JSON_KEYWORD])) == ["v", "recipe"]


def test_a_picture_that_no_model_drew_tells_no_recipe() -> None:
    """An enlarged upload has no seed and no sampler to believe in."""
    words = texts(replace(RECIPE, model="", prompt=""), "resample 2")
    assert words["parameters"] == f"\nHires upscale: 2, Hires upscaler: Lanczos, Version: Darkroom {version()}"
    assert json.loads(words[JSON_KEYWORD]) == {"v": 1, "treatment": "resample 2"}
    assert recipe_from_png(with_label(words[JSON_KEYWORD].encode())) is None


@given(st.binary(max_size=400).map(lambda rest: b"\x89PNG\r\n\x1a\n" + rest))
def test_walking_the_chunks_of_any_bytes_ends(file: bytes) -> None:
    """Each takes 12 bytes at least, so there are few."""
    assert len(list(chunks(file))) <= len(file) / 12 + 1

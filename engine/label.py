"""A recipe ↔ the words of it in a file. Pure text and bytes; knows nothing of pixels, Pillow or processes.

A finished PNG carries its recipe twice: as `parameters` in the words that AUTOMATIC1111's web UI writes and many tools
read, and as JSON under `darkroom`, from which the `Recipe` is rebuilt exactly. Where they stand in other files:
`marks.py`.
"""

import json
import struct
from collections.abc import Iterator
from importlib import metadata
from pathlib import PurePath

import msgspec

from engine.domain import Recipe, Sampler
from engine.errors import DarkroomError

PARAMETERS_KEYWORD = "parameters"
JSON_KEYWORD = "darkroom"
JSON_VERSION = 1
# Two texts of 4,000 characters and a model name of 1,024, each character at most `\ud83d\ude00`: 108,288 bytes.
MAX_JSON_BYTES = 128 * 2**10
# The names that A1111 writes, which are the ones people know.
A1111_SAMPLERS = {
    Sampler.DDIM: "DDIM",
    Sampler.PLMS: "PLMS",
    Sampler.EULER: "Euler",
    Sampler.EULER_A: "Euler a",
    Sampler.DPMPP_2M: "DPM++ 2M",
    Sampler.UNIPC: "UniPC",
    Sampler.DDPM: "DDPM",
    Sampler.LCM: "LCM",
}
RESAMPLE_PREFIX = "resample "  # a treatment is this and a factor: the picture was enlarged without a model
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_HEADER = struct.Struct(">I4s")
_CRC_BYTES = 4
# A PNG text may hold no control character but the newline (PNG 3, 11.3.3); the exact words are in our JSON.
_PLAIN = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\n"}


class _Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Our JSON in a picture. `v`: a reader of version 1 reads no other. No recipe: a picture that no model drew."""

    v: int
    recipe: Recipe | None = None
    treatment: str | None = None


def version() -> str:
    """Darkroom's own version, "0+unknown" where it runs without being installed."""
    try:
        return metadata.version("darkroom")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def texts(recipe: Recipe, treatment: str | None = None) -> dict[str, str]:
    """What a finished PNG says, by keyword. A recipe without a model is nobody's, and is not in our JSON."""
    label = _Label(v=JSON_VERSION, recipe=recipe if recipe.model else None, treatment=treatment)
    words = json.dumps(msgspec.to_builtins(label), ensure_ascii=True, separators=(",", ":"))
    return {PARAMETERS_KEYWORD: parameters_text(recipe, treatment), JSON_KEYWORD: words}


def parameters_text(recipe: Recipe, treatment: str | None = None) -> str:
    """The recipe as A1111 writes it: the prompt, the negative prompt, one line of settings."""
    settings = {**_settings(recipe), **_treated(treatment), "Version": f"Darkroom {version()}"}
    lines = [one_newline(recipe.prompt)]
    if recipe.negative:
        lines.append(one_newline(f"Negative prompt: {recipe.negative}"))
    lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in settings.items()))
    return plain("\n".join(lines))


def recipe_from_png(file: bytes) -> Recipe | None:
    """The recipe that a PNG of ours carries; None for any other bytes, whatever they are. Decodes no pixels."""
    for kind, body in chunks(file):
        if kind == b"IDAT":
            break
        if kind == b"tEXt":
            keyword, _, text = bytes(body).partition(b"\0")
            if keyword == JSON_KEYWORD.encode():
                return recipe_from_json(text)
    return None


def recipe_from_json(text: bytes) -> Recipe | None:
    """The recipe in our JSON; None for any other bytes, whatever they are."""
    if len(text) > MAX_JSON_BYTES:
        return None
    try:
        label = msgspec.json.decode(text, type=_Label)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DarkroomError):
        return None
    return label.recipe if label.v == JSON_VERSION else None


def chunks(file: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and body of each chunk, as far as `file` is a PNG. Every round moves on by at least 12 bytes."""
    at = len(_PNG_SIGNATURE)
    if not file.startswith(_PNG_SIGNATURE):
        return
    view = memoryview(file)
    while at + _CHUNK_HEADER.size <= len(file):
        length, kind = _CHUNK_HEADER.unpack_from(file, at)
        at += _CHUNK_HEADER.size
        if at + length > len(file):
            return
        yield kind, view[at : at + length]
        at += length + _CRC_BYTES


def plain(text: str) -> str:
    """The text with a space for every control character but the newline."""
    return text.translate(_PLAIN)


def one_newline(text: str) -> str:
    r"""The text with every line ended by `\n`."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _settings(recipe: Recipe) -> dict[str, str]:
    if not recipe.model:  # an upload that was only enlarged: there are none to tell
        return {}
    settings = {
        "Steps": str(recipe.steps),
        "Sampler": A1111_SAMPLERS[recipe.sampler],
        "CFG scale": _shortest(recipe.guidance),
        "Seed": str(recipe.seed),
        "Size": f"{recipe.width_px}x{recipe.height_px}",
        # A1111 names a checkpoint by its file's stem; a whole path would tell strangers about somebody's disk.
        "Model": PurePath(recipe.model).name.removesuffix(".safetensors"),
    }
    if recipe.source:
        settings["Denoising strength"] = _shortest(recipe.source.strength)
    return settings


def _treated(treatment: str | None) -> dict[str, str]:
    """A treatment in A1111's terms."""
    if treatment is None:
        return {}
    assert treatment.startswith(RESAMPLE_PREFIX)
    return {"Hires upscale": treatment.removeprefix(RESAMPLE_PREFIX), "Hires upscaler": "Lanczos"}


def _shortest(value: float) -> str:
    """7 for 7.0, and every digit that counts."""
    return str(int(value)) if value == int(value) else repr(value)


def _quoted(value: str) -> str:
    """As A1111 quotes: JSON where the value would break the list it stands in."""
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ',:"\n') else value

"""The models: what each is called, where it lies, and the defaults it draws best with.

Reads a model folder's small JSON files, never its weights. Knows nothing of torch, devices or jobs.
Blocking (a few small files): call it off the event loop.
"""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.domain import MAX_SIDE_PX, MIN_SIDE_PX, SIDE_MULTIPLE_PX, Sampler
from engine.errors import UnknownModel

POCKET_FOLDER = Path(__file__).parent / "pocket" / "weights"
SINGLE_FILE_SUFFIXES = (".safetensors",)
_SHOWN_CHARS = 80
_MAX_NAME_CHARS = 1_024  # under Linux's PATH_MAX of 4,096, so that asking the disk cannot fail for the length alone


class Kind(StrEnum):
    """Where a model's weights lie."""

    FOLDER = "folder"  # diffusers layout: model_index.json and a folder per component
    SINGLE_FILE = "single file"  # everything in one .safetensors, as people trade them
    HUB = "hub"  # organisation/name on the model hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model one can ask for. Sizes in pixels; steps, guidance and sampler are for a request that names none."""

    name: str
    kind: Kind
    source: str
    width_px: int
    height_px: int
    steps: int
    guidance: float
    sampler: Sampler
    licence: str = "see the model's own card"


# 512 px, 25 steps and guidance 7.5: what the Stable Diffusion 1.x pipelines were published with, DPM++ 2M needing half
# of PLMS's 50 steps for the same picture (diffusers' own scheduler table).
_STABLE_DIFFUSION = Entry(
    name="", kind=Kind.HUB, source="", width_px=512, height_px=512, steps=25, guidance=7.5, sampler=Sampler.DPMPP_2M
)
_BUILT_IN = {
    "pocket": replace(
        _STABLE_DIFFUSION,
        name="pocket",
        kind=Kind.FOLDER,
        source=str(POCKET_FOLDER),
        width_px=128,
        height_px=128,
        steps=20,
        guidance=4.0,
        sampler=Sampler.DDIM,
        licence="Apache-2.0",
    )
}


def names() -> tuple[str, ...]:
    """The models that ship or are configured, by name."""
    return tuple(_BUILT_IN)


def find(model: str) -> Entry:
    """Look up a catalogue name, a diffusers folder, a single file or a hub id.

    Raises: UnknownModel, with a sentence that says what was looked for.
    """
    if model in _BUILT_IN:
        return _BUILT_IN[model]
    if not model or "\0" in model or len(model) > _MAX_NAME_CHARS:
        raise UnknownModel(_sentence(model))
    try:
        return _find_on_disk(model, Path(model))
    except OSError as exc:  # a name the file system refuses, or a folder that may not be read
        raise UnknownModel(f"The model {_shown(model)} cannot be read: {exc.strerror or 'the disk refuses'}.") from exc


def _find_on_disk(model: str, path: Path) -> Entry:
    if path.is_dir():
        return _describe_folder(model, path)
    if path.suffix in SINGLE_FILE_SUFFIXES:
        if not path.is_file():
            raise UnknownModel(f"There is no file {model}.")
        return replace(_STABLE_DIFFUSION, name=model, kind=Kind.SINGLE_FILE, source=str(path.resolve()))
    if path.exists():
        raise UnknownModel(f"{model} is neither a model folder nor a {SINGLE_FILE_SUFFIXES[0]} file.")
    if _is_hub_id(model):
        return replace(_STABLE_DIFFUSION, name=model, source=model)
    raise UnknownModel(_sentence(model))


def _describe_folder(model: str, folder: Path) -> Entry:
    index = folder / "model_index.json"
    if not index.is_file():
        raise UnknownModel(f"The folder {model} holds no model_index.json, so it is no diffusers model.")
    native_px = _native_side_px(folder)
    return replace(
        _STABLE_DIFFUSION,
        name=model,
        kind=Kind.FOLDER,
        source=str(folder.resolve()),
        width_px=native_px,
        height_px=native_px,
    )


def _native_side_px(folder: Path) -> int:
    """The side the UNet was trained for: latent side times the VAE's factor; 512 where the files do not say."""
    unet, vae = _read_json(folder / "unet" / "config.json"), _read_json(folder / "vae" / "config.json")
    side, blocks = unet.get("sample_size"), vae.get("block_out_channels")
    if not isinstance(side, int) or not isinstance(blocks, list):
        return _STABLE_DIFFUSION.width_px
    native_px: int = side * 2 ** (len(blocks) - 1)
    native_px -= native_px % SIDE_MULTIPLE_PX
    return max(MIN_SIDE_PX, min(MAX_SIDE_PX, native_px))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # the worker names the broken file when it loads the model
    return value if isinstance(value, dict) else {}


def _is_hub_id(model: str) -> bool:
    parts = model.split("/")
    return len(parts) == 2 and all(part and part.strip(".") and part.isascii() and _is_plain(part) for part in parts)


def _is_plain(part: str) -> bool:
    return all(letter.isalnum() or letter in "-_." for letter in part) and len(part) <= 96


def _sentence(model: str) -> str:
    return (
        f"There is no model {_shown(model)!r} here. Known: {', '.join(names())}; "
        "or give a diffusers folder, a .safetensors file, or a hub id such as organisation/name."
    )


def _shown(model: str) -> str:
    return model if len(model) <= _SHOWN_CHARS else model[: _SHOWN_CHARS - 1] + "…"

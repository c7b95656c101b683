"""Models from folders and from the hub's cache: what loads, and what is refused with which words."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engine import catalog
from engine.errors import ModelError
from engine.worker import download, vae
from engine.worker.device import choose, has_operators
from engine.worker.models import Model, load
from tests.fakes.tiny_models import Architecture, build

pytestmark = pytest.mark.torch
HUB_ID = "somebody/tiny-model"


def read(model: str) -> Model:
    """Load a model as the worker does."""
    entry = catalog.find(model)
    folder = Path(entry.source)
    if entry.kind is catalog.Kind.HUB:
        folder = download.fetch(entry.source, wants_half=False, on_progress=lambda fraction, doing: None)
    return load(entry, folder, choose("cpu"), lambda fraction, doing: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder that a test may damage."""
    return build(tmp_path / "model", Architecture.SD1)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and a hub that is out of reach."""
    import huggingface_hub.constants

    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return cache


def test_a_hub_id_is_read_from_the_hubs_cache(hub_cache: Path, folder: Path) -> None:
    """What was fetched once is used without asking anyone."""
    repository = hub_cache / "models--somebody--tiny-model"
    shutil.copytree(folder, repository / "snapshots" / "0123abcd")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abcd")
    model = read(HUB_ID)
    assert (model.family, model.native_width_px) == ("stable-diffusion-1", 64)


def test_a_hub_that_cannot_be_reached_is_a_sentence(hub_cache: Path) -> None:
    """Without a cached copy the person is told to look at the network or to give a folder."""
    with pytest.raises(ModelError, match=r"the hub could not be reached and somebody/tiny-model is not"):
        read(HUB_ID)


def test_half_precision_variants_are_found(folder: Path) -> None:
    """A folder that holds only `.fp16.safetensors` loads, in the format that the device has operators for."""
    for part in ("unet", "vae", "text_encoder"):
        for weights in (folder / part).glob("*.safetensors"):
            halves = {name: tensor.half() for name, tensor in load_file(weights).items()}
            save_file(halves, weights.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
            weights.unlink()
    model = read(str(folder))
    parts = (model.pipeline.unet, model.pipeline.vae, model.pipeline.text_encoder)
    assert {parameter.dtype for part in parts for parameter in part.parameters()} == {torch.float32}


def _change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def _drop_a_weight(path: Path) -> None:
    tensors = load_file(path)
    tensors.pop(sorted(tensors)[3])
    save_file(tensors, path, metadata={"format": "pt"})


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut short": (
        lambda folder: (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}"),
        "damaged|could not be loaded",
    ),
    "unet weights gone": (
        lambda folder: (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink(),
        "unet folder holds no .safetensors",
    ),
    "pickle only": (
        lambda folder: (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(
            folder / "unet" / "diffusion_pytorch_model.bin"
        ),
        "unet folder holds no .safetensors",
    ),
    "a weight missing in the unet": (
        lambda folder: _drop_a_weight(folder / "unet" / "diffusion_pytorch_model.safetensors"),
        "unet lacks 1 of its weights|could not be loaded",
    ),
    "a weight missing in the text encoder": (
        lambda folder: _drop_a_weight(folder / "text_encoder" / "model.safetensors"),
        "text_encoder lacks 1 of its weights",
    ),
    "index is no JSON": (lambda folder: (folder / "model_index.json").write_text("{"), "damaged"),
    "another kind of pipeline": (
        lambda folder: _change(folder / "model_index.json", _class_name="FluxPipeline"),
        "FluxPipeline, a kind that Darkroom cannot draw with yet",
    ),
    "unknown class": (
        lambda folder: _change(folder / "model_index.json", unet=["diffusers", "NoSuchNet"]),
        "NoSuchNet, which is not known here",
    ),
    "tokenizer gone": (lambda folder: shutil.rmtree(folder / "tokenizer"), "holds no vocabulary"),
    "config of another size": (
        lambda folder: _change(folder / "unet" / "config.json", cross_attention_dim=64),
        "could not be loaded|lacks",
    ),
}


@pytest.mark.filterwarnings("ignore")  # the libraries warn about the same damage on the way
@pytest.mark.parametrize("damage", BROKEN)
def test_a_damaged_folder_is_one_sentence_that_names_it(damage: str, folder: Path) -> None:
    """Whatever is wrong, the sentence says which model and what, and is short enough to read."""
    harm, words = BROKEN[damage]
    harm(folder)
    with pytest.raises(ModelError, match=words) as caught:
        read(str(folder))
    sentence = str(caught.value)
    assert str(folder) in sentence
    assert "\n" not in sentence
    assert len(sentence) < 450


def test_a_cpu_never_gets_half_precision() -> None:
    """The Half error of the essay cannot happen: a CPU draws in float32, and operators are tried, not guessed."""
    assert choose("cpu").dtype == torch.float32
    assert has_operators(torch.device("cpu"), torch.float32)
    assert not has_operators(torch.device("cpu"), torch.int32)


def test_previews_show_the_colours_of_the_picture() -> None:
    """Pocket's fitted latents-to-RGB map comes close to the decoded picture made small."""
    model = read("pocket")
    rng = np.random.default_rng(5)
    patches = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8).repeat(32, 0).repeat(32, 1)
    picture = torch.from_numpy(patches.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.inference_mode():
        latents = model.pipeline.vae.encode(picture).latent_dist.mode() * model.pipeline.vae.config.scaling_factor
    preview = model.projector.raster(latents[0])
    decoding = vae.Decoding(model, latents)
    while not decoding.is_done:
        decoding.advance()
    whole = decoding.raster()
    assert whole is not None
    size = (preview.width_px, preview.height_px)
    small = Image.frombytes("RGB", (whole.width_px, whole.height_px), whole.rgb).resize(size, Image.Resampling.BOX)
    gap = np.abs(np.asarray(small, dtype=int) - np.frombuffer(preview.rgb, np.uint8).reshape(*size[::-1], 3))
    assert gap.mean() < 16  # of 255

"""The shipped folder is a complete, small, standard Stable Diffusion folder."""

import json
from typing import Any

import pytest
from safetensors import safe_open

from engine.pocket.export import MAX_BYTES, WEIGHTS_FOLDER

PARTS = {
    "scheduler": ("diffusers", "DDIMScheduler"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
}
WEIGHT_FILES = {
    "text_encoder": "model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
}


def _json(*names: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(WEIGHTS_FOLDER.joinpath(*names).read_text(encoding="utf-8"))
    return content


def test_the_index_names_a_stock_pipeline() -> None:
    """Anybody's StableDiffusionPipeline can load the folder, without a safety checker."""
    index = _json("model_index.json")
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert index["requires_safety_checker"] is False
    assert index["safety_checker"] == [None, None]
    assert index["feature_extractor"] == [None, None]
    # transformers 5 may name its own backend class for the tokenizer; the library is what matters.
    assert {part: index[part][0] for part in PARTS} == {part: library for part, (library, _) in PARTS.items()}


@pytest.mark.parametrize("part", sorted(WEIGHT_FILES))
def test_each_network_is_half_precision_safetensors(part: str) -> None:
    """Each network has its configuration and float16 weights."""
    assert WEIGHTS_FOLDER.joinpath(part, "config.json").is_file()
    with safe_open(WEIGHTS_FOLDER / part / WEIGHT_FILES[part], framework="np") as weights:
        names = list(weights.keys())
        kinds = {weights.get_slice(name).get_dtype() for name in names if "position_ids" not in name}
    assert kinds == {"F16"}


def test_the_tokenizer_and_the_text_encoder_agree() -> None:
    """A prompt is cut where the text encoder's positions end, and every token has an embedding."""
    encoder = _json("text_encoder", "config.json")
    assert _json("tokenizer", "tokenizer_config.json")["model_max_length"] == encoder["max_position_embeddings"]
    assert len(_json("tokenizer", "vocab.json")) == encoder["vocab_size"]
    assert WEIGHTS_FOLDER.joinpath("tokenizer", "merges.txt").is_file()


def test_the_schedule_is_the_trained_one() -> None:
    """v-prediction over a schedule that ends in noise, sampled from its last step."""
    schedule = _json("scheduler", "scheduler_config.json")
    assert (schedule["prediction_type"], schedule["timestep_spacing"]) == ("v_prediction", "trailing")
    assert (schedule["beta_schedule"], schedule["beta_start"], schedule["beta_end"]) == ("scaled_linear", 0.00085, 0.03)


def test_the_pictures_are_128_px() -> None:
    """The stock pipeline's default size is the trained one: 16 latents of 8 px."""
    assert _json("unet", "config.json")["sample_size"] == 16
    assert len(_json("vae", "config.json")["block_out_channels"]) == 4  # three halvings


def test_the_folder_is_small_and_holds_no_pickles() -> None:
    """At most 12 MB, and only JSON, text and safetensors."""
    files = [path for path in WEIGHTS_FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    assert {path.suffix for path in files} <= {".json", ".txt", ".safetensors"}

"""What a single .safetensors file is, told by its keys and shapes and never by its name. Knows nothing of torch.

Stable Diffusion 1 and 2 are traded in the layout of their original `ldm` code: `model.diffusion_model.*` is the UNet,
`first_stage_model.*` the VAE, `cond_stage_model.*` the text encoder. Much else is traded with the same ending; it is
refused here, with the word for what it is. Only the header is read: a few hundred KiB of JSON.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from safetensors import SafetensorError, safe_open

from engine.errors import ModelError

UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP, OPEN_CLIP = "cond_stage_model.transformer.", "cond_stage_model.model."
_FIRST_CONVOLUTION = "input_blocks.0.0.weight"
_CROSS_ATTENTION = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
_LATER = "a kind that Darkroom cannot draw with yet"
# The first that any key matches says what the file is. Key names as in diffusers/loaders/single_file_utils.py
# (CHECKPOINT_KEY_NAMES) and lora_conversion_utils.py.
_OTHER_MODELS = (
    (r"^control_model\.", f"it is a ControlNet, {_LATER}"),
    (r"motion_modules?\.", f"it is an AnimateDiff model, {_LATER}"),
    (r"^conditioner\.embedders\.", f"it is a Stable Diffusion XL model, {_LATER}"),
    (r"^(model\.diffusion_model\.)?joint_blocks\.", f"it is a Stable Diffusion 3 model, {_LATER}"),
    (r"^(model\.diffusion_model\.)?double_blocks\.", f"it is a Flux model, {_LATER}"),
    (r"^(noise_augmentor|embedder)\.", f"it is an unCLIP model, which draws from pictures, {_LATER}"),
)
# Asked only of a file without a UNet of ours: a merged model may hold a leftover of any of these and draw all the same.
_PIECES = (
    (
        r"lora_(up|down|mid|[AB])\.|lora[._](up|down|linear)|hada_w\d|lokr_w\d|dora_scale|\.alpha$",
        "it is a LoRA, an addition to a model and not a model of its own",
    ),
    (r"controlnet_|^control_|lllite", f"it is a ControlNet, {_LATER}"),
    (r"^(emb_params|string_to_param|clip_l|clip_g)\b", "it is a textual inversion, not a model of its own"),
    (r"^(unet\.)?(down_blocks|mid_block|conv_in)\.", "it is the UNet of a diffusers folder: give Darkroom that folder"),
    (r"^(text_model|encoder\.layers)\.", "it is a text encoder alone"),
    (r"^(first_stage_model\.)?(encoder|decoder)\.(conv_in|mid|mid_block)\.", "it holds a VAE and no UNet"),
    (r"^input_blocks\.", "it is a UNet alone, without a text encoder and a VAE"),
)
_PURPOSES = {5: "depth maps", 7: "upscaling", 8: "editing by instruction", 9: "inpainting"}
_WORDS_FOR_V, _WORDS_FOR_EPSILON = {"v", "v_prediction", "v-prediction", "true"}, {"epsilon", "eps", "false"}
# Where trainers write what the network predicts: the ModelSpec standard, what ComfyUI writes instead, and sd-scripts.
_TOLD_BY = ("modelspec.prediction_type", "modelspec.predict_key", "ss_v_parameterization")


class Family(StrEnum):
    """Which text encoder and UNet the file holds."""

    SD1 = "Stable Diffusion 1"
    SD2 = "Stable Diffusion 2"


class Prediction(StrEnum):
    """What the UNet's output means, in the words of diffusers' schedulers."""

    EPSILON = "epsilon"
    V = "v_prediction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A file in the original layout.

    `told_prediction`: what the UNet's output means. None: a Stable Diffusion 2 that does not say; both kinds were
    published, with weights of the same names and shapes. An unmarked Stable Diffusion 1 predicts the noise, as all that
    were published do.
    """

    path: Path
    family: Family
    numbers_per_word: int
    told_prediction: Prediction | None


def recognise(path: Path) -> Checkpoint:
    """Tell what the file is.

    Raises: ModelError with a clause if it is damaged, no safetensors file, or not a whole Stable Diffusion 1 or 2.
    """
    shapes, metadata = _read_header(path)
    _refuse(_OTHER_MODELS, shapes)
    if UNET + _FIRST_CONVOLUTION not in shapes:
        _refuse(_PIECES, shapes)
        raise ModelError(f"it holds no UNet of Stable Diffusion 1 or 2{_found_instead(shapes)}")
    family = _family(shapes)
    _check_purpose(shapes)
    return Checkpoint(
        path=path,
        family=family,
        numbers_per_word=shapes.get(UNET + _CROSS_ATTENTION, (0, 0))[1],
        told_prediction=_told_prediction(shapes, metadata) or (Prediction.EPSILON if family is Family.SD1 else None),
    )


def _refuse(table: tuple[tuple[str, str], ...], shapes: dict[str, tuple[int, ...]]) -> None:
    for pattern, clause in table:
        if any(re.search(pattern, key) for key in shapes):
            raise ModelError(clause)


def _found_instead(shapes: dict[str, tuple[int, ...]]) -> str:
    return f", its first weight being {min(shapes)[:80]}" if shapes else ", nor anything else"


def _family(shapes: dict[str, tuple[int, ...]]) -> Family:
    for prefix, part in ((VAE, "VAE"), ("cond_stage_model.", "text encoder")):
        if not any(key.startswith(prefix) for key in shapes):
            raise ModelError(f"it holds no {part}: it was saved without its {prefix}* weights")
    if any(key.startswith(CLIP) for key in shapes):
        return Family.SD1
    if any(key.startswith(OPEN_CLIP) for key in shapes):
        return Family.SD2
    raise ModelError(
        "its text encoder is neither the CLIP of Stable Diffusion 1 nor the OpenCLIP of Stable Diffusion 2"
    )


def _check_purpose(shapes: dict[str, tuple[int, ...]]) -> None:
    """Raises: ModelError if the UNet wants to see more than noisy latents and words."""
    n_seen = shapes[UNET + _FIRST_CONVOLUTION][1]
    n_latent = shapes.get(VAE + "post_quant_conv.weight", (4,))[0]
    if n_seen != n_latent:
        purpose = _PURPOSES.get(n_seen, "another purpose")
        raise ModelError(
            f"its UNet takes {n_seen} channels and its VAE makes {n_latent}: it is a model for {purpose}, {_LATER}"
        )
    if any(key.startswith(UNET + "label_emb.") for key in shapes):
        raise ModelError(f"its UNet wants more than noise and words (label_emb), {_LATER}")


def _told_prediction(shapes: dict[str, tuple[int, ...]], metadata: dict[str, str]) -> Prediction | None:
    if "v_pred" in shapes:  # an empty tensor, by which ComfyUI marks such models
        return Prediction.V
    for name in _TOLD_BY:
        word = metadata.get(name, "").strip().lower()
        if word in _WORDS_FOR_V | _WORDS_FOR_EPSILON:
            return Prediction.V if word in _WORDS_FOR_V else Prediction.EPSILON
    architecture = metadata.get("modelspec.architecture", "").lower()
    if re.match(r"stable-diffusion-v2-\d+-v\b", architecture):
        return Prediction.V
    return Prediction.EPSILON if re.fullmatch(r"stable-diffusion-v2-\d+", architecture) else None


def _read_header(path: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Each weight's shape, and the metadata."""
    try:
        with safe_open(path, framework="np") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118 - no dict
    except SafetensorError as exc:
        raise ModelError(_what_is_wrong(path)) from exc


def _what_is_wrong(path: Path) -> str:
    """Name the fault of a file that is no sound safetensors: 8 bytes of header length, JSON, then the weights."""
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(9)
        if start.startswith((b"PK\x03\x04", b"\x80")):
            return "it is a pickle under another ending, and Darkroom never opens those"
        if len(start) < 9 or start[8:] != b"{":
            return f"it is no safetensors file ({n_bytes:,} bytes of something else)" if n_bytes else "it is empty"
        file.seek(8)
        header = file.read(int.from_bytes(start[:8], "little"))
    try:
        entries = json.loads(header)
        n_wanted = 8 + len(header) + max(entry["data_offsets"][1] for entry in entries.values() if "dtype" in entry)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return f"it is cut short or damaged within its table of contents ({n_bytes:,} bytes); download it again"
    if n_wanted > n_bytes:
        return f"it is cut short ({n_bytes:,} of {n_wanted:,} bytes); download it again"
    return "its table of contents contradicts itself; download it again"

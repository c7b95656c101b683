"""A diffusers folder written as one file in the layout of the original Stable Diffusion code, as people trade them.

The way back of what `engine/worker/single_file.py` does, written from the original layout and not from its code:
`input_blocks`, `middle_block` and `output_blocks` counted through, 1x1 convolutions for the VAE's attention, and for
Stable Diffusion 2 the OpenCLIP text encoder with q, k and v in one matrix and one layer more than is used.
"""

import re
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file

Weights = dict[str, torch.Tensor]
UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP, OPEN_CLIP = "cond_stage_model.transformer.text_model.", "cond_stage_model.model."

_UNET_NAMES = {
    "time_embedding.linear_1.": "time_embed.0.",
    "time_embedding.linear_2.": "time_embed.2.",
    "conv_in.": "input_blocks.0.0.",
    "conv_norm_out.": "out.0.",
    "conv_out.": "out.2.",
    "mid_block.resnets.0.": "middle_block.0.",
    "mid_block.attentions.0.": "middle_block.1.",
    "mid_block.resnets.1.": "middle_block.2.",
}
_RESNET_NAMES = {
    "norm1.": "in_layers.0.",
    "conv1.": "in_layers.2.",
    "norm2.": "out_layers.0.",
    "conv2.": "out_layers.3.",
    "time_emb_proj.": "emb_layers.1.",
    "conv_shortcut.": "skip_connection.",
}
_VAE_NAMES = {
    "conv_norm_out.": "norm_out.",
    "mid_block.resnets.0.": "mid.block_1.",
    "mid_block.resnets.1.": "mid.block_2.",
    "mid_block.attentions.0.": "mid.attn_1.",
    "downsamplers.0.": "downsample.",
    "upsamplers.0.": "upsample.",
    "conv_shortcut.": "nin_shortcut.",
    "group_norm.": "norm.",
    "to_q.": "q.",
    "to_k.": "k.",
    "to_v.": "v.",
    "to_out.0.": "proj_out.",
}
_OPEN_CLIP_NAMES = {
    "layer_norm1.": "ln_1.",
    "layer_norm2.": "ln_2.",
    "mlp.fc1.": "mlp.c_fc.",
    "mlp.fc2.": "mlp.c_proj.",
    "self_attn.out_proj.": "attn.out_proj.",
}


def write(folder: Path, path: Path) -> Path:
    """Write the model in `folder` to `path`, and its configurations without weights to the folder beside it."""
    save_file(weights_of(folder), path)
    shutil.copytree(folder, path.with_suffix(""), ignore=shutil.ignore_patterns("*.safetensors", "words"))
    return path


def weights_of(folder: Path) -> Weights:
    """The model's weights by their original names."""
    unet = UNet2DConditionModel.load_config(folder, subfolder="unet")
    vae = AutoencoderKL.load_config(folder, subfolder="vae")
    text = load_file(folder / "text_encoder" / "model.safetensors")
    text = {key.removeprefix("text_model."): tensor for key, tensor in text.items()}
    return {
        **_unet(load_file(folder / "unet" / "diffusion_pytorch_model.safetensors"), unet["layers_per_block"]),
        **_vae(load_file(folder / "vae" / "diffusion_pytorch_model.safetensors"), len(vae["block_out_channels"])),
        **(_open_clip(text) if unet["use_linear_projection"] else _clip(text)),
    }


def _unet(weights: Weights, n_layers: int) -> Weights:
    return {UNET + _unet_name(key, n_layers, weights): tensor.contiguous() for key, tensor in weights.items()}


def _unet_name(key: str, n_layers: int, weights: Weights) -> str:
    if match := re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|(?:down|up)samplers)\.(\d+)\.(.*)", key):
        side, level, kind, index, rest = match.groups()
        is_sampler = kind.endswith("samplers")
        block = int(level) * (n_layers + 1) + (n_layers if is_sampler else int(index)) + (side == "down")
        if kind == "upsamplers":  # comes last in its block: after the attention, if the level has any
            place = 2 if f"up_blocks.{level}.attentions.0.norm.weight" in weights else 1
        else:
            place = int(kind == "attentions")
        if kind == "resnets":
            rest = _rename(rest, _RESNET_NAMES)
        elif kind == "downsamplers":
            rest = rest.replace("conv.", "op.")
        return f"{'input' if side == 'down' else 'output'}_blocks.{block}.{place}.{rest}"
    key = _rename(key, _UNET_NAMES)
    return _rename(key, _RESNET_NAMES) if re.match(r"middle_block\.[02]", key) else key


def _vae(weights: Weights, n_levels: int) -> Weights:
    named = {}
    for key, tensor in weights.items():
        name = re.sub(r"down_blocks\.(\d+)\.", r"down.\1.", key)
        name = re.sub(r"up_blocks\.(\d+)\.", lambda match: f"up.{n_levels - 1 - int(match[1])}.", name)
        name = _rename(re.sub(r"((?:up|down)\.\d+\.)resnets\.", r"\1block.", name), _VAE_NAMES)
        is_projection = re.search(r"attn_1\.(q|k|v|proj_out)\.weight", name)
        named[VAE + name] = (tensor[:, :, None, None] if is_projection else tensor).contiguous()
    return named


def _clip(weights: Weights) -> Weights:
    position_ids = torch.arange(len(weights["embeddings.position_embedding.weight"]))[None]
    named = {CLIP + key: tensor.contiguous() for key, tensor in weights.items()}
    return {**named, CLIP + "embeddings.position_ids": position_ids}


def _open_clip(weights: Weights) -> Weights:
    width = weights["final_layer_norm.weight"].shape[0]
    named = {
        "token_embedding.weight": weights["embeddings.token_embedding.weight"],
        "positional_embedding": weights["embeddings.position_embedding.weight"],
        "ln_final.weight": weights["final_layer_norm.weight"],
        "ln_final.bias": weights["final_layer_norm.bias"],
        "text_projection": torch.randn(width, 2 * width),
        "logit_scale": torch.tensor(4.6),
    }
    n_layers = 1 + max(int(key.split(".")[2]) for key in weights if key.startswith("encoder.layers."))
    for layer in range(n_layers + 1):  # one more than is used: Stable Diffusion 2 reads the last but one
        ours, theirs = f"encoder.layers.{min(layer, n_layers - 1)}.", f"transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            named[f"{theirs}attn.in_proj_{kind}"] = torch.cat(
                [weights[f"{ours}self_attn.{x}_proj.{kind}"] for x in "qkv"]
            )
        for key in [key for key in weights if key.startswith(ours) and not re.search(r"self_attn\.[qkv]_proj", key)]:
            named[theirs + _rename(key.removeprefix(ours), _OPEN_CLIP_NAMES)] = weights[key].clone()
    return {OPEN_CLIP + key: tensor.contiguous() for key, tensor in named.items()}


def _rename(key: str, names: dict[str, str]) -> str:
    for ours, theirs in names.items():
        key = re.sub(rf"(^|\.){re.escape(ours)}", rf"\g<1>{theirs}", key)
    return key

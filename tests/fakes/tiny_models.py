"""Small models with random weights and the exact configuration keys of the real architectures.

Sizes differ from the published ones, nothing else: the files, classes and keys are those of `stable-diffusion-v1-5` and
`stable-diffusion-2-1` in diffusers layout, so the code under test cannot tell. Used by tests and benches.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from tokenizers import pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

N_TOKENS = 77
_CONTRAST = 4.0


class Architecture(StrEnum):
    """Which published architecture to imitate."""

    SD1 = "sd1"
    SD1_UNSET = "sd1-unset"  # says nothing of clip_sample, so DDIM, DDPM … clip: not linear, they have no plan
    SD2_V = "sd2-v"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How big: the UNet's `channels` per level (attention on all but the last), latents of `side` by `side`."""

    channels: tuple[int, ...] = (16, 32)
    layers: int = 1
    text_width: int = 32
    side: int = 8
    vae_channels: tuple[int, ...] = (8, 8, 16, 16)
    groups: int = 8


def build(folder: Path, architecture: Architecture, size: Size | None = None, seed: int = 0) -> Path:
    """Write such a model to `folder` in diffusers layout and return it."""
    size = size or Size()
    torch.manual_seed(seed)
    pipeline = StableDiffusionPipeline(
        vae=_vae(size),
        text_encoder=_text_encoder(size, architecture),
        tokenizer=_tokenizer(folder / "words"),
        unet=_unet(size, architecture),
        scheduler=_scheduler(architecture),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _unet(size: Size, architecture: Architecture) -> UNet2DConditionModel:
    n_levels = len(size.channels)
    is_second = architecture is Architecture.SD2_V
    model = UNet2DConditionModel(
        sample_size=size.side,
        in_channels=4,
        out_channels=4,
        block_out_channels=size.channels,
        layers_per_block=size.layers,
        down_block_types=("CrossAttnDownBlock2D",) * (n_levels - 1) + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (n_levels - 1),
        cross_attention_dim=size.text_width,
        # SD 1.x: 8 heads everywhere. SD 2.x: heads of a fixed width, so their number grows with the channels.
        attention_head_dim=[channels // 8 for channels in size.channels] if is_second else 8,
        use_linear_projection=is_second,
        norm_num_groups=size.groups,
        flip_sin_to_cos=True,
        freq_shift=0,
    )
    return model.eval()


def _vae(size: Size) -> AutoencoderKL:
    n_levels = len(size.vae_channels)
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=size.vae_channels,
        layers_per_block=size.layers,
        down_block_types=("DownEncoderBlock2D",) * n_levels,
        up_block_types=("UpDecoderBlock2D",) * n_levels,
        norm_num_groups=min(size.groups, *size.vae_channels),
        sample_size=size.side * 2 ** (n_levels - 1),
        scaling_factor=0.18215,
    ).eval()
    with torch.no_grad():
        # Random weights draw nearly flat grey; this spreads the pixels, so that comparing them compares something.
        vae.decoder.conv_out.weight.mul_(_CONTRAST)
    return vae


def _text_encoder(size: Size, architecture: Architecture) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=2 * 256 + 2,
            hidden_size=size.text_width,
            intermediate_size=size.text_width * 4,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=N_TOKENS,
            hidden_act="gelu" if architecture is Architecture.SD2_V else "quick_gelu",
            bos_token_id=512,
            eos_token_id=513,
            pad_token_id=513,
        )
    ).eval()


def _scheduler(architecture: Architecture) -> Any:
    if architecture is Architecture.SD2_V:
        return DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
            prediction_type="v_prediction",
        )
    scheduler = PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    if architecture is Architecture.SD1:
        scheduler.register_to_config(clip_sample=False)  # as published; for the samplers that are made from it
    return scheduler


def _tokenizer(folder: Path) -> CLIPTokenizer:
    """Every byte is a word of its own: any Unicode can be written, nothing was learned."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    special = {"bos_token": words[-2], "eos_token": words[-1], "unk_token": words[-1], "pad_token": words[-1]}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": N_TOKENS, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return CLIPTokenizer.from_pretrained(folder)

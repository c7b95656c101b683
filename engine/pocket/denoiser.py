"""The denoiser: a small UNet2DConditionModel and a two-layer CLIP text encoder, trained together from scratch.

Knows the noise schedule and the loss; knows nothing of drawing, decoding or files.
"""

from dataclasses import dataclass

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.pocket.codec import LATENT_CHANNELS, LatentScale
from engine.pocket.optimiser import Plan, Shuffle
from engine.pocket.tokenizer import CONTEXT_TOKENS, tokenize

LATENT_SIDE = 16  # 128 px in cells of 8
TEXT_WIDTH = 128
_TRAINING_TIMESTEPS = 1_000

# One caption in ten is replaced by the empty one, for classifier-free guidance (Ho & Salimans 2022 used 10-20 %).
_EMPTY_SHARE = 0.1
# Timesteps: 70 % logit-normal about sigmoid(0.6), where the layout is decided, 30 % uniform so that none is missed.
_UNIFORM_SHARE = 0.3
_LOGIT_CENTRE, _LOGIT_SPREAD = 0.6, 1.0
_LATENT_LIMIT = 6.0
# CLIP starts its embeddings at deviation 0.02, meant for a long training; 0.3 lets words differ from the first step.
_EMBEDDING_GAIN = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The UNet's widths from fine to coarse, and which of those levels attend to the text."""

    widths: tuple[int, ...] = (48, 64, 96)
    attends: tuple[bool, ...] = (False, True, True)
    heads: int = 4
    groups: int = 16


class Denoiser(nn.Module):
    """UNet and text encoder as one module, so that one optimiser and one checkpoint hold both."""

    def __init__(self, tokenizer: CLIPTokenizer, shape: Shape) -> None:
        super().__init__()
        self.unet = _unet(shape)
        self.text_encoder = _text_encoder(tokenizer)

    def forward(self, noisy: Tensor, timesteps: Tensor, token_ids: Tensor) -> Tensor:
        """Predict v. noisy: (B, 4, H, W); timesteps: (B,), 0..999; token_ids: (B, 32), int64. Returns (B, 4, H, W)."""
        states = self.text_encoder(input_ids=token_ids)[0]
        predicted: Tensor = self.unet(noisy, timesteps, states, return_dict=False)[0]
        return predicted

    def word_embeddings(self) -> nn.Parameter:
        """Return the token embedding table."""
        table: nn.Parameter = self.text_encoder.get_input_embeddings().weight
        return table


def noise_schedule() -> DDIMScheduler:
    """Return the schedule that pocket is trained and shipped with.

    beta_end 0.03, not Stable Diffusion's 0.012: alpha-bar ends at 6e-6 instead of 5e-3, so the last step sees next to
    nothing of the picture and a plain background can come out in any colour. Sampling starts from that last step, hence
    "trailing".
    """
    return DDIMScheduler(
        num_train_timesteps=_TRAINING_TIMESTEPS,
        beta_start=0.00085,
        beta_end=0.03,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoiserLoss:
    """The mean squared error of v over a random batch at random timesteps."""

    network: Denoiser
    latents: Tensor  # normalised, (N, 4, 16, 16), float16, CPU
    token_ids: Tensor  # (N, 32), int64, CPU
    empty_ids: Tensor  # (32,), int64: the empty caption
    cumulative_alphas: Tensor  # (1000,), float32
    shuffle: Shuffle
    device: torch.device
    uses_bfloat16: bool

    def __call__(self, step: int, generator: torch.Generator) -> Tensor:
        """Return the scalar loss of this step's batch."""
        rows = self.shuffle.rows(step)
        clean = self.latents[rows].float()
        token_ids = self.token_ids[rows].clone()
        token_ids[torch.rand(len(rows), generator=generator) < _EMPTY_SHARE] = self.empty_ids
        timesteps = random_timesteps(len(rows), generator)
        noise = torch.randn(clean.shape, generator=generator)
        signal = self.cumulative_alphas[timesteps].sqrt().view(-1, 1, 1, 1)
        noisiness = (1 - self.cumulative_alphas[timesteps]).sqrt().view(-1, 1, 1, 1)
        noisy, wanted = signal * clean + noisiness * noise, signal * noise - noisiness * clean
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.uses_bfloat16):
            predicted = self.network(noisy.to(self.device), timesteps.to(self.device), token_ids.to(self.device))
        return nn.functional.mse_loss(predicted.float(), wanted.to(self.device))


def denoiser_loss(
    network: Denoiser,
    tokenizer: CLIPTokenizer,
    latents: Tensor,
    captions: tuple[str, ...],
    scale: LatentScale,
    plan: Plan,
    *,
    device: torch.device,
    uses_bfloat16: bool = False,
) -> DenoiserLoss:
    """Prepare the loss: normalise the raw `latents` (N, 4, 16, 16) and tokenize the captions once."""
    return DenoiserLoss(
        network=network,
        latents=scale.normalised(latents).clamp(-_LATENT_LIMIT, _LATENT_LIMIT).half(),
        token_ids=torch.tensor(tokenize(tokenizer, list(captions))),
        empty_ids=torch.tensor(tokenize(tokenizer, [""])[0]),
        cumulative_alphas=noise_schedule().alphas_cumprod,
        shuffle=Shuffle(len(latents), plan.batch, plan.seed),
        device=device,
        uses_bfloat16=uses_bfloat16,
    )


def random_timesteps(count: int, generator: torch.Generator) -> Tensor:
    """Draw the timesteps to train on: (count,), int64, 0..999."""
    peaked = torch.sigmoid(torch.randn(count, generator=generator) * _LOGIT_SPREAD + _LOGIT_CENTRE)
    uniform = torch.rand(count, generator=generator)
    is_uniform = torch.rand(count, generator=generator) < _UNIFORM_SHARE
    share = torch.where(is_uniform, uniform, peaked)
    return (share * _TRAINING_TIMESTEPS).long().clamp(0, _TRAINING_TIMESTEPS - 1)


def _unet(shape: Shape) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=shape.widths,
        layers_per_block=1,
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in shape.attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(shape.attends)),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=shape.heads,  # diffusers' name; in this class it is the number of heads
        norm_num_groups=shape.groups,
    )


def _text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=CONTEXT_TOKENS,
            hidden_act="quick_gelu",
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            projection_dim=TEXT_WIDTH,
        )
    )
    with torch.no_grad():
        encoder.get_input_embeddings().weight.mul_(_EMBEDDING_GAIN)
    return encoder

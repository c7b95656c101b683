"""The second half of the codec's training: the decoder learns sharp edges from exact, slightly noisy latents.

Knows nothing of the denoiser. The noise stands in for the denoiser's small errors, which the decoder should clean up.
"""

from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional

from engine.pocket.codec import CELL_PX, LatentScale, raw_latents
from engine.pocket.optimiser import Plan, Shuffle
from engine.pocket.pictures import unit_range

CROP_CELLS = 8
# Deviation of the noise on a latent, per crop uniform from 0 to this, in units of the latents' own deviation.
_MAX_NOISE = 0.25
# Whole pictures for the last part, so that the true picture border is seen too; a quarter as many for equal work.
_WHOLE_FROM = 0.85
_WHOLE_SHARE = 4


class LatentDecoder(nn.Module):
    """post_quant_conv and decoder of an AutoencoderKL: normalised latents (B, 4, h, w) to pictures (B, 3, 8h, 8w)."""

    def __init__(self, codec: AutoencoderKL) -> None:
        super().__init__()
        # The 1x1 convolution carries the latent scale and stays as it is, in step with the encoder's.
        self.restore = codec.post_quant_conv.requires_grad_(False)
        self.decoder = codec.decoder

    def forward(self, latents: Tensor) -> Tensor:
        """Decode; the result is about [-1, 1], not clipped."""
        pictures: Tensor = self.decoder(self.restore(latents))
        return pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderLoss:
    """The loss of one step over random crops that hold an edge: L1, L1 of the gradient, and mean square."""

    network: LatentDecoder
    pictures: Tensor  # (M, 128, 128, 3), uint8
    scale: LatentScale
    plan: Plan
    shuffle: Shuffle
    device: torch.device
    uses_bfloat16: bool

    def __call__(self, step: int, generator: torch.Generator) -> Tensor:
        """Return the scalar loss of this step's crops."""
        wanted, latents = self._batch(step, generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.uses_bfloat16):
            decoded = self.network(latents)
        difference: Tensor = decoded.float() - wanted
        rows, columns = difference.diff(dim=2).abs().mean(), difference.diff(dim=3).abs().mean()
        loss: Tensor = difference.abs().mean() + 0.5 * (rows + columns) + difference.square().mean()
        return loss

    def _batch(self, step: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = self.shuffle.rows(step)
        if step * self.plan.batch >= self.plan.samples * _WHOLE_FROM:
            rows = rows[: self.plan.batch // _WHOLE_SHARE]
            pictures = unit_range(self.pictures[rows])
        else:
            pictures = torch.stack([self._crop(picture, generator) for picture in unit_range(self.pictures[rows])])
        latents = self.scale.normalised(raw_latents(pictures))
        amount = torch.rand(len(latents), 1, 1, 1, generator=generator) * _MAX_NOISE
        latents = latents + amount * torch.randn(latents.shape, generator=generator)
        wanted = pictures.to(self.device).contiguous(memory_format=torch.channels_last)
        return wanted, latents.to(self.device)

    def _crop(self, picture: Tensor, generator: torch.Generator) -> Tensor:
        """Return the livelier of two random crops, at any pixel offset."""
        side = CROP_CELLS * CELL_PX
        free = picture.shape[1] - side + 1
        places = torch.randint(0, free, (2, 2), generator=generator).tolist()
        crops = [picture[:, top : top + side, left : left + side] for top, left in places]
        return max(crops, key=lambda crop: float(crop[:, ::4, ::4].std((1, 2)).sum()))


@torch.no_grad()
def signal_to_noise_db(codec: AutoencoderKL, pictures: Tensor) -> float:
    """Return the PSNR in dB of encoding and decoding `pictures`: (B, 128, 128, 3), uint8."""
    wanted = unit_range(pictures)
    restored = codec.decode(codec.encode(wanted).latent_dist.mode()).sample.clamp(-1, 1)
    # The range [-1, 1] is 2 wide; its square is 4.
    return float(10 * torch.log10(4 / functional.mse_loss(restored, wanted)))

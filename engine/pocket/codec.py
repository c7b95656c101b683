"""The picture codec: a diffusers AutoencoderKL whose encoder is a fixed linear map and whose decoder is trained.

One latent pixel stands for 8 x 8 picture pixels: the mean red, green and blue of the cell, and one saddle value (how
its diagonal quadrants differ) that tells a corner from a straight edge. Because the encoder is known in closed form,
the denoiser's training data needs no encoder pass and the decoder can go on training alone.
Knows nothing of captions, diffusion or files.
"""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional

LATENT_CHANNELS = 4
CELL_PX = 8
WIDTHS = (16, 32, 64, 64)

# The saddle is taken of this mix of red, green and blue. Of six mixes tried it keeps the nearest pair of colours that
# may meet furthest apart: 4 of 255. Luminance gives 1: red on green, say, would have no saddle at all.
_SADDLE_MIX = (0.9, 0.5, -0.6)
# The saddle is zero but for a few cells on edges, where it is ten deviations large: at half size it costs the denoiser
# less and is settled late, as a detail should be.
_SADDLE_DAMPING = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Linearity:
    """How nearly linear a freshly started half is.

    The last two channels of every layer hold +-`anchor`. They set the variance that GroupNorm (one group) divides by,
    so that a picture's own values (within +-1) hardly change it and the norm stays close to an affine map. The last
    SiLU works about `silu_shift`, where it is nearly the identity; the next bias takes the shift off again.
    """

    anchor: float
    silu_shift: float


# The encoder stays as it starts: SiLU is within 3e-3 of the identity at 9 +- 1, the norm within 0.2 %.
_ENCODER = _Linearity(anchor=16.0, silu_shift=9.0)
# The decoder has to learn: a small anchor leaves its features large enough for SiLU to bend them. (With the encoder's
# values it went from 23.7 to 26.5 dB in 16,000 crops and stayed blurred.)
_DECODER = _Linearity(anchor=4.0, silu_shift=5.0)
_POSTERIOR_LOG_VARIANCE = -12.0  # sigma 0.0025: the encoder is as good as deterministic


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentScale:
    """Mean and (for the saddle: twice the) standard deviation of each raw latent channel over the training pictures."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @staticmethod
    def of(raw: Tensor) -> "LatentScale":
        """Measure `raw`: latents, (N, 4, H/8, W/8)."""
        mean, deviation = raw.float().mean((0, 2, 3)), raw.float().std((0, 2, 3))
        deviation[3] *= _SADDLE_DAMPING
        return LatentScale(mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()))

    def normalised(self, raw: Tensor) -> Tensor:
        """Return `raw` with mean 0 and deviation 1 (saddle: 1/2) per channel, same shape."""
        mean = torch.tensor(self.mean, device=raw.device).view(1, -1, 1, 1)
        deviation = torch.tensor(self.deviation, device=raw.device).view(1, -1, 1, 1)
        return (raw.float() - mean) / deviation


def raw_latents(pictures: Tensor) -> Tensor:
    """Return what the encoder is built to compute, in closed form and before normalisation.

    pictures: (B, 3, H, W), float32, [-1, 1], H and W multiples of 8. Returns (B, 4, H/8, W/8), about [-1, 1].
    """
    quadrants = functional.avg_pool2d(pictures, CELL_PX // 2)
    mixed = (quadrants * torch.tensor(_SADDLE_MIX, device=pictures.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    kernel = torch.tensor([[[[0.25, -0.25], [-0.25, 0.25]]]], device=pictures.device)
    return torch.cat([functional.avg_pool2d(quadrants, 2), functional.conv2d(mixed, kernel, stride=2)], 1)


def build_codec(scale: LatentScale) -> AutoencoderKL:
    """Return a codec whose encoder gives normalised latents and whose decoder starts as a blurred enlargement.

    Its `scaling_factor` is 1: the normalisation is folded into the two 1x1 convolutions around the latents.
    """
    levels = len(WIDTHS)
    codec = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=WIDTHS,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=1,
        sample_size=128,
        scaling_factor=1.0,
        mid_block_add_attention=False,
        force_upcast=False,
    )
    with torch.no_grad():
        _start_encoder(codec.encoder)
        _start_decoder(codec.decoder)
        _fold_scale(codec, scale)
    return codec


# diffusers has no types: a part of a model is Any here.
def _start_encoder(encoder: Any) -> None:
    carried = 3  # red, green, blue
    _carry(_ENCODER, encoder.conv_in, carried, noise=0.0)
    for block in encoder.down_blocks:
        for resnet in block.resnets:
            _silence(_ENCODER, resnet, carried, noise=0.0)
        if block.downsamplers:
            _average(_ENCODER, block.downsamplers[0].conv, carried)
    last = encoder.down_blocks[-2].downsamplers[0].conv
    saddle = torch.zeros(3, 3)
    saddle[:2, :2] = torch.tensor([[0.25, -0.25], [-0.25, 0.25]])
    for channel, share in enumerate(_SADDLE_MIX):
        last.weight[3, channel] = share * saddle
    carried = LATENT_CHANNELS
    # The negatives keep the mean that the last norm subtracts at zero; nothing reads them.
    last.weight[carried : 2 * carried] = -last.weight[:carried]
    for resnet in [*encoder.down_blocks[-1].resnets, *encoder.mid_block.resnets]:
        _silence(_ENCODER, resnet, carried, noise=0.0)
    _read_out(_ENCODER, encoder.conv_norm_out, encoder.conv_out, rows=carried, carried=carried, noise=0.0)


def _start_decoder(decoder: Any) -> None:
    carried = LATENT_CHANNELS * 2  # the latents, and room for features that training finds
    _carry(_DECODER, decoder.conv_in, LATENT_CHANNELS, noise=0.05)
    for resnet in decoder.mid_block.resnets:
        _silence(_DECODER, resnet, carried, noise=0.05)
    blur = torch.tensor([0.25, 0.5, 0.25])
    for block in decoder.up_blocks:
        for resnet in block.resnets:
            _silence(_DECODER, resnet, carried, noise=0.05)
        if block.upsamplers:
            _carry(_DECODER, block.upsamplers[0].conv, carried, noise=0.05, kernel=blur[:, None] * blur[None])
    _read_out(_DECODER, decoder.conv_norm_out, decoder.conv_out, rows=3, carried=carried, noise=0.02)


def _fold_scale(codec: AutoencoderKL, scale: LatentScale) -> None:
    quantise, restore = codec.quant_conv, codec.post_quant_conv
    for conv in (quantise, restore):
        conv.weight.zero_()
        conv.bias.zero_()
    for channel, (mean, deviation) in enumerate(zip(scale.mean, scale.deviation, strict=True)):
        quantise.weight[channel, channel] = 1 / deviation
        quantise.bias[channel] = -mean / deviation
        restore.weight[channel, channel] = deviation
        restore.bias[channel] = mean
    quantise.bias[LATENT_CHANNELS:] = _POSTERIOR_LOG_VARIANCE


def _carry(linearity: _Linearity, conv: nn.Conv2d, carried: int, *, noise: float, kernel: Tensor | None = None) -> None:
    """Make `conv` pass its first `carried` channels on unchanged (or through `kernel`); scale the rest by `noise`."""
    conv.weight.mul_(noise)
    assert conv.bias is not None
    conv.bias.zero_()
    for channel in range(carried):
        conv.weight[channel] = 0
        if kernel is None:
            conv.weight[channel, channel, conv.weight.shape[2] // 2, conv.weight.shape[3] // 2] = 1
        else:
            conv.weight[channel, channel] = kernel
    conv.weight[-2:] = 0
    conv.bias[-2], conv.bias[-1] = linearity.anchor, -linearity.anchor


def _average(linearity: _Linearity, conv: nn.Conv2d, carried: int) -> None:
    # diffusers pads a stride-2 convolution on the right and below, so taps 0 and 1 cover exactly one 2 x 2 cell.
    kernel = torch.zeros(3, 3)
    kernel[:2, :2] = 0.25
    _carry(linearity, conv, carried, noise=0.0, kernel=kernel)


def _silence(linearity: _Linearity, resnet: Any, carried: int, *, noise: float) -> None:
    """Make the residual branch add nothing, and the shortcut (where widths change) pass on `carried` channels."""
    resnet.conv2.weight.zero_()
    resnet.conv2.bias.zero_()
    if resnet.conv_shortcut is not None:
        _carry(linearity, resnet.conv_shortcut, carried, noise=noise)


def _read_out(
    linearity: _Linearity, norm: nn.GroupNorm, conv: nn.Conv2d, *, rows: int, carried: int, noise: float
) -> None:
    """Undo the norm's division and the SiLU's bend for the first `carried` channels, and read `rows` of them."""
    channels = norm.weight.numel()
    norm.weight.fill_(linearity.anchor * (2 / channels) ** 0.5)  # the deviation that the two anchors alone give
    norm.bias.zero_()
    norm.weight[-2:] = 0.2
    norm.bias[:carried] = linearity.silu_shift
    conv.weight.mul_(noise)
    assert conv.bias is not None
    conv.bias.zero_()
    for row in range(rows):
        conv.weight[row] = 0
        conv.weight[row, row, 1, 1] = 1.0
        conv.bias[row] = -linearity.silu_shift

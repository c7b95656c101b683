"""Small live previews: latents to RGB by one linear map, fitted for the model at hand. Knows nothing of jobs.

A VAE's latents are, to first order, a small colour picture. The map is fitted once per load by encoding a seeded
synthetic picture and solving least squares for its averaged colours, so it fits every VAE, also one that nobody has
published factors for.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch

from engine.domain import Raster
from engine.worker.device import Device

_SIDE_LATENTS = 16  # 256 samples for 5 unknowns a colour; encoding them costs 1/16 of a 512 px picture
_PATCH_LATENTS = 2  # flat patches of two latents: an average over one latent is then a pure colour
_RIDGE = 1e-3  # keeps the fit finite for a VAE whose latents are constant (random weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Projector:
    """The fitted map. `weights`: (3, C); `bias`: (3,); float32 on the device; result in [-1, 1] where it is exact."""

    weights: torch.Tensor
    bias: torch.Tensor

    def raster(self, latents: torch.Tensor) -> Raster:
        """Draw clean latents (C, H, W), any float type, as an H x W raster."""
        rgb = torch.einsum("oc,chw->hwo", self.weights, latents.float()) + self.bias
        pixels = ((rgb / 2 + 0.5).nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        return Raster(width_px=pixels.shape[1], height_px=pixels.shape[0], rgb=pixels.tobytes())


@torch.inference_mode()
def fit(vae: Any, factor: int, device: Device) -> Projector:
    """Fit the map for a diffusers AutoencoderKL that shrinks each side `factor` times."""
    generator = torch.Generator().manual_seed(0)
    n_patches = _SIDE_LATENTS // _PATCH_LATENTS
    colours = torch.rand(1, 3, n_patches, n_patches, generator=generator) * 2 - 1
    target = colours.repeat_interleave(_PATCH_LATENTS, 2).repeat_interleave(_PATCH_LATENTS, 3)
    picture = target.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    posterior = vae.encode(picture.to(device.device, device.dtype)).latent_dist
    latents = (posterior.mode() * vae.config.scaling_factor).float().cpu()[0].flatten(1)
    inputs = torch.cat([latents, torch.ones(1, latents.shape[1])]).T.double()
    outputs = target[0].flatten(1).T.double()
    gram = inputs.T @ inputs + _RIDGE * torch.eye(inputs.shape[1], dtype=torch.float64)
    solution = torch.linalg.solve(gram, inputs.T @ outputs).T.float().to(device.device)
    return Projector(weights=solution[:, :-1].contiguous(), bias=solution[:, -1].contiguous())


def clean_estimate(shown: torch.Tensor, output: torch.Tensor, signal: float, prediction_type: str) -> torch.Tensor:
    """The model's present guess of the finished latents.

    shown: what the UNet saw, sqrt(signal) * clean + sqrt(1 - signal) * noise. output: what it said, after guidance.
    signal: alphas_cumprod at this timestep. Source: Salimans & Ho 2022, appendix D.
    """
    signal_share, noise_share = math.sqrt(signal), math.sqrt(1 - signal)
    if prediction_type == "v_prediction":
        return signal_share * shown - noise_share * output
    if prediction_type == "sample":
        return output
    return (shown - noise_share * output) / max(signal_share, 1e-4)

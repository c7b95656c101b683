"""The untrained codec is already a usable linear one."""

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.pocket.codec import LatentScale, build_codec, raw_latents
from engine.pocket.decoder import signal_to_noise_db
from engine.pocket.pictures import unit_range
from engine.pocket.world import sample


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """Eight pictures of the world, (8, 128, 128, 3), uint8."""
    return torch.from_numpy(np.stack([np.asarray(sample(seed).picture) for seed in range(8)]))


def test_the_encoder_computes_the_closed_form(pictures: Tensor) -> None:
    """The network agrees with the formula that the denoiser's training data is made by."""
    raw = raw_latents(unit_range(pictures))
    scale = LatentScale.of(raw)
    latents = build_codec(scale).encode(unit_range(pictures)).latent_dist.mode()
    assert latents.shape == (8, 4, 16, 16)
    assert (latents - scale.normalised(raw)).abs().max() < 0.05


def test_the_untrained_decoder_is_a_blurred_enlargement(pictures: Tensor) -> None:
    """Before any training the codec gives the picture back at 19 dB or more; a constant picture gives 10 dB or so."""
    codec = build_codec(LatentScale.of(raw_latents(unit_range(pictures))))
    assert signal_to_noise_db(codec, pictures) > 19


def test_latents_are_normalised(pictures: Tensor) -> None:
    """Normalised latents have mean 0, and deviation 1 but for the damped saddle channel."""
    raw = raw_latents(unit_range(pictures))
    latents = LatentScale.of(raw).normalised(raw)
    assert latents.mean((0, 2, 3)).abs().max() < 1e-4
    assert torch.allclose(latents.std((0, 2, 3)), torch.tensor([1.0, 1.0, 1.0, 0.5]), atol=1e-3)

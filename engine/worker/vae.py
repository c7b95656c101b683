"""Pixels to latents and back, the way back in slices of time. Knows nothing of jobs.

A decode is a chain of layers. Running them one by one, with denoising steps of other pictures between, gives the very
same bits as `vae.decode` and keeps a finishing picture from stalling the others for longer than its largest layer.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from engine.domain import Raster
from engine.worker.models import Model


@torch.inference_mode()
def encode(model: Model, raster: Raster) -> Any:
    """The posterior of a picture: a DiagonalGaussianDistribution over (1, C, H / factor, W / factor)."""
    pixels = np.frombuffer(raster.rgb, dtype=np.uint8).reshape(1, raster.height_px, raster.width_px, 3)
    # VaeImageProcessor: uint8 / 255 as float32, then 2x - 1, channels first.
    picture = 2.0 * torch.from_numpy(pixels.astype(np.float32) / 255.0).permute(0, 3, 1, 2) - 1.0
    return model.pipeline.vae.encode(picture.to(model.device.device, model.device.dtype)).latent_dist


class Decoding:
    """One picture on its way from latents (1, C, h, w) to pixels; `advance` runs one layer."""

    def __init__(self, model: Model, latents: torch.Tensor) -> None:
        self._model = model
        with torch.inference_mode():
            self._sample = latents.to(model.device.dtype) / model.pipeline.vae.config.scaling_factor
        self._layers = _decoder_layers(model.pipeline.vae)
        self.is_done = False

    @torch.inference_mode()
    def advance(self) -> None:
        """Run the next layer; `is_done` turns true with the last."""
        layer = next(self._layers, None)
        if layer is None:
            self.is_done = True
        else:
            self._sample = layer(self._sample)

    @torch.inference_mode()
    def raster(self) -> Raster | None:
        """The finished pixels; None if the model produced numbers that are not finite (a half-precision overflow)."""
        assert self.is_done
        if not bool(torch.isfinite(self._sample).all()):
            return None
        picture = self._model.pipeline.image_processor.postprocess(
            self._sample, output_type="np", do_denormalize=[True]
        )[0]
        pixels = (picture * 255).round().astype(np.uint8)  # VaeImageProcessor.numpy_to_pil
        return Raster(width_px=pixels.shape[1], height_px=pixels.shape[0], rgb=pixels.tobytes())


def _decoder_layers(vae: Any) -> Iterator[Any]:
    """The layers of AutoencoderKL.decode in its order (diffusers 0.42); the whole decode if it is built otherwise."""
    decoder: Any = getattr(vae, "decoder", None)
    if type(vae).__name__ != "AutoencoderKL" or type(decoder).__name__ != "Decoder" or vae.use_tiling:
        yield lambda latents: vae.decode(latents, return_dict=False)[0]
        return
    if vae.post_quant_conv is not None:
        yield vae.post_quant_conv
    yield decoder.conv_in
    yield decoder.mid_block
    for block in decoder.up_blocks:
        if type(block).__name__ != "UpDecoderBlock2D":
            yield block
            continue
        yield from (partial(resnet, temb=None) for resnet in block.resnets)
        yield from block.upsamplers or ()
    yield decoder.conv_norm_out
    yield decoder.conv_act
    yield decoder.conv_out

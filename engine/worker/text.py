"""Words to embeddings, remembered. Knows nothing of recipes or batches.

Each text is encoded alone, as the diffusers pipeline does for one picture, so that an embedding never depends on what
else was encoded with it.
"""

from collections import OrderedDict

import torch

from engine.worker.models import Model

MAX_REMEMBERED = 256  # 77 x 768 float32 are 231 KiB: at most 58 MiB; the empty negative prompt is nearly always there


class TextCache:
    """The latest embeddings, by model and text."""

    def __init__(self) -> None:
        self._embeddings: OrderedDict[tuple[str, str], torch.Tensor] = OrderedDict()

    @torch.inference_mode()
    def encode(self, model: Model, text: str) -> torch.Tensor:
        """What the UNet reads for `text`: (1, tokens, width) on the model's device. Words past the window are cut."""
        key = (model.entry.name, text)
        if key in self._embeddings:
            self._embeddings.move_to_end(key)
            return self._embeddings[key]
        embedding: torch.Tensor = model.pipeline.encode_prompt(
            text, model.device.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )[0]
        self._embeddings[key] = embedding
        if len(self._embeddings) > MAX_REMEMBERED:
            self._embeddings.popitem(last=False)
        return embedding

    def forget(self, model: str) -> None:
        """Forget what one model made."""
        for key in [key for key in self._embeddings if key[0] == model]:
            del self._embeddings[key]

    def clear(self) -> None:
        """Forget everything, so that the device's memory is free."""
        self._embeddings.clear()

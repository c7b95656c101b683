"""Fetch a model from the hub into the hub's own cache. Knows nothing of torch.

Only files that hold no code are fetched: safetensors, JSON and text. What is in the cache is not fetched again, and
with `HF_HUB_OFFLINE=1` nothing is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
from tqdm import tqdm

from engine.errors import ModelError

_PATTERNS = ["model_index.json", "*/*.json", "*/*.txt", "*/*.safetensors"]


def fetch(hub_id: str, on_progress: Callable[[float, str], None]) -> Path:
    """Bring the model to the cache and return its folder.

    Raises: ModelError with a sentence.
    """

    class Bar(tqdm):  # type: ignore[type-arg]  # generic in its stubs, not when it runs
        """Reports instead of drawing."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self.n += n or 0
            if self.total:
                on_progress(min(0.9, 0.9 * self.n / self.total), "downloading")
            return None

    on_progress(0.0, "asking the hub")
    try:
        return Path(huggingface_hub.snapshot_download(hub_id, allow_patterns=_PATTERNS, tqdm_class=Bar))
    except RepositoryNotFoundError as exc:
        raise ModelError(f"the hub has no model {hub_id}, or it wants a token (HF_TOKEN)") from exc
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as exc:
        raise ModelError(
            f"the hub could not be reached and {hub_id} is not in its cache; check the network, or give a folder"
        ) from exc

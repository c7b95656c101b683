"""Fetch a model from the hub into the hub's own cache. Knows nothing of torch.

Only files that hold no code are fetched: safetensors, JSON and text, of the parts a picture needs and in one precision.
What is in the cache is not fetched again, and with `HF_HUB_OFFLINE=1` nothing is.
"""

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
from tqdm import tqdm

from engine.catalog import Entry, Kind
from engine.errors import ModelError

DOWNLOAD_SHARE = 0.9  # of the progress told; reading what was fetched is the rest
_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_WANTED = ["model_index.json", *(f"{part}/*.{kind}" for part in _PARTS for kind in ("json", "txt", "safetensors"))]
_UNWANTED = ["*non_ema*"]


def fetch(hub_id: str, wants_half: bool, on_progress: Callable[[float, str], None]) -> Path:
    """Bring the model to the cache and return its folder. `wants_half`: in 16 bits, if the hub has it so.

    Raises: ModelError with a clause that says what is wrong.
    """
    on_progress(0.0, "asking the hub")
    try:
        unwanted = _UNWANTED + _other_precision(hub_id, wants_half)
        bars = _bars(on_progress)
        return Path(
            huggingface_hub.snapshot_download(hub_id, allow_patterns=_WANTED, ignore_patterns=unwanted, tqdm_class=bars)
        )
    except RepositoryNotFoundError as exc:
        raise ModelError(f"the hub has no model {hub_id}, or it wants a token (HF_TOKEN)") from exc
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, httpx2.HTTPError) as exc:
        raise ModelError(_UNREACHABLE.format(hub_id=hub_id)) from exc
    except (OSError, RuntimeError) as exc:  # hf_xet raises plain RuntimeErrors
        if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise ModelError(f"its files cannot be kept in the hub's cache: {exc.strerror}") from exc
        raise ModelError(_UNREACHABLE.format(hub_id=hub_id)) from exc


_UNREACHABLE = "the hub could not be reached and {hub_id} is not in its cache; check the network, or give a folder"


def _other_precision(hub_id: str, wants_half: bool) -> list[str]:
    """Patterns of the weights not to fetch where the hub has both precisions; none if it cannot be asked."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return []
    files = huggingface_hub.HfApi().list_repo_files(hub_id)
    weights = [file for file in files if file.startswith("unet/") and file.endswith(".safetensors")]
    halves = [file for file in weights if ".fp16." in file]
    if not halves or len(halves) == len(weights):
        return []
    if not wants_half:
        return ["*.fp16.*"]
    whole = {file.replace(".fp16.", ".") for file in files if ".fp16." in file and file.endswith(".safetensors")}
    return sorted(whole)


def _bars(on_progress: Callable[[float, str], None]) -> type[Any]:
    """A progress bar class that tells instead of drawing: bytes only, and never less than it has told before."""
    most = 0.0

    class Bar(tqdm):  # type: ignore[type-arg]  # generic in its stubs, not when it runs
        """huggingface_hub makes several: of files, and of bytes with a total that grows."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._counts_bytes = kwargs.get("unit") == "B"
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal most
            self.n += n or 0
            if self._counts_bytes and self.total:
                most = max(most, min(1.0, self.n / self.total))
                on_progress(most * DOWNLOAD_SHARE, "downloading")
            return None

    return Bar


class Fetcher:
    """Fetches hub models on threads of their own, so that nobody's step waits for the network."""

    def __init__(self, wants_half: bool, tell: Callable[[str, float, str], None]) -> None:
        self._wants_half = wants_half
        self._tell = tell
        self._ended: dict[str, Path | ModelError] = {}
        self._fetching: set[str] = set()

    def is_here(self, entry: Entry) -> bool:
        """Whether a model's files are on this disk; a hub model that is not begins to be fetched.

        Raises: ModelError if fetching has failed; asking again tries again.
        """
        if entry.kind is not Kind.HUB:
            return True
        ended = self._ended.get(entry.source)
        if isinstance(ended, ModelError):
            del self._ended[entry.source]
            raise ended
        if ended is None and entry.source not in self._fetching:
            self._fetching.add(entry.source)
            threading.Thread(target=self._fetch, args=(entry,), name="download", daemon=True).start()
        return ended is not None

    def folder(self, entry: Entry) -> Path:
        """Where the files of a model lie that `is_here`."""
        ended = self._ended.get(entry.source)
        return ended if isinstance(ended, Path) else Path(entry.source)

    def share_done(self, entry: Entry) -> float:
        """How much of the way to a ready model fetching was, so that what is told next goes on from there."""
        return DOWNLOAD_SHARE if entry.kind is Kind.HUB else 0.0

    def _fetch(self, entry: Entry) -> None:
        try:
            found: Path | ModelError = fetch(
                entry.source, self._wants_half, lambda fraction, doing: self._tell(entry.name, fraction, doing)
            )
        except ModelError as exc:
            found = ModelError(f"The model {entry.name} cannot be used: {exc}.")
        except Exception as exc:  # the edge of a thread: whoever waits for this model must hear that it will not come
            found = ModelError(f"The model {entry.name} could not be fetched from the hub; please try again later.")
            found.__cause__ = exc
        self._ended[entry.source] = found
        self._fetching.discard(entry.source)

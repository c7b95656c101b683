"""The models that are timed, pinned: changing a number here starts a new series of figures.

*pocket* ships. *launch-bound* is so small that handing out work costs as much as doing it: it stands for a fast card at
512 px. *compute-bound* keeps both cores busy with one row: it stands for 1024 px, where batching cannot gain.
"""

from pathlib import Path

from tests.fakes.tiny_models import Architecture, Size, build

LAUNCH_BOUND = Size(channels=(32, 64), layers=1, text_width=64, side=8, vae_channels=(8, 8, 16, 16), groups=8)
COMPUTE_BOUND = Size(channels=(64, 128, 128), layers=1, text_width=128, side=32, vae_channels=(8, 8, 16, 16), groups=8)
_SIZES = {"launch-bound": LAUNCH_BOUND, "compute-bound": COMPUTE_BOUND}


def make(folder: Path) -> dict[str, str]:
    """Model name → what to write into a recipe."""
    built = {name: str(build(folder / name, Architecture.SD1, size)) for name, size in _SIZES.items()}
    return {"pocket": "pocket", **built}

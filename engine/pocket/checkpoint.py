"""Checkpoints on disk: written beside the old one and moved over it, so that a crash leaves one or the other.

Knows nothing of what is inside.
"""

import os
from pathlib import Path
from typing import Any

import torch


def folder() -> Path:
    """Return where checkpoints and drawn pictures lie: `$DARKROOM_POCKET_DIR`, or `~/.cache/darkroom/pocket`."""
    named = os.environ.get("DARKROOM_POCKET_DIR")
    return Path(named) if named else Path.home() / ".cache" / "darkroom" / "pocket"


def save(path: Path, state: dict[str, Any]) -> None:
    """Replace the file at `path` by `state` in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    with draft.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load(path: Path) -> dict[str, Any] | None:
    """Return the state at `path`, on the CPU, or None if there is none. Only tensors and plain values are read."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state

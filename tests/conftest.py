"""What every test starts from: an environment without anybody's settings."""

import os

import pytest

# One thread per process, before torch reads it: on models this small threads wait for each other longer than they work,
# and on a busy machine a hundred times longer. The reference pipelines of the tests get the same.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's DARKROOM_ settings decide nothing in a test."""
    for name in [name for name in os.environ if name.startswith("DARKROOM_")]:
        monkeypatch.delenv(name)

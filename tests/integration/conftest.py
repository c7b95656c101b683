"""Models that several integration tests draw with, made once per run.

What brings torch is imported by the fixture that makes them: each process of a run reads this file, and few draw.
"""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Name → what to write into a recipe: "pocket", or the folder of a small random model of that architecture."""
    from tests.fakes import tiny_models

    made: dict[str, Path] = {}

    def folder(name: str) -> str:
        if name == "pocket":
            return name
        if name not in made:
            made[name] = tiny_models.build(tmp_path_factory.mktemp(name) / name, tiny_models.Architecture(name))
        return str(made[name])

    return folder

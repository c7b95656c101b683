"""A slice of the simulator: the desk lives through some seeded histories; all of it is `make sim`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
N_SEEDS = 80
_LAST_LINE = re.compile(r"seeds=(\d+) failures=(\d+) simulated_days=[\d.]+ seconds=[\d.]+")


def simulated(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.sim", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_nothing_that_is_promised_is_broken_in_any_history() -> None:
    """Chats, workers, power, disk and clock fail, and every invariant of `tests/sim/checks.py` holds."""
    ran = simulated("--seeds", str(N_SEEDS), "--processes", "1")
    last = ran.stdout.strip().splitlines()[-1]
    found = _LAST_LINE.fullmatch(last)
    assert found, ran.stdout + ran.stderr
    assert (found[1], found[2]) == (str(N_SEEDS), "0"), ran.stdout + ran.stderr
    assert ran.returncode == 0


@pytest.mark.parametrize("seed", [3, 28])
def test_a_seed_is_the_same_history_each_time(seed: int) -> None:
    """In another process, too: a failure can be looked at again."""
    first, second = (simulated("--seed", str(seed)) for _ in range(2))
    assert "trace=" in first.stdout, first.stderr
    assert first.stdout == second.stdout

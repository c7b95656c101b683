"""A few seeded points of each campaign (`make crash-campaign`, `make disk-campaign`): the same programs, shorter."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage.records import State
from storage.store import open_store
from tests.campaigns import audit
from tests.campaigns.ground import Ground

ROOT = Path(__file__).parents[2]
RESULT = re.compile(r"acknowledged=(\d+) lost=0 doubled=0 ambiguous=\d+ integrity_errors=0")


def campaign(name: str, *options: str) -> str:
    """What a campaign says, which must end well."""
    command = [sys.executable, "-m", f"tests.campaigns.{name}", *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    result = RESULT.fullmatch(ran.stdout.splitlines()[-1])
    assert result, ran.stdout
    assert int(result[1]) > 0
    return ran.stdout


def test_ten_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """One in each phase of a request's way, one in a migration, one at any time; chats misbehave meanwhile."""
    said = campaign("crash", "--points", "11", "--seed", "7", "--keep", str(tmp_path))
    for phase in ("ingest", "commit", "admit", "draw", "store", "deliver", "finish", "migrate"):
        assert re.search(rf"\b{phase} \d", said), said


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the shim under SQLite is built with gcc")
def test_a_disk_that_fails_now_and_then_loses_nothing(tmp_path: Path) -> None:
    """Every 67th write fails below SQLite, in a start and later, on a new database and on an old one."""
    options = ("--first", "3", "--points", "450", "--every", "67", "--seed", "7", "--no-full")
    assert "lived on" in campaign("disk", *options, "--keep", str(tmp_path))


async def test_the_count_sees_what_is_lost_doubled_and_left_over(tmp_path: Path) -> None:
    """Three requests that ended: one is shown twice, two nowhere, and all are still to be told."""
    ground = Ground(tmp_path / "ground", seed="1")
    await ground.open(n_old=1)
    async with open_store(ground.data_dir) as store:
        for request, _ in await store.requests.unfinished():
            await store.requests.end(request.id, State.FAILED, "The paint ran out.")
    shown = {"chat": "c0", "answers": "1", "request": "r", "state": "failed", "text": "The paint ran out.", "files": []}
    for nonce in ("one", "two"):
        ground.servers["posts"]._say({"nonce": nonce, **shown})
    counted = audit.tally(ground.data_dir, ground.servers)
    assert (counted.acknowledged, counted.lost, counted.doubled) == (3, 2, 1)
    assert any("still to be told" in wrong for wrong in counted.wrongs)
    assert not counted.is_good
    await ground.close()

"""The bot is killed, stopped and paused while people wait: what they see afterwards. With the torch-free worker."""

import re
import signal
import subprocess
import time
from pathlib import Path

from tests.fakes import drawer
from tests.fakes.bots import running_bot
from tests.fakes.pages import Page

SLOW = " ".join((*drawer.COMMAND, "--step-s", "0.2"))
FAST = " ".join(drawer.COMMAND)


def workers_of(bot: int) -> list[int]:
    """Processes whose parent is the bot and which draw."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(bot)], capture_output=True, text=True, check=False
    ).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "drawer" in line]


def is_alive(pid: int) -> bool:
    stat = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(stat.strip()) and not stat.startswith("Z")


def gone_within(pid: int, seconds: float) -> bool:
    ends_at = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > ends_at:
            return False
        time.sleep(0.02)
    return True


def test_what_was_asked_before_a_kill_is_there_after_it_and_no_worker_is_left(tmp_path: Path) -> None:
    """Three requests, one of them being drawn; kill -9; the next life brings each to one end, in its old message."""
    with running_bot(tmp_path / "data", worker=SLOW) as bot:
        page = Page(bot.url)
        asked = [page.type(f"/imagine circle {n} --seed {n} --steps 30")["id"] for n in range(3)]
        page.card_in(asked[0], "drawing")
        workers = workers_of(bot.process.pid)
        assert workers
        bot.process.kill()
        bot.process.wait()
        assert all(gone_within(pid, 5.0) for pid in workers)
    with running_bot(tmp_path / "data", worker=FAST) as bot:
        page = Page(bot.url)
        cards = [page.card_in(request, "done") for request in asked]
        assert [card["tiles"][0]["seed"] for card in cards] == [0, 1, 2]
        assert [card["id"] for card in page.get("/api/conversation")["cards"]].count(asked[0]) == 1
        assert page.get("/api/history")["total"] == 4  # and the welcome picture


def test_told_to_stop_it_ends_within_ten_seconds_and_what_runs_goes_back(tmp_path: Path) -> None:
    """A picture that takes longer than that is not lost: the next life draws it."""
    with running_bot(tmp_path / "data", worker=SLOW) as bot:
        page = Page(bot.url)
        request = page.type("/imagine a red circle --steps 100")["id"]
        page.card_in(request, "drawing")
        began = time.monotonic()
        assert bot.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < 10.0
    with running_bot(tmp_path / "data", worker=FAST) as bot:
        assert Page(bot.url).card_in(request, "done")


def test_told_to_stop_it_lets_a_picture_end_that_soon_will(tmp_path: Path) -> None:
    """And whoever asks meanwhile reads that it is stopping, not an error."""
    with running_bot(tmp_path / "data", worker=SLOW) as bot:
        page = Page(bot.url)
        request = page.type("/imagine a red circle --steps 12")["id"]
        page.card_in(request, "drawing")
        bot.process.send_signal(signal.SIGTERM)
        refused = ""
        for _ in range(100):
            refused = page.type("/imagine too late")["sentence"]
            if "stopping" in refused:
                break
        assert "Ask again in a minute" in refused
        assert bot.process.wait(timeout=20) == 0
    with running_bot(tmp_path / "data", worker=SLOW) as bot:
        assert Page(bot.url).card(request)["state"] == "done"


def test_a_pause_frees_the_device_keeps_places_and_outlives_a_restart(tmp_path: Path) -> None:
    """The operator pauses: no worker is there, people wait and read why, also after a restart; then it goes on."""
    with running_bot(tmp_path / "data", worker=SLOW) as bot:
        page = Page(bot.url)
        request = page.type("/imagine a red circle --steps 40")["id"]
        page.card_in(request, "drawing")
        [worker] = workers_of(bot.process.pid)
        answer = page.type("/pause")
        assert not answer["is_refusal"]
        assert gone_within(worker, 5.0)
        assert "aused" in page.card_in(request, "waiting")["sentence"]
        page.card_that(request, lambda card: card["position"] == 1)
        bot.stop()
    with running_bot(tmp_path / "data", worker=FAST) as bot:
        page = Page(bot.url)
        assert not workers_of(bot.process.pid)
        assert "aused" in page.card(request)["sentence"]
        page.type("/resume")
        assert page.card_in(request, "done")


def test_a_bot_that_dies_at_once_again_and_again_waits_before_it_goes_on(tmp_path: Path) -> None:
    """Four lives cut short: the fifth says so and begins later, so that a chat does not lock it out."""
    for _ in range(4):
        with running_bot(tmp_path / "data", worker=FAST) as bot:
            bot.process.kill()
            bot.process.wait()
    with running_bot(tmp_path / "data", worker=FAST) as bot:
        assert any(re.search(r"has ended 4 times within a minute of its start; it waits", line) for line in bot.lines)
        assert bot.stop() == 0
    with running_bot(tmp_path / "data", worker=FAST, DARKROOM_RESTART_PAUSE_S="0") as bot:
        assert not any("has ended" in line for line in bot.lines)

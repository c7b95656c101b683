"""Somebody starts the bot in a terminal: what it says, what is there then, how it ends. With the torch-free worker."""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.fakes import drawer
from tests.fakes.bots import environment, running_bot

FAKE = " ".join(drawer.COMMAND)


def start(data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A start that does not come far."""
    return subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        cwd=data_dir.parent,
        env=environment(data_dir, FAKE, **settings),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def sentence(ran: subprocess.CompletedProcess[str]) -> str:
    """The last thing it said; a traceback fails the test."""
    assert "Traceback" not in ran.stderr
    return ran.stderr.splitlines()[-1]


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
        return body


def test_one_line_says_that_it_serves_and_the_welcome_picture_is_there(tmp_path: Path) -> None:
    """As the contracts have it; a first start leaves nobody before an empty page, and a second draws nothing again."""
    for _start in range(2):
        with running_bot(tmp_path / "data", worker=FAKE) as bot:
            ready = r"Ready: http://127\.0\.0\.1:\d+ \(web\) · discord: off · telegram: off · model: pocket on .+"
            assert re.fullmatch(ready, bot.lines[-1])
            history = json.loads(get(f"{bot.url}/api/history"))
            assert [picture["seed"] for picture in history["pictures"]] == [7]
            assert get(f"{bot.url}/picture/{history['pictures'][0]['picture']}.png").startswith(b"\x89PNG")
            assert bot.stop() == 0


def test_a_worker_that_never_comes_up_is_said_and_the_page_is_there(tmp_path: Path) -> None:
    """Not as ready; with the reason and the page's address on standard error; and it ends when told to."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        cwd=tmp_path,
        env=environment(tmp_path / "data", f"{FAKE} --misbehave exit"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        said = next(line for line in process.stderr if line.startswith("No picture can be drawn yet."))
        assert "no brushes: I give up" in said
        url = re.search(r"The page is at (\S+);", said)
        assert url
        assert json.loads(get(f"{url[1]}/api/history"))["total"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert "Ready" not in process.stdout.read()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_to(tmp_path: Path, number: signal.Signals) -> None:
    """With status 0, both ways."""
    with running_bot(tmp_path / "data", worker=FAKE) as bot:
        assert bot.stop(number) == 0


def test_a_second_bot_on_the_same_folder_says_who_holds_it(tmp_path: Path) -> None:
    """And the first goes on."""
    with running_bot(tmp_path / "data", worker=FAKE) as bot:
        ran = start(tmp_path / "data")
        assert ran.returncode == 2
        assert str(bot.process.pid) in sentence(ran)
        assert bot.url in sentence(ran)
        assert get(f"{bot.url}/api/me")


def test_after_a_kill_the_folder_is_free_and_whole(tmp_path: Path) -> None:
    """Nothing has to be cleaned up by hand."""
    with running_bot(tmp_path / "data", worker=FAKE) as bot:
        bot.process.kill()
        bot.process.wait()
    with running_bot(tmp_path / "data", worker=FAKE) as bot:
        assert len(json.loads(get(f"{bot.url}/api/history"))["pictures"]) == 1


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """With the setting that changes it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = start(tmp_path / "data", DARKROOM_WEB_PORT=str(port))
    assert ran.returncode == 2
    assert "DARKROOM_WEB_PORT" in sentence(ran)
    assert str(port) in sentence(ran)


def test_the_network_is_let_in_with_a_password_only(tmp_path: Path) -> None:
    """The sentence names the setting."""
    ran = start(tmp_path / "data", DARKROOM_WEB_HOST="0.0.0.0")
    assert ran.returncode == 2
    assert "DARKROOM_WEB_PASSWORD" in sentence(ran)
    with running_bot(
        tmp_path / "data", worker=FAKE, DARKROOM_WEB_HOST="0.0.0.0", DARKROOM_WEB_PASSWORD="correct horse"
    ) as bot:
        assert any("sign-in" in line for line in bot.lines)
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"{bot.url}/api/history")
        assert refused.value.code == 401
        refused.value.close()


def test_a_database_that_is_none_is_named_and_left_alone(tmp_path: Path) -> None:
    """Somebody may want to save what is in it."""
    with running_bot(tmp_path / "data", worker=FAKE) as bot:
        bot.stop()
    [database] = (tmp_path / "data").glob("*.sqlite")
    database.write_bytes(b"not a database at all" * 1_000)
    ran = start(tmp_path / "data")
    assert ran.returncode == 1
    assert str(database) in sentence(ran)
    assert database.read_bytes().startswith(b"not a database")


def test_a_database_of_a_newer_version_is_named_and_left_alone(tmp_path: Path) -> None:
    """An older program must not guess."""
    with running_bot(tmp_path / "data", worker=FAKE) as bot:
        bot.stop()
    [database] = (tmp_path / "data").glob("*.sqlite")
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    ran = start(tmp_path / "data")
    assert ran.returncode == 1
    assert "newer" in sentence(ran)


def test_a_model_that_is_not_there_is_said_before_anything_waits_for_it(tmp_path: Path) -> None:
    """At the start, with the name."""
    ran = start(tmp_path / "data", DARKROOM_MODEL="nope")
    assert ran.returncode == 2
    assert "nope" in sentence(ran)

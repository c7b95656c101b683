"""Someone types `darkroom imagine` and sees a picture: a real process, with the fake worker or the real one."""

import asyncio
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from engine.domain import Mode, Sampler
from engine.finish import recipe_from_png
from tests.fakes import drawer

ROOT = Path(__file__).parents[2]
FAKE = " ".join(drawer.COMMAND)
LONG = "a" * 100_000


def environment(folder: Path, worker: str | None = FAKE) -> dict[str, str]:
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    mine = {"PYTHONPATH": str(ROOT), "DARKROOM_DATA_DIR": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    return keep | mine | ({"DARKROOM_WORKER_COMMAND": worker} if worker else {})


def darkroom(folder: Path, *words: str | bytes, worker: str | None = FAKE) -> subprocess.CompletedProcess[str]:
    """Run `python -m bot` with these words in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=folder,
        env=environment(folder, worker),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=100,
        check=False,
    )


def lines_of(ran: subprocess.CompletedProcess[str]) -> list[tuple[str, int]]:
    """File and seed of every line that was printed."""
    found = [re.fullmatch(r"(.+\.png)  seed (\d+)  \d+\.\d\d s", line) for line in ran.stdout.splitlines()]
    assert all(found), ran
    return [(match[1], int(match[2])) for match in found if match]


def test_one_command_draws_a_picture_that_knows_its_recipe(tmp_path: Path) -> None:
    """Everything that was asked for is in the file."""
    ran = darkroom(
        tmp_path,
        *("imagine", "a red circle", "--seed", "7", "--steps", "5", "--no", "text", "--mode", "exact"),
        *("--sampler", "Euler a", "--guidance", "2.5", "--size", "64x72", "-o", "out.png"),
    )
    assert (ran.returncode, lines_of(ran)) == (0, [("out.png", 7)])
    said = ran.stderr.splitlines()  # how far it is, where two busy cores take more than ten seconds
    assert [line for line in said if not line.startswith(("Starting", "Loading", "Drawing"))] == []
    file = (tmp_path / "out.png").read_bytes()
    recipe = recipe_from_png(file)
    assert recipe
    assert (recipe.prompt, recipe.negative, recipe.seed, recipe.steps) == ("a red circle", "text", 7, 5)
    assert (recipe.mode, recipe.sampler, recipe.guidance) == (Mode.EXACT, Sampler.EULER_A, 2.5)
    image = Image.open(io.BytesIO(file))
    assert (image.size, image.tobytes()) == ((64, 72), drawer.pixels(recipe).rgb)


def test_several_pictures_have_one_seed_after_the_other(tmp_path: Path) -> None:
    """And each file is the one-picture run with its seed."""
    many = darkroom(tmp_path, "imagine", "x", "--seed", "7", "--n", "3", "-o", "out.png")
    assert lines_of(many) == [("out-1.png", 7), ("out-2.png", 8), ("out-3.png", 9)]
    one = darkroom(tmp_path, "imagine", "x", "--seed", "8", "-o", "one.png")
    assert lines_of(one) == [("one.png", 8)]
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "out-2.png").read_bytes()


def test_a_seed_nobody_named_is_drawn_and_printed(tmp_path: Path) -> None:
    """It is the file's name too, so the picture can be drawn again."""
    ((name, seed),) = lines_of(darkroom(tmp_path, "imagine", "x"))
    assert name == f"seed-{seed}.png"
    recipe = recipe_from_png((tmp_path / name).read_bytes())
    assert recipe
    assert recipe.seed == seed


def test_a_picture_can_be_the_start_of_another(tmp_path: Path) -> None:
    """Whatever its format and size; the recipe says which pixels and how strongly."""
    Image.new("CMYK", (300, 200), (0, 255, 255, 0)).save(tmp_path / "init.jpg")
    ran = darkroom(tmp_path, "imagine", "x", "--init", "init.jpg", "--strength", "0.6", "-o", "out.png")
    assert ran.returncode == 0, ran
    recipe = recipe_from_png((tmp_path / "out.png").read_bytes())
    assert recipe
    assert recipe.source
    assert recipe.source.strength == 0.6


def test_a_prompt_may_be_any_text(tmp_path: Path) -> None:
    """Newlines, control characters, other scripts, a leading dash."""
    prompt = "-\u65e5\u672c\u202e\n\x07\x1b[31m \U0001f469\u200d\U0001f467 e\u0301"
    ran = darkroom(tmp_path, "imagine", "-o", "out.png", "--", prompt)
    assert ran.returncode == 0, ran
    recipe = recipe_from_png((tmp_path / "out.png").read_bytes())
    assert recipe
    assert recipe.prompt == prompt


BAD_INPUT: list[tuple[tuple[str | bytes, ...], str]] = [
    ((), "COMMAND"),
    (("draw",), "'draw'"),
    (("imagine",), "prompt"),
    (("imagine", "x", "--sampler", "eulr"), "did you mean euler? Known: ddim, plms"),
    (("imagine", "x", "--steps", "0"), "from 1 to 150"),
    (("imagine", "x", "--steps", "10000"), "from 1 to 150"),
    (("imagine", "x", "--steps", "9" * 50_000), "--steps must be a whole number"),
    (("imagine", "x", "--steps", "two"), "--steps must be a whole number"),
    (("imagine", "x", "--size", "100x128"), "use 96 or 104"),
    (("imagine", "x", "--size", "0x0"), "from 64 to 2,048"),
    (("imagine", "x", "--size", "99999x99999"), "from 64 to 2,048"),
    (("imagine", "x", "--size", "big"), "such as 512x768"),
    (("imagine", "x", "--guidance", "nan"), "from 0 to 30"),
    (("imagine", "x", "--guidance", "-inf"), "--guidance"),
    (("imagine", "x", "--seed=-1"), "seed must be from 0"),
    (("imagine", "x", "--seed", "9007199254740992"), "seed must be from 0"),
    (("imagine", "x", "--n", "0"), "from 1 to 4"),
    (("imagine", "x", "--n", "99999999999"), "from 1 to 4"),
    (("imagine", "x", "--mode", "turbo"), "fast, stable or exact"),
    (("imagine", LONG), "100,000 characters"),
    (("imagine", "x", "--no", LONG), "100,000 characters"),
    (("imagine", b"\xff\xfe broken terminal"), "no valid Unicode"),
    (("imagine", "x", "--init", "nope.png"), "There is no file nope.png"),
    (("imagine", "x", "--init", "text.png"), "PNG, JPEG or WebP"),
    (("imagine", "x", "--init", "empty.png"), "empty"),
    (("imagine", "x", "--init", "."), "is a folder"),
    (("imagine", "x", "--init", b"\xff.png"), "There is no file"),
    (("imagine", "x", "--init", "good.png", "--strength", "0"), "above 0 and at most 1"),
    (("imagine", "x", "--init", "good.png", "--strength", "nan"), "above 0 and at most 1"),
    (("imagine", "x", "--init", "good.png", "--strength", "0.1", "--steps", "2"), "leaves no step"),
    (("imagine", "x", "--strength", "0.5"), "--init"),
    (("imagine", "x", "--model", "nope"), "There is no model 'nope'"),
    (("imagine", "x", "--model", LONG), "There is no model"),
    (("imagine", "x", "--model", b"\xff/\xfe"), "There is no model"),
    (("imagine", "x", "--model", "."), "model_index.json"),
    (("imagine", "x", "--model", "missing/model"), "missing/model"),
    (("imagine", "x", "-o", "nope/out.png"), "does not exist"),
    (("imagine", "x", "-o", "out.jpg"), ".png"),
    (("imagine", "broke@1"), "The paint ran out"),
    (("imagine", "refuse@1"), "."),
    (("imagine", "die@1"), "lost twice"),
    (("imagine", "garbage@1"), "lost twice"),
    (("imagine", "x", "--frobnicate"), "--frobnicate"),
    (("doctor", "more"), "more"),
]


@pytest.mark.parametrize(("words", "reason"), BAD_INPUT, ids=lambda value: repr(value)[:60] if value else "nothing")
def test_what_cannot_be_drawn_is_one_sentence(tmp_path: Path, words: tuple[str | bytes, ...], reason: str) -> None:
    """A status that is not 0, one line on standard error, nothing drawn and nothing written."""
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    Image.new("RGB", (64, 64)).save(tmp_path / "good.png")
    before = sorted(path.name for path in tmp_path.iterdir())
    ran = darkroom(tmp_path, *words)
    assert ran.returncode in (1, 2), ran
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert reason in line
    assert len(line) < 600
    assert "Traceback" not in line
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_worker_that_was_lost_once_is_no_reason_to_give_up(tmp_path: Path) -> None:
    """The job is drawn by the next one."""
    ran = darkroom(tmp_path, "imagine", "die@2", "-o", "out.png", worker=f"{FAKE} --once {tmp_path / 'died'}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "died").exists()


def test_a_worker_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    """Not a wait for ever."""
    ran = darkroom(tmp_path, "imagine", "x", worker="/nope/worker")
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert "/nope/worker" in ran.stderr


def test_a_setting_that_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    """Naming the key and the file."""
    (tmp_path / ".env").write_text("DARKROOM_DEVICE=tpu\n")
    ran = darkroom(tmp_path, "imagine", "x")
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert "DARKROOM_DEVICE" in line
    assert ".env" in line


async def test_ctrl_c_takes_the_picture_back_and_leaves_no_process(tmp_path: Path) -> None:
    """In a terminal: Ctrl-C reaches every process in the foreground."""
    ours, theirs = pty.openpty()
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "imagine", "x", "--steps", "150", "-o", "out.png"),
        cwd=tmp_path,
        env=environment(tmp_path, f"{FAKE} --step-s 0.2"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = await asyncio.to_thread(_read_until, ours, b"step 2/150")
    children = psutil.Process(program.pid).children(recursive=True)
    assert children, seen
    os.killpg(program.pid, signal.SIGINT)
    stdout, _ = await program.communicate()
    rest = await asyncio.to_thread(_read_until, ours, b"\n")
    os.close(ours)
    assert (program.returncode, stdout) == (130, b"")
    assert b"Cancelled." in rest
    assert b"Traceback" not in rest
    _gone, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=5)
    assert not alive
    assert not (tmp_path / "out.png").exists()


def _read_until(descriptor: int, words: bytes) -> bytes:
    seen, deadline = b"", time.monotonic() + 60
    while words not in seen and time.monotonic() < deadline:
        try:
            chunk = os.read(descriptor, 65_536)
        except OSError:  # Linux's word for the end of a terminal
            break
        if not chunk:
            break
        seen += chunk
    return seen


def test_the_doctor_finds_everything_well(tmp_path: Path) -> None:
    """In words, and the same for programs."""
    words = darkroom(tmp_path, "doctor")
    assert words.returncode == 0, words
    assert "All that is needed is here." in words.stdout
    report = json.loads(darkroom(tmp_path, "doctor", "--json").stdout)
    assert report["ok"]
    assert {"python", "device", "data folder", "disk", "memory", "model pocket"} <= {
        check["name"] for check in report["checks"]
    }


def test_the_doctor_names_what_is_missing(tmp_path: Path) -> None:
    """And ends with status 1, for scripts."""
    (tmp_path / "data").touch()
    sick = darkroom(tmp_path, "doctor", "--json", worker="/nope/worker")
    assert sick.returncode == 2  # the data folder is a file: a setting that is wrong
    (tmp_path / "data").unlink()
    sick = darkroom(tmp_path, "doctor", "--json", worker="/nope/worker")
    assert sick.returncode == 1
    report = json.loads(sick.stdout)
    assert not report["ok"]
    assert [check["name"] for check in report["checks"] if check["verdict"] == "bad"] == ["engine"]


def test_help_and_version_are_there(tmp_path: Path) -> None:
    """With status 0."""
    assert "imagine" in darkroom(tmp_path, "--help").stdout
    assert "--sampler" in darkroom(tmp_path, "imagine", "--help").stdout
    assert darkroom(tmp_path, "--version").stdout.startswith("darkroom ")


@pytest.mark.torch
def test_the_real_engine_draws_what_the_words_say(tmp_path: Path) -> None:
    """A red circle on a blue background: the middle is red, the corners are blue, and the seed fixes every pixel."""
    words = ("imagine", "a red circle on a blue background", "--seed", "7", "--mode", "stable", "-o", "out.png")
    ran = darkroom(tmp_path, *words, worker=None)
    assert (ran.returncode, ran.stderr, lines_of(ran)) == (0, "", [("out.png", 7)])
    file = (tmp_path / "out.png").read_bytes()
    image = Image.open(io.BytesIO(file)).convert("RGB")
    red, _green, blue = image.getpixel((64, 64))  # type: ignore[misc]  # an RGB picture's pixel is three numbers
    assert red > blue
    for corner in ((4, 4), (123, 4), (4, 123), (123, 123)):
        red, _green, blue = image.getpixel(corner)  # type: ignore[misc]
        assert blue > red
    assert darkroom(tmp_path, *words, worker=None).returncode == 0
    assert (tmp_path / "out.png").read_bytes() == file


@pytest.mark.torch
def test_a_broken_model_is_one_sentence_from_the_real_engine(tmp_path: Path) -> None:
    """A folder that says it is a model, and is not."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    ran = darkroom(tmp_path, "imagine", "x", "--model", "model", worker=None)
    assert ran.returncode in (1, 2), ran
    assert "model" in ran.stderr.splitlines()[-1]
    assert "Traceback" not in ran.stderr

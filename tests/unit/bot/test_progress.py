import io

import pytest

from bot.progress import Bar, Lines, progress_on
from engine.domain import Loading, Progress, Waiting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_that_moves_and_is_gone_in_the_end() -> None:
    """Loading by name and part, drawing by step."""
    terminal = Terminal()
    with progress_on(terminal) as show:
        assert isinstance(show, Bar)
        show.say("Starting the engine")
        show.event(Waiting(position=2, wait_s=None))
        show.event(Loading(model="pocket", fraction=0.5, doing="reading the UNet"))
        show.event(Progress(step=3, n_steps=20, previews={}))
    seen = terminal.getvalue()
    for words in ("Starting the engine", "Waiting, number 2", "Loading pocket: reading the UNet  50%", "step 3/20"):
        assert words in seen
    assert "\n" not in seen
    assert seen.split("\r")[-1].strip() == ""


def test_a_log_sees_plain_lines_and_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One about every ten seconds, none for what is done sooner."""
    log, now_s = io.StringIO(), 100.0
    monkeypatch.setattr("bot.progress.time.monotonic", lambda: now_s)
    with progress_on(log) as show:
        assert isinstance(show, Lines)
        show.say("Starting the engine")
        now_s = 111.0
        show.event(Loading(model="m" * 90, fraction=0.25, doing="reading the UNet"))
        for step in range(20):
            now_s += 1
            show.event(Progress(step=step, n_steps=20, previews={}))
    assert log.getvalue().splitlines() == [
        f"Loading …{'m' * 31}: reading the UNet, 25%",
        "Drawing, step 9/20",
        "Drawing, step 19/20",
    ]

"""What happens to a job, as a bar on standard error; as a few plain lines where that is no terminal.

Knows nothing of engines: it is shown events.
"""

import os
import sys
import time
from typing import NoReturn, TextIO

from tqdm import tqdm

from engine.domain import Event, Loading, Progress, Waiting

_QUIET_S = 10.0  # a log wants to know that it goes on, not every step; what is done sooner needs no line
_USUAL_SIZE = 80, 24
_LOADING_FORMAT = "{desc} {percentage:3.0f}% |{bar:24}| {elapsed}"
_DRAWING_FORMAT = "{desc} {n_fmt}/{total_fmt} |{bar:24}| {elapsed} < {remaining}"


class Bar:
    """One line that is drawn over and over, and gone in the end."""

    def __init__(self, stream: TextIO) -> None:
        has_width = _columns(stream) > 0
        self._bar: tqdm[NoReturn] = tqdm(
            total=100,
            file=stream,
            leave=False,
            dynamic_ncols=has_width,
            ncols=None if has_width else _USUAL_SIZE[0],
            nrows=None if has_width else _USUAL_SIZE[1],
            bar_format="{desc}",
        )

    def say(self, what: str) -> None:
        """Something begins whose length is not known."""
        self._set(what, "{desc} … {elapsed}", 0, 100)

    def event(self, event: Event) -> None:
        """Show the job's state."""
        match event:
            case Waiting(position=position):
                self.say(f"Waiting, number {position}")
            case Loading(model=model, fraction=fraction, doing=doing):
                self._set(f"Loading {_short(model)}: {doing}", _LOADING_FORMAT, round(100 * fraction), 100)
            case Progress(step=step, n_steps=n_steps):
                self._set("Drawing, step", _DRAWING_FORMAT, step, n_steps)

    def _set(self, what: str, bar_format: str, n: int, total: int) -> None:
        bar = self._bar
        if bar.bar_format != bar_format:  # a new part: its time counts from here
            bar.bar_format = bar_format
            bar.start_t = bar.last_print_t = time.time()
            bar.initial = n
        bar.n, bar.total, bar.desc = n, total, what
        bar.refresh()

    def __enter__(self) -> "Bar":
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Remove the bar."""
        self._bar.close()


class Lines:
    """A plain line now and then, without control characters."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last_s = time.monotonic()

    def say(self, what: str) -> None:
        """Something begins whose length is not known."""
        self._line(f"{what} …")

    def event(self, event: Event) -> None:
        """Tell the job's state, if it is time."""
        match event:
            case Waiting(position=position):
                self._line(f"Waiting, number {position}")
            case Loading(model=model, fraction=fraction, doing=doing):
                self._line(f"Loading {_short(model)}: {doing}, {fraction:.0%}")
            case Progress(step=step, n_steps=n_steps):
                self._line(f"Drawing, step {step}/{n_steps}")

    def _line(self, text: str) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= _QUIET_S:
            self._last_s = now_s
            print(text, file=self._stream, flush=True)

    def __enter__(self) -> "Lines":
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to clean."""


def _columns(stream: TextIO) -> int:
    """The terminal's width; 0 where it does not say, which tqdm would believe and show nothing."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def _short(model: str) -> str:
    return model if len(model) <= 32 else "…" + model[-31:]


Show = Bar | Lines


def progress_on(stream: TextIO | None = None) -> Show:
    """A bar, or plain lines where nobody could see it move. Enter it before the first call."""
    stream = stream or sys.stderr
    return Bar(stream) if stream.isatty() else Lines(stream)

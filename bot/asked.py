"""A command with what was said of it, as it was written: read by kind, each value when it is wanted."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot import durations, reading
from bot.options import Command, Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command with its words and the values of its options, as written. Reading one raises UserError if it is bad."""

    command: Command
    words: str
    written: Mapping[str, str]

    def whole(self, name: str) -> int | None:
        """A whole number, None if it was not given; so with all below."""
        return reading.whole(self._option(name), self.written[name]) if name in self.written else None

    def number(self, name: str) -> float | None:
        """A number."""
        return reading.number(self._option(name), self.written[name]) if name in self.written else None

    def choice(self, name: str) -> str | None:
        """One of the choices."""
        return reading.choice(self._option(name), self.written[name]) if name in self.written else None

    def is_on(self, name: str) -> bool:
        """Whether it was said."""
        return name in self.written and reading.flag(self._option(name), self.written[name])

    def ratio(self, name: str) -> tuple[int, int] | None:
        """Width and height."""
        return reading.ratio(self._option(name), self.written[name]) if name in self.written else None

    def picture(self, name: str) -> str | None:
        """A picture's name."""
        return reading.picture(self._option(name), self.written[name]) if name in self.written else None

    def duration_s(self, name: str) -> float | None:
        """A stretch of time in seconds."""
        return durations.seconds(self.written[name]) if name in self.written else None

    def text(self, name: str) -> str:
        """Words as they were written, "" if there are none."""
        return self.written.get(name, "")

    def _option(self, name: str) -> Option:
        return next(option for option in self.command.options if option.name == name)

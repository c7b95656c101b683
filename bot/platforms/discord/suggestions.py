"""What is offered while somebody types: their newest pictures, models, sizes, names. From memory, so it is never late.

Pure but for what is remembered of their pictures.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from bot.commands import COMMANDS
from bot.options import Option, OptionKind
from bot.platforms.discord.menu import MAX_CHOICES, MAX_WORDS
from bot.platforms.discord.recent import Remembered
from bot.typography import clean
from engine import catalog

Json = dict[str, Any]

_SIZES = ("512x512", "512x768", "768x512", "768x768", "1024x1024", "128x128", "256x256")
_RATIOS = ("1:1", "3:2", "2:3", "16:9", "9:16", "4:3", "3:4")


class Pictures(Protocol):
    """What is remembered of somebody's pictures."""

    def of(self, account: str, words: str = "") -> tuple[Remembered, ...]:
        """Newest first."""


def choices(
    pictures: Pictures, account: str, command: str, option: str, typed: str, waiting: Mapping[str, str]
) -> list[Json]:
    """What could be meant, at most 25. `waiting`: their requests that are not over, with their words, newest first.

    Never fails: nothing is offered then.
    """
    found = _option_named(command, option)
    if found is None:
        return []
    if option == "request":
        low = typed.casefold().strip()
        return _named({name: words for name, words in waiting.items() if _is_meant(name, words, low)})
    if found.kind is OptionKind.PICTURE:
        return _pictures(pictures, account, typed)
    return _fitting(_known(found), typed)


def _pictures(pictures: Pictures, account: str, typed: str) -> list[Json]:
    """By name, or by words of the prompt."""
    low = typed.casefold().strip()
    known = pictures.of(account, "" if "." in low else low)
    return _named({each.picture: each.prompt for each in known if _is_meant(each.picture, each.prompt, low)})


def _named(words_of: Mapping[str, str]) -> list[Json]:
    names = [*words_of][:MAX_CHOICES]
    return [{"name": _cut(f"{name}  {clean(words_of[name])}"), "value": name} for name in names]


def _is_meant(name: str, prompt: str, low: str) -> bool:
    """By the beginning of its name, or as all of the words begin some of its prompt."""
    if name.startswith(low):
        return True
    of_prompt = prompt.casefold().split()
    return all(any(word.startswith(part) for word in of_prompt) for part in low.split())


def _known(option: Option) -> tuple[str, ...]:
    if option.name == "model":
        return catalog.names()
    match option.kind:
        case OptionKind.SIZE:
            return _SIZES
        case OptionKind.RATIO:
            return _RATIOS
        case _:
            return option.choices


def _fitting(known: tuple[str, ...], typed: str) -> list[Json]:
    """What begins so, then what has it within; what was typed stays possible."""
    low = typed.casefold().strip()
    first = [each for each in known if each.casefold().startswith(low)]
    rest = [each for each in known if low in each.casefold() and each not in first]
    offered = [*first, *rest] or ([typed] if 0 < len(typed) <= MAX_WORDS else [])  # a value that is cut is another
    return [{"name": _cut(each), "value": each} for each in offered[:MAX_CHOICES]]


def _option_named(command: str, option: str) -> Option | None:
    of_command = next((each for each in COMMANDS if each.name == command), None)
    return next((each for each in of_command.options if each.name == option), None) if of_command else None


def _cut(words: str) -> str:
    return words if len(words) <= MAX_WORDS else f"{words[: MAX_WORDS - 1]}…"

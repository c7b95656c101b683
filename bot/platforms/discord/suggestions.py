"""What is offered while somebody types: their newest pictures, models, sizes, names. Within Discord's three seconds."""

import asyncio
from typing import Any, Protocol

from bot.cards import Origin
from bot.commands import COMMANDS
from bot.gallery import HistoryPage
from bot.options import Option, OptionKind
from bot.platforms.discord.menu import MAX_CHOICES, MAX_WORDS
from bot.typography import clean
from engine import catalog
from engine.errors import DarkroomError

Json = dict[str, Any]

READ_WITHIN_S = 1.5
_SIZES = ("512x512", "512x768", "768x512", "768x768", "1024x1024", "128x128", "256x256")
_RATIOS = ("1:1", "3:2", "2:3", "16:9", "9:16", "4:3", "3:4")


class Histories(Protocol):
    """What is asked of the studio."""

    async def history(self, owner: str, words: str, before: str | None, limit: int) -> HistoryPage:
        """Somebody's pictures, newest first."""


async def choices(histories: Histories, origin: Origin, command: str, option: str, typed: str) -> list[Json]:
    """What could be meant, at most 25. Never fails: nothing is offered then."""
    found = _option_named(command, option)
    if found is None:
        return []
    if found.kind is OptionKind.PICTURE:
        return await _pictures(histories, origin, typed, is_request=option == "request")
    return _fitting(_known(found), typed)


async def _pictures(histories: Histories, origin: Origin, typed: str, *, is_request: bool) -> list[Json]:
    """By name, or by words of the prompt."""
    words = "" if "." in typed or not typed else typed
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            page = await histories.history(origin.owner, words, None, MAX_CHOICES)
    except (DarkroomError, TimeoutError):
        return []
    lines = [each for each in page.pictures if words or each.picture.startswith(typed.lower())]
    names = {line.picture.partition(".")[0] if is_request else line.picture: line.prompt for line in lines}
    return [{"name": _cut(f"{name}  {clean(prompt)}"), "value": name} for name, prompt in names.items()]


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
    offered = [*first, *rest] or ([typed] if typed else [])
    return [{"name": _cut(each), "value": _cut(each)} for each in offered[:MAX_CHOICES]]


def _option_named(command: str, option: str) -> Option | None:
    of_command = next((each for each in COMMANDS if each.name == command), None)
    return next((each for each in of_command.options if each.name == option), None) if of_command else None


def _cut(words: str) -> str:
    return words if len(words) <= MAX_WORDS else f"{words[: MAX_WORDS - 1]}…"

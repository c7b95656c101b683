"""Every command of the table, asked in every way, and all that is logged meanwhile: for the sweeps over the chats."""

import io
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog

from bot.commands import COMMANDS
from bot.options import Command, Option, OptionKind

Values = Mapping[str, str | int | float | bool | None]

WITHOUT_LIMITS = ("rate", "burst", "in_flight", "daily")
TOKEN_CHARS = 24  # a log may cut a token short; so much of it is enough to know it by
_NUMBERS = (OptionKind.WHOLE, OptionKind.NUMBER)


def ways_to_ask(command: Command) -> Iterator[Values]:
    """The least; what is common; and each option alone, with its example and with each of its choices.

    An option that several commands share is asked alone with the first of them.
    """
    typed = [option for option in command.options if option.kind is not OptionKind.UPLOAD]
    least = {option.name: example(option) for option in typed if option.is_required}
    yield least
    yield {option.name: example(option) for option in typed if option.is_common}
    for option in typed:
        if next(each for each in COMMANDS if option in each.options) is not command:
            continue
        yield least | {option.name: example(option)}
        if option.kind is OptionKind.CHOICE and not option.takes_rest:
            yield from (least | {option.name: each} for each in option.choices)


def example(option: Option) -> str | int | float | bool:
    """Its example, as a form sends it."""
    if option.kind is OptionKind.FLAG:
        return True
    if option.kind in _NUMBERS:
        return int(option.example) if option.kind is OptionKind.WHOLE else float(option.example)
    return option.example


@contextmanager
def everything_logged(events: list[structlog.typing.EventDict]) -> Iterator[io.StringIO]:
    """All lines of our log at any level, those of libraries, and standard error; events as they were made too."""

    def keep(_: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        events.append({**event, "level": method})
        return event

    before, stderr, text = structlog.get_config(), sys.stderr, io.StringIO()
    handler = logging.StreamHandler(text)
    structlog.configure(
        processors=[keep, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=repr)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(text),
        cache_logger_on_first_use=False,
    )
    logging.getLogger().addHandler(handler)
    sys.stderr = text
    try:
        yield text
    finally:
        sys.stderr = stderr
        logging.getLogger().removeHandler(handler)
        structlog.configure(**before)

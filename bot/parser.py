"""What people type or choose → a `Request`. Total: any text gives a request, or a UserError that says what to change.

Here the words are taken apart: command, braces, flags, and what is understood without a flag. Knows no platform, and no
picture but by the form of its name.
"""

import difflib
import re
from collections.abc import Mapping

from bot import flags, ordering, permutations, reading
from bot.asked import Asked
from bot.building import count_sentence, request_of
from bot.commands import COMMANDS, Command
from bot.options import Option, OptionKind
from bot.requests import Request
from bot.typography import clean, cut, shown
from engine.domain import MAX_PROMPT_CHARS
from engine.errors import UserError

__all__ = ["count_sentence", "parse", "request_from"]

MAX_TEXT_CHARS = 20_000  # two texts of 4,000 characters with every one of them escaped, a model's path, and flags
_COMMAND = re.compile(r"[/／]\s?([^\s@]*)(@\S*)?\s*")
_BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}
_EXAMPLE = COMMANDS[0].examples[0]
_BEYOND = 10**20  # out of all bounds here


def parse(text: str) -> Request:
    """What a message asks for; one that does not begin with a slash is what to draw. Raises: UserError."""
    _check_length(text)
    text = clean(text)
    match = _COMMAND.match(text)
    if not match:
        return _request(COMMANDS[0], text, {})
    return _request(_command_named(match[1]), text[match.end() :], {})


def request_from(command: str, values: Mapping[str, str | int | float | bool]) -> Request:
    """What a form or a menu asks for; flags work inside its text too. Raises: UserError."""
    asked = _command_named(command.removeprefix("/"))
    text, given = "", {}
    for name, value in values.items():
        option = next((each for each in asked.options if each.name == name), None)
        if option is None:
            raise UserError(f"/{asked.name} has no option {shown(name)}; /help {asked.name} lists them.")
        words = _as_words(value)
        if option.kind is OptionKind.UPLOAD or not words:
            continue
        if _is_text(option):
            text = words
        else:
            given[option.name] = words
    return _request(asked, text, given, is_form=True)


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT_CHARS:
        raise UserError(
            f"Your message has {len(text):,} characters; a prompt may have {MAX_PROMPT_CHARS:,}. Please shorten it."
        )


def _command_named(name: str) -> Command:
    if command := _BY_NAME.get(name.casefold()):
        return command
    if not name:
        raise UserError(f"Write a command after the slash, such as {_EXAMPLE}.")
    near = difflib.get_close_matches(name.casefold()[:100], _BY_NAME, n=1)
    hint = f"did you mean /{_BY_NAME[near[0]].name}?" if near else "/help lists what there is."
    raise UserError(f"There is no command /{cut(name)}; {hint}")


def _as_words(value: str | float) -> str:
    """A form's value as it would be typed; "" is none."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(max(-_BEYOND, min(_BEYOND, value)))  # Python refuses to write numbers of more than 4,300 digits
    _check_length(str(value))
    return clean(str(value))


def _text_of(command: Command) -> str:
    return next(option.name for option in command.options if _is_text(option))


def _is_text(option: Option) -> bool:
    return option.takes_rest and not option.flags


def _request(command: Command, text: str, given: Mapping[str, str], *, is_form: bool = False) -> Request:
    texts = permutations.expand(text) if any(option.name == "prompt" for option in command.options) else (text,)
    return request_of([_asked(command, each, given, is_form=is_form) for each in texts])


def _asked(command: Command, text: str, given: Mapping[str, str], *, is_form: bool) -> Asked:
    spoken = flags.read(command, text)
    if twice := given.keys() & spoken.values.keys():
        raise UserError(f"The {min(twice)} is given twice, as a field and as a flag; please give it once.")
    written, words = {**spoken.values, **given}, spoken.words
    if command.is_ordered:  # a form says itself which word is which
        written |= {_text_of(command): words} if is_form and words else ordering.placed(command, words, written)
    elif any(_is_text(option) for option in command.options):
        words = _place_picture(command, words, written)
    else:
        for word in words.split():
            written[_place_of(command, word, written)] = word
    return Asked(command=command, words=words, written=written)


def _place_picture(command: Command, words: str, written: dict[str, str]) -> str:
    """A picture's name in front of a text is no part of the text."""
    first, _, rest = words.partition(" ")
    for option in _free(command, written, OptionKind.PICTURE):
        if reading.picture_name(first, in_prose=True):
            written[option.name] = first
            return rest.strip()
    return words


def _place_of(command: Command, word: str, written: Mapping[str, str]) -> str:
    """The option that a word without a flag is a value of; or nearly, so that the sentence will be about that."""
    pictures = _free(command, written, OptionKind.PICTURE)
    choices = _free(command, written, OptionKind.CHOICE)
    switches = _free(command, written, OptionKind.FLAG)
    fitting = [
        *(option for option in choices if reading.is_choice(option, word)),
        *(option for option in switches if word.casefold() == option.name),
        *(option for option in pictures if reading.picture_name(word) or any(map(str.isdigit, word[1:]))),
        *choices,
        *pictures,
    ]
    if not fitting:
        raise UserError(f"/{command.name} does nothing with {shown(word)}; please leave it out.")
    return fitting[0].name


def _free(command: Command, written: Mapping[str, str], kind: OptionKind) -> list[Option]:
    return [option for option in command.options if option.kind is kind and option.name not in written]

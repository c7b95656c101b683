"""The table of commands → Discord's application commands, with everybody's words for them. Pure.

Slash commands from `bot/commands.py`, and what can be done with any message that has a picture. Discord shows a command
to those whose rights fit its hint; who really may is asked in the handler.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from bot.commands import COMMANDS
from bot.languages import LANGUAGES, MenuWords, menu_words
from bot.options import Audience, Command, Option, OptionKind

Json = dict[str, Any]

SLASH, MESSAGE = 1, 3  # types of commands
_STRING, _INTEGER, _BOOLEAN, _NUMBER, _ATTACHMENT = 3, 4, 5, 10, 11
MANAGE_SERVER = 1 << 5
_ON_SERVERS, _FOR_USERS = 0, 1  # where the app is installed
_IN_SERVERS, _IN_DMS, _ELSEWHERE = 0, 1, 2  # where a command is shown
MAX_WORDS = 100  # of a description or a choice
MAX_CHOICES = 25
REMIX_THIS, UPSCALE_THIS, READ_THIS = "Remix this", "Upscale this", "Read its recipe"
ON_MESSAGES = (REMIX_THIS, UPSCALE_THIS, READ_THIS)
# Discord's names of the languages that we have words in; Spanish is in both its countries' menus.
_LOCALES = {
    "de": ("de",),
    "es": ("es-ES", "es-419"),
    "fr": ("fr",),
    "pt-BR": ("pt-BR",),
    "ru": ("ru",),
    "ja": ("ja",),
}
# What Discord can suggest while somebody types: known from memory or read in a millisecond.
SUGGESTED = frozenset({"model", "source", "request", "size", "aspect", "who", "topic", "words", "value"})
_MAX_STRING = 6_000  # Discord's own most


def application_commands(*, has_user_install: bool) -> list[Json]:
    """All that is registered, as Discord takes it."""
    everywhere = {
        "integration_types": [_ON_SERVERS, *([_FOR_USERS] if has_user_install else [])],
        "contexts": [_IN_SERVERS, _IN_DMS, *([_ELSEWHERE] if has_user_install else [])],
    }
    slash = [_slash(command) | everywhere for command in COMMANDS]
    return [*slash, *(_on_message(name) | everywhere for name in ON_MESSAGES)]


def hash_of(commands: list[Json], application: int) -> str:
    """Changes when what is registered does, or whose it is."""
    return hashlib.sha256(f"{application} ".encode() + msgspec.json.encode(commands, order="sorted")).hexdigest()


def _slash(command: Command) -> Json:
    made: Json = {
        "type": SLASH,
        "name": command.name,
        "name_localizations": _in_all(lambda words: words.command_name(command)),
        "description": _cut(command.summary),
        "description_localizations": _in_all(lambda words: words.command_summary(command)),
        "options": [_option(command, option) for option in _required_first(command)],
    }
    if command.rank is not Audience.EVERYBODY:
        made["default_member_permissions"] = MANAGE_SERVER
    return made


def _on_message(name: str) -> Json:
    return {"type": MESSAGE, "name": name, "name_localizations": _in_all(lambda words: words.context_menu(name))}


def _required_first(command: Command) -> list[Option]:
    """Discord wants it so; then what is common, in the table's order."""
    return sorted(command.options, key=lambda option: (not option.is_required, not option.is_common))


def _option(command: Command, option: Option) -> Json:
    made: Json = {
        "name": option.name,
        "name_localizations": _in_all(lambda words: words.option_name(command, option)),
        "description": _cut(option.summary),
        "description_localizations": _in_all(lambda words: words.option_summary(command, option)),
        "required": option.is_required,
    }
    return made | _kind(option)


def _kind(option: Option) -> Json:
    match option.kind:
        case OptionKind.WHOLE:
            return {"type": _INTEGER} | _bounds(option, int)
        case OptionKind.NUMBER:
            return {"type": _NUMBER} | _bounds(option, float)
        case OptionKind.FLAG:
            return {"type": _BOOLEAN}
        case OptionKind.UPLOAD:
            return {"type": _ATTACHMENT}
        case OptionKind.CHOICE if len(option.choices) <= MAX_CHOICES and not option.takes_rest:
            return {"type": _STRING, "choices": [{"name": each, "value": each} for each in option.choices]}
        case _ if option.name in SUGGESTED or option.choices:
            return {"type": _STRING, "autocomplete": True}
        case _:
            return {"type": _STRING, "max_length": _MAX_STRING}


def _bounds(option: Option, kind: Callable[[float], float]) -> Json:
    found = {"min_value": option.low, "max_value": option.high}
    return {name: kind(value) for name, value in found.items() if value is not None}


def _in_all(words: Callable[[MenuWords], str]) -> Json:
    """What a thing is called in each language that Discord shows."""
    return {
        locale: _cut(words(menu_words(language))) for language in LANGUAGES for locale in _LOCALES.get(language, ())
    }


def _cut(words: str) -> str:
    return words if len(words) <= MAX_WORDS else f"{words[: MAX_WORDS - 1].rstrip()}…"

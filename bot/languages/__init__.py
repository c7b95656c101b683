"""The words of the menus in other languages: one TOML a language, beside this file, and the English of the table else.

`options` has what several commands share; under a command stands what an option means there. Knows nothing of any
platform: what a chat calls a language, and what its menus allow, is for the chat to say.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import msgspec

from bot.options import Command, Option

LANGUAGES = ("de", "es", "fr", "pt-BR", "ru", "ja")


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name in a menu and what it says beside it; "" where another place, or the table, has it."""

    name: str = ""
    summary: str = ""


class CommandWords(Words, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`options`: the words of those that mean something of their own here."""

    options: Mapping[str, Words] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuWords:
    """The menus in one language. Total: what it has no words for stays as it is in English."""

    commands: Mapping[str, CommandWords] = field(default_factory=dict)
    options: Mapping[str, Words] = field(default_factory=dict)
    menu: Mapping[str, str] = field(default_factory=dict)

    def command_name(self, command: Command) -> str:
        """What the command is called: small letters, digits, - and _."""
        return self._command(command).name or command.name

    def command_summary(self, command: Command) -> str:
        """What the command does."""
        return self._command(command).summary or command.summary

    def option_name(self, command: Command, option: Option) -> str:
        """What the option is called with this command: small letters, digits, - and _."""
        return self._own(command, option).name or self._shared(option).name or option.name

    def option_summary(self, command: Command, option: Option) -> str:
        """What the option says with this command."""
        return self._own(command, option).summary or self._shared(option).summary or option.summary

    def context_menu(self, english: str) -> str:
        """An entry of the menu over a message, such as "Remix this"."""
        return self.menu.get(english, english)

    def _command(self, command: Command) -> CommandWords:
        return self.commands.get(command.name, _NOTHING)

    def _own(self, command: Command, option: Option) -> Words:
        return self._command(command).options.get(option.name, _NOTHING)

    def _shared(self, option: Option) -> Words:
        return self.options.get(option.name, _NOTHING)


_NOTHING = CommandWords()
_ENGLISH = MenuWords()


def menu_words(code: str) -> MenuWords:
    """The menus in a language of `LANGUAGES`, and in English for every other code."""
    return _read(code) if code in LANGUAGES else _ENGLISH


@cache
def _read(code: str) -> MenuWords:
    text = resources.files(__name__).joinpath(f"{code}.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), MenuWords)

"""Our words in other languages: one TOML a language, beside this file, and English else.

The menus are here; what is said in a conversation is in `speech.py`, from the table `said` of the same file.

How somebody's language travels: a chat says it with each event; it goes into `Origin.language` and into the chat's own
address, which is kept with the request, so that a restart forgets no language. Answers are put into it by the studio,
and messages that are delivered or edited by the teller, for all platforms alike; a platform that can say a language is
a `Speaks` (`bot/platforms/base.py`). What a platform words itself ("Number 3 in line") it looks up by `Card.language`.
In a place that people share, each message speaks the language of who asked. The page is English: its own words stand in
its scripts, so it says no language yet.

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
    said: Mapping[str, str] = field(default_factory=dict)  # see `speech.py`

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


def language_for(tag: str) -> str:
    """The language of `LANGUAGES` for what a chat calls it ("de", "es-419", "pt"); "" for English and all others."""
    base = tag.partition("-")[0].lower()
    return next((code for code in LANGUAGES if code.partition("-")[0] == base), "")


@cache
def _read(code: str) -> MenuWords:
    text = resources.files(__name__).joinpath(f"{code}.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), MenuWords)

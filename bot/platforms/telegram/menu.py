"""The table of commands → the menus that Telegram shows, by place and language. Pure."""

import hashlib
from dataclasses import dataclass

from telegram import (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeDefault,
)
from telegram._botcommandscope import BotCommandScope

from bot.commands import COMMANDS
from bot.languages import LANGUAGES, menu_words
from bot.options import Audience, Command, Group

MAX_DESCRIPTION = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """Commands as they are shown in one kind of place to people with one language; "" is everybody else's."""

    scope: BotCommandScope
    language: str
    commands: tuple[BotCommand, ...]


def menus() -> tuple[Menu, ...]:
    """All of them. Commands keep their English names: Telegram has no others; what they do is told in each language."""
    every = [command for command in COMMANDS if command.rank is Audience.EVERYBODY]
    in_groups = [command for command in every if command.group in (Group.MAKING, Group.LOOKING)]
    kinds: tuple[tuple[BotCommandScope, list[Command]], ...] = (
        (BotCommandScopeDefault(), every),
        (BotCommandScopeAllGroupChats(), in_groups),
        (BotCommandScopeAllChatAdministrators(), [*in_groups, *(each for each in COMMANDS if each not in every)]),
    )
    return tuple(
        Menu(
            scope=scope,
            language=language.partition("-")[0],
            commands=tuple(BotCommand(each.name, _summary(each, language)) for each in commands),
        )
        for scope, commands in kinds
        for language in ("", *LANGUAGES)
    )


def hash_of(all_menus: tuple[Menu, ...], bot: int) -> str:
    """Changes when what is shown does, or whose it is."""
    said = [
        (each.scope.type, each.language, [(one.command, one.description) for one in each.commands])
        for each in all_menus
    ]
    return hashlib.sha256(f"{bot} {said}".encode()).hexdigest()


def _summary(command: Command, language: str) -> str:
    words = menu_words(language).command_summary(command) if language else command.summary
    return words[:MAX_DESCRIPTION]

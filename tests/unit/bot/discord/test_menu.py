"""A sweep over the whole menu against Discord's rules for application commands."""

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from bot.commands import COMMANDS
from bot.options import Audience
from bot.platforms.discord import menu
from tests.fakes.discord_spec import DiscordSpec

MENU = menu.application_commands(has_user_install=True)
SLASH = [command for command in MENU if command["type"] == menu.SLASH]
Json = dict[str, Any]


def named(things: list[Json]) -> Iterator[tuple[str, str]]:
    """Each thing's names, by locale; "" is the plain one."""
    for thing in things:
        yield "", thing["name"]
        yield from thing.get("name_localizations", {}).items()


def is_slash_name(name: str) -> bool:
    """1-32 letters, digits, - and _ of any script, in small letters."""
    fits = all(char in "-_" or unicodedata.category(char)[0] in "LNM" for char in name)
    return 1 <= len(name) <= 32 and fits and name == name.lower()


def test_the_spec_takes_the_whole_menu() -> None:
    """Discord's own description of the API has nothing against the body of the call that registers it."""
    assert DiscordSpec().check_request("PUT", "/applications/1/commands", body=MENU) == []


def test_every_command_of_the_table_is_there_and_nothing_else() -> None:
    """With three for the menu of a message; Discord takes a hundred and five."""
    assert {command["name"] for command in SLASH} == {command.name for command in COMMANDS}
    assert [command["name"] for command in MENU if command["type"] == menu.MESSAGE] == list(menu.ON_MESSAGES)
    assert len(SLASH) <= 100


@pytest.mark.parametrize("command", SLASH, ids=lambda command: command["name"])
def test_a_command_keeps_discords_rules(command: Json) -> None:
    """Names, descriptions, numbers of options and choices, required ones first, bounds, and the size of it all."""
    options = command["options"]
    assert len(options) <= 25
    assert [each["required"] for each in options] == sorted((each["required"] for each in options), reverse=True)
    for _, name in [*named([command]), *named(options)]:
        assert is_slash_name(name), name
    for thing in (command, *options):
        for words in (thing["description"], *thing["description_localizations"].values()):
            assert 1 <= len(words) <= 100
    for option in options:
        choices = option.get("choices", [])
        assert len(choices) <= 25
        assert not (choices and option.get("autocomplete"))
        assert all(1 <= len(each["name"]) <= 100 and 1 <= len(each["value"]) <= 100 for each in choices)
        if {"min_value", "max_value"} <= option.keys():
            assert option["min_value"] < option["max_value"] <= 2**53
    assert size_of(command) <= 8_000


@pytest.mark.parametrize("locale", ["", "de", "es-ES", "es-419", "fr", "pt-BR", "ru", "ja"])
def test_names_are_unique_in_every_language(locale: str) -> None:
    """Of commands, and of the options of each: Discord refuses the whole menu for one that is there twice."""
    names = [command["name"] if not locale else command["name_localizations"][locale] for command in SLASH]
    assert len(names) == len(set(names))
    for command in SLASH:
        own = [each["name"] if not locale else each["name_localizations"][locale] for each in command["options"]]
        assert len(own) == len(set(own)), command["name"]


def test_admins_commands_are_hinted_to_those_who_manage_the_server() -> None:
    """And to nobody else: who really may is asked in the handler."""
    hinted = {command["name"] for command in SLASH if "default_member_permissions" in command}
    assert hinted == {command.name for command in COMMANDS if command.rank is not Audience.EVERYBODY}


def test_without_user_installs_it_is_for_servers_and_direct_messages_alone() -> None:
    """An operator who does not allow them has none."""
    for command in menu.application_commands(has_user_install=False):
        assert command["integration_types"] == [0]
        assert command["contexts"] == [0, 1]


def test_the_hash_changes_with_the_menu_and_the_application() -> None:
    """And with nothing else, so that the menu is sent once."""
    other = menu.application_commands(has_user_install=False)
    assert menu.hash_of(MENU, 1) == menu.hash_of(menu.application_commands(has_user_install=True), 1)
    assert len({menu.hash_of(MENU, 1), menu.hash_of(MENU, 2), menu.hash_of(other, 1)}) == 3


def size_of(command: Json) -> int:
    """Characters as Discord counts them: of each text the longest in any language."""

    def longest(words: str, others: dict[str, str]) -> int:
        return max(len(each) for each in (words, *others.values()))

    total = 0
    for thing in (command, *command["options"]):
        total += longest(thing["name"], thing["name_localizations"])
        total += longest(thing["description"], thing["description_localizations"])
        total += sum(len(each["name"]) + len(each["value"]) for each in thing.get("choices", []))
    return total

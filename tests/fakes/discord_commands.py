"""Commands of the fake Discord: what may be registered, and who is shown it where."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.discord_refusals import Refusal, Why
from tests.fakes.discord_world import Channel, Json, Permission, User, World

CHAT, USER, MESSAGE = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, PERSON, CHANNEL, ROLE, MENTIONABLE, NUMBER, FILE = range(1, 12)
MOST = {CHAT: 100, USER: 15, MESSAGE: 15}
_EUROPE = "bg hr cs da nl en-GB fi fr de el hu it lt no pl ro ru es-ES sv-SE tr uk"
LOCALES = frozenset(f"{_EUROPE} en-US es-419 pt-BR id zh-CN zh-TW hi ja ko th vi".split())
_MOST_TEXT = 8000  # of names, descriptions and choices of one command
_COMMAND_DEFAULTS: Json = {
    "type": CHAT,
    "description": "",
    "name_localizations": None,
    "description_localizations": None,
    "default_member_permissions": None,
    "nsfw": False,
    "contexts": None,
    "integration_types": [0],
}


class Commands:
    """The registered ones, by guild; None: everywhere."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._registered: dict[int | None, list[Json]] = {None: []}

    def registered(self, guild_id: int | None = None) -> list[Json]:
        """Full objects, as they are answered."""
        return self._registered.get(guild_id, [])

    def overwrite(self, commands: list[Json], guild_id: int | None = None) -> list[Json]:
        """Register these and no others. Raises: Refusal."""
        errors: dict[str, str] = {}
        for number, command in enumerate(commands):
            errors |= {f"{number}.{where}": what for where, what in _command_errors(command).items()}
        keys = [(each.get("type", CHAT), each.get("name")) for each in commands]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                errors[f"{number}.name"] = "Application command names must be unique"
        if errors:
            raise Refusal.form(errors)
        if any(sum(kind == key[0] for key in keys) > most for kind, most in MOST.items()):
            raise Refusal(Why.TOO_MANY_COMMANDS)
        before = {(each["type"], each["name"]): each for each in self.registered(guild_id)}
        self._registered[guild_id] = [self._full(each, before, guild_id) for each in commands]
        return self._registered[guild_id]

    def _full(self, command: Json, before: Mapping[Any, Json], guild_id: int | None) -> Json:
        known = {key: value for key, value in command.items() if value is not None}
        full = {**_COMMAND_DEFAULTS, "application_id": str(self._world.application_id), **known}
        full["options"] = _full_options(command.get("options") or [])
        if guild_id is not None:
            full["guild_id"] = str(guild_id)
        permissions = full["default_member_permissions"]
        full["default_member_permissions"] = None if permissions is None else str(permissions)
        old = before.get((full["type"], full["name"]))
        full["id"] = old["id"] if old else str(self._world.new_id())
        is_same = old is not None and {**old, "version": 0} == {**full, "version": 0}
        full["version"] = old["version"] if old and is_same else str(self._world.new_id())
        return full

    def find(self, name: str, kind: int, user: User, channel: Channel, install: str) -> Json:
        """The command as this person would see it here. Raises: AssertionError where the client would not show it."""
        ids = [channel.guild.id if channel.guild else None, None]
        known = [each for id in ids for each in self.registered(id) if each["type"] == kind]  # noqa: A001
        command = next((each for each in known if each["name"] == name), None)
        assert command, f"no command {name!r} is registered; there are {sorted(each['name'] for each in known)}"
        context = context_of(channel)
        contexts = command["contexts"]
        assert contexts is None or context in contexts, f"/{name} is for contexts {contexts}, and this is {context}"
        needed = {"guild": {0}, "user": {1}, "both": {0, 1}}[install]
        types = command["integration_types"]
        assert needed & set(types), f"/{name} is for installations {types}, and this is {install}"
        assert channel.kind != "forum", "nobody can type in a forum itself"
        assert not channel.is_archived, "an archived thread takes no commands"
        if channel.guild:
            self._check_permissions(command, user, channel, install)
            assert install == "user" or channel.guild.has_bot, f"{channel.guild.name} does not have the bot"
        return command

    def _check_permissions(self, command: Json, user: User, channel: Channel, install: str) -> None:
        may, needed = channel.what_may(user), command["default_member_permissions"]
        assert may & Permission.VIEW_CHANNEL, f"{user.name} does not see #{channel.name}"
        assert may & Permission.USE_APPLICATION_COMMANDS, f"{user.name} may not use commands in #{channel.name}"
        if needed is not None and install != "user":
            is_admin = may & Permission.ADMINISTRATOR
            is_enough = needed != "0" and may & int(needed) == int(needed)
            assert is_admin or is_enough, f"{user.name} does not see /{command['name']}: it needs permissions {needed}"
        assert not command["nsfw"] or channel.is_for_adults, f"/{command['name']} is for channels for adults"


def context_of(channel: Channel) -> int:
    """Discord's number: in a server, in the bot's DMs, among others."""
    return 0 if channel.guild else 1 if channel.kind == "dm" else 2


# What may be registered


def _command_errors(command: Json) -> dict[str, str]:
    kind, name = command.get("type", CHAT), command.get("name") or ""
    errors = {}
    if kind == CHAT and not _is_name(name):
        errors["name"] = f"Command name is invalid: {name!r}"
    if not 1 <= len(name) <= 32:
        errors["name"] = "Must be between 1 and 32 in length."
    least, most = (1, 100) if kind == CHAT else (0, 0)
    if not least <= len(command.get("description") or "") <= most:
        errors["description"] = f"Must be between {least} and {most} in length."
    options = command.get("options") or []
    if options and kind != CHAT:
        errors["options"] = "Context menu commands cannot have options"
    errors |= _options_errors(options, "options")
    errors |= _localization_errors(command, is_lower=kind == CHAT)
    if not set(command.get("contexts") or []) <= {0, 1, 2}:
        errors["contexts"] = "Value must be one of {0, 1, 2}."
    if not set(command.get("integration_types") or []) <= {0, 1}:
        errors["integration_types"] = "Value must be one of {0, 1}."
    if sum(map(len, _texts(command))) > _MOST_TEXT:
        errors["options"] = f"Command exceeds maximum size of {_MOST_TEXT}"
    return errors


def _is_name(name: str) -> bool:
    return bool(re.fullmatch(r"[-_'\w]{1,32}", name)) and name == name.lower()


def _localization_errors(thing: Json, *, is_lower: bool, path: str = "") -> dict[str, str]:
    errors = {}
    for key, most in (("name_localizations", 32), ("description_localizations", 100)):
        for locale, text in (thing.get(key) or {}).items():
            is_wrong_name = key == "name_localizations" and is_lower and not _is_name(text)
            if locale not in LOCALES:
                errors[f"{path}{key}"] = f"Invalid locale {locale!r}"
            elif not 1 <= len(text) <= most or is_wrong_name:
                errors[f"{path}{key}.{locale}"] = f"Not a valid text here: {text!r}"
    return errors


def _options_errors(options: list[Json], path: str) -> dict[str, str]:
    errors: dict[str, str] = {}
    if len(options) > 25:
        errors[path] = "Must be 25 or fewer in length."
    names = [each.get("name") for each in options]
    if len(set(names)) < len(names):
        errors[path] = "Option names must be unique"
    required = [bool(each.get("required")) for each in options]
    if required != sorted(required, reverse=True):
        errors[path] = "Required options must be placed before non-required options"
    for number, option in enumerate(options):
        errors |= {f"{path}.{number}.{where}": what for where, what in _option_errors(option).items()}
        if option.get("type") in (SUBCOMMAND, GROUP):
            errors |= _options_errors(option.get("options") or [], f"{path}.{number}.options")
    return errors


def _option_errors(option: Json) -> dict[str, str]:
    errors = {} if _is_name(option.get("name") or "") else {"name": f"Option name is invalid: {option.get('name')!r}"}
    if not 1 <= len(option.get("description") or "") <= 100:
        errors["description"] = "Must be between 1 and 100 in length."
    if option.get("type") not in range(1, 12):
        errors["type"] = "Value must be one of 1 to 11."
    choices = option.get("choices") or []
    if choices and option.get("autocomplete"):
        errors["autocomplete"] = "autocomplete cannot be set with choices"
    if len(choices) > 25:
        errors["choices"] = "Must be 25 or fewer in length."
    if len({each.get("name") for each in choices}) < len(choices):
        errors["choices"] = "Option choice names must be unique"
    for number, choice in enumerate(choices):
        if not 1 <= len(choice.get("name") or "") <= 100 or len(str(choice.get("value", ""))) > 100:
            errors[f"choices.{number}"] = "Names and values of choices are 1 to 100 in length."
        errors |= _localization_errors(choice, is_lower=False, path=f"choices.{number}.")
    return errors | _localization_errors(option, is_lower=True)


def _texts(thing: Json) -> Iterator[str]:
    """What counts towards the size of a command: of every text its longest localization."""
    for key in ("name", "description"):
        yield max([thing.get(key) or "", *(thing.get(f"{key}_localizations") or {}).values()], key=len)
    if isinstance(thing.get("value"), str):
        yield thing["value"]
    for child in (thing.get("options") or []) + (thing.get("choices") or []):
        yield from _texts(child)


def _full_options(options: list[Json]) -> list[Json]:
    full = []
    for option in options:
        kept = {key: value for key, value in option.items() if value is not None}
        if "options" in kept:
            kept["options"] = _full_options(kept["options"])
        full.append(kept)
    return full

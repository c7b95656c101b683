"""What Discord's client lets a person send with a command, and how it sends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord_commands import (
    BOOLEAN,
    CHANNEL,
    FILE,
    GROUP,
    INTEGER,
    MENTIONABLE,
    NUMBER,
    PERSON,
    ROLE,
    STRING,
    SUBCOMMAND,
)
from tests.fakes.discord_wire import attachment_json, channel_json, member_json, role_json, user_json
from tests.fakes.discord_world import Attachment, Channel, Guild, Json, Role, User

_MOST_STRING = 6000


@dataclass(kw_only=True)
class Filled:
    """Options as an interaction has them, and what they name."""

    options: list[Json] = field(default_factory=list)
    resolved: dict[str, Json] = field(default_factory=dict)


def fill(command: Json, path: list[str], values: Mapping[str, Any], guild: Guild | None) -> Filled:
    """What the client sends for these values. `path`: subcommands. Raises: AssertionError where it would not."""
    filled = Filled()
    known = leaf_options(command, path)
    names = {each["name"] for each in known}
    assert set(values) <= names, f"no such options: {sorted(set(values) - names)}; there are {sorted(names)}"
    for option in known:
        if option["name"] in values:
            value = _sent(option, values[option["name"]], filled.resolved, guild)
            filled.options.append({"name": option["name"], "type": option["type"], "value": value})
        else:
            assert not option.get("required"), f"option {option['name']!r} is required"
    filled.options = nested(path, command, filled.options)
    return filled


def leaf_options(command: Json, path: list[str]) -> list[Json]:
    """The options of a command, or of its subcommand."""
    options: list[Json] = command["options"]
    for name in path:
        below = next((each for each in options if each["name"] == name and each["type"] in (SUBCOMMAND, GROUP)), None)
        assert below, f"/{command['name']} has no subcommand {name!r}"
        options = below.get("options") or []
    assert not any(each["type"] in (SUBCOMMAND, GROUP) for each in options), "a subcommand must be chosen"
    return options


def nested(path: list[str], command: Json, options: list[Json]) -> list[Json]:
    """Options under their subcommands."""
    for depth in range(len(path) - 1, -1, -1):
        kind = SUBCOMMAND if depth == len(path) - 1 else GROUP
        options = [{"name": path[depth], "type": kind, "options": options}]
    return options


def _sent(option: Json, value: Any, resolved: dict[str, Json], guild: Guild | None) -> Any:
    name, kind = option["name"], option["type"]
    types = {
        STRING: str,
        INTEGER: int,
        BOOLEAN: bool,
        PERSON: User,
        CHANNEL: Channel,
        ROLE: Role,
        MENTIONABLE: User | Role,
        NUMBER: int | float,
        FILE: Attachment,
    }
    is_right = isinstance(value, types[kind]) and (kind == BOOLEAN or not isinstance(value, bool))
    assert is_right, f"option {name!r} is of type {kind}, and {value!r} is not"
    if kind in (STRING, INTEGER, NUMBER):
        _check_plain(option, value)
        return value
    if kind == BOOLEAN:
        return value
    _resolve(value, resolved, guild)
    return str(value.id)


def _check_plain(option: Json, value: Any) -> None:
    name, choices = option["name"], option.get("choices")
    if choices:
        assert value in [each["value"] for each in choices], f"{value!r} is no choice of {name!r}"
    if isinstance(value, str):
        least, most = option.get("min_length") or 0, option.get("max_length") or _MOST_STRING
        assert value, f"option {name!r} is empty"
        assert least <= len(value) <= most, f"{name!r} takes {least} to {most} characters, not {len(value)}"
    else:
        least, most = option.get("min_value", -(2**53)), option.get("max_value", 2**53)
        assert least <= value <= most, f"{name!r} takes {least} to {most}, not {value}"


def _resolve(thing: Any, resolved: dict[str, Json], guild: Guild | None) -> None:
    id = str(thing.id)  # noqa: A001 - what Discord calls it
    if isinstance(thing, Attachment):
        resolved.setdefault("attachments", {})[id] = attachment_json(thing)
    elif isinstance(thing, Channel):
        resolved.setdefault("channels", {})[id] = channel_json(thing) | {"permissions": str(thing.what_the_app_may)}
    elif isinstance(thing, Role):
        resolved.setdefault("roles", {})[id] = role_json(thing)
    else:
        resolved.setdefault("users", {})[id] = user_json(thing)
        if guild and thing.id in guild.members:
            member = member_json(guild.members[thing.id], guild.members[thing.id].permissions)
            resolved.setdefault("members", {})[id] = {
                k: v for k, v in member.items() if k not in ("user", "deaf", "mute")
            }

"""A form or a menu, filled in, as it might have been typed. Pure; the other way is `bot/parser.py`."""

from collections.abc import Mapping

from bot.commands import COMMANDS, OptionKind

Value = str | int | float | bool | None


def words_of(command: str, values: Mapping[str, Value]) -> str:
    """A form as it might have been typed: what has no flag first, what takes the rest of a line last."""
    options = {option.name: option for each in COMMANDS if each.name == command for option in each.options}
    plain, flags, rest = [f"/{command}"], list[str](), list[str]()
    for name, value in values.items():
        option = options.get(name)
        if value in ("", None, False) or (option and option.kind is OptionKind.UPLOAD):
            continue
        if option and not option.flags:
            plain.append(str(value) if option.takes_rest else _in_one(str(value)))
            continue
        flag = option.flags[0] if option else f"--{name}"
        (rest if option and option.takes_rest else flags).append(flag if value is True else f"{flag} {value}")
    return " ".join([*plain, *flags, *rest])


def _in_one(value: str) -> str:
    """A name of several words as one."""
    return f'"{value}"' if len(value.split()) > 1 else value

import re

import msgspec
import pytest

from bot.commands import COMMANDS, Audience, Command, Group
from bot.options import Option, OptionKind
from bot.parser import parse, request_from
from bot.requests import Axis, Compare
from engine.domain import MAX_GUIDANCE, MAX_PICTURES, MAX_STEPS, Sampler
from engine.errors import UserError

_COMPARE = next(command for command in COMMANDS if command.name == "compare")
OPTIONS = [(command, option) for command in COMMANDS for option in command.options]


def option(command: str, name: str) -> Option:
    [found] = [each for owner, each in OPTIONS if owner.name == command and each.name == name]
    return found


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_fits_every_chats_menu(command: Command) -> None:
    """Discord: names of at most 32 small letters, descriptions of 100, 25 options; Telegram: letters, digits, _."""
    assert re.fullmatch(r"[a-z0-9_]{1,32}", command.name)
    assert 0 < len(command.summary) <= 100
    assert len(command.options) <= 25
    assert command.examples


@pytest.mark.parametrize(("command", "one"), OPTIONS, ids=lambda each: each.name)
def test_an_option_fits_every_chats_menu(command: Command, one: Option) -> None:
    """Discord: the same bounds, at most 25 choices, none longer than 100, and numbers within 2**53."""
    assert re.fullmatch(r"[a-z0-9_]{1,32}", one.name)
    assert 0 < len(one.summary) <= 100
    assert len(one.choices) <= 25 or one.kind is OptionKind.WORDS  # there they are only some to offer
    assert all(0 < len(choice) <= 100 for choice in one.choices)
    assert bool(one.choices) == (one.kind is OptionKind.CHOICE) or one.kind is OptionKind.WORDS
    if one.kind in (OptionKind.WHOLE, OptionKind.NUMBER):
        assert one.low is not None
        assert one.high is not None
        assert abs(one.high) < 2**53
    assert all(re.fullmatch(r"--[a-z]+", flag) for flag in one.flags), command


def test_names_and_flags_mean_one_thing_each() -> None:
    """No two commands share a name, no two options of a command a name or a flag."""
    names = [name for command in COMMANDS for name in (command.name, *command.aliases)]
    assert len(names) == len(set(names))
    for command in COMMANDS:
        flags = [flag for one in command.options for flag in one.flags]
        assert len(flags) == len(set(flags))
        assert len(command.options) == len({one.name for one in command.options})
        assert sum(one.takes_rest and not one.flags for one in command.options) <= 1


def test_what_must_be_said_comes_first() -> None:
    """Discord refuses a menu with a required option behind an optional one."""
    for command in COMMANDS:
        required = [one.is_required for one in command.options]
        assert required == sorted(required, reverse=True)


@pytest.mark.parametrize("example", [example for command in COMMANDS for example in command.examples])
def test_every_example_can_be_sent_as_it_stands(example: str) -> None:
    """The parser understands it."""
    parse(example)


@pytest.mark.parametrize(("command", "one"), OPTIONS, ids=lambda each: each.name)
def test_every_option_is_read_and_its_example_works(command: Command, one: Option) -> None:
    """A flag with its example is accepted, and where a value can be wrong, a wrong one is refused."""
    if not one.flags:
        return
    rest = {"imagine": "x", "remix": "x", "compare": "x --over steps 2,4"}.get(command.name, "")
    if any(each.name == "who" and each.is_required for each in command.options):
        rest = "@ada"
    if one.name == "any":
        rest = "k3f9m2q7xa"
    if one.name in ("over", "values"):
        rest = {"over": "x --values 2,4,8", "values": "x --over steps"}[one.name]
    if one.name == "steps" and command.name == "compare":
        rest = "x --over guidance 2,4"
    parse(f"/{command.name} {rest} {one.flags[0]} {one.example}")
    if one.kind not in (OptionKind.WORDS, OptionKind.FLAG):
        with pytest.raises(UserError):
            parse(f"/{command.name} {rest} {one.flags[0]} ?!")


def test_the_examples_of_a_form_fit_together() -> None:
    """Whoever fills in what they are shown in each field of /compare compares just that."""
    form = {each.name: each.example for each in _COMPARE.options if each.is_common and each.example}
    asked = request_from("compare", form)
    assert isinstance(asked, Compare)
    assert (asked.axis, asked.values) == (Axis.GUIDANCE, ("2", "4", "8"))


def test_each_command_is_for_somebody_and_in_a_group() -> None:
    """Menus show making first; what is for admins alone stands together at the end."""
    groups = [command.group for command in COMMANDS]
    assert groups == sorted(groups, key=list(Group).index)
    for command in COMMANDS:
        assert (command.rank is Audience.EVERYBODY) == (command.group is not Group.ADMINS)


def test_bounds_are_those_of_the_recipe() -> None:
    """One truth."""
    assert option("imagine", "steps").high == MAX_STEPS
    assert option("imagine", "guidance").high == MAX_GUIDANCE
    assert option("imagine", "pictures").high == MAX_PICTURES
    assert option("remix", "sampler").choices == tuple(Sampler)


def test_the_table_travels_as_json() -> None:
    """The page fetches it."""
    decoded = msgspec.json.decode(msgspec.json.encode(COMMANDS))
    assert [command["name"] for command in decoded] == [command.name for command in COMMANDS]
    assert decoded[0]["options"][0]["kind"] == "words"
    assert (decoded[0]["rank"], decoded[0]["group"]) == ("everybody", "making")

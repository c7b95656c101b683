"""Words of a command whose options stand in an order: "/quota set @ada daily 50" → which word is which option's.

A choice that a word is none of is passed over, for the next option may be meant. A name of several words goes in
quotes. Knows nothing of flags and of what a value means.
"""

from collections.abc import Mapping

from bot import reading
from bot.options import Command, Option, OptionKind
from bot.typography import quoted_at_start, shown, unescape
from engine.errors import UserError

_IN_QUOTES = "; a name of several words goes in quotes"


def placed(command: Command, words: str, written: Mapping[str, str]) -> dict[str, str]:
    """The values by the option's name, without those that are `written` already.

    Raises: UserError for a word too many.
    """
    found: dict[str, str] = {}
    rest = words
    switches = [one for one in command.options if one.kind is OptionKind.FLAG and one.name not in written]
    for option in _standing(command, written):
        rest = _without_switches(switches, rest, found)
        word, after = _first(rest)
        if rest and _accepts(option, word):
            found[option.name], rest = word, after
    text = next((one for one in command.options if one.takes_rest and not one.flags and one.name not in written), None)
    if text and rest:
        return found | {text.name: rest}
    rest = _without_switches(switches, rest, found)
    return found | (_left_over(command, rest, {**written, **found}) if rest else {})


def _standing(command: Command, written: Mapping[str, str]) -> list[Option]:
    """The options that a single word may be the value of."""
    return [
        option
        for option in command.options
        if option.name not in written
        and not option.takes_rest
        and option.kind is not OptionKind.FLAG
        and not (option.kind in (OptionKind.WORDS, OptionKind.DURATION) and option.flags)
    ]


def _without_switches(switches: list[Option], rest: str, found: dict[str, str]) -> str:
    """What follows the yes-or-no words in front: "everywhere @ada"."""
    while rest:
        word, after = _first(rest)
        switch = next((one for one in switches if one.name == word.casefold() and one.name not in found), None)
        if not switch:
            break
        found[switch.name], rest = "yes", after
    return rest


def _accepts(option: Option, word: str) -> bool:
    match option.kind:
        case OptionKind.CHOICE:
            return reading.is_choice(option, word)
        case OptionKind.WHOLE:
            return any(map(str.isdigit, word))
        case _:
            return True


def _left_over(command: Command, rest: str, written: Mapping[str, str]) -> dict[str, str]:
    """A word that nothing takes: as the value of an option that was passed over, it gets a sentence about that.

    Raises: UserError.
    """
    word, after = _first(rest)
    passed = [option for option in _standing(command, written) if option.kind is not OptionKind.WORDS]
    if passed and not after:
        return {passed[0].name: word}
    hint = _IN_QUOTES if any(option.name == "who" for option in command.options) else ""
    raise UserError(f"/{command.name} does nothing with {shown(word)}; please leave it out{hint}.")


def _first(words: str) -> tuple[str, str]:
    """The first word, or what stands in quotes, and what follows."""
    if quoted := quoted_at_start(words):
        return unescape(quoted[0]), quoted[1].strip()
    word, _, rest = words.partition(" ")
    return word, rest.strip()

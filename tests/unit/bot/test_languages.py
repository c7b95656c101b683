import unicodedata
from collections.abc import Iterator
from importlib import resources

import pytest

from bot.commands import COMMANDS
from bot.languages import LANGUAGES, MenuWords, Words, menu_words
from bot.options import Command, Option

MENU = ("Remix this", "Upscale this", "Read its recipe")
OPTIONS = [(command, option) for command in COMMANDS for option in command.options]
every_language = pytest.mark.parametrize("code", LANGUAGES)


def is_a_name(name: str) -> bool:
    r"""Discord's ^[-_\p{L}\p{N}]{1,32}$, in small letters where the script has them."""
    are_allowed = (char in "-_" or unicodedata.category(char)[0] in "LN" for char in name)
    return 1 <= len(name) <= 32 and name == name.lower() and all(are_allowed)


def summaries(words: MenuWords) -> Iterator[tuple[str, str]]:
    """Each as it is read in the language and in English."""
    yield from ((words.command_summary(command), command.summary) for command in COMMANDS)
    yield from ((words.option_summary(command, option), option.summary) for command, option in OPTIONS)


def test_each_file_is_a_language_and_each_language_a_file() -> None:
    """No file lies there unread."""
    files = {file.name for file in resources.files("bot.languages").iterdir() if file.name.endswith(".toml")}
    assert files == {f"{code}.toml" for code in LANGUAGES}


@every_language
def test_every_command_and_option_has_its_words(code: str) -> None:
    """Nothing is left to the English of the table."""
    words = menu_words(code)
    for command in COMMANDS:
        own = words.commands[command.name]
        assert own.name, command.name
        assert own.summary, command.name
        for option in command.options:
            here, shared = own.options.get(option.name, Words()), words.options.get(option.name, Words())
            assert here.name or shared.name, (command.name, option.name)
            assert here.summary or shared.summary, (command.name, option.name)
    assert set(words.menu) == set(MENU)


@every_language
def test_the_files_have_nothing_that_the_table_has_not(code: str) -> None:
    """A command or option that is gone or renamed leaves no words behind, nor do words that are never read."""
    words = menu_words(code)
    assert words.commands.keys() <= {command.name for command in COMMANDS}
    assert words.options.keys() <= {option.name for _, option in OPTIONS}
    for command in COMMANDS:
        assert words.commands[command.name].options.keys() <= {option.name for option in command.options}
    for name, shared in words.options.items():
        owners = [words.commands[command.name] for command, option in OPTIONS if option.name == name]
        own = [owner.options.get(name, Words()) for owner in owners]
        assert any(not one.name for one in own), name
        assert not shared.summary or any(not one.summary for one in own), name


@every_language
def test_names_are_such_as_discord_takes(code: str) -> None:
    """Small letters of any script, digits, - and _, at most 32; a menu over a message has at most 32 of anything."""
    words = menu_words(code)
    names = [words.command_name(command) for command in COMMANDS]
    names += [words.option_name(command, option) for command, option in OPTIONS]
    assert [name for name in names if not is_a_name(name)] == []
    entries = [words.context_menu(english) for english in MENU]
    assert [entry for entry in entries if not 1 <= len(entry) <= 32] == []


@every_language
def test_a_name_means_one_thing(code: str) -> None:
    """No two commands of a language share a name, nor two options of a command, nor two entries of the menu."""
    words = menu_words(code)
    assert len({words.command_name(command) for command in COMMANDS}) == len(COMMANDS)
    for command in COMMANDS:
        names = [words.option_name(command, option) for option in command.options]
        assert len(set(names)) == len(names), names
    assert len({words.context_menu(english) for english in MENU}) == len(MENU)


@every_language
def test_a_name_is_no_other_commands_english_one(code: str) -> None:
    """A translated name never leads to a command that English calls so."""
    english = {name: command.name for command in COMMANDS for name in (command.name, *command.aliases)}
    words = menu_words(code)
    for command in COMMANDS:
        assert english.get(words.command_name(command), command.name) == command.name


@every_language
def test_summaries_fit_and_are_not_english(code: str) -> None:
    """One to 100 characters, a line without a full stop, and no sentence of the table."""
    for summary, english in summaries(menu_words(code)):
        assert 1 <= len(summary) <= 100, (len(summary), summary)
        assert summary == summary.strip().rstrip(".。"), summary
        assert summary.replace("\u00a0", " ").isprintable(), summary  # French has that space before a colon
        assert summary != english


@every_language
def test_options_say_the_same_where_they_do_in_english(code: str) -> None:
    """What two commands share has the same words with both, and what differs does not."""
    words = menu_words(code)
    for command, option in OPTIONS:
        for other, another in OPTIONS:
            if option.name == another.name:
                same = words.option_summary(command, option) == words.option_summary(other, another)
                assert same == (option.summary == another.summary), (command.name, other.name, option.name)


@every_language
def test_what_is_typed_stays_as_it_is_typed(code: str) -> None:
    """Words of the table that are to be sent as they stand, such as "here", are named in their own letters."""
    summaries_of = {
        (command.name, option.name): menu_words(code).option_summary(command, option) for command, option in OPTIONS
    }
    typed = {
        ("allow", "who"): ("here", "everyone"),
        ("ban", "for"): ("30m", "12h", "7d", "2 weeks"),
        ("deny", "who"): ("here", "everyone"),
        ("help", "topic"): ("model", "privacy", "admin"),
        ("imagine", "mode"): ("exact",),
        ("imagine", "prompt"): ("--seed 7", "{red,blue}"),
        ("model", "action"): ("list", "use", "default"),
        ("model", "model"): ("default",),
        ("quota", "action"): ("show", "set", "grant", "reset"),
        ("quota", "key"): ("tier", "rate", "burst", "in_flight", "daily"),
        ("quota", "value"): ("unlimited", "default", "grant"),
        ("quota", "who"): ("tier:guest", "group:42", "here", "everyone"),
        ("settings", "scope"): ("me", "place", "server", "all"),
        ("settings", "value"): ("default",),
        ("vary", "change"): ("subtle", "strong"),
    }
    for place, said in typed.items():
        assert [word for word in said if word not in summaries_of[place]] == [], place


@every_language
def test_letters_are_composed(code: str) -> None:
    """An accent is part of its letter (NFC), as a keyboard types it: else a name is not found."""
    text = resources.files("bot.languages").joinpath(f"{code}.toml").read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)


def test_an_unknown_language_is_english() -> None:
    """The table speaks where no file does, also for a code that would be a path."""
    for code in ("en", "it", "", "../../pyproject"):
        words = menu_words(code)
        for command, option in OPTIONS:
            assert words.command_name(command) == command.name
            assert words.command_summary(command) == command.summary
            assert words.option_name(command, option) == option.name
            assert words.option_summary(command, option) == option.summary
        assert words.context_menu("Remix this") == "Remix this"


def test_what_a_language_has_no_words_for_stays_english() -> None:
    """A command, an option or an entry that is newer than the files is still there."""
    command, option = OPTIONS[0]
    words = MenuWords(commands={}, options={option.name: Words(name="wort")})
    assert words.command_summary(command) == command.summary
    assert words.option_name(command, option) == "wort"
    assert words.option_summary(command, option) == option.summary
    assert menu_words("de").context_menu("Forget this") == "Forget this"


def named(name: str) -> Command:
    return next(command for command in COMMANDS if command.name == name)


def optional(command: Command, name: str) -> Option:
    return next(option for option in command.options if option.name == name)


def test_a_commands_own_words_come_before_the_shared_ones() -> None:
    """Remix says of its prompt what becomes of the picture, under the name that it has everywhere."""
    words, remix, imagine = menu_words("de"), named("remix"), named("imagine")
    assert words.option_name(remix, optional(remix, "prompt")) == "prompt"
    assert words.option_summary(remix, optional(remix, "prompt")).startswith("Was daraus werden soll")
    assert words.option_summary(imagine, optional(imagine, "prompt")).startswith("Was gezeichnet wird")


def test_a_language_is_read_once() -> None:
    """Menus are made at every start of a chat, from one reading."""
    assert menu_words("ja") is menu_words("ja")

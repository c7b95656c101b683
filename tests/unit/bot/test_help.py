import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.commands import COMMANDS, PRIVACY_TOPIC, Audience, Command
from bot.help import help_for, option_line, readme_table
from engine import catalog
from engine.errors import UserError

ROOT = Path(__file__).parents[3]
POCKET = catalog.find("pocket")


def said(topic: str) -> str:
    sentence, fields = help_for(topic, POCKET)
    return " ".join((sentence, *(f"{field.name} {field.value}" for field in fields)))


def test_help_names_every_command() -> None:
    """With what each does; what is for admins by name, and in full under its own topic."""
    words, of_admins = said(""), said("admin")
    for command in COMMANDS:
        is_everybodys = command.rank is Audience.EVERYBODY
        assert f"/{command.name} {command.summary}." in (words if is_everybodys else of_admins)
        assert f"/{command.name}" in words
    assert said("/admins") == of_admins
    for beside in ("/queue all", "/cancel any", "/settings place"):
        assert beside in of_admins


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_on_one_command_has_every_flag_and_example(command: Command) -> None:
    """From the table, so nothing is forgotten."""
    words = said(command.name)
    if command.name == PRIVACY_TOPIC:  # is that answer itself
        return
    assert all(flag in words for option in command.options for flag in option.flags)
    assert all(example in words for example in command.examples)
    assert said(f"/{command.name.upper()}") == words
    assert all(said(alias) == words for alias in command.aliases)


def test_bounds_and_choices_are_told() -> None:
    """Whoever asks sees what may be given."""
    words = said("imagine")
    assert "1 to 150" in words
    assert "euler_a" in words
    assert "0 to 9,007,199,254,740,991" in words


def test_help_on_settings_and_quota_says_what_each_key_can_be() -> None:
    """With whom it can be set for, and in which unit."""
    assert "retention a whole number of days from 1 to 3,650; for all." in said("settings")
    of_place = "(drawn in age-restricted channels alone); for place, server, all."
    assert f"visibility shared, private, spoiler (covered) or restricted {of_place}" in said("settings")
    assert "rate requests a minute" in said("quota")


def test_help_on_privacy_says_how_to_get_and_delete() -> None:
    """The command of that name says the same."""
    words = said("privacy")
    assert "/mydata" in words
    assert "/forget" in words


def test_an_option_says_what_holds_without_it() -> None:
    """In one line."""
    [strength] = [option for option in COMMANDS[0].options if option.name == "strength"]
    assert option_line(strength) == "How much of the source picture to repaint, up to 1; 0.01 to 1; else 0.7."


def test_help_on_pocket_tells_what_was_measured() -> None:
    """Good and bad, as in its model card."""
    words = said("model")
    for fact in ("128 x 128", "red circle", "hexagons mostly fail", "32 tokens", "PLMS needs 30", "20 steps of ddim"):
        assert fact in words


def test_help_on_another_model_tells_what_such_models_are_like() -> None:
    """Its native size is its own."""
    sentence, fields = help_for("model", replace(POCKET, name="my/model", width_px=512, height_px=512))
    words = " ".join(field.value for field in fields)
    assert "my/model" in sentence
    for fact in ("512 x 512", "fingers", "77 tokens", "counting"):
        assert fact in words


def test_what_the_model_card_measured_is_what_help_says() -> None:
    """If the card is measured anew, this fails and help is written anew."""
    card = (ROOT / "engine/pocket/MODEL_CARD.md").read_text(encoding="utf-8")
    facts = (
        "32 tokens",
        "70 words",
        "PNDM needs 30 steps",
        "circles in more than four of five",
        "hexagons hardly ever",
    )
    for fact in facts:
        assert fact in card


@pytest.mark.parametrize(
    ("topic", "near"), [("imagin", "imagine"), ("modell", "model"), ("/upscal", "upscale"), ("privcy", "privacy")]
)
def test_an_unknown_topic_names_the_nearest(topic: str, near: str) -> None:
    """So that it can be mended at once."""
    with pytest.raises(UserError, match=f"did you mean /help {near}"):
        help_for(topic, POCKET)
    with pytest.raises(UserError, match="/help lists"):
        help_for("\0" * 100_000, POCKET)


def test_every_line_of_help_fits_a_message() -> None:
    """Discord: 25 fields, names of 256 characters, values of 1,024, 6,000 in all."""
    for topic in ("", "model", "admin", "privacy", *(command.name for command in COMMANDS)):
        sentence, fields = help_for(topic, POCKET)
        assert len(fields) <= 25
        assert all(0 < len(field.name) <= 256 and 0 < len(field.value) <= 1_024 for field in fields)
        assert len(sentence) + sum(len(field.name) + len(field.value) for field in fields) <= 6_000


def test_the_readme_has_the_table_of_commands() -> None:
    """Between its markers, as `python -m bot.help` prints it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- commands -->\n(.*?)\n<!-- /commands -->", readme, re.DOTALL)
    assert found, "README.md needs <!-- commands --> and <!-- /commands -->"
    assert found[1].strip() == readme_table()

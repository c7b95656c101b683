"""What somebody wrote in a group, and whether it is for us."""

import datetime

import pytest
from telegram import Chat, Message, User

from bot.platforms.telegram.events import heard

BOT = User(id=7, first_name="Darkroom", is_bot=True, username="dark_bot")
ADA = User(id=1, first_name="Ada", is_bot=False)
WHEN = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)


def said(words: str) -> Message:
    """Ada says so in a group."""
    return Message(message_id=3, date=WHEN, chat=Chat(id=-5, type=Chat.SUPERGROUP), from_user=ADA, text=words)


@pytest.mark.parametrize(
    ("words", "for_us", "is_command"),
    [
        ("@dark_bot a red circle", "a red circle", False),
        ("@DARK_BOT, a red circle", ", a red circle", False),
        ("@dark_bot\na red circle", "a red circle", False),
        ("@dark_bot /upscale", "/upscale", True),
        ("@dark_bot /imagine@dark_bot a star", "/imagine@dark_bot a star", True),
        ("/imagine@dark_bot a star", "/imagine@dark_bot a star", True),
    ],
)
def test_what_begins_with_our_name_is_for_us(words: str, for_us: str, is_command: bool) -> None:
    """Without the name; a command behind it is a command."""
    found = heard(said(words), BOT)
    assert found is not None
    assert (found.is_for_us, found.words, found.is_command) == (True, for_us, is_command)


@pytest.mark.parametrize(
    "words", ["@dark_bot2 hello", "@dark_bot_too hello", "hello @dark_bot", "@dark hello", "good morning"]
)
def test_another_name_that_begins_as_ours_is_not_ours(words: str) -> None:
    """Nor is a word between people."""
    found = heard(said(words), BOT)
    assert found is not None
    assert (found.is_for_us, found.words) == (False, words)


@pytest.mark.parametrize("words", ["/imagine@dark_bot2 a star", "@dark_bot /imagine@another_bot a star"])
def test_a_command_for_another_is_nothing_to_us(words: str) -> None:
    """Whoever is spoken to before."""
    assert heard(said(words), BOT) is None

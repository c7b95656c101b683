"""Cards as Discord messages: what is seen, what can be pressed, and that nobody's words are anything but words."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.buttons import of_card, of_forgetting
from bot.cards import Button, Card, Field, State, Tile
from bot.platforms.discord import messages
from bot.platforms.discord.messages import Upload
from tests.fakes.discord_rules import walk
from tests.fakes.discord_spec import DiscordSpec

Json = dict[str, Any]
SPEC = DiscordSpec()
PNG = Upload(name="a.png", body=b"x", media_type="image/png", alt="a red circle (seed 7)")


def tile(number: int = 1, **changes: Any) -> Tile:
    known: dict[str, Any] = {
        "number": number,
        "prompt": "a red circle",
        "seed": 6 + number,
        "width_px": 128,
        "height_px": 128,
        "picture": f"k3f9m2q7xa.{number}",
    }
    return Tile(**(known | changes))


def card(state: State = State.DONE, n_tiles: int = 1, **changes: Any) -> Card:
    tiles = tuple(tile(number) for number in range(1, n_tiles + 1))
    made = Card(
        id="k3f9m2q7xa",
        kind="imagine",
        state=state,
        words="/imagine a red circle --seed 7",
        sentence="seed 7",
        tiles=tiles,
        buttons=of_card("k3f9m2q7xa", state, tiles, n_offered=2),
    )
    return replace(made, **changes)


def texts(message: Json) -> str:
    return "\n".join(str(part["content"]) for _, part in walk(message["components"]) if part["type"] == 10)


def ids(message: Json) -> list[str]:
    return [str(part["custom_id"]) for _, part in walk(message["components"]) if part.get("custom_id")]


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("n_tiles", [0, 1, 4, 16])
def test_the_spec_takes_the_message_of_every_state(state: State, n_tiles: int) -> None:
    """As a message, an edit and a first reply; with at most forty parts and every id once."""
    made = messages.of_card(card(state, n_tiles), (PNG,), asked_by=5)
    assert SPEC.check_request("POST", "/channels/1/messages", body=made) == []
    assert SPEC.check_request("PATCH", "/channels/1/messages/2", body=made) == []
    assert SPEC.check_request("POST", "/interactions/1/t/callback", body={"type": 4, "data": made}) == []
    assert len(list(walk(made["components"]))) <= 40
    assert len(ids(made)) == len(set(ids(made)))


def test_who_waits_reads_the_place_and_a_time_that_ticks_by_itself() -> None:
    """A timestamp of Discord's, which each client counts down; no edit is needed for it."""
    waiting = card(State.WAITING, position=3, wait_s=90.0, told_at_s=4e9, sentence="Waiting for its turn.")
    assert "Number 3 in line · its turn <t:4000000090:R>" in texts(messages.of_card(waiting, ()))
    overdue = replace(waiting, wait_s=None, is_overdue=True, sentence="This takes longer than I thought.")
    assert "<t:" not in texts(messages.of_card(overdue, ()))
    assert "longer than I thought" in texts(messages.of_card(overdue, ()))


def test_a_wait_is_never_told_as_a_time_in_the_past() -> None:
    """A card that was told late says "any moment"."""
    late = card(State.WAITING, position=1, wait_s=5.0, told_at_s=1_000.0)
    assert "any moment" in texts(messages.of_card(late, ()))


def test_progress_is_a_bar() -> None:
    """With the share in figures."""
    assert "`██████░░░░░░` 50 %" in texts(messages.of_card(card(State.DRAWING, fraction=0.5), ()))


def test_every_picture_has_its_words_and_its_cover() -> None:
    """Alt text in the gallery and at the attachment; a cover where the place has it so."""
    made = messages.of_card(card(is_spoiler=True), (PNG,))
    [gallery] = [part for _, part in walk(made["components"]) if part["type"] == 12]
    assert gallery["items"] == [
        {"media": {"url": "attachment://a.png"}, "description": PNG.alt, "spoiler": True},
    ]
    assert made["attachments"] == [{"id": 0, "filename": "a.png", "description": PNG.alt}]


def test_an_edit_without_files_takes_the_earlier_ones_away() -> None:
    """A preview does not stay under a sentence that says why there is no picture."""
    assert messages.of_card(card(State.FAILED), ())["attachments"] == []


def test_a_page_of_the_history_can_be_opened_picture_by_picture() -> None:
    """A menu whose values are ids of buttons."""
    page = Card(id="", kind="history", state=State.NOTE, sentence="2 pictures.", tiles=(tile(1), tile(2)))
    made = messages.of_card(page, ())
    [select] = [part for _, part in walk(made["components"]) if part["type"] == 3]
    assert [each["value"] for each in select["options"]] == ["show:k3f9m2q7xa.1", "show:k3f9m2q7xa.2"]
    assert SPEC.check_request("POST", "/interactions/1/t/callback", body={"type": 4, "data": made}) == []


def test_what_is_worth_copying_is_in_a_box() -> None:
    """And what is in it cannot leave it."""
    told = card(fields=(Field(name="Prompt", value="a ``` b `c` @everyone", is_copyable=True),))
    assert "**Prompt** `a ˋˋˋ b ˋcˋ @everyone`" in texts(messages.of_card(told, ()))


HOSTILE = (
    "@everyone @here <@1> <@&2> <#3> [x](https://evil.example) <t:0:R> https://evil.example ||spoiler|| **b** # h\n> q"
)


def test_nobodys_words_are_markup() -> None:
    """Mentions, links, headings, quotes and spoilers come out as they were typed."""
    made = messages.of_card(card(words=HOSTILE, sentence=HOSTILE), ())
    said = texts(made)
    assert "<@1>" not in said
    assert "[x](" not in said
    assert "||" not in said.replace("\\|\\|", "")
    assert "https://" not in said
    assert made["allowed_mentions"] == {"parse": []}


@given(st.text(max_size=5_000), st.text(max_size=5_000), st.lists(st.tuples(st.text(), st.text()), max_size=30))
def test_any_words_fit(words: str, sentence: str, fields: list[tuple[str, str]]) -> None:
    """Whatever people write, a message has at most 4,000 characters and mentions nobody."""
    told = card(words=words, sentence=sentence, fields=tuple(Field(name=n, value=v) for n, v in fields))
    made = messages.of_card(told, (PNG,), asked_by=1)
    assert len(texts(made)) <= messages.MAX_TEXT
    assert made["allowed_mentions"] == {"parse": []}


def test_labels_of_buttons_fit_and_danger_is_red() -> None:
    """Eighty characters; the style of a button that deletes is Discord's own."""
    long = Button(id="x:y", label="L" * 200, name="n")
    made = messages.of_card(card(buttons=((long,), *of_forgetting())), ())
    buttons = [part for _, part in walk(made["components"]) if part["type"] == 2]
    assert [len(each["label"]) for each in buttons] == [80, len("Delete everything")]
    assert buttons[1]["style"] == 4


@pytest.mark.parametrize("state", list(State))
def test_an_end_is_told_from_what_waits(state: State) -> None:
    """By the name in small print and by what can still be pressed: for whoever looks for what may have been sent."""
    shown = messages.of_card(card(state), ())
    assert messages.is_end_of(shown, "k3f9m2q7xa") is state.is_over
    assert not messages.is_end_of(shown, "aaaaaaaaaa")


def test_a_line_of_ours_has_nothing_to_press() -> None:
    """It is for nobody in particular."""
    notice = card(kind="notice", words="", sentence="Owner: pause", tiles=(), buttons=())
    said = messages.of_card(notice, (), asked_by=5)
    assert ids(said) == []
    assert "for <@" not in texts(said)
    assert messages.is_end_of(said, "k3f9m2q7xa")

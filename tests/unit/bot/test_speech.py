"""What is said in other languages: whole catalogues, the very sentences that the code makes, and English else."""

import ast
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import buttons
from bot.cards import Card, State, Tile
from bot.desk import sentences
from bot.languages import LANGUAGES, MenuWords, language_for, speech
from bot.languages.speech import SAID, catalogue, in_language, places_of, refusing_in, spoken
from bot.live import Live
from bot.platforms.discord import messages as discord
from bot.platforms.telegram import messages as telegram
from bot.showing import card_of
from engine.domain import Loading, Progress, Source
from engine.errors import UserError
from storage import records
from storage.asking import Limit, Refused
from tests.fakes.rows import RECIPE, job_row, picture_row, request_row

ROOT = Path(__file__).parents[3]
NOW_S = 1_000.0
every_language = pytest.mark.parametrize("code", LANGUAGES)
SAME = ("s", "min", "h")  # in English too
ENGLISH = {"Come", "You", "day", "days", "job", "jobs", "request", "requests", "steps", "device", "waiting"}
COUNTED = ("1 prompt", "prompts", "1 picture", "pictures")  # put together of a number and a noun


def refusals() -> list[str]:
    """What the limits say, in all their ways."""

    def said(limit: Limit, **more: object) -> str:
        values = {"has": 2.0, "most": 3.0, "wants": 2.0, "come_back_s": NOW_S + 90 * 60, "reason": "", "place": None}
        return str(sentences.refused(Refused(limit=limit, **(values | more)), NOW_S))  # type: ignore[arg-type]

    return [
        *(said(Limit.RATE, most=most, come_back_s=come) for most in (0.1, 1.0, 4.0) for come in (None, NOW_S + 5)),
        said(Limit.IN_FLIGHT),
        said(Limit.IN_FLIGHT, wants=9.0),
        said(Limit.IN_FLIGHT, most=1.0, has=1.0, wants=1.0),
        *(said(Limit.DAILY, has=has, come_back_s=come) for has in (2.0, 3.0) for come in (None, NOW_S + 200_000)),
        said(Limit.DAILY, has=0.999, most=1.0, wants=0.5),
        said(Limit.FULL),
        said(Limit.FULL, come_back_s=None),
        *(
            said(Limit.BANNED, reason=reason, place=place, come_back_s=come)
            for reason in ("", "spam.")
            for place in (None, "discord:1")
            for come in (None, NOW_S + 86_400)
        ),
    ]


def cards() -> list[Card]:
    """A request at each moment of its life."""
    waiting, jobs = request_row(), (job_row(),)
    live = [Live(waiting, jobs, ()) for _ in range(3)]
    live[0].hear(jobs[0].id, Loading(model="pocket", fraction=0.5, doing="reading the UNet"))
    live[1].hear(jobs[0].id, Progress(step=4, n_steps=8, previews={}))
    done = request_row(state=records.State.DONE)
    picture = picture_row(1, recipe=replace(RECIPE, source=Source(sha256="0" * 64, strength=0.6)))
    with live[2].finishing(jobs[0].id):
        live[2].hear(jobs[0].id, Progress(step=8, n_steps=8, previews={}))
        finishing = card_of(waiting, jobs, (), live[2])
    return [
        card_of(waiting, jobs, ()),
        *(card_of(waiting, jobs, (), each) for each in live[:2]),
        finishing,
        card_of(done, (job_row(state=records.State.DONE),), (picture,)),
        card_of(done, (job_row(n_pictures=2, state=records.State.DONE),), (picture_row(1), picture_row(2))),
        card_of(done, (), ()),
        card_of(request_row(state=records.State.CANCELLED), jobs, ()),
        *(card_of(request_row(state=records.State.OFFERED), (job_row(n_pictures=n),), ()) for n in (1, 4)),
    ]


def times() -> list[str]:
    return [sentences.span(each) for each in (5, 300, 7_300, 7_200, 90_000, 86_400, 200_000, 172_800, 1e12)]


def labels() -> list[str]:
    tile = Tile(number=1, prompt="x", seed=7, width_px=8, height_px=8, picture="k3f9m2q7xa.1", has_animation=True)
    grid = buttons.of_card("k3f9m2q7xa", State.DONE, (tile, replace(tile, number=2)), has_grid=True)
    rows = (*buttons.of_picture("k3f9m2q7xa.1", has_animation=True), *grid, *buttons.of_collecting())
    every = [each.label for row in (*rows, *(row for card in cards() for row in card.buttons)) for each in row]
    return [each for each in every if each[0] not in "UV" or (each.startswith("V") and " " in each) or " " in each]


def said_by_the_code() -> list[str]:
    """Real sentences and labels, made by what makes them."""
    shown = [card.sentence for card in cards() if card.sentence]
    return [*refusals(), *shown, *times(), *labels()]


@every_language
def test_every_catalogue_has_every_sentence_with_its_places(code: str) -> None:
    """No more, no fewer, none empty, and each placeholder exactly as often as it is in English."""
    said = catalogue(code)
    assert set(said) == set(SAID)
    for english, ours in said.items():
        assert ours.strip(), english
        assert sorted(places_of(ours)) == sorted(places_of(english)), english
        for place in places_of(english):
            assert ours.count(f"{{{place}}}") == english.count(f"{{{place}}}") == 1


@every_language
def test_what_the_code_says_is_said_in_the_language(code: str) -> None:
    """Refusals, cards, times and buttons as they are really made: none falls back to English, not even in parts."""
    for english in said_by_the_code():
        ours = in_language(english, code)
        if english.split()[-1] in SAME or english == "Remix":
            continue
        assert ours != english, english
        assert not ENGLISH & set(re.findall(r"\w+", ours)), (english, ours)


class Asked(dict[str, str]):
    """A catalogue that says everything as it is, and notes what was looked up and found."""

    def __init__(self) -> None:
        super().__init__({each: each for each in SAID})
        self.found: set[str] = set()

    def get(self, english: str, otherwise: Any = None) -> Any:
        if english in self:
            self.found.add(english)
        return super().get(english, otherwise)


def test_what_is_translated_is_still_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that is put in other words leaves no translation behind that nothing finds.

    Each is one that the code makes here, or its words stand in the source.
    """
    asked = Asked()
    monkeypatch.setattr(speech, "menu_words", lambda _: MenuWords(said=asked))
    speech._told.cache_clear()
    try:
        for english in said_by_the_code():
            in_language(english, "de")
        for waits_s in (None, -5.0, 300.0):
            card = Card(id="k3", kind="imagine", state=State.WAITING, position=3, wait_s=waits_s, told_at_s=time.time())
            discord.of_card(spoken(card, "de"), ())
            telegram.of_card(spoken(card, "de"), 1_000)
    finally:
        speech._told.cache_clear()
    literals = _literals()
    for template in set(SAID) - asked.found:
        parts = [part.strip() for part in re.split(r"\{\w+\}", template) if part.strip(" ,.;:")]
        assert all(any(part in each for each in literals) or part in COUNTED for part in parts), template


def _literals() -> list[str]:
    """Every text that stands in the source of the bot, but for the catalogue's own."""
    files = [file for file in (ROOT / "bot").rglob("*.py") if file.name != "speech.py"]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_parts_and_values_are_told_in_the_language_too() -> None:
    """A time within a refusal, and each part of the line under a picture; a name stays as it is."""
    assert in_language("Come back in 2 h 5 min.", "ja") == "2 時間 5 分後にまた来てください。"
    assert in_language("seed 7 · 20 steps · Euler a · guidance 4 · pocket · 1.2 s of the device", "de") == (
        "Seed 7 · 20 Schritte · Euler a · Guidance 4 · pocket · 1.2 s Rechenzeit"
    )
    assert in_language("Loading Cancelled.: reading", "de") == "Abgebrochen. wird geladen: reading"


def test_what_nobody_translated_is_english() -> None:
    """And what is no language of ours changes nothing."""
    assert in_language("The hub has no such model.", "de") == "The hub has no such model."
    assert in_language("Cancelled.", "en-GB") == in_language("Cancelled.", "") == "Cancelled."
    card = Card(id="a", kind="x", state=State.CANCELLED, sentence="Cancelled.")
    assert spoken(card, "xx") is card


def test_a_refusal_is_in_the_language_and_stays_what_it_is() -> None:
    """Whatever kind of refusal; what is no refusal passes as it is."""
    with pytest.raises(UserError, match="Von dir wartet nichts"), refusing_in("de"):
        raise UserError("Nothing of yours is waiting or being drawn.")
    with pytest.raises(ValueError, match=r"Cancelled\."), refusing_in("de"):
        raise ValueError("Cancelled.")


@pytest.mark.parametrize(
    ("tag", "code"),
    [("de", "de"), ("de-AT", "de"), ("es-419", "es"), ("pt", "pt-BR"), ("pt-BR", "pt-BR"), ("en-US", ""), ("", "")],
)
def test_a_chats_name_of_a_language_is_ours(tag: str, code: str) -> None:
    """With or without a country; English and what we have no words for is no language of ours."""
    assert language_for(tag) == code


def test_a_card_speaks_with_all_that_people_read() -> None:
    """Sentence, buttons, and what Discord words itself; ids stay, so presses mean the same."""
    english = Card(
        id="k3f9m2q7xa",
        kind="imagine",
        state=State.WAITING,
        words="Cancel",
        sentence="Waiting for its turn.",
        position=3,
        buttons=buttons.of_card("k3f9m2q7xa", State.WAITING, ()),
    )
    german = spoken(english, "de")
    assert german.words == "Cancel"
    assert [(each.id, each.label) for row in german.buttons for each in row] == [("cancel:k3f9m2q7xa", "Abbrechen")]
    told = str(discord.of_card(german, ()))
    assert "Nummer 3 in der Schlange" in told
    assert "in line" not in told

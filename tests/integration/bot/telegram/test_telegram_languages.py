"""What is said on Telegram beside a picture is said in the language of whoever reads it, with all its buttons."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from bot.languages import LANGUAGES
from bot.languages.speech import in_language
from tests.fakes.telegram_houses import Scene, ids_of, open_telegram
from tests.fakes.telegram_server import Message, User, buttons, texts

LABELS = (
    "Who may use this Darkroom?",
    "Nothing to send yet: draw with me, or open one of /history here",
    "Draw a new one",
)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that draws at once; in the end every call and update must be by the spec."""
    async with open_telegram(tmp_path) as opened:
        yield opened
        assert opened.server.problems() == []


async def pressed(scene: Scene, user: User, message: Message, starts: str) -> Message:
    """They press the button whose id begins so; what the bot says next there."""
    n_before = len(scene.server.of_bot(message.chat))
    await scene.server.press(user, message, next(each for each in ids_of(message) if each.startswith(starts)))
    return await scene.server.said(message.chat, n_before + 1, 10.0)


def labels(message: Message) -> set[str]:
    """Of its buttons."""
    return {each["text"] for each in buttons(message)}


async def test_the_buttons_and_sentences_of_telegram_are_in_the_askers_language(scene: Scene) -> None:
    """Copying, sharing and albums, what a remix needs, and that a picture is done."""
    uwe = scene.server.add_user("uwe", language="de-AT")
    private = scene.server.private(uwe)
    await scene.say("/settings me ping yes", uwe, private)
    drawn = await scene.drawn("a red circle --seed 7", uwe, private)
    assert texts(await scene.server.answer_to(drawn, 10.0)) == "Dein Bild ist fertig."
    await scene.say("/settings me ping no", uwe, private)
    assert "Seed 7 kopieren" in labels(drawn)
    assert "daraus werden soll (Flags" in texts(await pressed(scene, uwe, drawn, "remix:"))
    recipe = await pressed(scene, uwe, drawn, "recipe:")
    assert {"Noch einmal", "Zeigen", "Teilen"} <= labels(recipe)
    told = await pressed(scene, uwe, recipe, "share:")
    assert texts(told).startswith("Wer diesen Link hat,")
    assert labels(told) == {"Link kopieren", "Nicht mehr teilen"}
    assert texts(await pressed(scene, uwe, told, "unshare:")) == "Dieser Link führt jetzt ins Leere."
    assert "Als Album" in labels(await scene.drawn("a ring --n 2", uwe, private))
    payload = f"/start r_{'a' * 10}-1"
    assert "nicht geteilt" in texts(await scene.say(payload, uwe, private))
    long = await scene.drawn("🎈" * 1_900 + " the end --no " + "🎃" * 200, uwe, private)
    n_before = len(scene.server.of_bot(private))
    await pressed(scene, uwe, long, "recipe:")
    assert texts(await scene.server.said(private, n_before + 2, 10.0)) == "Alles, als Datei:"


async def test_a_picture_without_words_is_asked_about_in_the_senders_language(scene: Scene) -> None:
    """In French for who writes French, and in English for who writes what we have no words for."""
    for language, said in (("fr", "Dis avec l'image"), ("nl", "Say with the picture")):
        user = scene.server.add_user(f"reader of {language}", language=language)
        sent = await scene.server.send_photo(user, scene.server.private(user), png())
        assert said in texts(await scene.server.answer_to(sent, 10.0))


async def test_the_button_above_ones_own_pictures_is_in_the_language_of_who_types(scene: Scene) -> None:
    """Where there is nothing yet, and where there is; a stranger is asked who may in theirs."""
    uwe = scene.server.add_user("uwe", language="de")
    assert await above(scene, uwe) == "Noch nichts da: zeichne mit mir oder öffne eines aus /history"
    await scene.drawn("a red circle", uwe, scene.server.private(uwe))
    assert await above(scene, uwe) == "Ein neues zeichnen"


@pytest.mark.parametrize("code", LANGUAGES)
def test_labels_above_results_fit_in_every_language(code: str) -> None:
    """Telegram takes 64 characters."""
    for label in LABELS:
        ours = in_language(label, code)
        assert ours != label
        assert len(ours) <= 64


async def above(scene: Scene, user: User) -> str:
    """The button above what is proposed to them."""
    await scene.server.inline(user, "", timeout_s=10.0)
    query = list(scene.server.queries.inline.values())[-1]
    assert query.button
    return str(query.button["text"])


def png() -> bytes:
    """A picture that somebody has."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(buffer, format="PNG")
    return buffer.getvalue()

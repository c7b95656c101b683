"""What is said in the core of a conversation, in the language of whoever reads it; the English sentence else. Pure.

The English sentence is the key, as with gettext: a catalogue maps a template such as "Number {n} in line" to the same
in its language, in the table `said` of its TOML. A sentence is looked up when it is shown, for many of ours are stored
with their request or come as the words of an error, and are made where no language is known. `{n}` and `{m}` stand for
numbers; what another placeholder holds is looked up in turn, so that "Come back in {span}." has its time in the
language too. Parts between " · " are looked up one by one. What is not found stays English: figures and settings of the
desk, help, and what a model or a file is reported to lack.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from bot.cards import Button, Card
from bot.languages import LANGUAGES, menu_words
from engine.errors import UserError

_PLACE = re.compile(r"\{(\w+)\}")
_NUMBERS = frozenset({"n", "m"})
_BETWEEN = " · "
_MAX_CHARS = 600  # a longer sentence is none of ours

# Where two fit, the first is meant.
SAID = (
    # Waiting, drawing, and how it ends
    "Waiting for its turn.",
    "This takes longer than I thought; it keeps its place.",
    "Number {n} in line",
    "Number {n} in line, any moment now",
    "Number {n} in line, about {span}",
    "its turn any moment",
    "its turn {when}",
    "Loading {model}: {doing}",
    "Drawn; it is being finished.",
    "Cancelled.",
    "Deleted.",
    "Its pictures were deleted.",
    "seed {n}",
    "{n} steps",
    "guidance {n}",
    "strength {n}",
    "{n} s of the device",
    "an uploaded picture, enlarged",
    "{n} of {m} could not be drawn: {why}",
    "Something broke on our side (ref {ref}).",
    "Drawing this has ended the worker three times, so I stopped trying. Ask for less: fewer steps or a smaller size.",
    # Asking first, taking back
    "{before} It would be its turn in about {span}. Still queue it?",
    "It would be its turn in about {span}. Still queue it?",
    "{prompts}, {pictures} in all.",
    "Too late to cancel: it is drawn already, and comes in a moment.",
    "Nothing of yours is waiting or being drawn.",
    "That is finished already; there is nothing left to cancel.",
    "That is somebody else's; only they can do this.",
    "Darkroom is just stopping. Ask again in a minute; what waits goes on then.",
    "This Darkroom is private. Its operator can let you in: /allow {who} (or, here, everybody: /allow here)",
    "This Darkroom is private. Its operator can let you in: /allow {who}",
    # Limits
    "That was quick: you have {limit}. {back}",
    "one request in {span}",
    "1 request a minute",
    "{n} requests a minute",
    "Come back a little later.",
    "Come back in some minutes.",
    "Come back in {span}, or ask for something smaller; /quota says more.",
    "Come back in {span}; /quota says more.",
    "Come back in {span}.",
    "Ask for smaller or fewer pictures; /quota says more.",
    "The queue is full: {n} jobs of all people wait, and {m} is the most. {back}",
    "You are banned here: {reason}. {until}",
    "You are banned here. {until}",
    "You are banned from this Darkroom: {reason}. {until}",
    "You are banned from this Darkroom. {until}",
    "It holds until an admin lifts it.",
    "It ends in {span}.",
    "That would be {jobs} at once, and you may have {n} waiting or being drawn. Ask for fewer at a time.",
    "You have {n} of {jobs} waiting or being drawn, and this would be {m} more. Come back when some are done, or take "
    "one back with /cancel.",
    "You have {left} of {pictures} left for today, and this costs {cost}. {then}",
    "1 job",
    "{n} jobs",
    "1 prompt",
    "{n} prompts",
    "1 picture",
    "{n} pictures",
    "1 standard picture",
    "{n} standard pictures",
    "less than 0.01",
    # Times
    "more than 100 years",
    "{n} s",
    "{n} min",
    "{n} h {m} min",
    "{n} h",
    "1 day {n} h",
    "1 day",
    "{n} days {m} h",
    "{n} days",
    # The welcome
    "Hello! I draw pictures from words, with a model that runs on my operator's own computer.",
    "Try one of these:",
    "Everybody's pictures wait in one fair queue. /help says what else there is.",
    "Nobody here may use me yet: my operator can let this server in with /allow here.",
    "I draw pictures from words, on my operator's own computer.",
    "Write me what to draw, or send me a picture with what to make of it.",
    "Write what to draw after /imagine, or answer a picture with /remix and what to make of it.",
    "My operator can let this group in with /allow here.",
    "A tap on one of these draws it. /help says what else there is. The pictures are made by a machine.",
    # On Telegram
    "Say with the picture what to make of it; or answer it with words, or with /upscale or /recipe.",
    "That picture is larger than {n} MB; send a smaller one.",
    "That picture could not be fetched from Telegram; send it again.",
    "That picture is not shared, or it was deleted. Whoever drew it can send you a new link: Recipe, then Share.",
    "Answer this message with what to make of it (flags such as --strength 0.5 work too):",
    "This button is in no chat that I am in; open me and ask with /history.",
    "Whoever has this link can see this picture, how it was made, and draw it again, if they may use this Darkroom:",
    "That link leads to nothing any more.",
    "All of it, as a file:",
    "Your picture is done.",
    "your picture is done.",
    "Who may use this Darkroom?",
    "Nothing to send yet: draw with me, or open one of /history here",
    "Draw a new one",
    # Buttons
    "Again",
    "Recipe",
    "Development",
    "Download",
    "Vary subtle",
    "Vary strong",
    "Remix",
    "Upscale {n}x",
    "Refine {n}x",
    "Queue it",
    "Not now",
    "Draw all {n}",
    "Cancel",
    "Try again",
    "Labelled grid",
    "Delete",
    "Show them here",
    "Show",
    "Share",
    "Copy link",
    "Stop sharing",
    "Copy seed {n}",
    "Album",
)


def spoken(card: Card, code: str) -> Card:
    """The card in a language of `LANGUAGES`: its sentence and the labels of its buttons. English for any other code."""
    if code not in LANGUAGES:
        return card
    return replace(
        card,
        language=code,
        sentence=in_language(card.sentence, code),
        buttons=labelled(card.buttons, code),
        tiles=tuple(replace(tile, buttons=_labelled(tile.buttons, code)) for tile in card.tiles),
    )


@contextmanager
def refusing_in(code: str) -> Iterator[None]:
    """Whatever is refused within is refused in this language."""
    try:
        yield
    except UserError as exc:
        exc.args = tuple(in_language(each, code) if isinstance(each, str) else each for each in exc.args)
        raise


def in_language(english: str, code: str) -> str:
    """A sentence, label or part of one; as it is, where the language has no words for it."""
    return _told(english, code) if code in LANGUAGES and english else english


def places_of(template: str) -> frozenset[str]:
    """The names of a template's placeholders."""
    return frozenset(_PLACE.findall(template))


def labelled(rows: Iterable[Iterable[Button]], code: str) -> tuple[tuple[Button, ...], ...]:
    """Rows of buttons with their labels in a language."""
    return tuple(_labelled(row, code) for row in rows)


def _labelled(buttons: Iterable[Button], code: str) -> tuple[Button, ...]:
    return tuple(replace(each, label=in_language(each.label, code)) for each in buttons)


@lru_cache(maxsize=2_048)
def _told(english: str, code: str) -> str:
    said = menu_words(code).said
    if exact := said.get(english):
        return exact
    if len(english) > _MAX_CHARS:
        return english
    for template in _templates():
        if (match := template.pattern.fullmatch(english)) and (ours := said.get(template.english)):
            return ours.format_map({name: _value(name, text, code) for name, text in match.groupdict().items()})
    if _BETWEEN in english:
        return _BETWEEN.join(in_language(part, code) for part in english.split(_BETWEEN))
    return english


def _value(name: str, text: str, code: str) -> str:
    return text if name in _NUMBERS else in_language(text, code)


@dataclass(frozen=True, slots=True)
class _Template:
    english: str
    pattern: re.Pattern[str]


@cache
def _templates() -> tuple[_Template, ...]:
    """Those with placeholders."""
    return tuple(_Template(each, _pattern(each)) for each in SAID if _PLACE.search(each))


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACE.split(template)  # words, name, words, name, …, words
    names = [f"(?P<{name}>{r'[0-9][0-9,.]*' if name in _NUMBERS else r'.+?'})" for name in parts[1::2]]
    words = [re.escape(each) for each in parts[::2]]
    return re.compile("".join(word + name for word, name in zip(words, [*names, ""], strict=True)), re.DOTALL)


def catalogue(code: str) -> Mapping[str, str]:
    """What a language says for each template."""
    return menu_words(code).said

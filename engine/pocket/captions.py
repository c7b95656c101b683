"""How a person might ask for a picture: one subject, many phrasings.

Knows nothing of drawing. Every caption names only what is in the picture; some leave a part out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One object on a plain background. `size` is a word of `SIZES`, or "" for the usual size."""

    shape: str
    colour: str
    background: str
    size: str = ""


_SHAPE_SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "circle": ("disc", "ball", "dot"),
        "square": ("box",),
        "diamond": ("rhombus",),
        "ring": ("donut",),
        "cross": ("plus sign",),
    }
)
_BACKGROUNDS = (
    "on {article_colour} background",
    "on {article_colour} background",
    "on {article_colour} background",
    "on {article_colour} background",
    "on {colour} background",
    "on {colour}",
    "with {article_colour} background",
    "against {article_colour} background",
    "in front of {article_colour} background",
    "over {article_colour} backdrop",
)
_OPENINGS = (
    "please draw",
    "draw",
    "draw me",
    "a picture of",
    "a drawing of",
    "an image of",
    "an illustration of",
    "a photo of",
    "a painting of",
)
_ENDINGS = ("flat design", "vector art", "minimal", "digital art", "highly detailed", "best quality", "please")
# Shares of captions: enough of each that the word is learnt, and few enough that the plain phrasing stays the rule.
_SYNONYM_SHARE = 0.12
_GREY_SHARE = 0.4
_OPENING_SHARE = 0.12
_ENDING_SHARE = 0.05


def plain_caption(subject: Subject) -> str:
    """Return the one plain phrasing, as the evaluation asks for it."""
    thing = _object_words(subject, subject.colour, subject.shape)
    return f"{_with_article(thing)} on {_with_article(subject.background)} background"


def caption(subject: Subject, rng: Random) -> str:
    """Return one of many phrasings of the subject."""
    text = _sentence(subject, rng)
    if rng.random() < _OPENING_SHARE:
        text = f"{rng.choice(_OPENINGS)} {text}"
    if rng.random() < _ENDING_SHARE:
        text = f"{text}, {rng.choice(_ENDINGS)}"
    return text


def _sentence(subject: Subject, rng: Random) -> str:
    thing = _object_words(subject, _spelled(subject.colour, rng), _shape_word(subject.shape, rng))
    background = _spelled(subject.background, rng)
    draw = rng.random()
    if draw < 0.76:
        behind = rng.choice(_BACKGROUNDS).format(colour=background, article_colour=_with_article(background))
        return f"{_with_article(thing)} {behind}"
    if draw < 0.84:
        return f"{thing}, {background} background"
    if draw < 0.90:
        return f"{background} background with {_with_article(thing)}"
    if draw < 0.97:
        return _with_article(thing) if rng.random() < 0.6 else thing
    colourless = _object_words(subject, "", _shape_word(subject.shape, rng))
    return f"{_with_article(colourless)} on {_with_article(background)} background"


def _object_words(subject: Subject, colour: str, shape: str) -> str:
    return " ".join(word for word in (subject.size, colour, shape) if word)


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _spelled(colour: str, rng: Random) -> str:
    return "grey" if colour == "gray" and rng.random() < _GREY_SHARE else colour


def _shape_word(shape: str, rng: Random) -> str:
    if shape in _SHAPE_SYNONYMS and rng.random() < _SYNONYM_SHARE:
        return rng.choice(_SHAPE_SYNONYMS[shape])
    return shape

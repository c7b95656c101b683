"""What the page shows beside cards: pictures in lines of the history, and what this Darkroom is. Pure; rows of nothing.

Encodes to JSON with msgspec as it stands; the page reads exactly that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.cards import Button


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLine:
    """One picture of somebody's. `picture` is its name; `is_kept` is False once its file had to make room."""

    picture: str
    prompt: str
    seed: int
    model: str
    width_px: int
    height_px: int
    created_s: float
    has_animation: bool = False
    is_kept: bool = True
    label: str = ""
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Newest first. `next` is the picture that the following page comes after, None on the last one.

    `total` counts all that were found, and may stop at a cap.
    """

    pictures: tuple[PictureLine, ...]
    next: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is behind the page. `model_note` says in a sentence what the model is good at.

    `commands` is the table of `bot/commands.py`, for completions and forms.
    """

    model: str
    model_note: str
    commands: Sequence[object]
    examples: tuple[str, ...]
    version: str

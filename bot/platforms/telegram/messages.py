"""A card → text with entities and a keyboard, as Telegram takes them. Pure; knows no file's bytes.

Entities instead of a parse mode: nothing that people wrote can be markup. Offsets count UTF-16 units, as Telegram does.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from telegram import CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from bot.buttons import Verb
from bot.cards import Button, Card, Field, State, Style, Tile
from bot.desk.sentences import span
from bot.typography import clean

MAX_TEXT, MAX_CAPTION = 4_096, 1_024
MAX_COPIED = 256
_MAX_ASKED, _MAX_FIELD = 500, 400
_BAR = 12
_STYLES = {Style.PRIMARY: "primary", Style.DANGER: "danger"}
_A_ROW = 4  # of a phone's width
_LISTED = 12


@dataclass(slots=True)
class Words:
    """Text that grows, with what is bold or code in it; `most` UTF-16 units at most, and then it ends with "…"."""

    most: int
    text: str = ""
    entities: list[MessageEntity] = field(default_factory=list)
    _n_units: int = 0

    def add(self, words: str, kind: str | None = None) -> "Words":
        """Add words as they are."""
        left = self.most - self._n_units
        if units_of(words) > left:
            words = _cut(words, left - 1) + "…" if left > 1 else ""
        n_units = units_of(words)
        if kind and words.strip():
            self.entities.append(MessageEntity(type=kind, offset=self._n_units, length=n_units))
        self.text += words
        self._n_units += n_units
        return self

    def bold(self, words: str) -> "Words":
        """Add what stands out."""
        return self.add(words, MessageEntity.BOLD)

    def code(self, words: str) -> "Words":
        """Add what is worth copying: a tap copies it."""
        return self.add(words, MessageEntity.CODE)

    def line(self) -> "Words":
        """Begin a new line."""
        return self.add("\n") if self.text else self


def units_of(words: str) -> int:
    """UTF-16 units."""
    return len(words.encode("utf-16-le", "surrogatepass")) // 2


def of_card(card: Card, most: int) -> Words:
    """What a card says, in so many units."""
    words = Words(most)
    if card.id and card.words:
        words.bold(_shortened(clean(card.words), _MAX_ASKED))
    for sentence in _said(card):
        words.line().add(sentence)
    for each in card.fields:
        _add_field(words.line(), each)
    if not card.id:
        _add_tiles(words, card.tiles)
    if card.id:
        words.line().code(card.id)
    return words


def of_sentence(sentence: str) -> Words:
    """Plain words of ours."""
    return Words(MAX_TEXT).add(sentence)


def keyboard(card: Card) -> InlineKeyboardMarkup | None:
    """A card's buttons; and its seed to copy, where there is one picture."""
    rows = [
        [_button(each) for each in row[at : at + _A_ROW]] for row in card.buttons for at in range(0, len(row), _A_ROW)
    ]
    there = [tile for tile in card.tiles if tile.picture]
    if card.id and len(there) == 1 and card.state is State.DONE:
        seed = str(there[0].seed)
        rows.append([InlineKeyboardButton(f"Copy seed {seed}"[:64], copy_text=CopyTextButton(seed))])
    if not card.id and there:
        rows += _openers(there)
    return InlineKeyboardMarkup(rows) if rows else None


def named_in(text: str, entities: Iterable[MessageEntity]) -> str | None:
    """The request or picture that a message of ours names in its small print: the last piece of code in it."""
    found = [each for each in entities if each.type == MessageEntity.CODE]
    if not found:
        return None
    units = text.encode("utf-16-le")
    last = found[-1]
    return units[2 * last.offset : 2 * (last.offset + last.length)].decode("utf-16-le", "ignore")


def _said(card: Card) -> list[str]:
    match card.state:
        case State.WAITING:
            known = [_waiting(card)] if card.position else []
            return [*known, *([] if known and card.wait_s is not None else [card.sentence])]
        case State.LOADING | State.DRAWING:
            bar = [] if card.fraction is None else [_bar(card.fraction)]
            return [*bar, *([card.sentence] if card.sentence else [])]
        case _:
            return [card.sentence] if card.sentence else []


def _waiting(card: Card) -> str:
    place = f"Number {card.position:,} in line"
    if card.wait_s is None:
        return place
    left_s = card.told_at_s + card.wait_s - time.time()
    return f"{place}, any moment now" if left_s < 1 else f"{place}, about {span(left_s)}"


def _bar(fraction: float) -> str:
    n_full = round(_BAR * fraction)
    return f"{'█' * n_full}{'░' * (_BAR - n_full)} {round(100 * fraction)} %"


def _add_field(words: Words, each: Field) -> None:
    words.bold(clean(each.name)).add(" ")
    value = _shortened(clean(each.value), _MAX_FIELD)
    if each.is_copyable:
        words.code(value)
    else:
        words.add(value)


def _add_tiles(words: Words, tiles: tuple[Tile, ...]) -> None:
    for tile in tiles[:_LISTED]:
        if tile.picture:
            words.line().add(f"{tile.number}. {_shortened(clean(tile.prompt), 60)} · {tile.label} · ").code(
                tile.picture
            )


def _openers(tiles: list[Tile]) -> list[list[InlineKeyboardButton]]:
    """Buttons that open one picture of a page of the history."""
    buttons = [
        InlineKeyboardButton(str(tile.number), callback_data=f"{Verb.SHOW}:{tile.picture}") for tile in tiles[:_LISTED]
    ]
    return [buttons[at : at + _A_ROW] for at in range(0, len(buttons), _A_ROW)]


def _button(each: Button) -> InlineKeyboardButton:
    return InlineKeyboardButton(each.label, callback_data=each.id, style=_STYLES.get(each.style))


def _shortened(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def _cut(words: str, most_units: int) -> str:
    units = words.encode("utf-16-le", "surrogatepass")[: 2 * most_units]
    return units.decode("utf-16-le", "ignore")

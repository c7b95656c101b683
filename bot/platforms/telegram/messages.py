"""A card → text with entities and a keyboard, as Telegram takes them. Pure; knows no file's bytes.

Entities instead of a parse mode: nothing that people wrote can be markup. Offsets count UTF-16 units, as Telegram does.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from telegram import CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, User

from bot import buttons
from bot.buttons import Verb
from bot.cards import Button, Card, Field, State, Style, Tile
from bot.desk.sentences import span
from bot.languages.speech import in_language, labelled
from bot.typography import clean
from storage.ids import read_picture_name

MAX_TEXT, MAX_CAPTION = 4_096, 1_024
MAX_COPIED = 256
_MAX_ASKED, _MAX_FIELD = 500, 400
_BAR = 12
_DONE, _DONE_TO_NAME = "Your picture is done.", "your picture is done."
_MAX_NAME = _MAX_LABEL = 64
_STYLES = {Style.PRIMARY: "primary", Style.DANGER: "danger"}
_A_ROW = 4  # of a phone's width
_LISTED = 12


@dataclass(slots=True)
class Words:
    """Text that grows, with what is bold or code in it; `most` UTF-16 units at most, and then it ends with "…".

    `is_cut`: there was more.
    """

    most: int
    text: str = ""
    entities: list[MessageEntity] = field(default_factory=list)
    is_cut: bool = False
    _n_units: int = 0

    def add(self, words: str, kind: str | None = None) -> "Words":
        """Add words as they are."""
        left = self.most - self._n_units
        if units_of(words) > left:
            self.is_cut = True
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
    """What a card says, in so many units; its request's id, which answers to it need, whatever else is cut."""
    words = Words(most - (units_of(card.id) + 1 if card.id else 0))
    if card.id and card.words:
        words.bold(_shortened(clean(card.words), _MAX_ASKED))
    for sentence in _said(card):
        words.line().add(sentence)
    for each in sorted(card.fields, key=_is_long):
        _add_field(words.line(), each, whole=not card.id)
    if not card.id:
        _add_tiles(words, card.tiles)
        return words
    words.most = most
    return words.line().code(card.id)


def in_full(card: Card) -> str:
    """All that an answer says, where a message has no room for it."""
    return "\n".join([*_said(card), "", *(f"{each.name}: {each.value}" for each in card.fields), ""])


def of_ping(account: str, name: str, language: str) -> Words:
    """That a picture is done; to somebody by name, which they are told of, or "" where nobody else is."""
    words = Words(MAX_TEXT)
    number = account.partition(":")[2]
    if not name or not number.isdecimal():  # a group speaks for an admin who hides behind it
        return words.add(in_language(_DONE, language))
    to = mention(words, User(id=int(number), first_name=name, is_bot=False))
    return to.add(f": {in_language(_DONE_TO_NAME, language)}")


def mention(words: Words, user: User) -> Words:
    """Begin with somebody's name, of which they are told."""
    name = _shortened(clean(user.full_name), _MAX_NAME) or "You"
    words.entities.append(MessageEntity(MessageEntity.TEXT_MENTION, offset=0, length=units_of(name), user=user))
    return words.add(name)


def of_picture(picture: str, prompt: str, label: str) -> Words:
    """Under a picture that is shown beside others: what it is, and its name, by which it can be answered."""
    words = Words(MAX_CAPTION - units_of(picture) - 1)
    if prompt:
        words.add(clean(prompt))
    if label:
        words.line().add(label)
    words.most = MAX_CAPTION
    return words.line().code(picture)


def of_sentence(sentence: str) -> Words:
    """Plain words of ours."""
    return Words(MAX_TEXT).add(sentence)


def keyboard(card: Card) -> InlineKeyboardMarkup | None:
    """A card's buttons; of one picture its seed to copy, of several an album, of a recipe what can be done with it."""
    recipe_of = recipe_named(card)
    every = card.buttons or (labelled(buttons.of_sharing(recipe_of), card.language) if recipe_of else ())
    rows = [[_button(each) for each in row[at : at + _A_ROW]] for row in every for at in range(0, len(row), _A_ROW)]
    there = [tile for tile in card.tiles if tile.picture]
    if card.id and card.state is State.DONE and len(there) == 1:
        seed = str(there[0].seed)
        rows.append([InlineKeyboardButton(_label(f"Copy seed {seed}", card.language), copy_text=CopyTextButton(seed))])
    if card.id and card.state is State.DONE and len(there) > 1:
        rows.append([InlineKeyboardButton(_label("Album", card.language), callback_data=f"{Verb.ALBUM}:{card.id}")])
    if not card.id and there:
        rows += _openers(there)
    return InlineKeyboardMarkup(rows) if rows else None


def of_link(link: str, picture: str, language: str = "") -> InlineKeyboardMarkup:
    """Under a link to a shared picture."""
    copy = InlineKeyboardButton(_label("Copy link", language), copy_text=CopyTextButton(link))
    stop = InlineKeyboardButton(_label("Stop sharing", language), callback_data=f"{Verb.UNSHARE}:{picture}")
    return InlineKeyboardMarkup([[copy, stop]])


def recipe_named(card: Card) -> str | None:
    """The picture of ours whose recipe a card is, None if it is none."""
    if card.kind != "recipe":
        return None
    return next((each.value for each in card.fields if each.name == "Picture"), None)


def named_in(text: str, entities: Iterable[MessageEntity]) -> str | None:
    """The request or picture that a message of ours names, as code; None where it names none, or several."""
    units = text.encode("utf-16-le", "surrogatepass")
    codes = {
        units[2 * each.offset : 2 * (each.offset + each.length)].decode("utf-16-le", "ignore")
        for each in entities
        if each.type == MessageEntity.CODE
    }
    named = [each for each in codes if read_picture_name(each) and not each.isalpha()]
    return named[0] if len(named) == 1 else None


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
    left_s = None if card.wait_s is None else card.told_at_s + card.wait_s - time.time()
    if left_s is not None:
        place = f"{place}, any moment now" if left_s < 1 else f"{place}, about {span(left_s)}"
    return in_language(place, card.language)


def _bar(fraction: float) -> str:
    n_full = round(_BAR * fraction)
    return f"{'█' * n_full}{'░' * (_BAR - n_full)} {round(100 * fraction)} %"


def _is_long(each: Field) -> bool:
    """What may not fit comes after what will."""
    return len(each.value) > _MAX_FIELD


def _add_field(words: Words, each: Field, *, whole: bool) -> None:
    words.bold(clean(each.name)).add(" ")
    value = clean(each.value) if whole else _shortened(clean(each.value), _MAX_FIELD)
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


def _label(english: str, language: str) -> str:
    return in_language(english, language)[:_MAX_LABEL]


def _shortened(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def _cut(words: str, most_units: int) -> str:
    units = words.encode("utf-16-le", "surrogatepass")[: 2 * most_units]
    return units.decode("utf-16-le", "ignore")

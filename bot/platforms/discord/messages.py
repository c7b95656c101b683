"""A card → the JSON of a Discord message (Components V2). Pure; knows which files a message shows, not their bytes.

One frame: words, what is to say, pictures as a gallery, buttons. Nothing that people wrote can mention anybody, be
taken for markup, or break out of its place.
"""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bot.buttons import Verb
from bot.cards import Button, Card, Field, State, Style, Tile
from bot.languages.speech import in_language
from bot.typography import clean

Json = dict[str, Any]

IS_V2 = 1 << 15
EPHEMERAL = 1 << 6
NO_MENTIONS: Json = {"parse": []}
MAX_TEXT = 4_000  # of all words in a message
MAX_ITEMS = 10  # of a gallery, and files of a message
MAX_ALT = 1_024
MAX_LABEL = 80
MAX_OPTION = 100
_MAX_ROWS, _A_ROW = 5, 5
_ROW, _BUTTON, _SELECT, _TEXT, _GALLERY, _FILE, _FRAME = 1, 2, 3, 10, 12, 13, 17
_STYLES = {Style.PRIMARY: 1, Style.SECONDARY: 2, Style.DANGER: 4}
_COLOURS = {State.DONE: 0x2F855A, State.FAILED: 0xB3443A, State.OFFERED: 0xB7791F}
_DEFAULT_COLOUR = 0x4A5568
_REFUSAL_COLOUR = 0xB7791F
_MAX_ASKED = 700  # of the words shown above a picture; all of them are in the recipe
_MAX_FIELD = 500
_BAR = 12  # blocks
_MARKUP = re.compile(r"[\\*_~|`<>\[\]@]|:(?=//)")
_MARKUP_AT_START = re.compile(r"^(?:[#+-]|\d+(?=\.\s))")  # headings and lists
_FENCE = "```"
_FOOT = "-# "  # small print


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file of a message. `is_picture`: shown in the gallery, else named to be saved. `alt` is what is on it."""

    name: str
    body: bytes
    media_type: str
    alt: str = ""
    is_picture: bool = True


def of_card(card: Card, files: tuple[Upload, ...], *, asked_by: int | None = None) -> Json:
    """The message that shows a card with these files. `asked_by`: the account it is for, where that should be said."""
    texts = _texts(card, asked_by)
    pictures = [each for each in files if each.is_picture]
    parts: list[Json] = [text(texts)] if texts else []
    if pictures:
        parts.append({"type": _GALLERY, "items": [_item(each, card.is_spoiler) for each in pictures[:MAX_ITEMS]]})
    parts += [{"type": _FILE, "file": {"url": f"attachment://{each.name}"}} for each in files if not each.is_picture]
    parts += _rows(card)
    colour = _REFUSAL_COLOUR if card.is_refusal else _COLOURS.get(card.state, _DEFAULT_COLOUR)
    return with_files(
        {"flags": IS_V2, "components": [{"type": _FRAME, "accent_color": colour, "components": parts}]}, files
    )


def of_words(sentence: str) -> Json:
    """A message of plain words of ours."""
    return {
        "flags": IS_V2,
        "components": [text(line(sentence))],
        "attachments": [],
        "allowed_mentions": NO_MENTIONS,
    }


def quiet(message: Json) -> Json:
    """The same, for one person alone to see."""
    return message | {"flags": message.get("flags", 0) | EPHEMERAL}


def ping_of(user: int) -> Json:
    """Tells one person, and nobody else, that their picture is there."""
    return {
        "flags": IS_V2,
        "components": [text(f"<@{user}> your picture is done.")],
        "allowed_mentions": {"parse": [], "users": [str(user)]},
    }


def text(markdown: str) -> Json:
    """Words as a part of a message, markup and all."""
    return {"type": _TEXT, "content": markdown[:MAX_TEXT]}


def is_cut(card: Card) -> bool:
    """Whether a field of it is longer than a message shows."""
    return any(len(each.value) > _MAX_FIELD for each in card.fields)


def fields_of(card: Card) -> str:
    """All its fields in full, as plain text."""
    return "\n\n".join(f"{each.name}:\n{each.value}" for each in card.fields) + "\n"


def is_end_of(message: Json, request: str) -> bool:
    """Whether a message of ours shows the end of a request: it names it, and has nothing to await or begin."""
    parts = list(_all_parts(message.get("components", [])))
    is_named = any(f"{_FOOT}{request}" in str(part.get("content", "")) for part in parts)
    ids = {str(part.get("custom_id")) for part in parts}
    return is_named and not ids & {f"{verb}:{request}" for verb in (Verb.CANCEL, Verb.GO, Verb.NO)}


def with_files(message: Json, files: tuple[Upload, ...]) -> Json:
    """With these files and no others, also where it is an edit; nobody is mentioned."""
    attachments = [
        {"id": number, "filename": each.name} | ({"description": each.alt[:MAX_ALT]} if each.alt else {})
        for number, each in enumerate(files)
    ]
    return message | {"attachments": attachments, "allowed_mentions": NO_MENTIONS}


def escaped(text: str) -> str:
    """What somebody wrote, as it is: no markup, no mention, no link with another face."""
    return _MARKUP.sub(r"\\\g<0>", clean(text))


def line(text: str) -> str:
    """The same at the beginning of a line."""
    return _MARKUP_AT_START.sub(lambda match: "\u200b" + match[0], escaped(text))


def code(text: str) -> str:
    """What is worth copying, in a box of its own: nothing in it is markup."""
    bare = clean(text).replace("`", "ˋ")
    return f"{_FENCE}\n{bare}\n{_FENCE}" if len(bare) > 60 else f"`{bare}`" if bare else ""


def _all_parts(components: list[Any]) -> Iterator[Json]:
    for each in components:
        yield each
        yield from _all_parts(each.get("components", []))


# Words


def _texts(card: Card, asked_by: int | None) -> str:
    lines = [f"**{_cut(escaped(card.words), _MAX_ASKED)}**"] if card.id and card.words else []
    lines += [line for line in _said(card) if line]
    lines += [_field(each) for each in card.fields]
    lines += _listed(card)
    if card.id:
        whose = f" · for <@{asked_by}>" if asked_by and card.words else ""
        lines.append(f"{_FOOT}{card.id}{whose}")
    return _within("\n".join(lines), MAX_TEXT)


def _said(card: Card) -> list[str]:
    sentence = line(card.sentence)
    match card.state:
        case State.WAITING:
            return [_waiting(card), "" if card.position and card.wait_s is not None else sentence]
        case State.LOADING | State.DRAWING:
            return [_bar(card.fraction), sentence]
        case _:
            return [sentence]


def _waiting(card: Card) -> str:
    if not card.position:
        return ""
    place = in_language(f"Number {card.position:,} in line", card.language)
    if card.wait_s is None:
        return place
    when = round(card.told_at_s + card.wait_s)
    is_past = when <= time.time()
    turn = in_language("its turn any moment" if is_past else f"its turn <t:{when}:R>", card.language)
    return f"{place} · {turn}"


def _bar(fraction: float | None) -> str:
    if fraction is None:
        return ""
    n_full = round(_BAR * fraction)
    return f"`{'█' * n_full}{'░' * (_BAR - n_full)}` {round(100 * fraction)} %"


def _field(each: Field) -> str:
    name = escaped(each.name)
    if each.is_copyable:
        boxed = code(_cut(each.value, _MAX_FIELD))
        return f"**{name}** {boxed}"
    return f"**{name}** {_cut(escaped(each.value), _MAX_FIELD)}"


def _listed(card: Card) -> list[str]:
    """Pictures of an answer that are not shown large: a page of the history."""
    if card.id or not card.tiles:
        return []
    return [
        f"{tile.number}. {_cut(escaped(tile.prompt), 80)} · {escaped(tile.label)} · `{tile.picture}`"
        for tile in card.tiles
        if tile.picture
    ]


def alt_of(tile: Tile) -> str:
    """What is on a picture, for who cannot see it."""
    return clean(f"{tile.prompt} (seed {tile.seed})" if tile.prompt else "A picture")[:MAX_ALT]


# Parts


def _item(each: Upload, is_spoiler: bool) -> Json:
    item: Json = {"media": {"url": f"attachment://{each.name}"}}
    if each.alt:
        item["description"] = each.alt[:MAX_ALT]
    return item | ({"spoiler": True} if is_spoiler else {})


def _rows(card: Card) -> list[Json]:
    rows = [_row(row) for row in card.buttons[:_MAX_ROWS]]
    pickable = [tile for tile in card.tiles if tile.picture] if not card.id else []
    if pickable and len(rows) < _MAX_ROWS:
        rows.insert(0, {"type": _ROW, "components": [_picker(pickable)]})
    return rows


def _row(buttons: Iterable[Button]) -> Json:
    return {"type": _ROW, "components": [_button(each) for each in list(buttons)[:_A_ROW]]}


def _button(each: Button) -> Json:
    return {"type": _BUTTON, "style": _STYLES[each.style], "label": each.label[:MAX_LABEL], "custom_id": each.id}


def _picker(tiles: list[Tile]) -> Json:
    """Opens one picture of a page of the history."""
    options = [
        {
            "label": clean(tile.prompt)[:MAX_OPTION] or f"Picture {tile.number}",
            "value": f"{Verb.SHOW}:{tile.picture}",
            "description": clean(f"{tile.label} · {tile.picture}")[:MAX_OPTION],
        }
        for tile in tiles[:25]
    ]
    return {"type": _SELECT, "custom_id": "pick", "placeholder": "Open one of them", "options": options}


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return text[: most - 1].rstrip("\\") + "…"


def _within(text: str, most: int) -> str:
    """Whole lines, as many as there is room for; and that there are more."""
    if len(text) <= most:
        return text
    kept, more = [], "…"
    left = most - len(more) - 1
    for line in text.split("\n"):
        if len(line) + 1 > left:
            break
        kept.append(line)
        left -= len(line) + 1
    joined = "\n".join([*kept, more])
    return joined if joined.count(_FENCE) % 2 == 0 else f"{joined}\n{_FENCE}"[:most]

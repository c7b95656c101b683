"""Texts of the fake Telegram: entities as they are found, as they are sent, and counted as Telegram counts them.

Places and lengths of entities are in UTF-16 code units; lengths of texts are in characters.
"""

import re
from collections.abc import Sequence

from tests.fakes.telegram_html import parse_html
from tests.fakes.telegram_markdown import parse_markdown
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_world import Json, units

MOST_TEXT, MOST_CAPTION = 4096, 1024  # characters, after entities parsing
_TOP_LEVELS = "ai|app|com|de|dev|io|me|net|org"
# In the order in which they win; Telegram finds more kinds and many more top level domains.
_FOUND = {
    "url": re.compile(rf"(?<![\w@.])(?:https?://[^\s]+|(?:[\w-]+\.)+(?:{_TOP_LEVELS})\b(?:/[^\s]*)?)"),
    "email": re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "bot_command": re.compile(r"(?<![\w/<>@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?!\w)"),
    "mention": re.compile(r"(?<![\w@])@[A-Za-z0-9_]{4,32}(?!\w)"),
    "hashtag": re.compile(r"(?<!\w)#(?=\w*[^\W\d])\w+"),
}
_KNOWN = frozenset(
    (
        *("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic"),
        *("underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre"),
        *("text_link", "text_mention", "custom_emoji", "date_time"),
    )
)
_MOST_ENTITIES = 100  # those after are ignored


def part(text: str, entity: Json) -> str:
    """What an entity covers."""
    raw = text.encode("utf-16-le")
    start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
    return raw[start:end].decode("utf-16-le", "replace")


def found(text: str) -> list[Json]:
    """The entities that Telegram sees by itself."""
    taken: list[tuple[int, int]] = []
    entities: list[Json] = []
    for kind, pattern in _FOUND.items():
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            taken.append(match.span())
            entities.append({"type": kind, "offset": units(text[: match.start()]), "length": units(match[0])})
    return sorted(entities, key=lambda each: each["offset"])


def formatted(text: str, parse_mode: str, entities: Sequence[Json] | None) -> tuple[str, list[Json]]:
    """A text as it is shown, without space around it, and its entities. Raises: Refusal."""
    match parse_mode.lower():
        case "html":
            text, given = parse_html(text)
        case "markdownv2":
            text, given = parse_markdown(text)
        case "":
            given = [_checked(text, each) for each in entities or []]
        case _:
            raise Refusal(Why.PARSE_MODE)
    text, given = _trimmed(text, given)
    seen = [each for each in found(text) if not any(_overlap(each, other) for other in given)]
    return text, sorted(
        (given + seen)[:_MOST_ENTITIES], key=lambda each: (each["offset"], -each["length"], each["type"])
    )


def _checked(text: str, entity: Json) -> Json:
    if entity.get("type") not in _KNOWN:
        raise Refusal.bad("can't parse MessageEntity: unsupported type specified")
    offset, length, most = entity.get("offset"), entity.get("length"), units(text)
    if not isinstance(offset, int) or offset < 0:
        raise Refusal.bad(f"receive an entity with incorrect offset {offset}")
    if not isinstance(length, int) or length <= 0:
        raise Refusal.bad(f"receive an entity with incorrect length {length}")
    if offset >= most:
        raise Refusal.bad("entity begins after the end of the text")
    if offset + length > most:
        raise Refusal.bad("entity ends after the end of the text")
    raw = text.encode("utf-16-le")
    for place, what in ((offset, "begins"), (offset + length, "ends")):
        if 0xDC <= (raw[2 * place + 1] if 2 * place < len(raw) else 0) <= 0xDF:
            raise Refusal.bad(f"entity {what} in a middle of a UTF-16 symbol at byte offset {place}")
    return dict(entity)


def _trimmed(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Telegram takes space away on both sides; entities move with what is left."""
    kept = text.strip()
    before, most = units(text[: len(text) - len(text.lstrip())]), units(kept)
    moved = []
    for each in entities:
        start = max(0, each["offset"] - before)
        end = min(most, each["offset"] + each["length"] - before)
        if end > start:
            moved.append(each | {"offset": start, "length": end - start})
    return kept, moved


def _overlap(one: Json, other: Json) -> bool:
    return bool(one["offset"] < other["offset"] + other["length"] and other["offset"] < one["offset"] + one["length"])

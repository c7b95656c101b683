"""HTML as the fake Bot API reads it: a tag that Telegram would not take is refused."""

import re
from html import unescape

from tests.fakes.telegram_refusals import Refusal
from tests.fakes.telegram_world import Json, units

_TAGS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
}
_TOKEN = re.compile(r"<(/?)([A-Za-z-]*)([^>]*)>|<|[^<]+")
_LINK = re.compile(r"""href=["']?([^"'>\s]+)""")
_LANGUAGE = re.compile(r"""class=["']?language-([\w+#.-]+)""")


def parse_html(text: str) -> tuple[str, list[Json]]:
    """The text without its tags, and entities. Raises: Refusal."""
    shown, entities, stack = "", list[Json](), list[tuple[str, str, int]]()
    for token in _TOKEN.finditer(text):
        tag, attributes = (token[2] or "").lower(), token[3] or ""
        if not token[0].startswith("<"):
            shown += unescape(token[0])
        elif token[1]:
            if not stack:
                raise _refusal(text, token.start(), "Unexpected end tag")
            opened, attributes, start = stack.pop()
            if opened != tag:
                raise _refusal(text, token.start(), f'Unmatched end tag, expected "</{opened}>", found "</{tag}>"')
            _close(opened, attributes, shown, start, entities)
        elif tag not in _TAGS or (tag == "span" and "tg-spoiler" not in attributes):
            raise _refusal(text, token.start(), f'Unsupported start tag "{tag}"')
        else:
            stack.append((tag, attributes, len(shown)))
    if stack:
        raise Refusal.bad(f"can't parse entities: Can't find end tag corresponding to start tag \"{stack[-1][0]}\"")
    for each in entities:
        if each["type"] == "code":
            each.pop("language", None)
    return shown, entities


def _refusal(text: str, at: int, what: str) -> Refusal:
    return Refusal.bad(f"can't parse entities: {what} at byte offset {len(text[:at].encode())}")


def _close(tag: str, attributes: str, shown: str, start: int, entities: list[Json]) -> None:
    """`<pre><code class="language-x">` is one block in a language."""
    entity: Json = {"type": _TAGS[tag], "offset": units(shown[:start]), "length": units(shown[start:])}
    link, language = _LINK.search(attributes), _LANGUAGE.search(attributes)
    if not entity["length"] or (tag == "a" and not link):
        return
    if tag == "a" and link:
        entity["url"] = unescape(link[1])
    if tag == "blockquote" and "expandable" in attributes:
        entity["type"] = "expandable_blockquote"
    if tag == "code" and language:
        entity["language"] = language[1]
    if tag == "pre" and entities and entities[-1]["type"] == "code" and _place(entities[-1]) == _place(entity):
        inner = entities.pop()
        if "language" in inner:
            entity["language"] = inner["language"]
    entities.append(entity)


def _place(entity: Json) -> tuple[int, int]:
    return entity["offset"], entity["length"]

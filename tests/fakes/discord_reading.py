"""What a person sees in a message of the fake Discord."""

from dataclasses import dataclass

from tests.fakes.discord_rules import BUTTON, FILE, GALLERY, SELECTS, TEXT, THUMBNAIL, walk
from tests.fakes.discord_world import Attachment, Json, Message


@dataclass(kw_only=True, frozen=True)
class Shown:
    """A picture or file in a message. `attachment` None: it is elsewhere, at `url`."""

    url: str
    attachment: Attachment | None
    description: str
    is_spoiler: bool


def texts(message: Message) -> str:
    """All that can be read, in order: content, components, embeds."""
    found: list[str | None] = [message.content]
    found += [each["content"] for _, each in walk(message.components) if each["type"] == TEXT]
    for embed in message.embeds:
        author, footer = embed.get("author") or {}, embed.get("footer") or {}
        found += [author.get("name"), embed.get("title"), embed.get("description")]
        for each in embed.get("fields") or []:
            found += [each.get("name"), each.get("value")]
        found.append(footer.get("text"))
    return "\n".join(each for each in found if each)


def buttons(message: Message) -> list[Json]:
    """Each with custom_id, label, disabled, style, url and emoji."""
    return [
        {
            "custom_id": each.get("custom_id"),
            "label": each.get("label"),
            "disabled": bool(each.get("disabled")),
            "style": each["style"],
            "url": each.get("url"),
            "emoji": (each.get("emoji") or {}).get("name"),
        }
        for _, each in walk(message.components)
        if each["type"] == BUTTON
    ]


def button(message: Message, label: str) -> Json:
    """The one with this on it. Raises: AssertionError."""
    found = [each for each in buttons(message) if label in (each["label"], each["emoji"])]
    assert found, f"no button {label!r}; there are {[each['label'] or each['emoji'] for each in buttons(message)]}"
    return found[0]


def selects(message: Message) -> list[Json]:
    """As they were sent."""
    return [each for _, each in walk(message.components) if each["type"] in SELECTS]


def gallery(message: Message) -> list[Shown]:
    """The pictures and files that components show, in order; and in a message without them, all its files."""
    items = []
    for _, each in walk(message.components):
        if each["type"] == GALLERY:
            items += [(item["media"]["url"], item) for item in each["items"]]
        elif each["type"] == THUMBNAIL:
            items.append((each["media"]["url"], each))
        elif each["type"] == FILE:
            items.append((each["file"]["url"], each))
    if not message.is_v2:
        items += [(each.url, {}) for each in message.attachments]
    by_url = {each.url: each for each in message.attachments}
    by_url |= {f"attachment://{each.filename}": each for each in message.attachments}
    return [
        Shown(
            url=url,
            attachment=by_url.get(url),
            description=item.get("description") or (by_url[url].description if url in by_url else ""),
            is_spoiler=bool(item.get("spoiler")) or (url in by_url and by_url[url].is_spoiler),
        )
        for url, item in items
    ]

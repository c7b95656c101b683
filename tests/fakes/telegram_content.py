"""What a message is to be, read from a call to the fake Bot API, with the rules that hold for it."""

from dataclasses import dataclass, field, replace
from typing import Any

from tests.fakes.telegram_calls import Call, Fields
from tests.fakes.telegram_files import Files
from tests.fakes.telegram_keyboards import checked_keyboard
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_text import MOST_CAPTION, MOST_TEXT, formatted
from tests.fakes.telegram_world import Json, Media

_MISSING = {"photo": Why.NO_PHOTO, "document": Why.NO_DOCUMENT, "animation": Why.NO_ANIMATION}


@dataclass(kw_only=True, frozen=True)
class Content:
    """Text or caption, media, keyboard. `options` are fields of the message on the wire."""

    text: str = ""
    entities: list[Json] = field(default_factory=list)
    media: Media | None = None
    markup: Json | None = None
    options: Json = field(default_factory=dict)


class Contents:
    """Reads them. Every method raises Refusal."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def text(self, fields: Fields, name: str = "text") -> Content:
        """A text without media."""
        if not fields.text(name):
            raise Refusal(Why.NO_TEXT)
        text, entities = formatted(fields.text(name), fields.text("parse_mode"), fields.json("entities"))
        if not text:
            raise Refusal(Why.BLANK_TEXT)
        if len(text) > MOST_TEXT:
            raise Refusal(Why.LONG_TEXT)
        preview = fields.json("link_preview_options")
        return Content(
            text=text,
            entities=entities,
            markup=checked_keyboard(fields.json("reply_markup")),
            options={"link_preview_options": preview} if preview else {},
        )

    def media(self, call: Call, kind: str) -> Content:
        """A file in the field of this name, and what goes with it."""
        reference = call.text(kind) or kind
        if reference == kind and kind not in call.parts:
            raise Refusal(_MISSING[kind])
        return self.captioned(call, self._media(call, kind, reference))

    def caption(self, fields: Fields, media: Media) -> Content:
        """A new caption for what is shown already."""
        return replace(self.captioned(fields, media), media=media)

    def captioned(self, fields: Fields, media: Media) -> Content:
        """Media with what the fields say of it."""
        text, entities = formatted(fields.text("caption"), fields.text("parse_mode"), fields.json("caption_entities"))
        if len(text) > MOST_CAPTION:
            raise Refusal(Why.LONG_CAPTION)
        return Content(
            text=text,
            entities=entities,
            media=replace(media, is_spoiler=fields.flag("has_spoiler")),
            markup=checked_keyboard(fields.json("reply_markup")),
            options={"show_caption_above_media": True} if fields.flag("show_caption_above_media") else {},
        )

    def input_media(self, call: Call, described: Any, *, is_inline: bool = False) -> Content:
        """An InputMedia within a call."""
        if not isinstance(described, dict) or not described.get("media"):
            raise Refusal(Why.MEDIA_MISSING)
        kind, reference = described.get("type"), str(described["media"])
        if kind not in _MISSING:
            raise Refusal(Why.MEDIA_TYPE)
        if is_inline and reference.startswith("attach://"):
            raise Refusal(Why.INLINE_UPLOAD)
        return self.captioned(Fields.of(described), self._media(call, kind, reference))

    def _media(self, call: Call, kind: str, reference: str) -> Media:
        part = call.upload(reference)
        if part is None:
            if reference.startswith("attach://"):
                raise Refusal(Why.MEDIA_MISSING)
            return self._files.known(reference, kind)
        if not part.content:
            raise Refusal(Why.EMPTY_FILE)
        match kind:
            case "photo":
                return self._files.photo(part.content)
            case "animation":
                return self._files.animation(part)
            case _:
                return self._files.document(part)

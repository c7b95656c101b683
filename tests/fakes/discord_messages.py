"""Making and changing messages of the fake Discord, for every route that does it. Knows nothing of HTTP."""

import hashlib
import io
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from tests.fakes.discord_refusals import Refusal, Why
from tests.fakes.discord_rules import message_errors
from tests.fakes.discord_world import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    SILENT,
    SUPPRESS_EMBEDS,
    Attachment,
    Channel,
    Json,
    Message,
    User,
    World,
)

MOST_NONCE = 25
_MAY_BE_SET = SUPPRESS_EMBEDS | SILENT | COMPONENTS_V2


@dataclass(kw_only=True, frozen=True)
class Part:
    """An uploaded file."""

    filename: str
    content: bytes = field(repr=False)
    content_type: str = ""


Parts = Mapping[int, Part]  # by the number in `files[n]`


@dataclass(kw_only=True)
class Origin:
    """Where a message comes from, besides its body."""

    channel: Channel
    author: User
    type: int = 0
    interaction: Any = None
    seen_by: User | None = None  # makes it ephemeral
    reply_to: Message | None = None
    nonce: str | int | None = None


class Messages:
    """What can be done with messages. Every method raises Refusal before it changes anything."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, origin: Origin, body: Json, parts: Parts) -> Message:
        """Say something."""
        flags = int(body.get("flags") or 0) & _MAY_BE_SET
        if origin.seen_by:
            flags |= EPHEMERAL
        message = Message(
            id=self._world.new_id(),
            channel=origin.channel,
            author=origin.author,
            world=self._world,
            type=origin.type,
            nonce=origin.nonce,
            interaction=origin.interaction,
            seen_by=origin.seen_by,
            reply_to=origin.reply_to,
            flags=flags,
            content=body.get("content") or "",
            embeds=body.get("embeds") or [],
            components=body.get("components") or [],
            allowed_mentions=body.get("allowed_mentions"),
        )
        message.attachments = self._attachments(message, body, parts)
        self._check(message)
        self._keep(message)
        return message

    def defer(self, origin: Origin) -> Message:
        """The "thinking…" that stands where an answer will be."""
        message = Message(
            id=self._world.new_id(),
            channel=origin.channel,
            author=origin.author,
            world=self._world,
            type=origin.type,
            interaction=origin.interaction,
            seen_by=origin.seen_by,
            flags=LOADING | (EPHEMERAL if origin.seen_by else 0),
        )
        self._keep(message)
        return message

    def edit(self, message: Message, body: Json, parts: Parts) -> None:
        """Change what the body names and leave the rest."""
        draft = Message(
            id=message.id,
            channel=message.channel,
            author=message.author,
            world=self._world,
            flags=self._flags_after(message, body),
            content=(body["content"] or "") if "content" in body else message.content,
            embeds=(body["embeds"] or []) if "embeds" in body else message.embeds,
            components=(body["components"] or []) if "components" in body else message.components,
        )
        draft.attachments = self._attachments(message, body, parts)
        self._check(draft)
        message.content, message.embeds, message.components = draft.content, draft.embeds, draft.components
        message.attachments, message.flags = draft.attachments, draft.flags
        if "allowed_mentions" in body:
            message.allowed_mentions = body["allowed_mentions"]
        if message.history and not message.history[-1].flags & LOADING:
            message.edited_at = datetime.now(UTC)
        message.n_edits += 1
        self._world.attachments |= {each.id: each for each in message.attachments}
        message.remember()

    def delete(self, message: Message) -> None:
        """Gone, with its files."""
        message.deleted = True
        self._world.touch()

    def _keep(self, message: Message) -> None:
        self._world.messages[message.id] = message
        self._world.attachments |= {each.id: each for each in message.attachments}
        message.channel.messages.append(message)
        message.remember()

    def _flags_after(self, message: Message, body: Json) -> int:
        flags = message.flags & ~LOADING
        if body.get("flags") is None:
            return flags
        asked = int(body["flags"])
        if flags & COMPONENTS_V2 and not asked & COMPONENTS_V2:
            raise Refusal.form({"flags": "IS_COMPONENTS_V2 cannot be removed"})
        changeable = SUPPRESS_EMBEDS | COMPONENTS_V2
        return flags & ~changeable | asked & changeable

    def _check(self, message: Message) -> None:
        names = [each.filename for each in message.attachments]
        errors = message_errors(
            content=message.content,
            embeds=message.embeds,
            components=message.components,
            flags=message.flags,
            names=names,
            n_files=len(names),
        )
        if errors:
            raise Refusal.form(errors)
        if not (message.content or message.embeds or message.components or names):
            raise Refusal(Why.EMPTY_MESSAGE)

    def _attachments(self, message: Message, body: Json, parts: Parts) -> list[Attachment]:
        """Those named in `attachments` are kept, all where there is no such list; uploaded ones come after them."""
        limit = self._world.file_size_limit(message.channel)
        if any(len(part.content) > limit for part in parts.values()):
            raise Refusal(Why.TOO_LARGE)
        listed = body.get("attachments")
        found = list(message.attachments) if listed is None else []
        about: dict[int, Json] = {}
        old = {each.id: each for each in message.attachments}
        for entry in listed or []:
            number = int(entry["id"])
            if number in old:
                found.append(_described(old[number], entry))
            elif number in parts:
                about[number] = entry
            else:
                raise Refusal(Why.NO_SUCH_FILE)
        return found + [self._upload(message, part, about.get(number, {})) for number, part in parts.items()]

    def _upload(self, message: Message, part: Part, about: Json) -> Attachment:
        id = self._world.new_id()  # noqa: A001 - what Discord calls it
        filename = clean_name(about.get("filename") or part.filename)
        width, height = measured(part.content)
        return Attachment(
            id=id,
            filename=filename,
            content=part.content if self._world.keeps_files else b"",
            size=len(part.content),
            digest=hashlib.sha256(part.content).hexdigest(),
            content_type=content_type(filename),
            url=f"{self._world.base_url}/attachments/{message.channel.id}/{id}/{filename}",
            description=about.get("description") or "",
            is_spoiler=bool(about.get("is_spoiler")) or filename.startswith("SPOILER_"),
            is_ephemeral=message.is_ephemeral,
            width=width,
            height=height,
        )


def _described(attachment: Attachment, entry: Json) -> Attachment:
    description, is_spoiler = entry.get("description"), entry.get("is_spoiler")
    return replace(
        attachment,
        description=attachment.description if description is None else description,
        is_spoiler=attachment.is_spoiler if is_spoiler is None else bool(is_spoiler),
    )


def clean_name(filename: str) -> str:
    """What Discord keeps of a file's name."""
    return re.sub(r"[^\w.\-]", "", filename.replace(" ", "_")) or "unknown"


def content_type(filename: str) -> str:
    """By its ending."""
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"


def measured(content: bytes) -> tuple[int | None, int | None]:
    """Width and height in pixels, if it is a picture."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.size
    except OSError:
        return None, None

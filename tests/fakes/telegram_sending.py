"""The fake Bot API's methods that say something new."""

import secrets
from dataclasses import dataclass
from typing import Any

from tests.fakes.telegram_access import Access
from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_content import Content, Contents
from tests.fakes.telegram_message import Message
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_wire import message_json
from tests.fakes.telegram_world import Action, Chat, Json, World

ACTIONS = (
    *("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document"),
    *("choose_sticker", "find_location", "record_video_note", "upload_video_note"),
)
_FEWEST, _MOST = 2, 10  # of an album


@dataclass(kw_only=True, frozen=True)
class Place:
    """Where something is to be said."""

    chat: Chat
    reply_to: Message | None
    thread: int | None


class Sending:
    """Every method raises Refusal before it says anything."""

    def __init__(self, world: World, access: Access, contents: Contents) -> None:
        self._world = world
        self._access = access
        self._contents = contents

    def send_message(self, call: Call) -> Json:
        """A text."""
        content = self._contents.text(call)
        return message_json(self._say(call, self._place(call), content))

    def send_photo(self, call: Call) -> Json:
        """A picture, which is made anew."""
        return self._send_media(call, "photo")

    def send_document(self, call: Call) -> Json:
        """A file as it is."""
        return self._send_media(call, "document")

    def send_animation(self, call: Call) -> Json:
        """A moving picture."""
        return self._send_media(call, "animation")

    def send_media_group(self, call: Call) -> list[Json]:
        """An album: a message for each."""
        described = call.json("media")
        if not isinstance(described, list) or not _FEWEST <= len(described) <= _MOST:
            raise Refusal(Why.FEW_MEDIA)
        place = self._place(call)
        contents = [self._contents.input_media(call, each) for each in described]
        kinds = {each.media.kind for each in contents if each.media}
        if "animation" in kinds or len(kinds) > 1:
            raise Refusal(Why.ALBUM_MIX)
        album = str(secrets.randbits(53))
        return [message_json(self._say(call, place, each, album)) for each in contents]

    def send_chat_action(self, call: Call) -> Any:
        """Tell that something is on its way."""
        if call.text("action") not in ACTIONS:
            raise Refusal(Why.NO_ACTION)
        chat = self._access.chat(call, is_to_write=True)
        thread = call.integer("message_thread_id") or None
        self._access.check_topic(chat, thread)
        chat.actions.append(Action(action=call.text("action"), thread=thread, at_s=self._world.now()))
        self._world.touch()
        return True

    # Below

    def _send_media(self, call: Call, kind: str) -> Json:
        place = self._place(call)
        return message_json(self._say(call, place, self._contents.media(call, kind)))

    def _place(self, call: Call) -> Place:
        chat = self._access.chat(call, is_to_write=True)
        reply_to = self._reply_to(chat, call)
        # An answer is where that is which it answers.
        thread = call.integer("message_thread_id") or (reply_to.thread if reply_to else None)
        self._access.check_topic(chat, thread)
        return Place(chat=chat, reply_to=reply_to, thread=thread)

    def _reply_to(self, chat: Chat, call: Call) -> Message | None:
        said = call.json("reply_parameters")
        if not said:
            return None
        if str(said.get("chat_id", chat.id)) != str(chat.id):
            raise Refusal.bad("replies across chats are not played here")
        found = chat.messages.get(int(said.get("message_id") or 0))
        if found and not found.deleted:
            return found
        if not said.get("allow_sending_without_reply"):
            raise Refusal(Why.NO_REPLY)
        return None

    def _say(self, call: Call, place: Place, content: Content, album: str = "") -> Message:
        chat = place.chat
        self._access.check_may_send(chat, content.media.kind if content.media else "")
        is_post = chat.kind == "channel"
        return Message(
            id=self._world.new_message_id(chat),
            chat=chat,
            world=self._world,
            author=None if is_post else self._world.bot,
            sender_chat=chat if is_post else None,
            is_by_bot=True,
            date=self._world.date(),
            text=content.text,
            entities=content.entities,
            media=content.media,
            markup=content.markup,
            reply_to=place.reply_to,
            thread=place.thread,
            album=album,
            options=content.options | ({"has_protected_content": True} if call.flag("protect_content") else {}),
        ).keep()

"""What people do on the fake Telegram: write, send, edit, forward, press buttons, ask inline.

What Telegram's client would not let them do is an AssertionError that says why. Knows nothing of HTTP.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace

from tests.fakes.telegram_content import Content
from tests.fakes.telegram_files import Part
from tests.fakes.telegram_hearing import Hearing
from tests.fakes.telegram_message import Message, buttons
from tests.fakes.telegram_queries import InlineQuery, Press
from tests.fakes.telegram_text import MOST_CAPTION, MOST_TEXT, formatted
from tests.fakes.telegram_wire import inaccessible_json, message_json, origin_json, user_json
from tests.fakes.telegram_world import ANONYMOUS_ID, AS_CHANNEL_ID, GENERAL, Chat, Json, User

_EDITABLE_S = 48 * 3600


class People(Hearing):
    """The world with somebody in it. `gives_inline_feedback`: the bot hears which result was chosen."""

    gives_inline_feedback = False

    async def send(
        self,
        user: User,
        chat: Chat,
        text: str,
        *,
        reply_to: Message | None = None,
        thread: int | None = None,
        entities: Sequence[Json] | None = None,
        as_channel: Chat | None = None,
    ) -> Message:
        """Write. `thread`: the topic's id; `as_channel`: in the name of a channel of theirs."""
        assert text.strip(), "the client sends no empty text"
        assert len(text) <= MOST_TEXT, f"the client makes two messages of more than {MOST_TEXT} characters"
        text, found = formatted(text, "", entities)
        content = Content(text=text, entities=found)
        return await self._say(user, chat, content, reply_to=reply_to, thread=thread, as_channel=as_channel)

    async def send_photo(
        self,
        user: User,
        chat: Chat,
        content: bytes,
        *,
        caption: str = "",
        reply_to: Message | None = None,
        thread: int | None = None,
        is_spoiler: bool = False,
    ) -> Message:
        """A picture, which Telegram makes anew."""
        said = self._captioned(caption)
        media = replace(self.files_side.photo(content), is_spoiler=is_spoiler)
        return await self._say(user, chat, replace(said, media=media), reply_to=reply_to, thread=thread)

    async def send_document(
        self,
        user: User,
        chat: Chat,
        content: bytes,
        filename: str,
        *,
        caption: str = "",
        reply_to: Message | None = None,
        thread: int | None = None,
    ) -> Message:
        """A file as it is."""
        media = self.files_side.document(Part(filename=filename, content=content))
        said = replace(self._captioned(caption), media=media)
        return await self._say(user, chat, said, reply_to=reply_to, thread=thread)

    async def send_album(
        self,
        user: User,
        chat: Chat,
        contents: Sequence[bytes],
        *,
        caption: str = "",
        reply_to: Message | None = None,
        thread: int | None = None,
    ) -> list[Message]:
        """Pictures that belong together: a message for each, and the caption is that of the first."""
        assert 2 <= len(contents) <= 10, "an album has 2 to 10 pictures"
        album, said = str(secrets.randbits(53)), self._captioned(caption)
        sent = []
        for each in contents:
            content = replace(said, media=self.files_side.photo(each))
            sent.append(await self._say(user, chat, content, reply_to=reply_to, thread=thread, album=album))
            said = Content()
        return sent

    async def edit(self, user: User, message: Message, text: str) -> Message:
        """Change the text or the caption of what they said."""
        assert message.author is user, f"{user.name} did not write it"
        assert not message.deleted, "the message is deleted"
        assert self.date() - message.date <= _EDITABLE_S, "it is too old to be edited"
        text, entities = formatted(text, "", None)
        message.change(text, entities, message.media, message.markup)
        self.tell_of(message, is_edit=True)
        await asyncio.sleep(0)
        return message

    async def forward(self, user: User, message: Message, chat: Chat, *, thread: int | None = None) -> Message:
        """Send on what somebody said; Telegram says who."""
        assert not message.deleted, "the message is deleted"
        assert not message.options.get("has_protected_content"), "it must not be forwarded"
        content = Content(text=message.text, entities=message.entities, media=message.media)
        return await self._say(user, chat, content, thread=thread, origin=message)

    async def press(self, user: User, message: Message, data: str, *, is_inaccessible: bool = False) -> Press:
        """Press the button with this callback_data. `is_inaccessible`: the bot is told too little of the message."""
        if not is_inaccessible:
            assert not message.deleted, "the message is deleted"
            known = [each["callback_data"] for each in buttons(message)]
            assert data in known, f"no button with {data!r}; there are {known}"
        self.check_sees(user, message.chat)
        press = Press(
            id=str(secrets.randbits(60)), user=user, message=message, data=data, world=self, pressed_at=self.now()
        )
        self.queries.presses[press.id] = press
        if cached := self.queries.cached(user, message, data):
            press.answer, press.answered_at, press.was_cached = cached, self.now(), True
            return press
        told = {"id": press.id, "from": user_json(user), "chat_instance": str(message.chat.id), "data": data}
        if message.inline_id:
            told["inline_message_id"] = message.inline_id
        else:
            told["message"] = inaccessible_json(message) if is_inaccessible else message_json(message)
        user.is_known = True
        press.update = self.tell("callback_query", told, user.id)
        await asyncio.sleep(0)
        return press

    async def inline(
        self, user: User, query: str, *, chat_type: str = "sender", offset: str = "", timeout_s: float = 5.0
    ) -> list[Json]:
        """Type the bot's name and some words anywhere; what is proposed, as it was sent. Raises: TimeoutError."""
        assert len(query) <= 256, "the client sends 256 characters"
        asked = InlineQuery(id=str(secrets.randbits(60)), user=user, query=query, asked_at=self.now())
        self.queries.inline[asked.id] = asked
        told = {"id": asked.id, "from": user_json(user), "query": query, "offset": offset, "chat_type": chat_type}
        asked.update = self.tell("inline_query", told, user.id)
        await self.until(lambda: asked.results is not None, timeout_s, lambda: f"no results for {asked!r}")
        assert asked.results is not None
        return asked.results

    async def choose(self, user: User, chat: Chat, result: Json) -> Message:
        """Send one of the results that `inline` gave: with buttons, the bot can edit it."""
        asked = next(each for each in self.queries.inline.values() if any(result is one for one in each.results or []))
        assert asked.user is user, f"it was proposed to {asked.user.name}"
        content, inline_id = self._chosen(result), secrets.token_urlsafe(18) if result.get("reply_markup") else ""
        message = await self._say(user, chat, content, inline_id=inline_id, is_via_bot=True)
        if self.gives_inline_feedback:
            told = {"result_id": result["id"], "from": user_json(user), "query": asked.query}
            self.tell("chosen_inline_result", told | ({"inline_message_id": inline_id} if inline_id else {}), user.id)
        return message

    async def post(self, channel: Chat, text: str, content: bytes | None = None) -> Message:
        """An administrator writes in a channel; its group, if it has one, gets it too."""
        assert channel.kind == "channel", "only channels have posts"
        said = self._captioned(text)
        if content:
            said = replace(said, media=self.files_side.photo(content))
        message = self.new_message(channel, None, said, sender_chat=channel).keep()
        self.tell_of(message)
        if channel.linked:
            copied = self.new_message(channel.linked, self.forwarder, said, sender_chat=channel)
            copied.forward_origin, copied.is_automatic_forward = origin_json(message), True
            self.tell_of(copied.keep())
        await asyncio.sleep(0)
        return message

    # Below

    def _captioned(self, caption: str) -> Content:
        assert len(caption) <= MOST_CAPTION, f"the client takes {MOST_CAPTION} characters"
        text, entities = formatted(caption, "", None)
        return Content(text=text, entities=entities)

    def _chosen(self, result: Json) -> Content:
        media = self.files_side.known(result["photo_file_id"], "photo") if "photo_file_id" in result else None
        said = result.get("input_message_content") or {}
        text, entities = formatted(
            said.get("message_text") or result.get("caption") or "",
            said.get("parse_mode") or result.get("parse_mode") or "",
            said.get("entities") or result.get("caption_entities"),
        )
        return Content(text=text, entities=entities, media=None if said else media, markup=result.get("reply_markup"))

    async def _say(
        self,
        user: User,
        chat: Chat,
        content: Content,
        *,
        reply_to: Message | None = None,
        thread: int | None = None,
        album: str = "",
        as_channel: Chat | None = None,
        origin: Message | None = None,
        inline_id: str = "",
        is_via_bot: bool = False,
    ) -> Message:
        self._check_may_speak(user, chat, reply_to, thread)
        author, sender_chat, signature = user, as_channel, ""
        if chat.kind != "private" and chat.member(user).is_anonymous and not as_channel:
            author, sender_chat, signature = self.users[ANONYMOUS_ID], chat, chat.member(user).title
        elif as_channel:
            author = self.users[AS_CHANNEL_ID]
        message = self.new_message(chat, author, content, sender_chat=sender_chat)
        message.reply_to, message.thread, message.signature = reply_to, thread, signature
        message.album, message.inline_id, message.is_via_bot = album, inline_id, is_via_bot
        message.forward_origin = origin_json(origin) if origin else None
        message.keep()
        user.has_started |= chat.kind == "private"
        self.tell_of(message)
        await asyncio.sleep(0)
        return message

    def _check_may_speak(self, user: User, chat: Chat, reply_to: Message | None, thread: int | None) -> None:
        self.check_sees(user, chat)
        assert chat.kind != "channel", "a channel has posts"
        assert not chat.upgraded_to, "the group is a supergroup now"
        if reply_to:
            assert reply_to.chat is chat, "the message is elsewhere"
            assert not reply_to.deleted, "the message is deleted"
        if thread is not None:
            assert thread in chat.topics.keys() - {GENERAL}, f"no topic {thread}; General has no number"
        topic = chat.topics.get(thread or GENERAL)
        assert not (topic and topic.is_deleted), "the topic is deleted"
        assert not (topic and topic.is_closed and not chat.member(user).is_admin), "the topic is closed"

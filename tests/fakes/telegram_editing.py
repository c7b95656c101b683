"""The fake Bot API's methods that change what was said."""

from dataclasses import replace
from typing import Any

from tests.fakes.telegram_access import Access
from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_content import Content, Contents
from tests.fakes.telegram_keyboards import checked_keyboard
from tests.fakes.telegram_message import Message
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_wire import message_json
from tests.fakes.telegram_world import Chat, World

DELETABLE_S = 48 * 3600


class Editing:
    """Every method raises Refusal before it changes anything. A keyboard that is not sent again is gone."""

    def __init__(self, world: World, access: Access, contents: Contents) -> None:
        self._world = world
        self._access = access
        self._contents = contents

    def edit_text(self, call: Call) -> Any:
        """Another text, where there is no media."""
        message = self._editable(call)
        content = self._contents.text(call)
        if message.media:
            raise Refusal(Why.NO_TEXT_TO_EDIT)
        return self._change(message, content)

    def edit_caption(self, call: Call) -> Any:
        """Another caption, or none."""
        message = self._editable(call)
        if not message.media:
            raise Refusal(Why.NO_CAPTION_TO_EDIT)
        content = self._contents.caption(call, message.media)
        return self._change(message, content)

    def edit_media(self, call: Call) -> Any:
        """Another file with a caption of its own, or the first where there was a text."""
        message = self._editable(call)
        content = self._contents.input_media(call, call.json("media"), is_inline=bool(message.inline_id))
        self._access.check_may_send(message.chat, content.media.kind if content.media else "")
        if message.album and message.media and content.media and message.media.kind != content.media.kind:
            raise Refusal(Why.ALBUM_MIX)
        return self._change(message, replace(content, markup=checked_keyboard(call.json("reply_markup"))))

    def edit_markup(self, call: Call) -> Any:
        """Other buttons, or none."""
        message = self._editable(call)
        content = Content(
            text=message.text,
            entities=message.entities,
            media=message.media,
            markup=checked_keyboard(call.json("reply_markup")),
            options=message.options,
        )
        return self._change(message, content)

    def delete(self, call: Call) -> Any:
        """Take a message away: within two days, one's own, a private one's, or as an administrator."""
        chat = self._access.chat(call, is_to_write=True)
        message = self._access.message(chat, call.integer("message_id"), Why.NOT_TO_DELETE)
        if not self._may_delete(chat, message):
            raise Refusal(Why.CANT_DELETE)
        if self._world.date() - message.date > DELETABLE_S:
            raise Refusal(Why.TOO_OLD_TO_DELETE)
        message.delete()
        return True

    # Below

    def _may_delete(self, chat: Chat, message: Message) -> bool:
        bot = chat.member(self._world.bot)
        if chat.kind == "channel":
            return bot.may("can_delete_messages") or (message.is_mine and bot.may("can_post_messages"))
        is_master = bot.is_admin if chat.kind == "group" else bot.may("can_delete_messages")
        return chat.kind == "private" or message.is_mine or is_master

    def _editable(self, call: Call) -> Message:
        inline_id = call.text("inline_message_id")
        if inline_id:
            message = self._world.inline_messages.get(inline_id)
            if message is None or message.deleted:
                raise Refusal(Why.NO_MESSAGE_ID)
            return message
        chat = self._access.chat(call, is_to_write=True)
        if not call.text("message_id"):
            raise Refusal(Why.NO_MESSAGE_ID)
        message = self._access.message(chat, call.integer("message_id"), Why.NOT_TO_EDIT)
        is_master = chat.kind == "channel" and chat.member(self._world.bot).may("can_edit_messages")
        if not (message.is_mine or is_master) or message.service:
            raise Refusal(Why.CANT_EDIT)
        return message

    def _change(self, message: Message, content: Content) -> Any:
        before = (message.text, message.entities, message.media, message.markup, message.options)
        options = {name: each for name, each in message.options.items() if name == "has_protected_content"}
        options |= content.options
        if before == (content.text, content.entities, content.media, content.markup, options):
            raise Refusal(Why.NOT_MODIFIED)
        message.options = options
        message.change(content.text, content.entities, content.media, content.markup)
        return True if message.inline_id else message_json(message)

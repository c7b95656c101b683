"""Shows cards on Telegram: one message that is edited from its place in line to the picture.

An edit may be made again with no harm; a new message has no key with Telegram, so one whose fate is unknown is not sent
again: a waiting line may stand there twice, a picture never does.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog
from telegram import InlineKeyboardMarkup
from telegram.constants import ChatAction

from bot.cards import Card, State
from bot.languages.speech import in_language
from bot.platforms.base import Address, Found
from bot.platforms.telegram import messages
from bot.platforms.telegram.address import MessageName, Where, message_name, read
from bot.platforms.telegram.messages import MAX_CAPTION, MAX_TEXT, Words
from bot.platforms.telegram.pictures import File, Pictures
from bot.platforms.telegram.wire import IsNoText, MessageGone, Wire
from engine.errors import DarkroomError, PlatformError
from storage.records import DeliveryKind

ACTION_S = 4.5  # "sending a photo" is seen for five
_KEPT = 1_024  # chats in which something is drawn
_DELETED = "Deleted."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Delivering:
    """Shows what is to be seen. `note_sent` is told each picture that Telegram has now, and its name for the file."""

    def __init__(
        self,
        calls: Wire,
        pictures: Pictures,
        note_sent: Callable[[str, str], Awaitable[None]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._pictures = pictures
        self._note_sent = note_sent
        self._now_s = now_s
        self._acted: OrderedDict[tuple[int, int | None], float] = OrderedDict()

    async def show(self, to: Address, card: Card) -> str:
        """Edit the message that waits, or say it anew; the message's name. Raises: PlatformError."""
        where = read(to.reply_to)
        file = await self._file(card, where)
        if to.remote_id and await self._edited(message_name(to.remote_id), card, file):
            return to.remote_id
        return str(await self._new(where, card, file))

    async def edit(self, to: Address, card: Card) -> None:
        """Show where it is now, in the message that is there, and that we are at work. Raises: PlatformError."""
        if to.remote_id:
            where = read(to.reply_to)
            file = await self._file(card, where)
            await self._edited(message_name(to.remote_id), card, file)
            if card.state in (State.LOADING, State.DRAWING):
                await self._act(where)

    async def withdraw(self, to: Address) -> None:
        """Take it away; what is too old for that loses its words and buttons. Raises: PlatformError."""
        if not to.remote_id:
            return
        at = message_name(to.remote_id)
        if await self._calls.delete(at):
            return
        try:
            await self._edit_words(at, messages.of_sentence(in_language(_DELETED, read(to.reply_to).language)), None)
        except MessageGone:
            return

    async def look(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """An edit is simply made again; of a new message nobody can tell. Raises: PlatformError."""
        if kind is DeliveryKind.WITHDRAW:
            await self.withdraw(to)
            return Found.THERE, None
        if to.remote_id:
            file = await self._file(card, read(to.reply_to))
            if await self._edited(message_name(to.remote_id), card, file):
                return Found.THERE, to.remote_id
        return (Found.ABSENT if kind is DeliveryKind.ACKNOWLEDGE else Found.UNKNOWN), None

    async def ping(self, to: Address, card: Card, name: str) -> None:
        """Tell the asker that it is there, by name where others are too: edits tell nobody. Once at most; may fail."""
        where, at = read(to.reply_to), message_name(name)
        words = messages.of_ping(where.account, card.asker if where.is_shared else "", where.language)
        try:
            await self._calls.say(replace(where, chat=at.chat, answering=at.message), words, None)
        except PlatformError as exc:
            log.info("somebody was not pinged", request=to.request, reason=str(exc))

    async def _act(self, where: Where) -> None:
        """At most once in so many seconds in a chat, or a topic of it."""
        at, now_s = (where.chat, where.thread), self._now_s()
        if now_s - self._acted.get(at, -ACTION_S) < ACTION_S:
            return
        self._acted[at] = now_s
        self._acted.move_to_end(at)
        while len(self._acted) > _KEPT:
            self._acted.popitem(last=False)
        await self._calls.act(where, ChatAction.UPLOAD_PHOTO)

    async def _edited(self, at: MessageName, card: Card, file: File | None) -> bool:
        """False where the message is gone."""
        keys = messages.keyboard(card)
        try:
            if file is not None:
                words = messages.of_card(card, MAX_CAPTION)
                file_id = await self._calls.edit_photo(at, file, words, keys, is_covered=card.is_spoiler)
                await self._note(file, file_id)
            else:
                await self._edit_words(at, messages.of_card(card, MAX_TEXT), keys, messages.of_card(card, MAX_CAPTION))
        except MessageGone:
            return False
        return True

    async def _edit_words(
        self, at: MessageName, words: Words, keys: InlineKeyboardMarkup | None, caption: Words | None = None
    ) -> None:
        """Of a message that may be words or, once a preview was in it, a picture."""
        try:
            await self._calls.edit_words(at, words, keys)
        except IsNoText:
            await self._calls.edit_caption(at, caption or words, keys)

    async def _new(self, where: Where, card: Card, file: File | None) -> MessageName:
        keys = messages.keyboard(card)
        if file is None:
            return await self._calls.say(where, messages.of_card(card, MAX_TEXT), keys)
        words = messages.of_card(card, MAX_CAPTION)
        name, file_id = await self._calls.show(where, file, words, keys, is_covered=card.is_spoiler)
        await self._note(file, file_id)
        return name

    async def _note(self, file: File, file_id: str | None) -> None:
        if file.picture is None or file_id is None:
            return
        try:
            await self._note_sent(file.picture, file_id)
        except DarkroomError as exc:  # it is there all the same
            log.warning("what Telegram calls a picture could not be kept", picture=file.picture, reason=str(exc))

    async def _file(self, card: Card, where: Where) -> File | None:
        try:
            return await self._pictures.of_card(card, where)
        except PlatformError:
            raise
        except DarkroomError as exc:  # rather the words alone than nothing at all
            log.warning("a message goes without its picture", request=card.id, reason=str(exc))
            return None

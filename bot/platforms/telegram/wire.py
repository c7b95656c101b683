"""The calls to Telegram, and what its refusals mean. Knows nothing of cards and of why a call is made.

A chat that asked for a pause is not called before it is over, whoever wants something of it; all others are. A group
that became a supergroup is called by its new number.
"""

import asyncio
import datetime
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from telegram import ForceReply, InlineKeyboardMarkup, InputMediaDocument, InputMediaPhoto, Message, ReplyParameters
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import ExtBot

from bot.platforms.telegram.address import MessageName, Where
from bot.platforms.telegram.messages import Words
from bot.platforms.telegram.pictures import File
from engine.errors import DeliveryRefused, DeliveryUnknown, PlatformError

os.environ.setdefault("PTB_TIMEDELTA", "true")  # else a pause that Telegram asks for comes with a warning, each time

UPLOAD_WITHIN_S = 40.0  # less than the courier allows
_GONE = ("message to edit not found", "message can't be edited", "message to delete not found", "message_id_invalid")
_UNCHANGED = "message is not modified"
_TOO_LARGE = "too large"  # 413, of a server or a proxy between
_NO_TEXT = ("there is no text in the message", "message can't be edited to text")
_NOT_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})  # of the HTTP client
_PAUSE = "Telegram asks for a pause."

T = TypeVar("T")


class MessageGone(PlatformError):
    """The message is no more, or may not be edited any more."""


class ChatMoved(MessageGone):
    """The group is another chat now; what was said in the old one stays as it is."""


class ChatClosed(DeliveryRefused):
    """They blocked the bot, or it was put out of the chat."""


class IsNoText(PlatformError):
    """It is a picture: its words are a caption."""


class _Unchanged(PlatformError):
    """It says so already."""


class Wire:
    """Calls. Each raises one of the above, another PlatformError for later, DeliveryUnknown, DeliveryRefused.

    `now_s` is a clock that only goes forward.
    """

    def __init__(self, bot: "ExtBot[None]", now_s: Callable[[], float] = time.monotonic) -> None:
        self._bot = bot
        self._now_s = now_s
        self._parked: dict[int, float] = {}
        self._moved: dict[int, int] = {}

    def moved(self, old: int, new: int) -> None:
        """A group is a supergroup from now on, which is another chat."""
        self._moved[old] = new

    async def say(self, where: Where, words: Words, keys: InlineKeyboardMarkup | ForceReply | None) -> MessageName:
        """A new message of words."""

        async def send(at: Where) -> Message:
            return await self._bot.send_message(
                at.chat,
                words.text or "…",
                entities=words.entities,
                reply_markup=keys,
                message_thread_id=at.thread,
                reply_parameters=_answering(at),
            )

        return _name(await self._sent(where, send))

    async def show(
        self, where: Where, photo: File, words: Words, keys: InlineKeyboardMarkup | None, *, is_covered: bool
    ) -> tuple[MessageName, str | None]:
        """A new message with a picture; and what Telegram calls its file, if it is a photo."""

        async def send(at: Where) -> Message:
            if not photo.is_photo:
                return await self._document(at, photo, words, keys)
            return await self._bot.send_photo(
                at.chat,
                photo.body,
                filename=photo.name,
                caption=words.text,
                caption_entities=words.entities,
                reply_markup=keys,
                message_thread_id=at.thread,
                reply_parameters=_answering(at),
                has_spoiler=is_covered,
                write_timeout=UPLOAD_WITHIN_S,
                read_timeout=UPLOAD_WITHIN_S,
            )

        sent = await self._sent(where, send)
        return _name(sent), _file_of(sent)

    async def show_album(
        self, where: Where, photos: Sequence[tuple[File, Words]], *, is_covered: bool
    ) -> list[str | None]:
        """Two to ten pictures that belong together, with the words of each; what Telegram calls their files."""
        media = [_media(file, words, is_covered=is_covered) for file, words in photos]

        async def send(at: Where) -> tuple[Message, ...]:
            return await self._bot.send_media_group(
                at.chat,
                media,
                message_thread_id=at.thread,
                reply_parameters=_answering(at),
                write_timeout=UPLOAD_WITHIN_S,
                read_timeout=UPLOAD_WITHIN_S,
            )

        return [_file_of(each) for each in await self._sent(where, send)]

    async def give(
        self, where: Where, file: File, words: Words, keys: InlineKeyboardMarkup | None = None
    ) -> MessageName:
        """A new message with a file as it is."""
        return _name(await self._sent(where, lambda at: self._document(at, file, words, keys)))

    async def act(self, where: Where, action: str) -> None:
        """Let it be seen for a few seconds that something is on its way. Never fails: nothing depends on it."""
        with suppress(PlatformError):
            async with self._calling(where.chat):
                await self._bot.send_chat_action(where.chat, action, message_thread_id=where.thread)

    async def edit_words(self, at: MessageName, words: Words, keys: InlineKeyboardMarkup | None) -> None:
        """Other words in a message of words. Doing it again does no harm."""
        with suppress(_Unchanged):
            async with self._editing(at):
                await self._bot.edit_message_text(
                    words.text or "…",
                    chat_id=at.chat,
                    message_id=at.message,
                    entities=words.entities,
                    reply_markup=keys,
                )

    async def edit_caption(self, at: MessageName, words: Words, keys: InlineKeyboardMarkup | None) -> None:
        """Other words under a picture. Doing it again does no harm."""
        with suppress(_Unchanged):
            async with self._editing(at):
                await self._bot.edit_message_caption(
                    chat_id=at.chat,
                    message_id=at.message,
                    caption=words.text,
                    caption_entities=words.entities,
                    reply_markup=keys,
                )

    async def edit_photo(
        self, at: MessageName, photo: File, words: Words, keys: InlineKeyboardMarkup | None, *, is_covered: bool
    ) -> str | None:
        """A picture in place of what is there, words or picture; what Telegram calls its file, if that is known.

        Doing it again does no harm.
        """
        media = _media(photo, words, is_covered=is_covered)
        with suppress(_Unchanged):
            async with self._editing(at):
                edited = await self._bot.edit_message_media(
                    media,
                    chat_id=at.chat,
                    message_id=at.message,
                    reply_markup=keys,
                    write_timeout=UPLOAD_WITHIN_S,
                    read_timeout=UPLOAD_WITHIN_S,
                )
            return _file_of(edited) if isinstance(edited, Message) else None
        return None

    async def delete(self, at: MessageName) -> bool:
        """Take a message away; False where it is too old for that. One that is gone is gone."""
        try:
            async with self._editing(at):
                await self._bot.delete_message(at.chat, at.message)
        except MessageGone:
            return True
        except DeliveryRefused:
            return False
        return True

    # Below

    async def _document(self, at: Where, file: File, words: Words, keys: InlineKeyboardMarkup | None) -> Message:
        return await self._bot.send_document(
            at.chat,
            file.body,
            filename=file.name,
            caption=words.text,
            caption_entities=words.entities,
            reply_markup=keys,
            message_thread_id=at.thread,
            reply_parameters=_answering(at),
            disable_content_type_detection=True,
            write_timeout=UPLOAD_WITHIN_S,
            read_timeout=UPLOAD_WITHIN_S,
        )

    async def _sent(self, where: Where, send: Callable[[Where], Awaitable[T]]) -> T:
        """Something new; a chat that turns out to have moved refused it, so it can be said in the new one."""
        try:
            at = self._now_at(where)
            async with self._calling(at.chat):
                return await send(at)
        except ChatMoved:
            at = self._now_at(where)
            async with self._calling(at.chat):
                return await send(at)

    def _now_at(self, where: Where) -> Where:
        """Numbers of messages of the old chat mean others in the new one."""
        new = self._moved.get(where.chat)
        return where if new is None else replace(where, chat=new, thread=None, answering=None)

    @asynccontextmanager
    async def _editing(self, at: MessageName) -> AsyncIterator[None]:
        if at.chat in self._moved:
            raise ChatMoved("The group is a supergroup now.")
        async with self._calling(at.chat):
            yield

    @asynccontextmanager
    async def _calling(self, chat: int) -> AsyncIterator[None]:
        """Raises ours for theirs, where it is known what theirs means."""
        if (left_s := self._parked.get(chat, 0.0) - self._now_s()) > 0:
            raise PlatformError(_PAUSE, retry_after_s=left_s)
        try:
            async with asyncio.timeout(UPLOAD_WITHIN_S + 5):
                yield
        except RetryAfter as exc:
            for_s = seconds(exc.retry_after)
            self._park(chat, for_s)
            raise PlatformError(_PAUSE, retry_after_s=for_s) from exc
        except ChatMigrated as exc:
            self.moved(chat, exc.new_chat_id)
            raise ChatMoved("The group is a supergroup now.") from exc
        except (TelegramError, TimeoutError) as exc:
            raise _ours(exc) from exc

    def _park(self, chat: int, for_s: float) -> None:
        now_s = self._now_s()
        self._parked = {each: until_s for each, until_s in self._parked.items() if until_s > now_s}
        self._parked[chat] = now_s + for_s


def _ours(exc: TelegramError | TimeoutError) -> PlatformError:
    """What theirs means. Three of theirs are subclasses of NetworkError and mean other things: they come first."""
    match exc:
        case BadRequest():
            return _meant(str(exc).lower())
        case Forbidden():
            return ChatClosed("They blocked the bot, or it was put out of the chat.")
        case InvalidToken() | Conflict():
            return PlatformError("Telegram does not let us in.")
        case NetworkError() if _TOO_LARGE in str(exc).lower():
            return DeliveryRefused("Telegram takes no file of that size.")
        case TimedOut() | NetworkError() | TimeoutError():
            if type(exc.__cause__).__name__ in _NOT_SENT:
                return PlatformError("Telegram cannot be reached.")
            return DeliveryUnknown("Telegram's answer was lost.")
        case _:
            return DeliveryRefused("Telegram refuses.")


def _meant(said: str) -> PlatformError:
    if _UNCHANGED in said:
        return _Unchanged("It says so already.")
    if any(each in said for each in _GONE):
        return MessageGone("The message is gone.")
    if any(each in said for each in _NO_TEXT):
        return IsNoText("It is a picture.")
    return DeliveryRefused(f"Telegram refuses: {said[:200]}")


def _media(file: File, words: Words, *, is_covered: bool) -> InputMediaPhoto | InputMediaDocument:
    said: dict[str, Any] = {"caption": words.text, "caption_entities": words.entities, "filename": file.name}
    if file.is_photo:
        return InputMediaPhoto(file.body, has_spoiler=is_covered, **said)
    return InputMediaDocument(file.body, disable_content_type_detection=True, **said)


def _answering(where: Where) -> ReplyParameters | None:
    return None if where.answering is None else ReplyParameters(where.answering, allow_sending_without_reply=True)


def _name(message: Message) -> MessageName:
    return MessageName(message.chat_id, message.message_id)


def _file_of(message: Message) -> str | None:
    return message.photo[-1].file_id if message.photo else None


def seconds(retry_after: int | float | datetime.timedelta) -> float:
    """For how long Telegram asks for a pause."""
    return retry_after.total_seconds() if isinstance(retry_after, datetime.timedelta) else float(retry_after)

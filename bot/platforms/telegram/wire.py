"""The calls to Telegram, and what its refusals mean. Knows nothing of cards and of why a call is made."""

import asyncio
import datetime
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telegram import InlineKeyboardMarkup, InputMediaPhoto, Message, ReplyParameters
from telegram.error import (
    BadRequest,
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
from engine.errors import DeliveryRefused, DeliveryUnknown, PlatformError

os.environ.setdefault("PTB_TIMEDELTA", "true")  # else a pause that Telegram asks for comes with a warning, each time

UPLOAD_WITHIN_S = 40.0  # less than the courier allows
_GONE = ("message to edit not found", "message can't be edited", "message to delete not found", "message_id_invalid")
_UNCHANGED = "message is not modified"
_NO_TEXT = ("there is no text in the message", "message can't be edited to text")
_NOT_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})  # of the HTTP client


class MessageGone(PlatformError):
    """The message is no more, or may not be edited any more."""


class IsNoText(PlatformError):
    """It is a picture: its words are a caption."""


class Wire:
    """Calls. Each raises one of the above, another PlatformError for later, DeliveryUnknown, DeliveryRefused."""

    def __init__(self, bot: "ExtBot[None]") -> None:
        self._bot = bot

    async def say(
        self, where: Where, words: Words, keys: InlineKeyboardMarkup | None, *, is_quiet: bool = False
    ) -> MessageName:
        """A new message of words."""
        async with _translated():
            return _name(
                await self._bot.send_message(
                    where.chat,
                    words.text or "…",
                    entities=words.entities,
                    reply_markup=keys,
                    message_thread_id=where.thread,
                    reply_parameters=_answering(where),
                    disable_notification=is_quiet,
                )
            )

    async def show(
        self,
        where: Where,
        photo: bytes,
        name: str,
        words: Words,
        keys: InlineKeyboardMarkup | None,
        *,
        is_covered: bool,
    ) -> MessageName:
        """A new message with a picture."""
        async with _translated():
            return _name(
                await self._bot.send_photo(
                    where.chat,
                    photo,
                    filename=name,
                    caption=words.text,
                    caption_entities=words.entities,
                    reply_markup=keys,
                    message_thread_id=where.thread,
                    reply_parameters=_answering(where),
                    has_spoiler=is_covered,
                    write_timeout=UPLOAD_WITHIN_S,
                    read_timeout=UPLOAD_WITHIN_S,
                )
            )

    async def give(self, where: Where, file: bytes, name: str, words: Words) -> MessageName:
        """A new message with a file as it is."""
        async with _translated():
            return _name(
                await self._bot.send_document(
                    where.chat,
                    file,
                    filename=name,
                    caption=words.text,
                    caption_entities=words.entities,
                    message_thread_id=where.thread,
                    reply_parameters=_answering(where),
                    disable_content_type_detection=True,
                    write_timeout=UPLOAD_WITHIN_S,
                    read_timeout=UPLOAD_WITHIN_S,
                )
            )

    async def edit_words(self, at: MessageName, words: Words, keys: InlineKeyboardMarkup | None) -> None:
        """Other words in a message of words. Doing it again does no harm."""
        async with _translated():
            await self._bot.edit_message_text(
                words.text or "…",
                chat_id=at.chat,
                message_id=at.message,
                entities=words.entities,
                reply_markup=keys,
            )

    async def edit_caption(self, at: MessageName, words: Words, keys: InlineKeyboardMarkup | None) -> None:
        """Other words under a picture. Doing it again does no harm."""
        async with _translated():
            await self._bot.edit_message_caption(
                chat_id=at.chat,
                message_id=at.message,
                caption=words.text,
                caption_entities=words.entities,
                reply_markup=keys,
            )

    async def edit_photo(
        self,
        at: MessageName,
        photo: bytes,
        name: str,
        words: Words,
        keys: InlineKeyboardMarkup | None,
        *,
        is_covered: bool,
    ) -> None:
        """A picture in place of what is there, words or picture. Doing it again does no harm."""
        media = InputMediaPhoto(
            photo, caption=words.text, caption_entities=words.entities, filename=name, has_spoiler=is_covered
        )
        async with _translated():
            await self._bot.edit_message_media(
                media,
                chat_id=at.chat,
                message_id=at.message,
                reply_markup=keys,
                write_timeout=UPLOAD_WITHIN_S,
                read_timeout=UPLOAD_WITHIN_S,
            )

    async def delete(self, at: MessageName) -> bool:
        """Take a message away; False where it is too old for that. One that is gone is gone."""
        try:
            async with _translated():
                await self._bot.delete_message(at.chat, at.message)
        except MessageGone:
            return True
        except DeliveryRefused:
            return False
        return True


def _answering(where: Where) -> ReplyParameters | None:
    return None if where.answering is None else ReplyParameters(where.answering, allow_sending_without_reply=True)


def _name(message: Message) -> MessageName:
    return MessageName(message.chat_id, message.message_id)


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Raises ours for theirs, where it is known what theirs means; what is so already is no error."""
    try:
        async with asyncio.timeout(UPLOAD_WITHIN_S + 5):
            yield
    except RetryAfter as exc:
        raise PlatformError("Telegram asks for a pause.", retry_after_s=_seconds(exc.retry_after)) from exc
    except BadRequest as exc:
        if (meant := _meant(str(exc).lower())) is not None:
            raise meant from exc
    except Forbidden as exc:
        raise DeliveryRefused("They blocked the bot, or it was put out of the chat.") from exc
    except (InvalidToken, Conflict) as exc:
        raise PlatformError("Telegram does not let us in.") from exc
    except (TimedOut, NetworkError, TimeoutError) as exc:
        if type(exc.__cause__).__name__ in _NOT_SENT:
            raise PlatformError("Telegram cannot be reached.") from exc
        raise DeliveryUnknown("Telegram's answer was lost.") from exc
    except TelegramError as exc:
        raise DeliveryRefused("Telegram refuses.") from exc


def _meant(said: str) -> PlatformError | None:
    if _UNCHANGED in said:
        return None
    if any(each in said for each in _GONE):
        return MessageGone("The message is gone.")
    if any(each in said for each in _NO_TEXT):
        return IsNoText("It is a picture.")
    return DeliveryRefused(f"Telegram refuses: {said[:200]}")


def _seconds(retry_after: int | float | datetime.timedelta) -> float:
    return retry_after.total_seconds() if isinstance(retry_after, datetime.timedelta) else float(retry_after)

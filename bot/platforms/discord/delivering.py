"""The ladder of a message: the interaction's token, then the channel, then direct messages, then /collect.

Which way is open stands in the address and shows when it is tried. An edit may be made again with no harm; a post has a
nonce, and what may have been posted is looked for before it is posted again.
"""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from bot.cards import Card
from bot.platforms.base import Address, Found
from bot.platforms.discord import messages, wire
from bot.platforms.discord.address import FIRST_REPLY_S, MessageName, Where, made_at_s, message_name, read, snowflake_at
from bot.platforms.discord.messages import Json, Upload
from bot.platforms.discord.reply import Reply
from bot.platforms.discord.uploads import Uploader
from bot.platforms.discord.wire import AnsweredAlready, MessageGone, TokenGone, TooLarge, Wire
from engine.errors import DarkroomError, DeliveryRefused, PlatformError
from storage.records import DeliveryKind

NONCE_S = 110.0  # Discord remembers a nonce for "the past few minutes"
MAX_PAGES = 8  # of fifty messages each, looked through for one of ours
LEAST_BYTES = 8 * 1024  # a picture smaller than this is no picture
TOO_LARGE = "The pictures are too large for this place."
_REMEMBERED = 4_096
_DELETED = 0  # the id of a message that is known to have been deleted
ON_ITS_WAY = "I will send it to your direct messages."
_CLOSED = "Your direct messages are closed to me. /collect shows the picture here, to you alone."
_NO_WAY = "There is no way left to show it: the chat is gone, or I may not write there, and direct messages are closed."

T = TypeVar("T")
log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A message ready to be sent."""

    message: Json
    files: tuple[Upload, ...]


class Delivering:
    """Shows cards. `replies` are the interactions that are being answered in this life. `clock` gives Unix seconds."""

    def __init__(
        self,
        calls: Wire,
        uploads: Uploader,
        replies: dict[int, Reply],
        answered: Callable[[int], Awaitable[None]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._calls = calls
        self._uploads = uploads
        self._replies = replies
        self._answered = answered
        self._clock = clock
        self._posted: OrderedDict[str, float] = OrderedDict()  # when a nonce was used first in this life

    async def show(self, to: Address, card: Card, *, is_end: bool) -> str:
        """Show a card that must be seen, by the first way that is open; the message's name. Raises: PlatformError."""
        where = read(to.reply_to)
        name = await self._in_size(where, card, lambda sheet: self._by_some_way(to, where, sheet, is_end=is_end))
        await self._answered(where.interaction)
        return str(name)

    async def ping(self, to: Address, name: str) -> None:
        """Tell the asker that it is there, in a message of its own, for edits notify nobody. Once at most; may fail."""
        where, at = read(to.reply_to), message_name(name)
        if at.message == _DELETED or not (where.is_member or where.is_private):
            return
        try:
            answering = at.message if self._calls.may_look_back(at.channel) else None  # Discord wants that right for it
            await self._calls.post(at.channel, messages.ping_of(where.user), (), f"{to.request}p", answering)
        except PlatformError as exc:
            log.info("somebody was not pinged", request=to.request, reason=str(exc))

    async def edit(self, to: Address, card: Card) -> None:
        """Show where it is now, if its message can be edited. Raises: PlatformError."""
        where = read(to.reply_to)
        sheet = await self._sheet(where, card, where.most_bytes)
        if self._can_edit_reply(where) and where.interaction not in self._replies:
            try:
                await self._calls.edit_reply(where.token, sheet.message, sheet.files)
            except TokenGone:
                pass
            else:
                return
        if to.remote_id and self._can_edit(where):
            await self._calls.edit(message_name(to.remote_id), sheet.message, sheet.files)

    async def withdraw(self, to: Address) -> None:
        """Take the message away; one that is gone is no error. Raises: PlatformError."""
        where = read(to.reply_to)
        if self._can_edit_reply(where):
            try:
                await self._calls.delete_reply(where.token)
            except (TokenGone, MessageGone):
                pass
            else:
                return
        if to.remote_id:
            try:
                await self._calls.delete(message_name(to.remote_id))
            except MessageGone:
                return

    async def look(self, to: Address, card: Card, kind: DeliveryKind) -> tuple[Found, str | None]:
        """Whether a call that may have worked did. Edits are simply made again. Raises: PlatformError."""
        if kind is DeliveryKind.WITHDRAW:
            await self.withdraw(to)
            return Found.THERE, None
        where = read(to.reply_to)
        name = await self._in_size(where, card, lambda sheet: self._by_editing(to, where, sheet))
        if name:
            return Found.THERE, str(name)
        if kind is DeliveryKind.ACKNOWLEDGE:
            return Found.ABSENT, None  # a second line that says "waiting" does no harm
        found = await self._post_found(to, where, card)
        has_posted = _nonce(to, is_end=True) in self._posted  # then it was not the token's edit whose fate is unknown
        is_seen = (where.is_member or where.is_private) and not _is_collected_alone(where)
        if found[0] is Found.ABSENT and not (is_seen or has_posted):
            return Found.UNKNOWN, None  # the token that showed it there is dead now, and nobody can look
        return found

    async def _post_found(self, to: Address, where: Where, card: Card) -> tuple[Found, str | None]:
        """Whether a post is there: by looking; where we may not, by posting again while its nonce is remembered."""
        channels = await self._channels(where)
        if all(self._calls.may_look_back(channel) for channel in channels):
            return await self._in_channels(channels, to)
        if self._clock() - self._posted.get(_nonce(to, is_end=True), 0.0) > NONCE_S:
            return Found.UNKNOWN, None
        name = await self._in_size(where, card, lambda sheet: self._by_posting(to, where, sheet, is_end=True))
        return Found.THERE, str(name)

    # Ways

    async def _by_some_way(self, to: Address, where: Where, sheet: _Sheet, *, is_end: bool) -> MessageName:
        if reply := self._reply_to_be_given(where):
            name = await self._by_reply(where, reply, sheet)
            if name:
                return name
        if name := await self._by_editing(to, where, sheet):
            return name
        if self._is_fresh(where) and not where.is_private:
            try:
                made = await self._calls.reply(
                    where.interaction, where.token, wire.CHANNEL_MESSAGE, sheet.message, sheet.files
                )
            except (TokenGone, AnsweredAlready):
                pass
            else:
                if made:
                    return made
        return await self._by_posting(to, where, sheet, is_end=is_end)

    async def _by_posting(self, to: Address, where: Where, sheet: _Sheet, *, is_end: bool) -> MessageName:
        """A new message, in the channel or to the asker alone."""
        nonce = _nonce(to, is_end=is_end)
        if _is_collected_alone(where) and where.has_token(self._clock()):
            with contextlib.suppress(
                TokenGone
            ):  # beside the answer of /collect; it has no key, and is never made again
                return await self._calls.follow_up(where.token, messages.quiet(sheet.message), sheet.files)
        if where.is_member and not where.is_private:
            try:
                return await self._post(to, where.channel, sheet, nonce)
            except MessageGone as exc:
                log.info("a channel takes nothing more", reason=str(exc))
        return await self._by_direct_message(to, where, sheet, nonce)

    def _reply_to_be_given(self, where: Where) -> Reply | None:
        """The interaction that waits for its first answer, if this is its request's message."""
        reply = self._replies.get(where.interaction) if where.is_own else None
        return None if reply is None or reply.is_answered else reply

    async def _by_reply(self, where: Where, reply: Reply, sheet: _Sheet) -> MessageName | None:
        try:
            if where.is_private:
                await reply.say(messages.of_words(ON_ITS_WAY), is_for_asker=True)
                return None
            return await reply.say(sheet.message, sheet.files, is_for_asker=False)
        except TokenGone:
            return None

    async def _by_editing(self, to: Address, where: Where, sheet: _Sheet) -> MessageName | None:
        """Edit the message that is there, if there is one."""
        if self._can_edit_reply(where):
            try:
                return await self._calls.edit_reply(where.token, sheet.message, sheet.files)
            except TokenGone:
                pass
            except MessageGone:  # somebody deleted it, and wants to see no more of it here than the end
                pass
        if to.remote_id and self._can_edit(where):
            try:
                return await self._calls.edit(message_name(to.remote_id), sheet.message, sheet.files)
            except MessageGone as exc:
                log.info("a message cannot be edited any more", reason=str(exc))
        return None

    async def _by_direct_message(self, to: Address, where: Where, sheet: _Sheet, nonce: str) -> MessageName:
        try:
            channel = await self._calls.direct_channel(where.user)
            return await self._post(to, channel, sheet, nonce)
        except MessageGone as exc:
            if where.is_private and where.is_own and where.has_token(self._clock()):
                with contextlib.suppress(PlatformError):  # they were told that it comes there
                    await self._calls.edit_reply(where.token, messages.of_words(_CLOSED), ())
            raise DeliveryRefused(_NO_WAY) from exc

    async def _post(self, to: Address, channel: int, sheet: _Sheet, nonce: str) -> MessageName:
        self._posted.setdefault(nonce, self._clock())
        self._posted.move_to_end(nonce)
        while len(self._posted) > _REMEMBERED:
            self._posted.popitem(last=False)
        try:
            return await self._calls.post(channel, sheet.message, sheet.files, nonce)
        except MessageGone as exc:
            if exc.was_there:  # this nonce's message was posted, seen and deleted: that is an end as well
                return MessageName(channel, _DELETED)
            raise

    def _can_edit_reply(self, where: Where) -> bool:
        return where.is_own and not where.is_private and where.has_token(self._clock())

    def _can_edit(self, where: Where) -> bool:
        return where.is_member or where.is_private

    def _is_fresh(self, where: Where) -> bool:
        """Whether a first reply may still be given: to an interaction that an earlier life took and did not answer."""
        is_lost = where.is_own and where.interaction not in self._replies and bool(where.token)
        return is_lost and self._clock() - made_at_s(where.interaction) < FIRST_REPLY_S

    # Looking

    async def _channels(self, where: Where) -> list[int]:
        """Where a post of this request may be."""
        channels = [where.channel] if where.is_member and not where.is_private else []
        with contextlib.suppress(MessageGone):
            channels.append(await self._calls.direct_channel(where.user))
        return channels

    async def _in_channels(self, channels: list[int], to: Address) -> tuple[Found, str | None]:
        """Whether the end of this request stands in one of these."""
        for channel in channels:
            try:
                found = await self._in_channel(channel, to)
            except MessageGone:  # a channel that is gone shows nothing
                continue
            if found is not Found.ABSENT:
                return (Found.THERE, str(found)) if isinstance(found, MessageName) else (Found.UNKNOWN, None)
        return Found.ABSENT, None

    async def _in_channel(self, channel: int, to: Address) -> MessageName | Found:
        after = snowflake_at(to.created_s - 1.0)
        for _ in range(MAX_PAGES):
            page = await self._calls.messages_after(channel, after)
            for each in page:
                if str(each["author"]["id"]) == str(self._calls.bot_user) and messages.is_end_of(each, to.request):
                    return MessageName(channel, int(each["id"]))
            if len(page) < 50:
                return Found.ABSENT
            after = max(int(each["id"]) for each in page)
        return Found.UNKNOWN

    # What is sent

    async def _in_size(self, where: Where, card: Card, send: Callable[[_Sheet], Awaitable[T]]) -> T:
        """Smaller and smaller, where a place turns out to take less than it said."""
        most_bytes = where.most_bytes
        while most_bytes >= LEAST_BYTES:
            sheet = await self._sheet(where, card, most_bytes)
            try:
                return await send(sheet)
            except TooLarge:
                most_bytes = smaller(most_bytes, sheet.files)
        raise DeliveryRefused(TOO_LARGE)

    async def _sheet(self, where: Where, card: Card, most_bytes: int) -> _Sheet:
        try:
            files = await self._uploads.of_card(card, where, most_bytes)
        except PlatformError:
            raise
        except DarkroomError as exc:  # rather the words alone, with the reason, than nothing at all
            log.warning("a message goes without its pictures", request=card.id, reason=str(exc))
            files = ()
        return _Sheet(messages.of_card(card, files, asked_by=where.user if where.is_shared else None), files)


def smaller(most_bytes: int, files: tuple[Upload, ...]) -> int:
    """What to try where these files, within `most_bytes`, were too many bytes: half of what was sent."""
    return min(most_bytes, sum(len(each.body) for each in files)) // 2


def _is_collected_alone(where: Where) -> bool:
    """Whether this is for /collect where others should not see it, or where the bot itself may say nothing."""
    return not where.is_own and (where.is_private or not where.is_member)


def _nonce(to: Address, *, is_end: bool) -> str:
    """Of the message that is posted where none can be edited; 25 characters at most."""
    return f"{to.request}{'r' if is_end else 'a'}"

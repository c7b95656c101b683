"""What people write and press, to the studio, and its answer back. Knows nothing of how updates come in.

What makes a picture is answered by the delivery of its message; all else here, under what was said. Whatever breaks is
a sentence for one person and stops nobody else.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import Protocol

import structlog
from telegram import CallbackQuery, Chat, ChatMember, ChatMemberUpdated, ForceReply, Message, Update
from telegram.error import TelegramError
from telegram.ext import ExtBot

from bot import answers, requests
from bot.apology import unexpected
from bot.buttons import Verb
from bot.cards import Card, Origin
from bot.parser import parse, request_from
from bot.platforms.telegram import events, messages
from bot.platforms.telegram.address import Where
from bot.platforms.telegram.events import Heard
from bot.platforms.telegram.messages import MAX_CAPTION, MAX_TEXT, Words
from bot.platforms.telegram.pictures import Pictures
from bot.platforms.telegram.wire import Wire
from bot.requests import Cancel, LinkAccounts, Request, ShowQueue
from bot.sources import Upload
from engine.errors import DarkroomError, UserError
from engine.intake import MAX_FILE_BYTES
from storage.ids import is_request_id

ADMIN_KNOWN_S = 60.0  # whoever was demoted may act for so long; Telegram is not asked at every word
ANSWER_WITHIN_S = 2.0  # of a press: Telegram shows a clock until then
LINK_PAYLOAD = "link_"  # of a deep link, before a code
MAX_ALERT = 200
_ADMINS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)
_HERE = (ChatMember.MEMBER, ChatMember.ADMINISTRATOR, ChatMember.OWNER)
_WORDS_WANTED = "Say with the picture what to make of it; or answer it with words, or with /upscale or /recipe."
_REMIX = "Answer this message with what to make of it (flags such as --strength 0.5 work too): "
_HELLO = "I draw pictures from words, on my operator's own computer. Write me what to draw"
_TOO_LARGE = f"That picture is larger than {MAX_FILE_BYTES // 2**20} MiB; send a smaller one."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Studio(Protocol):
    """What is asked of the studio."""

    async def ask(self, origin: Origin, request: Request, uploads: tuple[str, ...] = (), words: str = "") -> Card:
        """Do what somebody asked."""

    async def press(self, origin: Origin, button_id: str) -> Card:
        """Do what a button says."""

    async def take_upload(self, owner: str, file: bytes) -> Upload:
        """Keep a picture."""

    async def joined(self, origin: Origin) -> bool:
        """Somebody brought the bot into a place."""


class Listener:
    """Hears updates. `examples` are commands that can be sent as they stand."""

    def __init__(
        self, *, studio: Studio, bot: "ExtBot[None]", calls: Wire, pictures: Pictures, examples: tuple[str, ...]
    ) -> None:
        self._studio = studio
        self._bot = bot
        self._calls = calls
        self._pictures = pictures
        self._examples = examples
        self._admins: dict[tuple[int, int], tuple[float, bool]] = {}

    async def hear(self, update: Update) -> None:
        """Take care of one update, whatever it is. Never fails."""
        try:
            if update.callback_query:
                await self._pressed(update.callback_query)
            elif update.message:
                await self._said(update.message)
            elif update.my_chat_member:
                await self._moved(update.my_chat_member)
        except DarkroomError as exc:
            log.warning("an update could not be answered", reason=str(exc))
        except Exception:  # the edge of the platform: one update stops no other
            log.exception("an update broke")

    # Words

    async def _said(self, message: Message) -> None:
        said = events.heard(message, self._bot.bot)
        if said is None or not said.is_for_us or not (said.words or said.file):
            return
        card = await self._answered(self._ask(said), "a message on Telegram")
        if card and not card.id:
            await self._say(said.where, card)

    async def _ask(self, said: Heard) -> Card | None:
        if said.is_command and said.words.split()[0].partition("@")[0] in ("/start", "/start@"):
            payload = said.words.partition(" ")[2].strip()
            if not payload.startswith(LINK_PAYLOAD):
                await self._welcome(said.where)
                return None
            request: Request = LinkAccounts(code=payload.removeprefix(LINK_PAYLOAD))
        else:
            request = _request_of(said)
        asker = said.message.from_user.full_name if said.message.from_user else "Somebody"
        key = f"t:{said.message.chat.id}:{said.message.message_id}"
        is_admin = _is_for_admins(request) and await self._is_admin(said)
        origin = events.origin_of(said.where, key, asker, answered=_picture_name(said), is_admin=is_admin)
        uploads = (await self._taken(origin, said.file),) if said.file else ()
        return await self._studio.ask(origin, request, uploads, said.words)

    async def _taken(self, origin: Origin, file_id: str) -> str:
        """A picture of theirs, kept."""
        try:
            file = await self._bot.get_file(file_id)
            if (file.file_size or 0) > MAX_FILE_BYTES:
                raise UserError(_TOO_LARGE)
            body = bytes(await file.download_as_bytearray())
        except TelegramError as exc:
            raise UserError("That picture could not be fetched from Telegram; send it again.") from exc
        return (await self._studio.take_upload(origin.owner, body)).id

    # Buttons

    async def _pressed(self, query: CallbackQuery) -> None:
        message = query.message
        if not isinstance(message, Message) or not query.data:
            await self._quietly(query.answer("That message is too old; ask again with /history."))
            return
        where = events.where_of(message, f"telegram:{query.from_user.id}")
        verb, _, target = query.data.partition(":")
        if verb == Verb.REMIX:
            await self._quietly(query.answer())
            words = messages.Words(MAX_TEXT).add(_REMIX).code(target)
            await self._ask_for_words(where, words)
            return
        is_admin = verb in (Verb.CANCEL, Verb.DELETE, Verb.NO) and await self._is_member_admin(
            where, query.from_user.id
        )
        origin = events.origin_of(
            where, f"t:cb:{query.id}", query.from_user.full_name, answered=None, is_admin=is_admin
        )
        pressing = asyncio.create_task(self._answered(self._studio.press(origin, query.data), "a button on Telegram"))
        done, _ = await asyncio.wait([pressing], timeout=ANSWER_WITHIN_S)
        card = pressing.result() if done else None
        if card and card.is_refusal:
            await self._quietly(query.answer(card.sentence[:MAX_ALERT], show_alert=True))
            return
        await self._quietly(query.answer())
        card = await pressing
        if card and not card.id and card.kind != Verb.DELETE:
            await self._say(where, card)

    async def _ask_for_words(self, where: Where, words: Words) -> None:
        await self._quietly(
            self._bot.send_message(
                where.chat,
                words.text,
                entities=words.entities,
                message_thread_id=where.thread,
                reply_markup=ForceReply(selective=True, input_field_placeholder="a green square"),
            )
        )

    # Comings

    async def _moved(self, moved: ChatMemberUpdated) -> None:
        """We were brought into a group, or somebody stopped or started us."""
        was, now = moved.old_chat_member.status, moved.new_chat_member.status
        if moved.chat.type == Chat.PRIVATE or was in _HERE or now not in _HERE:
            return
        account = f"telegram:{moved.from_user.id}"
        place = f"telegram:{moved.chat.id}"
        where = Where(place=place, account=account, chat=moved.chat.id, thread=None, answering=None, is_shared=True)
        key = f"t:joined:{moved.chat.id}:{moved.date.timestamp():.0f}"
        origin = events.origin_of(where, key, moved.from_user.full_name, answered=None, is_admin=False)
        if await self._studio.joined(origin):
            await self._welcome(where)
        else:
            sentence = f"{_HELLO.partition('.')[0]}. My operator can let this group in with /allow here."
            await self._calls.say(where, messages.of_sentence(sentence), None)

    async def _welcome(self, where: Where) -> None:
        words = Words(MAX_TEXT).add(_HELLO)
        words.add(", or with a picture what to make of it." if not where.is_shared else " after /imagine.").add(" Try:")
        for example in self._examples[:3]:
            words.line().code(example if where.is_shared else example.removeprefix("/imagine "))
        words.line().add("/help says what else there is. The pictures are made by a machine.")
        await self._calls.say(where, words, None)

    # Answering

    async def _answered(self, doing: Awaitable[Card | None], what: str) -> Card | None:
        try:
            return await doing
        except UserError as exc:
            return answers.refusal(str(exc))
        except DarkroomError as exc:
            log.warning("refused for a reason of ours", reason=str(exc))
            return answers.refusal(str(exc))
        except Exception:  # noqa: BLE001  # the edge of the platform
            return answers.refusal(unexpected(what))

    async def _say(self, where: Where, card: Card) -> None:
        file = None
        try:
            file = await self._pictures.of_card(card, where)
        except UserError as exc:
            card = answers.refusal(str(exc))
        keys = messages.keyboard(card)
        if file is None:
            await self._calls.say(where, messages.of_card(card, MAX_TEXT), keys)
        elif file.is_photo:
            words = messages.of_card(card, MAX_CAPTION)
            await self._calls.show(where, file.body, file.name, words, keys, is_covered=card.is_spoiler)
        else:
            await self._calls.give(where, file.body, file.name, messages.of_card(card, MAX_CAPTION))

    async def _is_admin(self, said: Heard) -> bool:
        if said.is_anonymous:
            return True  # Telegram lets only admins hide behind the group
        sender = said.message.from_user
        if sender is None or said.message.sender_chat or said.message.forward_origin:
            return False
        return await self._is_member_admin(said.where, sender.id)

    async def _is_member_admin(self, where: Where, user: int) -> bool:
        """As Telegram says, a moment ago at most."""
        if not where.is_shared:
            return False
        now_s = time.monotonic()
        self._admins = {who: each for who, each in self._admins.items() if each[0] > now_s}
        known = self._admins.get((where.chat, user))
        if known is None:
            try:
                member = await self._bot.get_chat_member(where.chat, user)
            except TelegramError as exc:
                log.info("who is an admin could not be asked", reason=type(exc).__name__)
                return False
            known = self._admins[where.chat, user] = now_s + ADMIN_KNOWN_S, member.status in _ADMINS
        return known[1]

    async def _quietly(self, doing: Awaitable[object]) -> None:
        """What nobody waits for: a press that is too old to be answered."""
        try:
            await doing
        except TelegramError as exc:
            log.info("a press was not answered", reason=type(exc).__name__)


def _request_of(said: Heard) -> Request:
    """What somebody wants: a command, words for a picture that is there, or words to draw from. Raises: UserError."""
    if said.is_command:
        return parse(said.words)
    if said.file or _picture_name(said):
        if not said.words:
            raise UserError(_WORDS_WANTED)
        return request_from("remix", {"prompt": said.words})
    return parse(f"/imagine {said.words}")


def _picture_name(said: Heard) -> str | None:
    """The picture that is answered to, if what is answered names one."""
    return said.named if said.named and is_request_id(said.named.partition(".")[0]) else None


def _is_for_admins(request: Request) -> bool:
    """Whether it can matter who is an admin here."""
    match request:
        case ShowQueue():
            return request.is_all
        case Cancel():
            return request.is_any
        case _:
            return isinstance(request, requests.Desk)

"""Updates: words, pictures, presses, questions and comings, each to who takes care of it; and words to the studio.

What makes a picture is answered by the delivery of its message; all else here, under what was said. Whatever breaks is
a sentence for one person and stops nobody else. Knows nothing of how updates come in.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import structlog
from telegram import Message, Update
from telegram.error import TelegramError
from telegram.ext import ExtBot

from bot import answers, requests
from bot.cards import Card, Origin
from bot.parser import parse, request_from
from bot.platforms.telegram import events, links
from bot.platforms.telegram.admins import Admins
from bot.platforms.telegram.comings import Comings
from bot.platforms.telegram.events import Heard
from bot.platforms.telegram.fetching import Fetching
from bot.platforms.telegram.inline import Inline
from bot.platforms.telegram.pressing import Pressing
from bot.platforms.telegram.seams import Studio
from bot.platforms.telegram.speaker import Speaker
from bot.requests import Cancel, Request, ShowQueue, ShowRecipe
from bot.studio import Stopping
from engine.errors import DarkroomError, DeliveryRefused, DeliveryUnknown, PlatformError, UserError
from storage.ids import is_request_id

AGAIN_S = 2.0  # where Telegram could not be reached, and said no time
NEXT_LIFE_S = 60.0  # what is said while we end is answered when we are there again: later than any end takes
ALBUM_S = 1.0  # the pictures of an album are messages of their own, and one of them has the words
_KEPT_ALBUMS = 1_024
_WORDS_WANTED = "Say with the picture what to make of it; or answer it with words, or with /upscale or /recipe."
_NOT_SHARED = (
    "That picture is not shared, or it was deleted. Whoever drew it can send you a new link: Recipe, then Share."
)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Listener:
    """Hears updates. `note_open` is told of chats in which we are heard."""

    def __init__(
        self,
        *,
        studio: Studio,
        bot: "ExtBot[None]",
        speaker: Speaker,
        admins: Admins,
        comings: Comings,
        pressing: Pressing,
        note_open: Callable[[int, bool], None],
    ) -> None:
        self._studio = studio
        self._bot = bot
        self._speaker = speaker
        self._admins = admins
        self._comings = comings
        self._pressing = pressing
        self._fetching = Fetching(bot)
        self._inline = Inline(studio, bot)
        self._note_open = note_open
        self._albums: OrderedDict[str, None] = OrderedDict()  # that were answered

    async def hear(self, update: Update) -> float | None:
        """Take care of one update, whatever it is; the seconds after which it is to be tried again, None: it is done.

        Trying again does no harm: the same event is the same to the studio. Never fails.
        """
        try:
            await self._hear(update)
        except Stopping:
            return NEXT_LIFE_S
        except (DeliveryRefused, DeliveryUnknown) as exc:  # it may have been said, or never can be
            log.warning("an update could not be answered", reason=str(exc))
        except PlatformError as exc:
            log.info("an update is answered later", reason=str(exc))
            return exc.retry_after_s or AGAIN_S
        except DarkroomError as exc:
            log.warning("an update could not be answered", reason=str(exc))
        except TelegramError as exc:
            log.info("an update could not be answered", reason=type(exc).__name__)
        except Exception:  # the edge of the platform: one update stops no other
            log.exception("an update broke")
        return None

    async def _hear(self, update: Update) -> None:
        if update.callback_query:
            await self._pressing.pressed(update.callback_query)
        elif update.inline_query:
            await self._inline.answer(update.inline_query)
        elif update.message:
            self._note_open(update.message.chat.id, True)
            if not await self._comings.became(update.message):
                await self._said(update.message)
        elif update.my_chat_member:
            await self._comings.moved(update.my_chat_member)

    # Words

    async def _said(self, message: Message) -> None:
        said = events.heard(message, self._bot.bot)
        if said is None or not said.is_for_us or not (said.words or said.file):
            return
        if said.album and not await self._is_for_album(said):
            return
        key = f"t:{message.chat.id}:{message.message_id}"
        card = await self._speaker.answered(self._ask(said, key), "a message on Telegram")
        if card and not card.id:
            await self._speaker.say(said.where, card, key)

    async def _is_for_album(self, said: Heard) -> bool:
        """Whether this message of several is the one to answer: that with words, else the first."""
        key = f"{said.where.chat}/{said.album}"
        if not said.words:
            await asyncio.sleep(ALBUM_S)
            if key in self._albums:
                return False
        self._albums[key] = None
        while len(self._albums) > _KEPT_ALBUMS:
            self._albums.popitem(last=False)
        return True

    async def _ask(self, said: Heard, key: str) -> Card | None:
        asker = said.message.from_user.full_name if said.message.from_user else "Somebody"
        if (payload := _started_with(said)) is not None:
            origin = events.origin_of(said.where, key, asker, answered=None, is_admin=False)
            return await self._started(said, origin, payload)
        request = _request_of(said)
        is_admin = _is_for_admins(request) and await self._admins.has_written(said)
        origin = events.origin_of(said.where, key, asker, answered=_picture_name(said), is_admin=is_admin)
        if not said.file or await self._is_ours(origin, said):
            return await self._studio.ask(origin, request, (), said.words)
        upload = await self._taken(origin, said, said.file)
        return await self._studio.ask(origin, request, (upload,), said.words)

    async def _started(self, said: Heard, origin: Origin, payload: str) -> Card | None:
        """Somebody came by a link, or for the first time."""
        request = links.request_of(payload)
        if request is None:
            await self._comings.start(said.where, origin)
            return None
        if not isinstance(request, ShowRecipe):
            return await self._studio.ask(origin, request, (), said.words)
        await self._studio.let_in(origin)
        try:
            return await self._studio.ask(origin, request, (), said.words)
        except UserError:
            return answers.refusal(_NOT_SHARED)

    async def _is_ours(self, origin: Origin, said: Heard) -> bool:
        """Of a picture that somebody sent from their history: whether whoever answers it may see ours."""
        if not origin.answered:
            return False
        try:
            await self._studio.words_and_strength(origin, origin.answered)
        except UserError:
            return False
        return True

    async def _taken(self, origin: Origin, said: Heard, file: str) -> str:
        """A picture of theirs, kept."""
        self._fetching.check(said.n_file_bytes)
        await self._studio.may_upload(origin)
        body = await self._fetching.fetched(file, origin.event_key)
        return (await self._studio.take_upload(origin, body)).id


def _started_with(said: Heard) -> str | None:
    """What stands behind /start, None for anything else."""
    if not said.is_command or said.words.split()[0].partition("@")[0].casefold() not in ("/start", "／start"):
        return None
    return said.words.partition(" ")[2].strip()


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

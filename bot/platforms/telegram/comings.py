"""Coming and going: who starts or stops us, groups that take us in or put us out, groups that become supergroups."""

from collections.abc import Callable
from dataclasses import replace

import structlog
from telegram import Chat, ChatMember, ChatMemberUpdated, Message

from bot import answers, buttons
from bot.cards import Origin
from bot.languages.speech import in_language
from bot.platforms.telegram import events, messages
from bot.platforms.telegram.address import Where
from bot.platforms.telegram.messages import MAX_TEXT, Words
from bot.platforms.telegram.seams import Studio
from bot.platforms.telegram.wire import Wire
from engine.errors import UserError

_HERE = (ChatMember.MEMBER, ChatMember.ADMINISTRATOR, ChatMember.OWNER)
# A group that becomes a supergroup tells of no leaving (tdlib/telegram-bot-api issue 266).
_OUT = (ChatMember.LEFT, ChatMember.BANNED)
_GROUPS = (Chat.GROUP, Chat.SUPERGROUP)
_HELLO = "I draw pictures from words, on my operator's own computer."
_IN_PRIVATE = "Write me what to draw, or send me a picture with what to make of it."
_IN_GROUPS = "Write what to draw after /imagine, or answer a picture with /remix and what to make of it."
_NOT_YET = "My operator can let this group in with /allow here."
_MORE = "A tap on one of these draws it. /help says what else there is. The pictures are made by a machine."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Comings:
    """Greets. `examples` are commands that can be sent as they stand; `note_open` is told who can hear us, or not."""

    def __init__(
        self, studio: Studio, calls: Wire, examples: tuple[str, ...], note_open: Callable[[int, bool], None]
    ) -> None:
        self._studio = studio
        self._calls = calls
        self._examples = examples
        self._note_open = note_open

    async def moved(self, moved: ChatMemberUpdated) -> None:
        """We were brought into a group or put out of it, or somebody stopped or started us. Raises: DarkroomError.

        Where nobody hears us any more nothing is begun: what waits there is cancelled, and its people have it back.
        """
        was_here, is_here = (each.status in _HERE for each in (moved.old_chat_member, moved.new_chat_member))
        self._note_open(moved.chat.id, is_here)
        if moved.new_chat_member.status in _OUT and (n := await self._studio.left(f"telegram:{moved.chat.id}")):
            log.info("what waited where we were put out is cancelled", n=n)
        if moved.chat.type not in _GROUPS or was_here or not is_here:
            return
        where = events.in_chat(moved.chat, f"telegram:{moved.from_user.id}", moved.from_user.language_code)
        key = f"t:joined:{moved.chat.id}:{moved.date.timestamp():.0f}"
        origin = events.origin_of(where, key, moved.from_user.full_name, answered=None, is_admin=False)
        if await self._studio.joined(origin):
            await self.welcome(where)
        else:
            await self._calls.say(where, messages.of_sentence(_said(where, _HELLO, _NOT_YET)), None)

    async def became(self, message: Message) -> bool:
        """Whether it tells that a group is a supergroup now: what holds there goes along. Raises: StorageError."""
        old = message.migrate_from_chat_id or message.chat.id
        new = message.chat.id if message.migrate_from_chat_id else message.migrate_to_chat_id
        if new is None:
            return False
        self._calls.moved(old, new)
        await self._studio.moved(f"telegram:{old}", f"telegram:{new}")
        return True

    async def start(self, where: Where, origin: Origin) -> None:
        """Somebody starts us: who may not use us reads what would let them in. Raises: DarkroomError."""
        try:
            await self._studio.let_in(origin)
        except UserError as exc:
            await self._calls.say(where, messages.of_sentence(_said(where, _HELLO, str(exc))), None)
        else:
            await self.welcome(where)

    async def welcome(self, where: Where) -> None:
        """What we are for, and three examples to tap. Raises: PlatformError."""
        words = Words(MAX_TEXT).add(_said(where, _HELLO, _IN_GROUPS if where.is_shared else _IN_PRIVATE))
        for example in self._examples[:3]:
            words.line().code(example if where.is_shared else example.removeprefix("/imagine "))
        words.line().add(_said(where, _MORE))
        card = replace(answers.note("welcome", ""), buttons=buttons.of_examples(self._examples[:3]))
        await self._calls.say(where, words, messages.keyboard(card))


def _said(where: Where, *sentences: str) -> str:
    """In the language of who brought us or started us."""
    return " ".join(in_language(each, where.language) for each in sentences)

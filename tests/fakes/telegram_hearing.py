"""What the bot hears of all that happens on the fake Telegram, and how: on time, late or twice."""

import asyncio
import random
from typing import Any

from tests.fakes.telegram_content import Content
from tests.fakes.telegram_faults import Mishap, Weather
from tests.fakes.telegram_files import Files
from tests.fakes.telegram_message import Message
from tests.fakes.telegram_queries import Queries
from tests.fakes.telegram_text import part
from tests.fakes.telegram_updates import Update, Updates
from tests.fakes.telegram_wire import chat_json, member_json, message_json, user_json
from tests.fakes.telegram_world import FORWARDER_ID, Chat, Json, Member, User, World

_LATE_S = 0.03  # an update that is late waits for the next one, but no longer than this


class Hearing(World):
    """The world with a bot that listens. `hears_everything`: its privacy mode is off, or as in private everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.updates = Updates(self)
        self.files_side = Files(self)
        self.queries = Queries(self, self.files_side)
        self.weather = Weather(luck=random.Random(0))
        self.hears_everything = False
        self._late: tuple[str, Json, int, Message | None] | None = None
        self._mishaps: list[Mishap] = []
        self._late_timer: asyncio.TimerHandle | None = None

    @property
    def forwarder(self) -> User:
        """Who puts posts of a channel into its group."""
        return self.users[FORWARDER_ID]

    def new_message(
        self, chat: Chat, author: User | None, content: Content, *, sender_chat: Chat | None = None, **more: Any
    ) -> Message:
        """Something that is said now; not there before it is kept."""
        return Message(
            id=self.new_message_id(chat),
            chat=chat,
            world=self,
            author=author,
            sender_chat=sender_chat,
            date=self.date(),
            text=content.text,
            entities=content.entities,
            media=content.media,
            markup=content.markup,
            **more,
        )

    def check_sees(self, user: User, chat: Chat) -> None:
        """Whoever acts in a group becomes a member of it, if nobody threw them out."""
        if chat.user:
            assert chat.user is user, f"{user.name} does not see the chat with {chat.user.name}"
            assert not user.has_blocked_bot, f"{user.name} has blocked the bot; see `start_bot` and `unblock`"
            return
        member = chat.members.setdefault(user.id, Member(user=user))
        assert member.is_in, f"{user.name} is not in {chat.title}: {member.status}"

    # Telling

    def next_mishap(self, mishap: Mishap, n: int = 1) -> None:
        """The next `n` updates meet this."""
        self._mishaps += [mishap] * n

    def tell_of(self, message: Message, *, is_edit: bool = False) -> None:
        """To the bot, if it is there and this is for its ears."""
        if not self._hears(message):
            return
        if message.author:
            message.author.is_known = True
        kind = "channel_post" if message.chat.kind == "channel" else "message"
        self.tell(f"edited_{kind}" if is_edit else kind, message_json(message), message.chat.id, message)

    def tell(self, kind: str, payload: Json, queue: int, message: Message | None = None) -> Update | None:
        """In whatever weather there is. None: the bot does not want to hear of it, or will hear later."""
        mishap = self._mishaps.pop(0) if self._mishaps else self.weather.of_an_update()
        if mishap is Mishap.LATE and self._late is None:
            self._late = (kind, payload, queue, message)
            self._late_timer = asyncio.get_running_loop().call_later(_LATE_S, self._tell_late)
            return None
        update = self._tell(kind, payload, queue, message, mishap)
        self._tell_late()
        return update

    def tell_membership(self, chat: Chat, by: User, before: Json) -> None:
        """my_chat_member: the bot's own place has changed."""
        after = member_json(chat.member(self.bot), chat)
        by.is_known = True
        told = {"chat": chat_json(chat), "from": user_json(by), "date": self.date()}
        self.tell("my_chat_member", told | {"old_chat_member": before, "new_chat_member": after}, chat.id)

    def _tell_late(self) -> None:
        late, self._late = self._late, None
        if self._late_timer:
            self._late_timer.cancel()
        if late:
            self._tell(*late, None)

    def _tell(
        self, kind: str, payload: Json, queue: int, message: Message | None, mishap: Mishap | None
    ) -> Update | None:
        update = self.updates.add(kind, payload, queue, mishap)
        if message:
            message.update = update
        return update

    # For whose ears

    def _hears(self, message: Message) -> bool:
        """As core.telegram.org/bots/features#privacy-mode says; a mention is heard, though it is not in that list."""
        chat = message.chat
        if chat.user:
            return not chat.user.has_blocked_bot
        bot = chat.member(self.bot)
        if not bot.is_in:
            return False
        if self.hears_everything or bot.is_admin or message.service or message.is_via_bot:
            return True
        answered = message.reply_to
        return bool(answered and (answered.is_mine or answered.is_via_bot)) or self._is_called(message)

    def _is_called(self, message: Message) -> bool:
        """A command that is nobody else's, or the bot's name."""
        mine = f"@{self.bot.username}"
        for entity in message.entities:
            said = part(message.text, entity)
            if entity["type"] == "bot_command" and ("@" not in said or said.endswith(mine)):
                return True
            if entity["type"] == "mention" and said == mine:
                return True
        return False

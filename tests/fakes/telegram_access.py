"""Which chats and messages the bot reaches on the fake Telegram, and what it may do there."""

from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_message import Message
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_world import GENERAL, Chat, World

_NEEDED = {
    "": "send text messages",
    "photo": "send photos",
    "document": "send documents",
    "animation": "send animations",
}
_RIGHT = {
    "": "can_send_messages",
    "photo": "can_send_photos",
    "document": "can_send_documents",
    "animation": "can_send_other_messages",
}


class Access:
    """Finds what calls name. Every method raises Refusal."""

    def __init__(self, world: World) -> None:
        self._world = world

    def chat(self, call: Call, *, is_to_write: bool = False) -> Chat:
        """The chat that a call names."""
        return self.named(call.text("chat_id"), is_to_write=is_to_write)

    def named(self, name: str, *, is_to_write: bool = False) -> Chat:
        """The chat of this id, or of this @username."""
        if not name:
            raise Refusal(Why.NO_CHAT_ID)
        chat = self._find(name)
        if chat is None or (chat.user and not (chat.user.has_started or chat.user.is_known)):
            raise Refusal(Why.NO_CHAT)
        if chat.user:
            self._check_private(chat, is_to_write=is_to_write)
        else:
            self._check_member(chat, is_to_write=is_to_write)
        return chat

    def message(self, chat: Chat, message_id: int, otherwise: Why) -> Message:
        """One that is there still."""
        message = chat.messages.get(message_id)
        if message is None or message.deleted:
            raise Refusal(otherwise)
        return message

    def check_topic(self, chat: Chat, thread: int | None) -> None:
        """Whether something may be said in this topic of a forum; None is General, and everywhere else."""
        topic = chat.topics.get(GENERAL if thread is None else thread)
        if thread is not None and (topic is None or topic.is_deleted or thread == GENERAL):
            raise Refusal(Why.NO_THREAD)
        if topic and topic.is_closed and not chat.member(self._world.bot).may("can_manage_topics"):
            raise Refusal(Why.TOPIC_CLOSED)

    def check_may_send(self, chat: Chat, kind: str = "") -> None:
        """Whether the bot may say this kind of thing here: "" is text."""
        member = chat.member(self._world.bot)
        if chat.kind == "private" or (member.is_admin and chat.kind != "channel"):
            return
        if chat.kind == "channel":
            if not member.may("can_post_messages"):
                raise Refusal(Why.NOT_POSTING)
        elif _RIGHT[kind] not in chat.permissions:
            raise Refusal.bad(f"not enough rights to {_NEEDED[kind]} to the chat")

    # Below

    def _find(self, name: str) -> Chat | None:
        if name.startswith("@"):
            found = [
                each for each in self._world.chats.values() if each.username == name[1:] and each.kind != "private"
            ]
            return found[0] if found else None
        number = int(name) if name.lstrip("-").isdecimal() else 0
        user = self._world.users.get(number)
        return self._world.private(user) if user else self._world.chats.get(number)

    def _check_private(self, chat: Chat, *, is_to_write: bool) -> None:
        user = chat.user
        assert user
        if not is_to_write:
            return
        if user.is_bot:
            raise Refusal(Why.TO_A_BOT)
        if user.has_blocked_bot:
            raise Refusal(Why.BLOCKED)
        if not user.has_started:
            raise Refusal(Why.NEVER_STARTED)

    def _check_member(self, chat: Chat, *, is_to_write: bool) -> None:
        if chat.upgraded_to:
            if is_to_write:
                raise Refusal(Why.UPGRADED, migrate_to_chat_id=chat.upgraded_to.id)
            return
        bot = chat.member(self._world.bot)
        if bot.is_in or (not is_to_write and (chat.username or not chat.is_big)):
            return
        if not chat.is_big and not chat.members.get(self._world.bot.id):
            raise Refusal(Why.NO_CHAT)
        what = "was kicked from" if bot.status == "kicked" else "is not a member of"
        raise Refusal((403, f"bot {what} the {chat.kind} chat"))

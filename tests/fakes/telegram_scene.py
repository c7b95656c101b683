"""Setting and changing the scene of the fake Telegram: groups, topics, members; the bot is told of its own part."""

from tests.fakes.telegram_content import Content
from tests.fakes.telegram_message import Message
from tests.fakes.telegram_people import People
from tests.fakes.telegram_wire import member_json, user_json
from tests.fakes.telegram_world import ALL, GENERAL, Chat, Member, Topic, User

_ICON_COLOR = 7_322_096


class Scene(People):
    """People, and the places where they are."""

    def add_group(self, title: str, creator: User | None = None, *, has_bot: bool = True) -> Chat:
        """A small group. `has_bot`: it was there before anybody looked; see `add_to_group`."""
        return self._add("group", title, creator, has_bot=has_bot)

    def add_supergroup(
        self,
        title: str,
        creator: User | None = None,
        *,
        has_bot: bool = True,
        is_forum: bool = False,
        username: str = "",
    ) -> Chat:
        """A large one, which may be a forum with topics, or public."""
        chat = self._add("supergroup", title, creator, has_bot=has_bot)
        chat.is_forum, chat.username = is_forum, username
        if is_forum:
            chat.topics[GENERAL] = Topic(id=GENERAL, name="General")
            chat.last_id = GENERAL
        return chat

    def add_channel(
        self, title: str, creator: User | None = None, *, has_bot: bool = True, linked: Chat | None = None
    ) -> Chat:
        """A channel, where a bot must be an administrator. `linked`: the group in which its posts are talked about."""
        channel = self._add("channel", title, creator, has_bot=False)
        if has_bot:
            channel.members[self.bot.id] = Member(user=self.bot, status="administrator", rights=ALL)
        if linked:
            channel.linked, linked.linked = linked, channel
        return channel

    def add_topic(self, chat: Chat, name: str) -> Topic:
        """A topic; the message that tells of it is what its messages answer when they answer nothing else."""
        assert chat.is_forum, "only forums have topics"
        creator = next(each.user for each in chat.members.values() if each.status == "creator")
        service = {"forum_topic_created": {"name": name, "icon_color": _ICON_COLOR}}
        message = self.new_message(chat, creator, Content(), service=service)
        message.thread = message.id
        chat.topics[message.id] = Topic(id=message.id, name=name)
        self.tell_of(message.keep())
        return chat.topics[message.id]

    def close_topic(self, chat: Chat, topic: Topic | None = None, *, is_closed: bool = True) -> None:
        """Close it, or open it again. None: General."""
        (topic or chat.topics[GENERAL]).is_closed = is_closed

    def delete_topic(self, chat: Chat, topic: Topic) -> None:
        """It is gone with all that was said in it."""
        topic.is_deleted = True
        for message in chat.messages.values():
            if message.thread == topic.id:
                message.delete()

    def add_member(
        self,
        chat: Chat,
        user: User,
        status: str = "member",
        rights: frozenset[str] = frozenset(),
        *,
        is_anonymous: bool = False,
        title: str = "",
    ) -> Member:
        """Somebody joins or is given another place; whoever acts in a group is a member anyway."""
        assert status in ("creator", "administrator", "member", "left", "kicked"), f"no such status: {status}"
        chat.members[user.id] = Member(user=user, status=status, rights=rights, is_anonymous=is_anonymous, title=title)
        return chat.members[user.id]

    async def start_bot(self, user: User, payload: str = "") -> Message:
        """Press "Start", maybe behind a link t.me/bot?start=payload; who had blocked the bot takes it back first."""
        if user.has_blocked_bot:
            self.unblock(user)
        return await self.send(user, self.private(user), f"/start {payload}".strip())

    async def add_to_group(self, user: User, chat: Chat, payload: str = "") -> None:
        """Somebody adds the bot, maybe behind a link t.me/bot?startgroup=payload."""
        self.check_sees(user, chat)
        self._change_bot(chat, user, "member")
        service = {"new_chat_members": [user_json(self.bot)]}
        self.tell_of(self.new_message(chat, user, Content(), service=service).keep())
        if payload:
            await self.send(user, chat, f"/start@{self.bot.username} {payload}")

    def remove_bot(self, user: User, chat: Chat, *, is_kicked: bool = True) -> None:
        """Somebody throws it out. Not `is_kicked`: it may come back by itself."""
        self._change_bot(chat, user, "kicked" if is_kicked else "left")

    def promote_bot(self, user: User, chat: Chat, rights: frozenset[str] = ALL) -> None:
        """It becomes an administrator."""
        self._change_bot(chat, user, "administrator", rights)

    def block(self, user: User) -> None:
        """Somebody blocks the bot."""
        self._change_block(user, has_blocked=True)

    def unblock(self, user: User) -> None:
        """They take it back."""
        self._change_block(user, has_blocked=False)

    def delete_message(self, message: Message) -> None:
        """Somebody who may deletes it; bots do not hear of that."""
        message.delete()

    def upgrade(self, group: Chat) -> Chat:
        """A group becomes a supergroup: another chat, with another id."""
        creator = next(each.user for each in group.members.values() if each.status == "creator")
        chat = self.new_chat("supergroup", group.title, creator, permissions=group.permissions)
        chat.members |= group.members
        said = self.new_message(group, creator, Content(), service={"migrate_to_chat_id": chat.id}).keep()
        self.tell_of(said)
        group.upgraded_to = chat
        self.tell_of(self.new_message(chat, creator, Content(), service={"migrate_from_chat_id": group.id}).keep())
        return chat

    # Below

    def _add(self, kind: str, title: str, creator: User | None, *, has_bot: bool) -> Chat:
        chat = self.new_chat(kind, title, creator or self.add_user(f"creator of {title}"))
        if has_bot:
            chat.members[self.bot.id] = Member(user=self.bot)
        return chat

    def _change_bot(self, chat: Chat, by: User, status: str, rights: frozenset[str] = frozenset()) -> None:
        before = member_json(chat.member(self.bot), chat)
        chat.members[self.bot.id] = Member(user=self.bot, status=status, rights=rights)
        self.tell_membership(chat, by, before)
        self.touch()

    def _change_block(self, user: User, *, has_blocked: bool) -> None:
        chat = self.private(user)
        before, after = ("member", "kicked") if has_blocked else ("kicked", "member")
        user.has_blocked_bot = has_blocked
        chat.members[self.bot.id] = Member(user=self.bot, status=after)
        self.tell_membership(chat, user, member_json(Member(user=self.bot, status=before), chat))
        self.touch()

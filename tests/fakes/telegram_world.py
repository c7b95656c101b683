"""What there is on the fake Telegram: people, chats, topics, files and the time. Knows nothing of any wire."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.telegram_message import Message

Json = dict[str, Any]

MIB = 2**20
GENERAL = 1  # the number of the topic that is always there, and that no call may name
# Accounts of Telegram's own: an administrator who is anonymous, somebody who writes as a channel, an automatic forward.
ANONYMOUS_ID, AS_CHANNEL_ID, FORWARDER_ID = 1_087_968_824, 136_817_688, 777_000
_SUPERGROUPS = -1_000_000_000_000  # ids of supergroups and channels are below it, those of groups above
_LOOK_S = 0.02  # whoever waits for something that is not here looks so often

# What members may, if the chat lets them (ChatPermissions).
TALK = frozenset({"can_send_messages", "can_send_photos", "can_send_documents", "can_send_other_messages"})
# What administrators may, if they were given it (ChatAdministratorRights).
RIGHTS = (
    *("can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members"),
    *("can_promote_members", "can_change_info", "can_invite_users"),
    *("can_post_stories", "can_edit_stories", "can_delete_stories"),
)
GROUP_RIGHTS = ("can_pin_messages", "can_manage_topics")
CHANNEL_RIGHTS = ("can_post_messages", "can_edit_messages")
ALL = frozenset((*RIGHTS, *GROUP_RIGHTS, *CHANNEL_RIGHTS))


def units(text: str) -> int:
    """The length of a text in UTF-16 code units, in which Telegram says where entities are."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(kw_only=True, eq=False)
class User:
    """A person, or a bot. `is_known`: the bot has heard of them; `has_started`: they have talked to it in private."""

    id: int
    name: str
    username: str = ""
    language: str = "en"
    is_bot: bool = False
    is_known: bool = False
    has_started: bool = False
    has_blocked_bot: bool = False


@dataclass(kw_only=True, eq=False)
class Member:
    """Somebody in a group or a channel. `status`: creator, administrator, member, left or kicked."""

    user: User
    status: str = "member"
    rights: frozenset[str] = frozenset()
    is_anonymous: bool = False
    title: str = ""

    @property
    def is_in(self) -> bool:
        """They are there."""
        return self.status in ("creator", "administrator", "member")

    @property
    def is_admin(self) -> bool:
        """The creator is one too."""
        return self.status in ("creator", "administrator")

    def may(self, right: str) -> bool:
        """One of the rights of administrators."""
        return self.status == "creator" or (self.status == "administrator" and right in self.rights)


@dataclass(kw_only=True, eq=False)
class Topic:
    """A topic of a forum. Its id is that of the message which tells of its making."""

    id: int
    name: str
    is_closed: bool = False
    is_deleted: bool = False


@dataclass(kw_only=True, frozen=True)
class Action:
    """What "… is sending a photo" said."""

    action: str
    thread: int | None
    at_s: float


@dataclass(kw_only=True, eq=False)
class Chat:
    """Where messages are. `kind`: private (its id is the person's), group, supergroup or channel.

    `permissions`: what plain members may, the bot among them. `linked`: the group of a channel, and the reverse.
    """

    id: int
    kind: str
    title: str = ""
    username: str = ""
    user: User | None = None
    is_forum: bool = False
    permissions: frozenset[str] = TALK
    linked: "Chat | None" = field(default=None, repr=False)
    upgraded_to: "Chat | None" = field(default=None, repr=False)
    members: dict[int, Member] = field(default_factory=dict, repr=False)
    topics: dict[int, Topic] = field(default_factory=dict, repr=False)
    messages: dict[int, "Message"] = field(default_factory=dict, repr=False)
    actions: list[Action] = field(default_factory=list, repr=False)
    last_id: int = field(default=0, repr=False)

    @property
    def is_big(self) -> bool:
        """A supergroup or a channel, which counts its messages itself."""
        return self.kind in ("supergroup", "channel")

    def member(self, user: User) -> Member:
        """Their place here: somebody who never was here has left."""
        return self.members.get(user.id) or Member(user=user, status="left")


@dataclass(kw_only=True, eq=False)
class File:
    """A file on Telegram's servers. `content` is empty where a world does not keep it; size and digest stay."""

    id: str
    unique_id: str
    kind: str
    content: bytes = field(repr=False)
    size: int  # bytes
    digest: str  # SHA-256 of the content
    path: str
    name: str = ""
    mime: str = ""
    width: int = 0
    height: int = 0
    duration_s: int = 0
    thumbnail: "File | None" = field(default=None, repr=False)
    linked_until_s: float = field(default=0.0, repr=False)


@dataclass(kw_only=True, frozen=True)
class Media:
    """What a message shows. `kind`: photo, document or animation; `sizes` of a photo, of which `file` is the last."""

    file: File
    sizes: tuple[File, ...] = ()
    is_spoiler: bool = False

    @property
    def kind(self) -> str:
        """As its file."""
        return self.file.kind


class World:
    """Everything there is. Times are monotonic seconds, ahead of the clock by what was passed.

    `after_a_change` is called with each message that is new or was changed. `keeps_files` False: of what is sent only
    size and digest stay, for a hundred thousand of them.
    """

    def __init__(self) -> None:
        self.users: dict[int, User] = {}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, File] = {}
        self.messages: list[Message] = []  # in the order in which they were written
        self.inline_messages: dict[str, Message] = {}  # by inline_message_id
        self.after_a_change: Callable[[Message], None] | None = None
        self.keeps_files = True
        self._ahead_s = 0.0
        self._last_id = 100_000_000
        self._last_message_id = 0  # private chats and groups share one count
        self._changed = asyncio.Event()
        self.bot = self.add_user("Darkroom", "darkroom_bot")
        self.bot.is_bot = True
        for id_, name, username in (
            (ANONYMOUS_ID, "Group", "GroupAnonymousBot"),
            (AS_CHANNEL_ID, "Channel", "Channel_Bot"),
            (FORWARDER_ID, "Telegram", ""),
        ):
            self.users[id_] = User(id=id_, name=name, username=username, is_bot=bool(username))

    # Time

    def now(self) -> float:
        """Seconds."""
        return time.monotonic() + self._ahead_s

    def date(self) -> int:
        """Unix time, whole seconds."""
        return int(time.time() + self._ahead_s)

    def pass_time(self, seconds: float) -> None:
        """Everything is older by so much."""
        self._ahead_s += seconds
        self.touch()

    def touch(self) -> None:
        """Something changed: whoever waits looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(
        self, holds: Callable[[], bool], timeout_s: float = 5.0, what: Callable[[], str] = lambda: "it never came true"
    ) -> None:
        """Wait until this is true, here or in the bot. Raises: TimeoutError, which says `what`."""
        end_at = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > end_at:
                raise TimeoutError(f"after {timeout_s:g} s: {what()}")
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._changed.wait()

    # Things

    def new_id(self) -> int:
        """A number that nothing else has."""
        self._last_id += 1
        return self._last_id

    def new_message_id(self, chat: Chat) -> int:
        """The next number in this chat."""
        if chat.is_big:
            chat.last_id += 1
            return chat.last_id
        self._last_message_id += 1
        return self._last_message_id

    def add_user(self, name: str, username: str = "", language: str = "en") -> User:
        """Somebody new."""
        user = User(id=self.new_id(), name=name, username=username, language=language)
        self.users[user.id] = user
        return user

    def private(self, user: User) -> Chat:
        """The chat between this person and the bot."""
        if user.id not in self.chats:
            self.chats[user.id] = Chat(id=user.id, kind="private", user=user, username=user.username)
        return self.chats[user.id]

    def new_chat(self, kind: str, title: str, creator: User, **more: Any) -> Chat:
        """A group, supergroup or channel with nobody in it but who made it."""
        number = self.new_id()
        chat = Chat(id=-number if kind == "group" else _SUPERGROUPS - number, kind=kind, title=title, **more)
        chat.members[creator.id] = Member(user=creator, status="creator")
        self.chats[chat.id] = chat
        return chat

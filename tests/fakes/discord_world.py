"""What there is on the fake Discord: people, servers, channels, messages and the time. Knows nothing of any wire."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntFlag
from typing import Any

Json = dict[str, Any]

EPOCH_MS = 1_420_070_400_000  # Discord's snowflakes count from 2015
MIB = 2**20
_LOOK_S = 0.02  # whoever waits for something that is not here looks so often


class Permission(IntFlag):
    """Those that matter to a bot which answers commands."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    VIEW_AUDIT_LOG = 1 << 7
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EXTERNAL_APPS = 1 << 50


ALL = (1 << 51) - 1
_TALK = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
)
MEMBER = int(_TALK | Permission.USE_APPLICATION_COMMANDS | Permission.USE_EXTERNAL_APPS)
MANAGER = MEMBER | int(Permission.MANAGE_GUILD)
BOT = int(_TALK)
# Interactions in DMs: receiving-and-responding.mdx, "app_permissions".
PRIVATE = int(Permission.ATTACH_FILES | Permission.EMBED_LINKS | Permission.MENTION_EVERYONE)
BOT_DM = PRIVATE | int(Permission.USE_EXTERNAL_EMOJIS)

SUPPRESS_EMBEDS, EPHEMERAL, LOADING, SILENT, COMPONENTS_V2 = 1 << 2, 1 << 6, 1 << 7, 1 << 12, 1 << 15

CHANNEL_TYPES = {"text": 0, "dm": 1, "private": 1, "announcement": 5, "thread": 11, "forum": 15}


@dataclass(kw_only=True, eq=False)
class User:
    """A person, or the bot."""

    id: int
    name: str
    is_bot: bool = False
    has_blocked_bot: bool = False


@dataclass(kw_only=True, eq=False)
class Role:
    """A role of a server."""

    id: int
    name: str
    permissions: int = 0


@dataclass(kw_only=True, eq=False)
class Member:
    """Somebody in a server. `permissions` without those of the roles."""

    user: User
    permissions: int = MEMBER
    roles: list[int] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Guild:
    """A server. `app_permissions`: what the bot may do in its channels where a channel does not say otherwise."""

    id: int
    name: str
    owner: User = field(repr=False)
    has_bot: bool = True
    locale: str = "en-US"
    app_permissions: int = BOT
    attachment_size_limit: int | None = None  # bytes; None: the server's
    channels: dict[int, "Channel"] = field(repr=False, default_factory=dict)
    roles: dict[int, Role] = field(repr=False, default_factory=dict)
    members: dict[int, Member] = field(repr=False, default_factory=dict)
    audit_log: list[Json] = field(repr=False, default_factory=list)

    def member(self, user: User) -> Member:
        """Whoever acts in a server is a member of it."""
        return self.members.setdefault(user.id, Member(user=user))


@dataclass(kw_only=True, eq=False)
class Channel:
    """Where messages are. `kind`: text, announcement, forum, thread, dm (with the bot), private (without it)."""

    id: int
    kind: str
    name: str = ""
    guild: Guild | None = field(default=None, repr=False)
    parent: "Channel | None" = field(default=None, repr=False)
    is_nsfw: bool = False
    is_archived: bool = False
    is_locked: bool = False
    is_gone: bool = False
    recipients: list[User] = field(default_factory=list)
    app_permissions: int | None = None
    permissions: dict[int, int] = field(repr=False, default_factory=dict)  # user id → instead of the server's
    messages: list["Message"] = field(repr=False, default_factory=list)

    @property
    def type(self) -> int:
        """Discord's number for its kind."""
        if self.kind == "thread" and self.parent and self.parent.kind == "announcement":
            return 10
        return CHANNEL_TYPES[self.kind]

    @property
    def is_for_adults(self) -> bool:
        """Marked so itself, or in a channel that is."""
        return self.is_nsfw or bool(self.parent and self.parent.is_nsfw)

    @property
    def what_the_app_may(self) -> int:
        """The bot's permissions here."""
        if self.guild is None:
            return BOT_DM if self.kind == "dm" else PRIVATE
        if self.app_permissions is None and self.parent:
            return self.parent.what_the_app_may
        given = self.guild.app_permissions if self.app_permissions is None else self.app_permissions
        return ALL if given & Permission.ADMINISTRATOR else given

    def what_may(self, user: User) -> int:
        """A person's permissions here."""
        if self.guild is None:
            return ALL
        if user is self.guild.owner:
            return ALL
        member = self.guild.member(user)
        place = self if user.id in self.permissions or not self.parent else self.parent
        given = place.permissions.get(user.id, member.permissions)
        for role in member.roles:
            given |= self.guild.roles[role].permissions
        return ALL if given & Permission.ADMINISTRATOR else given


@dataclass(kw_only=True, eq=False)
class Attachment:
    """A file, as people or the bot sent it."""

    id: int
    filename: str
    content: bytes = field(repr=False)
    content_type: str
    url: str
    size: int  # bytes
    digest: str  # SHA-256 of the content
    description: str = ""
    is_spoiler: bool = False
    is_ephemeral: bool = False
    width: int | None = None
    height: int | None = None


@dataclass(kw_only=True, frozen=True)
class State:
    """What a message was at a time."""

    content: str
    embeds: list[Json]
    components: list[Json]
    attachments: tuple[Attachment, ...]
    flags: int
    at_s: float


@dataclass(kw_only=True, eq=False)
class Message:
    """Something that was said. `components` and `embeds` as they were sent; `history` has every state, the last too."""

    id: int
    channel: Channel = field(repr=False)
    author: User = field(repr=False)
    world: "World" = field(repr=False)
    type: int = 0
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    flags: int = 0
    attachments: list[Attachment] = field(default_factory=list)
    nonce: str | int | None = None
    reply_to: "Message | None" = field(default=None, repr=False)
    interaction: Any = field(default=None, repr=False)  # an Interaction
    seen_by: User | None = None  # who alone sees it, if it is ephemeral
    allowed_mentions: Json | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    edited_at: datetime | None = None
    n_edits: int = 0
    deleted: bool = False
    history: list[State] = field(default_factory=list, repr=False)

    @property
    def is_ephemeral(self) -> bool:
        """Only one person sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def is_loading(self) -> bool:
        """The "thinking…" that a deferred answer shows."""
        return bool(self.flags & LOADING)

    @property
    def is_v2(self) -> bool:
        """Made of components alone."""
        return bool(self.flags & COMPONENTS_V2)

    def remember(self) -> None:
        """Write down what it is now."""
        self.history.append(
            State(
                content=self.content,
                embeds=self.embeds,
                components=self.components,
                attachments=tuple(self.attachments),
                flags=self.flags,
                at_s=self.world.now(),
            )
        )
        if self.world.after_a_change:
            self.world.after_a_change(self)
        self.world.touch()

    async def until(self, holds: Callable[["Message"], bool], timeout_s: float = 5.0) -> "Message":
        """Wait until this is true of it. Raises: TimeoutError."""
        await self.world.until(lambda: holds(self), timeout_s, lambda: f"message {self.id} is {self!r}")
        return self


class World:
    """Everything there is. Times are monotonic seconds, ahead of the clock by what was passed.

    `after_a_change` is called with each message that is new or was changed.
    """

    def __init__(self) -> None:
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.attachments: dict[int, Attachment] = {}
        self.after_a_change: Callable[[Message], None] | None = None
        self.base_url = ""
        self.attachment_size_limit = 10 * MIB
        self.keeps_files = (
            True  # False: of what the bot sends only size and digest stay, for a hundred thousand of them
        )
        self._dms: dict[int, Channel] = {}
        self._ahead_s = 0.0
        self._last_id = 0
        self._changed = asyncio.Event()
        self.bot = self.add_user("darkroom")
        self.bot.is_bot = True
        self.owner = self.add_user("owner")
        self.application_id = self.new_id()

    # Time

    def now(self) -> float:
        """Seconds."""
        return time.monotonic() + self._ahead_s

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

    def new_id(self) -> int:
        """A snowflake: by the clock on the wall and what was passed, one after the other."""
        self._last_id = max(self._last_id + 1, (int((time.time() + self._ahead_s) * 1000) - EPOCH_MS) << 22)
        return self._last_id

    # Things

    def add_user(self, name: str, id: int | None = None) -> User:  # noqa: A002 - what Discord calls it
        """Somebody new."""
        user = User(id=id or self.new_id(), name=name)
        self.users[user.id] = user
        return user

    def new_guild(self, name: str, owner: User, *, has_bot: bool, locale: str) -> Guild:
        """A server without channels."""
        guild = Guild(id=self.new_id(), name=name, owner=owner, has_bot=has_bot, locale=locale)
        guild.roles[guild.id] = Role(id=guild.id, name="@everyone", permissions=MEMBER)
        guild.members[owner.id] = Member(user=owner, permissions=ALL)
        self.guilds[guild.id] = guild
        return guild

    def new_channel(self, channel: Channel) -> Channel:
        """Let it be there."""
        self.channels[channel.id] = channel
        if channel.guild:
            channel.guild.channels[channel.id] = channel
        return channel

    def dm(self, user: User) -> Channel:
        """The one between this person and the bot."""
        if user.id not in self._dms:
            self._dms[user.id] = self.new_channel(Channel(id=self.new_id(), kind="dm", recipients=[user]))
        return self._dms[user.id]

    def file_size_limit(self, channel: Channel) -> int:
        """Bytes per file here."""
        limit = channel.guild.attachment_size_limit if channel.guild else None
        return self.attachment_size_limit if limit is None else limit

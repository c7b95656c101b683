"""Setting and changing the scene of the fake Discord: servers, channels, roles; a connected bot is told of it."""

from tests.fakes.discord_people import People
from tests.fakes.discord_wire import channel_json, guild_json, role_json
from tests.fakes.discord_world import Channel, Guild, Json, Member, Message, Role, User

_BOT_ADD = 28  # of the audit log


class Scene(People):
    """People, and the places where they are."""

    def add_guild(
        self, name: str, owner: User | None = None, *, has_bot: bool | None = None, locale: str = "en-US"
    ) -> Guild:
        """A server. `has_bot` None: if no bot has connected yet; see `invite`."""
        is_there = self.gateway_side.n_identifies == 0 if has_bot is None else has_bot
        return self.new_guild(name, owner or self.add_user(f"owner of {name}"), has_bot=is_there, locale=locale)

    def add_channel(
        self,
        guild: Guild,
        name: str,
        kind: str = "text",
        *,
        nsfw: bool = False,
        parent: Channel | None = None,
        app_permissions: int | None = None,
    ) -> Channel:
        """A channel: text, announcement, forum, or thread (which needs its `parent`); a connected bot is told."""
        assert kind in ("text", "announcement", "forum", "thread"), f"no such kind: {kind}"
        assert (kind == "thread") == (parent is not None), "a thread, and only a thread, has a parent here"
        channel = self.new_channel(
            Channel(
                id=self.new_id(),
                kind=kind,
                name=name,
                guild=guild,
                is_nsfw=nsfw,
                parent=parent,
                app_permissions=app_permissions,
            )
        )
        self._tell_guild(guild, "THREAD_CREATE" if kind == "thread" else "CHANNEL_CREATE", channel_json(channel))
        return channel

    def add_private(self, *people: User) -> Channel:
        """A DM between others, where only an app of one of them is."""
        return self.new_channel(Channel(id=self.new_id(), kind="private", recipients=list(people)))

    def add_role(self, guild: Guild, name: str, permissions: int = 0, members: tuple[User, ...] = ()) -> Role:
        """A role, given to these."""
        role = Role(id=self.new_id(), name=name, permissions=permissions)
        guild.roles[role.id] = role
        for user in members:
            guild.member(user).roles.append(role.id)
        self._tell_guild(guild, "GUILD_ROLE_CREATE", {"guild_id": str(guild.id), "role": role_json(role)})
        return role

    def add_member(self, guild: Guild, user: User, permissions: int | None = None) -> Member:
        """Somebody joins, or is given other permissions; whoever acts in a server is a member anyway."""
        member = guild.member(user)
        if permissions is not None:
            member.permissions = permissions
        return member

    def delete_message(self, message: Message) -> None:
        """A moderator deletes it."""
        message.deleted = True
        self.touch()

    def delete_channel(self, channel: Channel) -> None:
        """It is gone with all that was said in it."""
        channel.is_gone = True
        if channel.guild:
            event = "THREAD_DELETE" if channel.kind == "thread" else "CHANNEL_DELETE"
            self._tell_guild(channel.guild, event, channel_json(channel))

    def archive(self, thread: Channel, *, is_archived: bool = True, is_locked: bool = False) -> None:
        """Close a thread, or open it again."""
        thread.is_archived, thread.is_locked = is_archived, is_locked
        if thread.guild:
            self._tell_guild(thread.guild, "THREAD_UPDATE", channel_json(thread))

    def invite(self, guild: Guild, by: User) -> None:
        """Somebody adds the bot to a server."""
        guild.has_bot = True
        guild.audit_log.append(
            {
                "id": str(self.new_id()),
                "action_type": _BOT_ADD,
                "user_id": str(by.id),
                "target_id": str(self.bot.id),
            }
        )
        self._tell_guild(guild, "GUILD_CREATE", guild_json(guild, self.bot))

    def expel(self, guild: Guild) -> None:
        """Somebody removes it."""
        self._tell_guild(guild, "GUILD_DELETE", {"id": str(guild.id)})
        guild.has_bot = False

    def _tell_guild(self, guild: Guild, event: str, told: Json) -> None:
        if guild.has_bot and self.gateway_side.sessions:
            self.gateway_side.dispatch(event, told, guild.id)

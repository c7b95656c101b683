"""The fake Discord's REST routes, with its rules. Knows nothing of sockets, weather or limits."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.discord_calls import Answer, Call
from tests.fakes.discord_messages import MOST_NONCE, Messages, Origin
from tests.fakes.discord_people import People
from tests.fakes.discord_refusals import Refusal, Why
from tests.fakes.discord_webhooks import Webhooks
from tests.fakes.discord_wire import application_json, channel_json, me_json, message_json, user_json
from tests.fakes.discord_world import Channel, Json, Message, Permission

_REPLY = 19


@dataclass(kw_only=True, frozen=True)
class Route:
    """One of the routes with what a path has in its place. `key`: what limits count it under."""

    name: str  # "PATCH /channels/{}/messages/{}"
    handler: Callable[..., Answer]
    arguments: tuple[str, ...]

    @property
    def is_by_token(self) -> bool:
        """An interaction's token is in the path, and nobody asks for the bot's."""
        return " /webhooks" in self.name or " /interactions" in self.name

    @property
    def key(self) -> str:
        """The route and what it is about: a channel, a server, a webhook."""
        return f"{self.name}|{'/'.join(self.arguments[: 2 if self.is_by_token else 1])}"


class Rest:
    """Everything that can be called. `nonce_window_s`: for how long a nonce is remembered.

    `is_history_forbidden`: who may not read the history gets 403 for it; Discord gives an empty list (docs).
    """

    def __init__(self, people: People, token: str) -> None:
        self._people = people
        self._token = token
        self.messages = Messages(people)
        self.webhooks = Webhooks(people, self.messages)
        self.nonce_window_s = 180.0
        self.is_history_forbidden = False
        self.n_session_starts = 1000
        self._nonces: dict[str, tuple[float, Message]] = {}
        handlers: dict[str, Callable[..., Answer]] = {
            "GET /users/@me": self._me,
            "GET /users/{}": self._user,
            "POST /users/@me/channels": self._open_dm,
            "GET /oauth2/applications/@me": self._application,
            "GET /applications/@me": self._application,
            "GET /gateway": self._gateway,
            "GET /gateway/bot": self._gateway_bot,
            "GET /applications/{}/commands": self._commands,
            "PUT /applications/{}/commands": self._put_commands,
            "GET /applications/{}/guilds/{}/commands": self._commands,
            "PUT /applications/{}/guilds/{}/commands": self._put_commands,
            "GET /guilds/{}/audit-logs": self._audit_log,
            "GET /channels/{}": self._get_channel,
            "POST /channels/{}/typing": self._type,
            "GET /channels/{}/messages": self._history,
            "POST /channels/{}/messages": self._post,
            "GET /channels/{}/messages/{}": self._get,
            "PATCH /channels/{}/messages/{}": self._patch,
            "DELETE /channels/{}/messages/{}": self._delete,
            "POST /interactions/{}/{}/callback": self.webhooks.callback,
            "POST /webhooks/{}/{}": self.webhooks.follow_up,
            "GET /webhooks/{}/{}/messages/{}": self.webhooks.get,
            "PATCH /webhooks/{}/{}/messages/{}": self.webhooks.patch,
            "DELETE /webhooks/{}/{}/messages/{}": self.webhooks.delete,
        }
        self._routes = [(name, _pattern(name), handler) for name, handler in handlers.items()]

    def find(self, method: str, path: str) -> Route | None:
        """Which route a call takes."""
        for name, pattern, handler in self._routes:
            found = pattern.match(f"{method} {path}")
            if found:
                return Route(name=name, handler=handler, arguments=found.groups())
        return None

    def do(self, call: Call, route: Route | None) -> Answer:
        """Raises: Refusal."""
        if route is None:
            raise Refusal(Why.NO_ROUTE)
        if not route.is_by_token and call.authorization != f"Bot {self._token}":
            raise Refusal(Why.UNAUTHORIZED)
        _check_form(route, call)
        return route.handler(call, *route.arguments)

    # The bot itself

    def _me(self, _call: Call) -> Answer:
        return 200, me_json(self._people.bot)

    def _user(self, _call: Call, user_id: str) -> Answer:
        user = self._people.users.get(int(user_id))
        if user is None:
            raise Refusal(Why.UNKNOWN_USER)
        return 200, user_json(user)

    def _application(self, _call: Call) -> Answer:
        people = self._people
        n_guilds = sum(guild.has_bot for guild in people.guilds.values())
        return 200, application_json(people.application_id, people.owner, people.bot, n_guilds)

    def _gateway(self, _call: Call) -> Answer:
        return 200, {"url": self._people.gateway_side.url}

    def _gateway_bot(self, _call: Call) -> Answer:
        side = self._people.gateway_side
        limit = {
            "total": self.n_session_starts,
            "remaining": max(0, self.n_session_starts - side.n_identifies),
            "reset_after": 24 * 3600 * 1000,
            "max_concurrency": 1,
        }
        return 200, {"url": side.url, "shards": side.n_shards, "session_start_limit": limit}

    # Commands

    def _check_application(self, application_id: str) -> None:
        if application_id != str(self._people.application_id):
            raise Refusal(Why.MISSING_ACCESS)

    def _commands(self, _call: Call, application_id: str, guild_id: str = "") -> Answer:
        self._check_application(application_id)
        return 200, self._people.commands.registered(int(guild_id) if guild_id else None)

    def _put_commands(self, call: Call, application_id: str, guild_id: str = "") -> Answer:
        self._check_application(application_id)
        if guild_id and not self._is_in(int(guild_id)):
            raise Refusal(Why.MISSING_ACCESS)
        registered = self._people.commands.overwrite(call.body, int(guild_id) if guild_id else None)
        self._people.touch()
        return 200, registered

    def _is_in(self, guild_id: int) -> bool:
        guild = self._people.guilds.get(guild_id)
        return guild is not None and guild.has_bot

    def _audit_log(self, call: Call, guild_id: str) -> Answer:
        guild = self._people.guilds.get(int(guild_id))
        if guild is None or not guild.has_bot:
            raise Refusal(Why.UNKNOWN_GUILD if guild is None else Why.MISSING_ACCESS)
        if not guild.app_permissions & (Permission.VIEW_AUDIT_LOG | Permission.ADMINISTRATOR):
            raise Refusal(Why.MISSING_PERMISSIONS)
        kind, limit = call.query.get("action_type"), int(call.query.get("limit", "50"))
        found = [each for each in reversed(guild.audit_log) if kind in (None, str(each["action_type"]))][:limit]
        people = [self._people.users[int(each["user_id"])] for each in found]
        told: Json = {"audit_log_entries": found, "users": [user_json(user) for user in dict.fromkeys(people)]}
        empty = ("integrations", "webhooks", "guild_scheduled_events", "threads", "application_commands")
        return 200, told | {name: [] for name in (*empty, "auto_moderation_rules")}

    # Channels

    def _channel(self, channel_id: str, needed: int = 0) -> Channel:
        channel = self._people.channels.get(int(channel_id))
        if channel is None or channel.is_gone:
            raise Refusal(Why.UNKNOWN_CHANNEL)
        if channel.kind == "private" or (channel.guild and not channel.guild.has_bot):
            raise Refusal(Why.MISSING_ACCESS)
        if channel.guild:
            may = channel.what_the_app_may
            if not may & Permission.VIEW_CHANNEL:
                raise Refusal(Why.MISSING_ACCESS)
            if needed & ~may:
                raise Refusal(Why.MISSING_PERMISSIONS)
        return channel

    def _get_channel(self, _call: Call, channel_id: str) -> Answer:
        return 200, channel_json(self._channel(channel_id))

    def _open_dm(self, call: Call) -> Answer:
        user = self._people.users.get(int(call.body.get("recipient_id") or 0))
        if user is None or user.is_bot:
            raise Refusal.form({"recipient_id": "Invalid recipient"})
        return 200, channel_json(self._people.dm(user))

    def _type(self, _call: Call, channel_id: str) -> Answer:
        self._channel(channel_id, Permission.SEND_MESSAGES)
        return 204, None

    # Messages

    def _post(self, call: Call, channel_id: str) -> Answer:
        channel, body = self._channel(channel_id), call.body
        self._check_may_post(channel, has_files=bool(call.parts))
        nonce = body.get("nonce")
        if nonce is not None and len(str(nonce)) > MOST_NONCE:
            raise Refusal.form({"nonce": f"Must be {MOST_NONCE} or fewer in length."})
        is_enforced = nonce is not None and bool(body.get("enforce_nonce"))
        if is_enforced and (known := self._known(str(nonce))):
            if known.deleted:
                raise Refusal(Why.UNKNOWN_MESSAGE)
            return 200, message_json(known)
        reply_to = self._reply_to(channel, body.get("message_reference"))
        origin = Origin(
            channel=channel,
            author=self._people.bot,
            type=_REPLY if reply_to else 0,
            reply_to=reply_to,
            nonce=nonce,
        )
        message = self.messages.create(origin, body, call.parts)
        channel.is_archived = False
        if is_enforced:
            self._nonces[str(nonce)] = (self._people.now(), message)
        return 200, message_json(message)

    def _known(self, nonce: str) -> Message | None:
        made_at, message = self._nonces.get(nonce, (-self.nonce_window_s, None))
        return message if self._people.now() - made_at < self.nonce_window_s else None

    def _check_may_post(self, channel: Channel, *, has_files: bool) -> None:
        if channel.kind == "forum":
            raise Refusal(Why.FORUM)
        if channel.kind == "dm" and channel.recipients[0].has_blocked_bot:
            raise Refusal(Why.BLOCKED)
        if channel.guild is None:
            return
        needed = Permission.SEND_MESSAGES_IN_THREADS if channel.kind == "thread" else Permission.SEND_MESSAGES
        if has_files:
            needed |= Permission.ATTACH_FILES
        if needed & ~channel.what_the_app_may:
            raise Refusal(Why.MISSING_PERMISSIONS)
        if channel.is_locked and not channel.what_the_app_may & Permission.MANAGE_THREADS:
            raise Refusal(Why.LOCKED)

    def _reply_to(self, channel: Channel, reference: Json | None) -> Message | None:
        if not reference or not reference.get("message_id"):
            return None
        if channel.guild and not channel.what_the_app_may & Permission.READ_MESSAGE_HISTORY:
            raise Refusal(Why.NO_REPLY_WITHOUT_HISTORY)
        found = self._people.messages.get(int(reference["message_id"]))
        if found and found.channel is channel and not found.deleted and not found.is_ephemeral:
            return found
        if reference.get("fail_if_not_exists", True):
            raise Refusal.form({"message_reference": "Unknown message"})
        return None

    def _message(self, channel: Channel, message_id: str) -> Message:
        """One that a bot's token reaches: an ephemeral one is not."""
        found = self._people.messages.get(int(message_id))
        if found is None or found.deleted or found.is_ephemeral or found.channel is not channel:
            raise Refusal(Why.UNKNOWN_MESSAGE)
        return found

    def _get(self, _call: Call, channel_id: str, message_id: str) -> Answer:
        channel = self._channel(channel_id, Permission.READ_MESSAGE_HISTORY)
        return 200, message_json(self._message(channel, message_id))

    def _patch(self, call: Call, channel_id: str, message_id: str) -> Answer:
        channel = self._channel(channel_id)
        message = self._message(channel, message_id)
        if message.author is not self._people.bot:
            raise Refusal(Why.NOT_THE_AUTHOR)
        if channel.is_archived:
            raise Refusal(Why.ARCHIVED)
        if call.parts and channel.guild and not channel.what_the_app_may & Permission.ATTACH_FILES:
            raise Refusal(Why.MISSING_PERMISSIONS)
        self.messages.edit(message, call.body, call.parts)
        return 200, message_json(message)

    def _delete(self, _call: Call, channel_id: str, message_id: str) -> Answer:
        channel = self._channel(channel_id)
        message = self._message(channel, message_id)
        is_mine = message.author is self._people.bot
        if not is_mine and not (channel.guild and channel.what_the_app_may & Permission.MANAGE_MESSAGES):
            raise Refusal(Why.MISSING_PERMISSIONS)
        self.messages.delete(message)
        return 204, None

    def _history(self, call: Call, channel_id: str) -> Answer:
        channel = self._channel(channel_id)
        if channel.guild and not channel.what_the_app_may & Permission.READ_MESSAGE_HISTORY:
            if self.is_history_forbidden:
                raise Refusal(Why.MISSING_ACCESS)
            return 200, []
        limit = int(call.query.get("limit", "50"))
        if not 1 <= limit <= 100:
            raise Refusal.form({"limit": "int value should be between 1 and 100."})
        seen = [each for each in channel.messages if not each.deleted and not each.is_ephemeral]
        return 200, [message_json(each) for each in _page(seen, call.query, limit)]


def _check_form(route: Route, call: Call) -> None:
    has_ids = route.name.partition(" ")[2].startswith(("/channels", "/guilds", "/users"))
    if has_ids and not all(each.isdecimal() for each in route.arguments):
        raise Refusal.form({"id": "Value is not snowflake."})
    needed = list if call.method == "PUT" else dict
    has_body = call.method in ("POST", "PATCH", "PUT") and not route.name.endswith("typing")
    if has_body and not isinstance(call.body, needed):
        raise Refusal(Why.BAD_JSON)


def _page(messages: list[Message], query: dict[str, Any], limit: int) -> list[Message]:
    """Newest first, whatever was asked."""
    if "after" in query:
        return [each for each in messages if each.id > int(query["after"])][:limit][::-1]
    if "before" in query:
        return [each for each in messages if each.id < int(query["before"])][-limit:][::-1]
    if "around" in query:
        middle = int(query["around"])
        older = [each for each in messages if each.id <= middle][-(limit // 2 + 1) :]
        newer = [each for each in messages if each.id > middle][: limit - len(older)]
        return (older + newer)[::-1]
    return messages[-limit:][::-1]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(r"\{\}", r"([^/]+)") + "$")

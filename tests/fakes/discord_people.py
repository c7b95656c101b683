"""What people do on the fake Discord: type commands, press buttons, choose, fill in forms, write.

What Discord's client would not let them do is an AssertionError that says why. Knows nothing of HTTP.
"""

import asyncio
import hashlib
import random
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.discord_commands import CHAT, FILE, MESSAGE, Commands, context_of
from tests.fakes.discord_faults import Mishap, Weather
from tests.fakes.discord_forms import filled_in
from tests.fakes.discord_gateway import Gateway
from tests.fakes.discord_interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL, Interaction
from tests.fakes.discord_messages import clean_name, content_type, measured
from tests.fakes.discord_rules import BUTTON, SELECT, walk
from tests.fakes.discord_typing import fill, leaf_options, nested
from tests.fakes.discord_wire import channel_json, member_json, message_json, user_json
from tests.fakes.discord_world import EPHEMERAL, Attachment, Channel, Json, Message, Permission, User, World

_LATE_S = 0.03  # an interaction that is late waits for the next one, but no longer than this


class People(World):
    """The world with somebody in it."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.commands = Commands(self)
        self.gateway_side = Gateway(self, token)
        self.interactions: dict[str, Interaction] = {}  # by token
        self.weather = Weather(luck=random.Random(0))
        self._late: Interaction | None = None

    def upload(self, filename: str, content: bytes, media_type: str = "") -> Attachment:
        """A file that somebody is about to send."""
        assert self.base_url, "start the server first: a file has an address"
        id = self.new_id()  # noqa: A001 - what Discord calls it
        name = clean_name(filename)
        width, height = measured(content)
        attachment = Attachment(
            id=id,
            filename=name,
            content=content,
            size=len(content),
            digest=hashlib.sha256(content).hexdigest(),
            content_type=media_type or content_type(name),
            url=f"{self.base_url}/ephemeral-attachments/{self.application_id}/{id}/{name}",
            width=width,
            height=height,
            is_ephemeral=True,
        )
        self.attachments[id] = attachment
        return attachment

    def say(
        self,
        user: User,
        channel: Channel,
        content: str = "",
        files: Sequence[Attachment] = (),
        embeds: Sequence[Json] = (),
    ) -> Message:
        """Somebody writes; the bot, which asks for no messages, hears nothing of it."""
        assert channel.kind != "forum", "nobody can write in a forum itself"
        message = Message(
            id=self.new_id(),
            channel=channel,
            author=user,
            world=self,
            content=content,
            embeds=list(embeds),
            attachments=list(files),
        )
        self.messages[message.id] = message
        channel.messages.append(message)
        message.remember()
        return message

    async def slash(
        self,
        user: User,
        channel: Channel,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        locale: str = "en-US",
        install: str = "guild",
    ) -> Interaction:
        """Type a command; "queue show" is a subcommand. Files come from `upload`."""
        root, *path = name.split(" ")
        command = self.commands.find(root, CHAT, user, channel, install)
        filled = fill(command, path, options or {}, channel.guild)
        data: Json = {"id": command["id"], "name": root, "type": CHAT}
        if filled.options:
            data["options"] = filled.options
        if filled.resolved:
            data["resolved"] = filled.resolved
        return await self._interact(COMMAND, user, channel, data, install=install, locale=locale)

    async def context(
        self,
        user: User,
        channel: Channel,
        message: Message,
        name: str,
        *,
        locale: str = "en-US",
        install: str = "guild",
    ) -> Interaction:
        """Choose a command from the menu of a message."""
        assert message.channel is channel, "the message is elsewhere"
        self._check_sees(user, message)
        command = self.commands.find(name, MESSAGE, user, channel, install)
        data = {
            "id": command["id"],
            "name": name,
            "type": MESSAGE,
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): message_json(message)}},
        }
        return await self._interact(COMMAND, user, channel, data, install=install, locale=locale)

    async def autocomplete(
        self,
        user: User,
        channel: Channel,
        name: str,
        option: str,
        typed: str,
        others: Mapping[str, Any] | None = None,
        *,
        locale: str = "en-US",
        install: str = "guild",
    ) -> list[Json]:
        """Begin to type an option; the choices that are proposed. Raises: TimeoutError."""
        root, *path = name.split(" ")
        command = self.commands.find(root, CHAT, user, channel, install)
        options = [{"name": option, "value": typed, "focused": True}]
        known = {each["name"]: each for each in leaf_options(command, path)}
        assert known.get(option, {}).get("autocomplete"), f"option {option!r} of /{name} does not complete"
        for key, value in (others or {}).items():
            assert known[key]["type"] != FILE, "the client sends no files while typing"
            options.append({"name": key, "value": value})
        for each in options:
            each["type"] = known[str(each["name"])]["type"]
        data = {"id": command["id"], "name": root, "type": CHAT, "options": nested(path, command, options)}
        interaction = await self._interact(AUTOCOMPLETE, user, channel, data, install=install, locale=locale)
        return (await interaction.acked()).choices

    async def click(self, user: User, message: Message, custom_id: str, *, locale: str = "en-US") -> Interaction:
        """Press a button."""
        pressed = self._component(user, message, custom_id, BUTTON)
        data = {"custom_id": custom_id, "component_type": BUTTON, "id": pressed["id"]}
        return await self._interact_with(user, message, data, locale)

    async def choose(
        self, user: User, message: Message, custom_id: str, values: Sequence[str], *, locale: str = "en-US"
    ) -> Interaction:
        """Choose in a select of texts."""
        select = self._component(user, message, custom_id, SELECT)
        known = [each["value"] for each in select["options"]]
        assert set(values) <= set(known), f"{values} are not all among {known}"
        least, most = select.get("min_values", 1), select.get("max_values", 1)
        assert least <= len(values) <= most, f"{custom_id} takes {least} to {most} values"
        data = {"custom_id": custom_id, "component_type": SELECT, "id": select["id"], "values": list(values)}
        return await self._interact_with(user, message, data, locale)

    async def submit(
        self, opened: Interaction, values: Mapping[str, Any] | None = None, *, locale: str = "en-US"
    ) -> Interaction:
        """Fill in the form that this interaction opened and send it; what is not named stays as it was proposed."""
        assert opened.modal is not None, f"no form was opened, but {opened.response}"
        data = filled_in(opened.modal, values or {})
        return await self._interact(
            MODAL,
            opened.user,
            opened.channel,
            data,
            install=opened.install,
            locale=locale,
            origin=opened.origin,
            trigger=opened,
        )

    # Below

    def _check_sees(self, user: User, message: Message) -> None:
        assert not message.deleted, "the message is deleted"
        assert message.seen_by in (None, user), f"{user.name} does not see an ephemeral message to somebody else"
        may = message.channel.what_may(user)
        assert may & Permission.VIEW_CHANNEL, f"{user.name} does not see #{message.channel.name}"

    def _component(self, user: User, message: Message, custom_id: str, kind: int) -> Json:
        self._check_sees(user, message)
        told = message_json(message)["components"]
        known = {each["custom_id"]: each for _, each in walk(told) if each.get("custom_id")}
        assert custom_id in known, f"no component {custom_id!r}; there are {sorted(known)}"
        component = known[custom_id]
        assert component["type"] == kind, f"{custom_id!r} is of type {component['type']}"
        assert not component.get("disabled"), f"{custom_id!r} is disabled"
        return component

    async def _interact_with(self, user: User, message: Message, data: Json, locale: str) -> Interaction:
        origin = message.interaction
        install = origin.install if origin else "guild"
        return await self._interact(
            COMPONENT, user, message.channel, data, install=install, locale=locale, origin=message, trigger=origin
        )

    async def _interact(
        self,
        kind: int,
        user: User,
        channel: Channel,
        data: Json,
        *,
        install: str,
        locale: str,
        origin: Message | None = None,
        trigger: Interaction | None = None,
    ) -> Interaction:
        interaction = Interaction(
            id=self.new_id(),
            token=f"aW50ZXJhY3Rpb246{secrets.token_urlsafe(120)}",
            type=kind,
            user=user,
            channel=channel,
            install=install,
            data=data,
            world=self,
            origin=origin,
            trigger=trigger,
        )
        interaction.payload = self._payload(interaction, locale)
        self.interactions[interaction.token] = interaction
        self._send(interaction)
        await asyncio.sleep(0)
        return interaction

    def _payload(self, interaction: Interaction, locale: str) -> Json:
        channel, user = interaction.channel, interaction.user
        told: Json = {
            "id": str(interaction.id),
            "application_id": str(self.application_id),
            "type": interaction.type,
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel": channel_json(channel) | {"permissions": str(channel.what_may(user))},
            "channel_id": str(channel.id),
            "app_permissions": str(channel.what_the_app_may),
            "locale": locale,
            "entitlements": [],
            "authorizing_integration_owners": interaction.owners(),
            "context": context_of(channel),
            "attachment_size_limit": self.file_size_limit(channel),
        }
        if interaction.origin:
            told["message"] = message_json(interaction.origin)
        if channel.guild is None:
            return told | {"user": user_json(user)}
        guild = channel.guild
        return told | {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "features": [], "locale": guild.locale},
            "guild_locale": guild.locale,
            "member": member_json(guild.member(user), channel.what_may(user)),
        }

    def _send(self, interaction: Interaction) -> None:
        """To the bot, in whatever weather there is."""
        mishap = self.weather.of_an_event() if interaction.type != AUTOCOMPLETE else None
        if mishap is Mishap.LATE and self._late is None:
            self._late = interaction
            asyncio.get_running_loop().call_later(_LATE_S, self._send_late)
            return
        self._tell(interaction)
        if mishap is Mishap.TWICE:
            self._tell(interaction)
        self._send_late()

    def _send_late(self) -> None:
        late, self._late = self._late, None
        if late:
            self._tell(late)

    def _tell(self, interaction: Interaction) -> None:
        if not interaction.dispatched_at:
            interaction.dispatched_at = self.now()
        guild = interaction.channel.guild
        interaction.n_dispatched += self.gateway_side.dispatch(
            "INTERACTION_CREATE", interaction.payload, guild.id if guild else None
        )

    def must_be_ephemeral(self, interaction: Interaction) -> bool:
        """The server does not let apps of its members speak for all to see."""
        channel = interaction.channel
        if not (channel.guild and interaction.is_for_user_alone):
            return False
        return not channel.what_may(interaction.user) & Permission.USE_EXTERNAL_APPS


def seen_by(interaction: Interaction, flags: int, *, must: bool) -> User | None:
    """Who alone sees an answer with these flags; None: everybody."""
    return interaction.user if must or flags & EPHEMERAL else None

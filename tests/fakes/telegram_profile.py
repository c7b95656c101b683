"""What the bot says of itself on the fake Telegram: its commands by scope and language, its descriptions."""

import json
import re
from typing import Any

from tests.fakes.telegram_access import Access
from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_world import Chat, Json, User, World

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_LANGUAGE = re.compile(r"(?:[a-z]{2})?")
_MOST_COMMANDS = 100
_MOST_DESCRIPTION, _MOST_SHORT = 512, 120  # characters
_OPEN = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators")
_OF_A_CHAT = ("chat", "chat_administrators", "chat_member")


class Profile:
    """What was set. `commands` by scope (as JSON with sorted keys) and language."""

    def __init__(self, world: World, access: Access) -> None:
        self._world = world
        self._access = access
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.descriptions: dict[str, str] = {}  # by language
        self.short_descriptions: dict[str, str] = {}

    # Methods. Each raises Refusal.

    def set_commands(self, call: Call) -> Any:
        """Instead of those of this scope and language."""
        commands = call.json("commands")
        if not isinstance(commands, list) or len(commands) > _MOST_COMMANDS:
            raise Refusal(Why.COMMANDS)
        for each in commands:
            if not _COMMAND.fullmatch(str(each.get("command", ""))):
                raise Refusal(Why.COMMAND)
            if not 1 <= len(str(each.get("description", ""))) <= 256:
                raise Refusal(Why.COMMAND_DESCRIPTION)
        self.commands[self._scope(call), self._language(call)] = commands
        self._world.touch()
        return True

    def get_commands(self, call: Call) -> Any:
        """Those of exactly this scope and language."""
        return self.commands.get((self._scope(call), self._language(call)), [])

    def delete_commands(self, call: Call) -> Any:
        """The next wider scope is seen again."""
        self.commands.pop((self._scope(call), self._language(call)), None)
        self._world.touch()
        return True

    def set_description(self, call: Call) -> Any:
        """What stands in an empty chat."""
        return self._describe(call, "description", self.descriptions, _MOST_DESCRIPTION)

    def get_description(self, call: Call) -> Any:
        """As it was set."""
        return {"description": self.descriptions.get(self._language(call), "")}

    def set_short_description(self, call: Call) -> Any:
        """What stands on its page."""
        return self._describe(call, "short_description", self.short_descriptions, _MOST_SHORT)

    def get_short_description(self, call: Call) -> Any:
        """As it was set."""
        return {"short_description": self.short_descriptions.get(self._language(call), "")}

    def get_name(self, _call: Call) -> Any:
        """The bot's."""
        return {"name": self._world.bot.name}

    # What a person sees

    def seen_by(self, user: User, chat: Chat) -> list[Json]:
        """The commands in this person's menu: of the narrowest scope there is, in their language or for all."""
        here: Json = {"chat_id": chat.id}
        scopes: list[Json] = [{"type": "chat_member", "user_id": user.id, **here}]
        is_admin = chat.kind != "private" and chat.member(user).is_admin
        if is_admin:
            scopes.append({"type": "chat_administrators", **here})
        scopes.append({"type": "chat", **here})
        if is_admin:
            scopes.append({"type": "all_chat_administrators"})
        scopes.append({"type": "all_private_chats" if chat.kind == "private" else "all_group_chats"})
        scopes.append({"type": "default"})
        for scope in scopes:
            for language in (user.language, ""):
                if commands := self.commands.get((_key(scope), language)):
                    return commands
        return []

    # Below

    def _scope(self, call: Call) -> str:
        scope = call.json("scope") or {"type": "default"}
        if scope.get("type") in _OPEN:
            return _key({"type": scope["type"]})
        if scope.get("type") not in _OF_A_CHAT:
            raise Refusal(Why.SCOPE)
        chat = self._access.named(str(scope.get("chat_id", "")))
        member = {"user_id": scope.get("user_id")} if scope["type"] == "chat_member" else {}
        return _key({"type": scope["type"], "chat_id": chat.id, **member})

    def _language(self, call: Call) -> str:
        language = call.text("language_code")
        if not _LANGUAGE.fullmatch(language):
            raise Refusal(Why.LANGUAGE)
        return language

    def _describe(self, call: Call, name: str, kept: dict[str, str], most: int) -> bool:
        if len(call.text(name)) > most:
            raise Refusal(Why.DESCRIPTION)
        kept[self._language(call)] = call.text(name)
        return True


def _key(scope: Json) -> str:
    return json.dumps(scope, sort_keys=True)

"""The fake Bot API's methods about chats and who is in them."""

from typing import Any

from tests.fakes.telegram_access import Access
from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_scene import Scene
from tests.fakes.telegram_wire import full_chat_json, member_json
from tests.fakes.telegram_world import Chat, Member


class Places:
    """Every method raises Refusal. `shows_anonymous`: administrators who are anonymous are told as what they are.

    Telegram was seen not to (tdlib/telegram-bot-api#667): the press of one comes from their own account, which is in no
    list of administrators.
    """

    def __init__(self, scene: Scene, access: Access) -> None:
        self._scene = scene
        self._access = access
        self.shows_anonymous = False

    def get_chat(self, call: Call) -> Any:
        """All about it."""
        return full_chat_json(self._access.chat(call))

    def get_member(self, call: Call) -> Any:
        """Somebody's place."""
        chat = self._access.chat(call)
        user = self._scene.users.get(call.integer("user_id"))
        if user is None:
            raise Refusal(Why.NO_USER)
        if chat.kind == "private":
            return member_json(Member(user=user, status="member" if user is chat.user else "left"), chat)
        return member_json(self._shown(chat, chat.member(user)), chat)

    def get_administrators(self, call: Call) -> Any:
        """All of them; of bots only this one, if no others are asked for."""
        chat = self._access.chat(call)
        if chat.kind == "private":
            raise Refusal.bad("there are no administrators in the private chat")
        is_wanted = call.flag("return_bots")
        found = [self._shown(chat, each) for each in chat.members.values()]
        return [
            member_json(each, chat)
            for each in found
            if each.is_admin and (is_wanted or not each.user.is_bot or each.user is self._scene.bot)
        ]

    def leave(self, call: Call) -> Any:
        """The bot goes."""
        chat = self._access.chat(call, is_to_write=True)
        if chat.kind == "private":
            raise Refusal.bad("chat member status can't be changed in private chats")
        self._scene.remove_bot(self._scene.bot, chat, is_kicked=False)
        return True

    def _shown(self, chat: Chat, member: Member) -> Member:
        if not member.is_anonymous or self.shows_anonymous or not chat.is_big:
            return member
        return Member(user=member.user)

"""Everything that can be called at the fake Bot API. Knows nothing of sockets, weather or limits."""

import re
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from tests.fakes.telegram_access import Access
from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_content import Contents
from tests.fakes.telegram_editing import Editing
from tests.fakes.telegram_places import Places
from tests.fakes.telegram_profile import Profile
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_scene import Scene
from tests.fakes.telegram_sending import Sending
from tests.fakes.telegram_webhook import Webhook
from tests.fakes.telegram_wire import file_json, user_json

_TOKEN = re.compile(r"\d+:[\w-]{24,}")
_SECRET = re.compile(r"[\w-]*", re.ASCII)
_MOST_SECRET, _MOST_UPDATES, _MOST_CONNECTIONS = 256, 100, 100
_FRESH_S = 600.0  # for so long after its start a bot cannot be closed
_URL = re.compile(r"https://\S+|http://(?:127\.0\.0\.1|localhost)[:/]\S*")


class Methods:
    """Each handler returns the result of its call, or raises Refusal. `webhook_pause_s`: before a third try.

    `n_host_unknown`: of the next addresses, how many are not found.
    """

    def __init__(self, scene: Scene, token: str) -> None:
        self._scene = scene
        self._token = token
        self._began_at = scene.now()
        self.access = Access(scene)
        self.profile = Profile(scene, self.access)
        self.places = Places(scene, self.access)
        self.webhook: Webhook | None = None
        self.webhook_pause_s = 1.0
        self.n_host_unknown = 0
        self.is_logged_out = False
        self._max_connections = 40
        contents = Contents(scene.files_side)
        sending, editing = Sending(scene, self.access, contents), Editing(scene, self.access, contents)
        self._handlers: dict[str, Callable[[Call], Any]] = {
            "getMe": lambda _: user_json(scene.bot, is_me=True),
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._webhook_info,
            "close": self._close,
            "logOut": self._log_out,
            "getFile": self._get_file,
            "sendMessage": sending.send_message,
            "sendPhoto": sending.send_photo,
            "sendDocument": sending.send_document,
            "sendAnimation": sending.send_animation,
            "sendMediaGroup": sending.send_media_group,
            "sendChatAction": sending.send_chat_action,
            "editMessageText": editing.edit_text,
            "editMessageCaption": editing.edit_caption,
            "editMessageMedia": editing.edit_media,
            "editMessageReplyMarkup": editing.edit_markup,
            "deleteMessage": editing.delete,
            "answerCallbackQuery": scene.queries.answer_press,
            "answerInlineQuery": scene.queries.answer_inline,
            "getChat": self.places.get_chat,
            "getChatMember": self.places.get_member,
            "getChatAdministrators": self.places.get_administrators,
            "leaveChat": self.places.leave,
            "setMyCommands": self.profile.set_commands,
            "getMyCommands": self.profile.get_commands,
            "deleteMyCommands": self.profile.delete_commands,
            "setMyDescription": self.profile.set_description,
            "getMyDescription": self.profile.get_description,
            "setMyShortDescription": self.profile.set_short_description,
            "getMyShortDescription": self.profile.get_short_description,
            "getMyName": self.profile.get_name,
        }
        self._names = {name.lower(): name for name in self._handlers}
        scene.updates.after_one = self._wake_webhook

    def name(self, method: str) -> str:
        """As it is written: on the wire names have no case."""
        return self._names.get(method.lower(), method)

    def check_token(self, token: str) -> None:
        """Raises: Refusal, another one for what does not even look like a token."""
        if not _TOKEN.fullmatch(token):
            raise Refusal(Why.NOT_FOUND)
        if token != self._token:
            raise Refusal(Why.UNAUTHORIZED)

    async def do(self, call: Call) -> Any:
        """Raises: Refusal."""
        self.check_token(call.token)
        handler = self._handlers.get(call.method)
        if handler is None:
            raise Refusal(Why.NO_METHOD)
        if self.is_logged_out:
            raise Refusal(Why.LOGGED_OUT)
        result = handler(call)
        return await result if isawaitable(result) else result

    async def stop(self) -> None:
        """Nobody is told anything any more."""
        self._scene.updates.dismiss(None)
        if self.webhook:
            await self.webhook.close()

    # Updates

    async def _get_updates(self, call: Call) -> Any:
        if self.webhook:
            raise Refusal(Why.WEBHOOK_ACTIVE)
        self._scene.updates.allow(call.json("allowed_updates"))
        limit = min(max(call.integer("limit", _MOST_UPDATES), 1), _MOST_UPDATES)
        return await self._scene.updates.get(call.integer("offset"), limit, max(0, call.integer("timeout")))

    async def _set_webhook(self, call: Call) -> Any:
        url, secret = call.text("url"), call.text("secret_token")
        if not url:
            return await self._delete_webhook(call)
        if not _URL.match(url):  # Telegram takes no address without TLS, and only four ports
            raise Refusal(Why.WEBHOOK_URL)
        if self.n_host_unknown:
            self.n_host_unknown -= 1
            raise Refusal(Why.WEBHOOK_HOST)
        if len(secret) > _MOST_SECRET:
            raise Refusal(Why.LONG_SECRET)
        if not _SECRET.fullmatch(secret):
            raise Refusal(Why.SECRET)
        self._scene.updates.dismiss(Why.WEBHOOK_SET)
        await self._delete_webhook(call)
        self._scene.updates.allow(call.json("allowed_updates"))
        self._max_connections = min(max(call.integer("max_connections", 40), 1), _MOST_CONNECTIONS)
        self.webhook = Webhook(self._scene, self._scene.updates, url, secret, self.webhook_pause_s)
        self.webhook.wake()
        self._scene.touch()
        return True

    async def _delete_webhook(self, call: Call) -> Any:
        webhook, self.webhook = self.webhook, None
        if webhook:
            await webhook.close()
        if call.flag("drop_pending_updates"):
            self._scene.updates.forget()
        return True

    def _webhook_info(self, _call: Call) -> Any:
        told: dict[str, Any] = {
            "url": self.webhook.url if self.webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._scene.updates.pending),
        }
        if self.webhook:
            told |= {"max_connections": self._max_connections, "ip_address": "127.0.0.1"}
            if self.webhook.last_error:
                told["last_error_date"], told["last_error_message"] = self.webhook.last_error
        return told

    def _wake_webhook(self) -> None:
        if self.webhook:
            self.webhook.wake()

    # The rest

    def _get_file(self, call: Call) -> Any:
        file = self._scene.files_side.linked(call.text("file_id"))
        return file_json(file) | {"file_path": file.path}

    async def _close(self, _call: Call) -> Any:
        left_s = self._began_at + _FRESH_S - self._scene.now()
        if left_s > 0:
            raise Refusal((429, f"Too Many Requests: retry after {int(left_s) + 1}"), retry_after=int(left_s) + 1)
        await self._leave_off()
        return True

    async def _log_out(self, _call: Call) -> Any:
        await self._leave_off()
        self.is_logged_out = True
        return True

    async def _leave_off(self) -> None:
        await self.stop()
        self.webhook = None

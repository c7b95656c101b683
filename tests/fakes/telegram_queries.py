"""Presses of buttons and inline queries on the fake Telegram, and how the bot answers them."""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_files import Files
from tests.fakes.telegram_keyboards import checked_keyboard
from tests.fakes.telegram_message import Message
from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_world import Json, User, World

_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_WORDS, _MOST_RESULTS, _MOST_ID = 200, 50, 64  # characters, results, bytes


@dataclass(kw_only=True, frozen=True)
class Answer:
    """What somebody sees who pressed a button. For `cached_s` their client gives the same answer without asking."""

    text: str
    show_alert: bool
    url: str
    cached_s: int


@dataclass(kw_only=True, eq=False)
class Press:
    """Somebody pressed a button. `was_cached`: their client knew the answer and the bot heard nothing."""

    id: str
    user: User
    message: Message = field(repr=False)
    data: str
    world: World = field(repr=False)
    pressed_at: float
    answer: Answer | None = None
    answered_at: float | None = None
    was_cached: bool = False
    was_refused: bool = False
    update: Any = field(default=None, repr=False)  # an Update

    @property
    def answered_after_s(self) -> float | None:
        """None: not yet."""
        return None if self.answered_at is None else self.answered_at - self.pressed_at

    async def answered(self, timeout_s: float = 5.0) -> Answer:
        """Wait for the answer. Raises: TimeoutError."""
        await self.world.until(lambda: self.answer is not None, timeout_s, lambda: f"no answer to {self!r}")
        assert self.answer
        return self.answer


@dataclass(kw_only=True, eq=False)
class InlineQuery:
    """Somebody typed the bot's name and some words. `results` None: not answered yet."""

    id: str
    user: User
    query: str
    asked_at: float
    results: list[Json] | None = None
    is_personal: bool = False
    next_offset: str = ""
    cached_s: int = 300
    button: Json | None = None
    was_refused: bool = False
    update: Any = field(default=None, repr=False)  # an Update


class Queries:
    """All that were asked. `good_for_s`: for how long the bot may answer; then nobody waits any more."""

    def __init__(self, world: World, files: Files) -> None:
        self._world = world
        self._files = files
        self.good_for_s = 15.0
        self.presses: dict[str, Press] = {}
        self.inline: dict[str, InlineQuery] = {}
        self._cached: dict[tuple[int, Message, str], tuple[float, Answer]] = {}

    def cached(self, user: User, message: Message, data: str) -> Answer | None:
        """What the person's client knows already."""
        until, answer = self._cached.get((user.id, message, data), (0.0, None))
        return answer if self._world.now() < until else None

    def answer_press(self, call: Call) -> bool:
        """answerCallbackQuery. Raises: Refusal."""
        press = self.presses.get(call.text("callback_query_id"))
        if press is None or press.answer or self._is_old(press.pressed_at):
            raise Refusal(Why.QUERY)
        if len(call.text("text")) > _MOST_WORDS:
            raise Refusal(Why.LONG_ANSWER)
        now = self._world.now()
        press.answer = Answer(
            text=call.text("text"),
            show_alert=call.flag("show_alert"),
            url=call.text("url"),
            cached_s=call.integer("cache_time"),
        )
        press.answered_at = now
        if press.answer.cached_s > 0:
            self._cached[press.user.id, press.message, press.data] = (now + press.answer.cached_s, press.answer)
        self._world.touch()
        return True

    def answer_inline(self, call: Call) -> bool:
        """answerInlineQuery. Raises: Refusal."""
        query = self.inline.get(call.text("inline_query_id"))
        if query is None or query.results is not None or self._is_old(query.asked_at):
            raise Refusal(Why.QUERY)
        results = call.json("results")
        if not isinstance(results, list) or len(results) > _MOST_RESULTS:
            raise Refusal(Why.RESULTS)
        for each in results:
            self._check_result(each)
        if len({each["id"] for each in results}) < len(results):
            raise Refusal(Why.RESULT_TWICE)
        if len(call.text("next_offset").encode()) > _MOST_ID:
            raise Refusal(Why.NEXT_OFFSET)
        query.button = self._checked_button(call.json("button"))
        query.results, query.next_offset = results, call.text("next_offset")
        query.cached_s = call.integer("cache_time", 300)
        query.is_personal = call.flag("is_personal")
        self._world.touch()
        return True

    def _checked_button(self, button: Json | None) -> Json | None:
        """What stands over the results; it leads to the bot by a link, if to nothing on the web."""
        if button is None:
            return None
        if not str(button.get("text", "")).strip():
            raise Refusal(Why.BUTTON_TEXT)
        if not _PAYLOAD.fullmatch(str(button.get("start_parameter", ""))):
            raise Refusal(Why.START_PARAMETER)
        return button

    def _check_result(self, result: Json) -> None:
        if not 1 <= len(str(result.get("id", "")).encode()) <= _MOST_ID:
            raise Refusal(Why.RESULT_ID)
        checked_keyboard(result.get("reply_markup"))
        if result.get("type") == "photo" and "photo_file_id" in result:
            self._files.known(result["photo_file_id"], "photo")
        elif result.get("type") != "article":
            raise Refusal(Why.RESULT_TYPE)  # Telegram knows more of them

    def _is_old(self, asked_at: float) -> bool:
        return self._world.now() - asked_at > self.good_for_s

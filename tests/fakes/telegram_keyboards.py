"""Keyboards under messages of the fake Telegram: a button that Telegram would not take is refused."""

import re
from typing import Any

from tests.fakes.telegram_refusals import Refusal, Why
from tests.fakes.telegram_world import Json

_ACTIONS = (
    *("url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat"),
    *("switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay"),
)
_STYLES = ("danger", "success", "primary")
_URL = re.compile(r"(?:https?|tg|ton)://\S+$|[\w-]+(?:\.[\w-]+)+(?:/\S*)?$")
_MOST_DATA, _MOST_COPY, _MOST_BUTTONS = 64, 256, 100  # bytes, characters, in all


def checked_keyboard(markup: Any) -> Json | None:
    """A keyboard as it is kept: None where it has no buttons. Raises: Refusal."""
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise Refusal(Why.MARKUP)
    if "inline_keyboard" not in markup:
        return markup  # for people's fingers: not seen in messages
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refusal(Why.MARKUP)
    for row in rows:
        for each in row:
            _check_button(each)
    rows = [row for row in rows if row]
    if sum(map(len, rows)) > _MOST_BUTTONS:
        raise Refusal(Why.LONG_MARKUP)
    return {"inline_keyboard": rows} if rows else None


def _check_button(each: Json) -> None:
    if not str(each.get("text", "")).strip():
        raise Refusal(Why.BUTTON_TEXT)
    actions = [name for name in _ACTIONS if name in each]
    if len(actions) != 1:
        raise Refusal(Why.BUTTON_TWO if actions else Why.BUTTON_TYPE)
    if "style" in each and each["style"] not in _STYLES:
        raise Refusal(Why.BUTTON_STYLE)
    value = each[actions[0]]
    if actions[0] == "callback_data" and not 1 <= len(str(value).encode()) <= _MOST_DATA:
        raise Refusal(Why.BUTTON_DATA)
    if actions[0] == "url" and not _URL.match(str(value)):
        raise Refusal(Why.BUTTON_URL)
    if actions[0] == "copy_text" and not 1 <= len(str(value.get("text", ""))) <= _MOST_COPY:
        raise Refusal(Why.BUTTON_COPY)

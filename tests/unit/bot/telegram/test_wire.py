"""What the refusals of Telegram mean: pauses that are kept, chats that moved, messages that are gone, lost answers."""

import datetime
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.cards import Card, State
from bot.platforms.base import Address
from bot.platforms.telegram.address import MessageName, Where
from bot.platforms.telegram.delivering import ACTION_S, Delivering
from bot.platforms.telegram.messages import Words
from bot.platforms.telegram.wire import ChatClosed, ChatMoved, IsNoText, MessageGone, Wire
from engine.errors import DeliveryRefused, DeliveryUnknown, PlatformError

WHERE = Where(place="telegram:-5", account="telegram:1", chat=-5, thread=7, answering=3, is_shared=True)
AT = MessageName(-5, 9)
WORDS = Words(100).add("hello")


class Bot:
    """Does what it is told to, call by call; then all is well."""

    def __init__(self, *troubles: BaseException | None) -> None:
        self.troubles = list(troubles)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*given: Any, **named: Any) -> Any:
            self.calls.append((name, given, named))
            trouble = self.troubles.pop(0) if self.troubles else None
            if trouble:
                raise trouble
            return SimpleNamespace(chat_id=given[0] if given else 0, message_id=1, photo=())

        return call


class Clock:
    """Goes forward when it is told to."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def wire_of(*troubles: BaseException | None) -> tuple[Bot, Clock, Wire]:
    """A wire with a bot of our own."""
    bot, clock = Bot(*troubles), Clock()
    return bot, clock, Wire(bot, clock)  # type: ignore[arg-type]  # what is called of it is there


async def test_a_pause_is_kept_by_every_call_of_that_chat() -> None:
    """Nothing goes out before it is over, and another chat does not wait."""
    bot, clock, wire = wire_of(RetryAfter(datetime.timedelta(seconds=5)))
    with pytest.raises(PlatformError) as caught:
        await wire.say(WHERE, WORDS, None)
    assert caught.value.retry_after_s == 5
    clock.now_s += 4
    for call in (
        wire.say(WHERE, WORDS, None),
        wire.edit_words(AT, WORDS, None),
        wire.edit_caption(AT, WORDS, None),
        wire.delete(AT),
    ):
        with pytest.raises(PlatformError) as caught:
            await call
        assert caught.value.retry_after_s == 1
    await wire.act(WHERE, "typing")
    assert len(bot.calls) == 1
    await wire.edit_words(MessageName(6, 1), WORDS, None)
    clock.now_s += 1
    await wire.say(WHERE, WORDS, None)
    assert [name for name, _, _ in bot.calls] == ["send_message", "edit_message_text", "send_message"]


async def test_a_group_that_moved_is_spoken_to_in_its_new_chat() -> None:
    """Without the numbers of the old one, which mean others there; what was said before is gone."""
    bot, _, wire = wire_of(ChatMigrated(-100))
    assert (await wire.say(WHERE, WORDS, None)).chat == -100
    name, given, named = bot.calls[-1]
    assert (name, given[0], named["message_thread_id"], named["reply_parameters"]) == ("send_message", -100, None, None)
    with pytest.raises(ChatMoved):
        await wire.edit_words(AT, WORDS, None)
    assert await wire.delete(AT)
    assert len(bot.calls) == 2


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (BadRequest("Message to edit not found"), MessageGone),
        (BadRequest("MESSAGE_ID_INVALID"), MessageGone),
        (BadRequest("There is no text in the message to edit"), IsNoText),
        (BadRequest("Message thread not found"), DeliveryRefused),
        (Forbidden("Forbidden: bot was blocked by the user"), ChatClosed),
        (InvalidToken("The token `1:secret` was rejected"), PlatformError),
        (Conflict("Conflict: terminated"), PlatformError),
        (TimedOut(), DeliveryUnknown),
        (NetworkError("httpx.ReadError"), DeliveryUnknown),
        (NetworkError("Request Entity Too Large (413)"), DeliveryRefused),
        (TelegramError("Something new"), DeliveryRefused),
    ],
)
async def test_every_refusal_means_something(theirs: TelegramError, ours: type[PlatformError]) -> None:
    """And none of it holds the token."""
    _, _, wire = wire_of(theirs)
    with pytest.raises(ours) as caught:
        await wire.edit_words(AT, WORDS, None)
    assert type(caught.value) is ours
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("cause", ["PoolTimeout", "ConnectTimeout", "ConnectError"])
async def test_what_was_never_sent_may_be_sent_again(cause: str) -> None:
    """Though the library says the same of it as of what may have arrived."""
    trouble = TimedOut()
    trouble.__cause__ = type(cause, (Exception,), {})()
    _, _, wire = wire_of(trouble)
    with pytest.raises(PlatformError) as caught:
        await wire.say(WHERE, WORDS, None)
    assert type(caught.value) is PlatformError


async def test_an_edit_that_says_the_same_has_worked() -> None:
    """It was made before, and its answer was lost."""
    _, _, wire = wire_of(BadRequest("Message is not modified: specified new message content …"))
    await wire.edit_words(AT, WORDS, None)


async def test_that_we_are_at_work_is_told_no_more_often_than_it_is_seen() -> None:
    """In each topic of its own."""
    bot, clock, wire = wire_of()

    class NoPictures:
        async def of_card(self, *_: object) -> None:
            return None

    async def note(*_: object) -> None:
        return None

    delivering = Delivering(wire, NoPictures(), note, clock)  # type: ignore[arg-type]  # shows words alone
    card = Card(id="k3f9m2q7xa", kind="imagine", state=State.DRAWING)

    def to(thread: str) -> Address:
        reply_to = f"1;telegram:-5;telegram:1;-5;{thread};3;1"
        return Address(request="k3f9m2q7xa", reply_to=reply_to, remote_id="-5/9", created_s=0.0)

    for step_s, thread in ((0.0, "7"), (1.0, "7"), (0.0, "-"), (ACTION_S, "7"), (1.0, "7")):
        clock.now_s += step_s
        await delivering.edit(to(thread), card)
    acts = [named["message_thread_id"] for name, _, named in bot.calls if name == "send_chat_action"]
    assert acts == [7, None, 7]
    await delivering.edit(to("7"), Card(id="k3f9m2q7xa", kind="imagine", state=State.WAITING))
    assert len([name for name, _, _ in bot.calls if name == "send_chat_action"]) == 3

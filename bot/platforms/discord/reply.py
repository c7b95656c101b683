"""The first answer of an interaction, which Discord wants within three seconds and exactly once.

Whoever has something to say first says it: the acknowledgement, an answer, a refusal. When nobody has by the time,
"thinking" is said, and what comes then takes its place. What comes after that is for the asker alone. Files take their
time, and the three seconds run until the last byte: "thinking" goes ahead of them.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from types import TracebackType

import structlog

from bot.platforms.discord import wire
from bot.platforms.discord.address import MessageName
from bot.platforms.discord.messages import EPHEMERAL, Json, Upload, of_words, quiet
from bot.platforms.discord.wire import AnsweredAlready, TokenGone, Wire
from engine.errors import DarkroomError

_NO_FORM = "That took too long to open the form. Please try once more."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class _Said(Enum):
    NOTHING = auto()
    THINKING = auto()
    NOTHING_NEW = auto()  # the press was taken, and its message will be edited
    ANSWER = auto()


class Reply:
    """To one interaction. `is_for_asker`: "thinking" is seen by them alone, and so is what takes its place; it may be
    learned late.

    Within `async with`, "thinking" is said after `patience_s`; `before_thinking` is awaited before it is.
    """

    def __init__(
        self,
        calls: Wire,
        interaction: int,
        token: str,
        *,
        is_for_asker: bool,
        is_press: bool,
        patience_s: float,
        before_thinking: Callable[[], Awaitable[None]],
    ) -> None:
        self.interaction = interaction
        self._calls = calls
        self._token = token
        self.is_for_asker = is_for_asker
        self._is_press = is_press
        self._patience_s = patience_s
        self._before_thinking = before_thinking
        self._said = _Said.NOTHING
        self._turn = asyncio.Lock()
        self._thinking: asyncio.Task[None] | None = None

    @property
    def is_answered(self) -> bool:
        """Whether something other than "thinking" was said."""
        return self._said in (_Said.ANSWER, _Said.NOTHING_NEW)

    async def __aenter__(self) -> "Reply":
        self._thinking = asyncio.create_task(self._think_later(), name=f"thinking {self.interaction}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._thinking
        self._thinking.cancel()
        await asyncio.gather(self._thinking, return_exceptions=True)

    async def settled(self) -> None:
        """Wait until something was said, were it "thinking"; or until nothing can be said any more."""
        if self._said is _Said.NOTHING and self._thinking:
            await asyncio.wait([self._thinking])

    async def say(self, message: Json, files: tuple[Upload, ...] = (), *, is_for_asker: bool) -> MessageName | None:
        """As the first reply, in place of "thinking", or once more to the asker alone. Raises: PlatformError."""
        async with self._turn:
            if self._said is _Said.NOTHING and files:
                await self._think(is_for_asker=is_for_asker)
            if self._said is _Said.NOTHING:
                return await self._say_first(message, files, is_for_asker=is_for_asker)
            if self._said is _Said.THINKING:
                name = await self._calls.edit_reply(self._token, message, files)
                self._said = _Said.ANSWER
                return name
            return await self._calls.follow_up(self._token, quiet(message), files)

    async def show_form(self, form: Json) -> None:
        """Answer with a form, which must come first: after "thinking", a sentence comes. Raises: PlatformError."""
        async with self._turn:
            if self._said is _Said.NOTHING:
                await self._calls.reply(self.interaction, self._token, wire.MODAL, form)
            else:
                await self._calls.edit_reply(self._token, of_words(_NO_FORM), ())
            self._said = _Said.ANSWER

    async def take(self) -> None:
        """The press is taken; its message is edited by others. Raises: PlatformError."""
        async with self._turn:
            if self._said is _Said.NOTHING:
                await self._take()

    async def _take(self) -> None:
        with contextlib.suppress(AnsweredAlready):  # a call of ours had worked
            await self._calls.reply(self.interaction, self._token, wire.NOTHING_NEW)
        self._said = _Said.NOTHING_NEW

    async def _say_first(self, message: Json, files: tuple[Upload, ...], *, is_for_asker: bool) -> MessageName | None:
        data = quiet(message) if is_for_asker else message
        try:
            name = await self._calls.reply(self.interaction, self._token, wire.CHANNEL_MESSAGE, data, files)
        except AnsweredAlready:  # a call of ours had worked, and its answer was lost
            if self._is_press:  # the "first reply" of a press that was taken is the message that was pressed on
                self._said = _Said.NOTHING_NEW
                return await self._calls.follow_up(self._token, quiet(message), files)
            name = await self._calls.edit_reply(self._token, message, files)
        self._said = _Said.ANSWER
        return name

    async def _think_later(self) -> None:
        await asyncio.sleep(self._patience_s)
        async with self._turn:
            if self._said is not _Said.NOTHING:
                return
            try:
                await self._think(is_for_asker=self.is_for_asker)
            except TokenGone:
                log.warning("an interaction was answered too late", interaction=self.interaction)
            except DarkroomError as exc:
                log.warning("an interaction was not answered in time", reason=str(exc))

    async def _think(self, *, is_for_asker: bool) -> None:
        if self._is_press:
            await self._take()
            return
        await self._before_thinking()
        data = {"flags": EPHEMERAL} if is_for_asker else {}
        with contextlib.suppress(AnsweredAlready):  # a call of ours had worked
            await self._calls.reply(self.interaction, self._token, wire.THINKING, data)
        self._said = _Said.THINKING


def _quiet(message: Json) -> Json:
    return message | {"flags": message.get("flags", 0) | EPHEMERAL}

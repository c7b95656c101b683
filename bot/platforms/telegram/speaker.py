"""Answers that are not kept: whatever came of what somebody wants, as a card, said under what they said."""

from collections.abc import Awaitable

import structlog
from telegram.error import TelegramError

from bot import answers
from bot.apology import unexpected
from bot.cards import Card
from bot.languages.speech import in_language, spoken
from bot.platforms.telegram import messages
from bot.platforms.telegram.address import Where
from bot.platforms.telegram.messages import MAX_CAPTION, MAX_TEXT
from bot.platforms.telegram.parts import Parts
from bot.platforms.telegram.pictures import File, Pictures
from bot.platforms.telegram.wire import Wire
from bot.studio import Stopping
from engine.errors import DarkroomError, DeliveryRefused, DeliveryUnknown, PlatformError, UserError

_WHOLE = "All of it, as a file:"

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Speaker:
    """Says."""

    def __init__(self, calls: Wire, pictures: Pictures) -> None:
        self.calls = calls
        self._pictures = pictures
        self._parts = Parts()

    async def answered(self, doing: Awaitable[Card | None], what: str) -> Card | None:
        """What comes of it; a sentence where it cannot be done or breaks.

        Raises: Stopping, and PlatformError for what is to be tried later: no sentence would get through now, either.
        """
        try:
            return await doing
        except Stopping:  # what was said is on disk
            raise
        except UserError as exc:
            return answers.refusal(str(exc))
        except DarkroomError as exc:
            if isinstance(exc, PlatformError) and not isinstance(exc, DeliveryRefused | DeliveryUnknown):
                raise
            log.warning("refused for a reason of ours", reason=str(exc))
            return answers.refusal(str(exc))
        except Exception:  # noqa: BLE001  # the edge of the platform
            return answers.refusal(unexpected(what))

    async def say(self, where: Where, card: Card, event: str) -> None:
        """Say a card, with its picture or file; what does not fit a message comes as a file.

        In answer to an event: the same again says what of it was not said. Raises: PlatformError.
        """
        file = None
        try:
            file = await self._pictures.of_card(card, where)
        except UserError as exc:
            card = answers.refusal(str(exc))
        card = spoken(card, where.language)
        keys = messages.keyboard(card)
        if file is None:
            words = messages.of_card(card, MAX_TEXT)
            if not self._parts.n_out(event):
                await self.calls.say(where, words, keys)
            if words.is_cut:
                self._parts.note(event, 1)
                whole = File(name=f"darkroom-{card.kind}.txt", body=messages.in_full(card).encode(), is_photo=False)
                await self.calls.give(where, whole, messages.of_sentence(in_language(_WHOLE, where.language)))
            self._parts.is_over(event)
        elif file.is_photo:
            await self.calls.show(where, file, messages.of_card(card, MAX_CAPTION), keys, is_covered=card.is_spoiler)
        else:
            await self.calls.give(where, file, messages.of_card(card, MAX_CAPTION), keys)

    async def quietly(self, doing: Awaitable[object]) -> None:
        """What nobody waits for: the answer to a press that is too old."""
        try:
            await doing
        except TelegramError as exc:
            log.info("a press was not answered", reason=type(exc).__name__)

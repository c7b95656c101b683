"""An answer for the asker alone: given until it is given, in the size that the place takes, or as a sentence."""

import asyncio

from bot import answers
from bot.apology import unexpected
from bot.cards import Card
from bot.platforms.discord import messages
from bot.platforms.discord.address import Where
from bot.platforms.discord.delivering import LEAST_BYTES, TOO_LARGE, smaller
from bot.platforms.discord.messages import Upload
from bot.platforms.discord.reply import Reply
from bot.platforms.discord.uploads import Uploader
from bot.platforms.discord.wire import TooLarge
from engine.errors import DarkroomError, DeliveryRefused, DeliveryUnknown

_MOST_LOST, _AFTER_LOST_S = 3, 0.5  # answers that got lost, and how long after each another is given


async def say(uploads: Uploader, reply: Reply, where: Where, card: Card) -> None:
    """Smaller where the place takes less than it said, without its files where they cannot be had.

    Raises: PlatformError.
    """
    most_bytes, n_lost = where.most_bytes, 0
    while True:
        card, files = await _with_files(uploads, where, card, most_bytes)
        try:
            await reply.say(messages.of_card(card, files), files, is_for_asker=True)
        except TooLarge:
            most_bytes = smaller(most_bytes, files)
            if most_bytes < LEAST_BYTES:
                card = answers.refusal(TOO_LARGE)
        except DeliveryRefused as exc:
            if card.is_refusal:
                raise
            card = answers.refusal(str(exc))
        except DeliveryUnknown:
            n_lost += 1
            if n_lost > _MOST_LOST or reply.is_answered:  # what comes after the first answer would be seen twice
                raise
            await asyncio.sleep(n_lost * _AFTER_LOST_S)
        else:
            return


async def _with_files(uploads: Uploader, where: Where, card: Card, most_bytes: int) -> tuple[Card, tuple[Upload, ...]]:
    try:
        return card, await uploads.of_card(card, where, most_bytes)
    except DarkroomError as exc:
        return answers.refusal(str(exc)), ()
    except OSError:
        return answers.refusal(unexpected("a file of an answer")), ()

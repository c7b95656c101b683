"""What a chat does not take is refused before any of it is read."""

import pytest

from bot.cards import Card, Origin, Paper, State
from bot.library import Served
from bot.platforms.discord import address as on_discord
from bot.platforms.discord.uploads import Uploader
from bot.platforms.telegram import address as on_telegram
from bot.platforms.telegram.pictures import MAX_FILE_BYTES, Pictures
from engine.errors import UserError
from engine.finish import Finisher


class NobodyAsks:
    """Files that are not to be touched."""

    async def file_for(self, origin: Origin, name: str, kind: str) -> Served:
        """Never."""
        raise AssertionError(f"{name} was asked for")


def card_of(n_bytes: int) -> Card:
    paper = Paper(name="e1", media_type="application/zip", download_name="mydata.zip", n_bytes=n_bytes)
    return Card(id="", kind="mydata", state=State.NOTE, paper=paper)


async def test_discord_is_given_no_file_that_it_does_not_take() -> None:
    """The sentence says how large it is and what goes."""
    where = on_discord.Where(place="discord:9", channel=9, user=5, interaction=1, token="t", most_bytes=10 * 2**20)
    with pytest.raises(UserError, match=r"has 2048\.0 MiB, and this place takes 10\.0 MiB"):
        await Uploader(NobodyAsks(), Finisher()).of_card(card_of(2 * 2**30), where, where.most_bytes)


async def test_telegram_is_given_no_file_that_it_does_not_take() -> None:
    """By its own bound."""
    where = on_telegram.Where(
        place="telegram:5", account="telegram:5", chat=5, thread=None, answering=None, is_shared=False
    )
    with pytest.raises(UserError, match=r"this place takes 49\.9 MiB"):
        await Pictures(NobodyAsks(), Finisher()).of_card(card_of(MAX_FILE_BYTES + 1), where)

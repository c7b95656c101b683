"""What Telegram needs of the house, and no more. The studio has all of it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.cards import Card, Origin
from bot.gallery import HistoryPage
from bot.requests import Request
from bot.sources import Upload


class Studio(Protocol):
    """Each coroutine raises UserError with a sentence for the person, StorageError if the disk is ill."""

    async def ask(self, origin: Origin, request: Request, uploads: tuple[str, ...] = (), words: str = "") -> Card:
        """Do what somebody asked."""

    async def press(self, origin: Origin, button_id: str) -> Card:
        """Do what a button says."""

    async def may_upload(self, origin: Origin) -> None:
        """To be asked before a picture is fetched; nothing for who may send one."""

    async def take_upload(self, origin: Origin, file: bytes) -> Upload:
        """Keep a picture."""

    async def words_and_strength(self, origin: Origin, picture: str) -> tuple[str, float | None]:
        """What a remix of a picture begins with; whoever may not see it reads so."""

    async def visibility(self, place: str) -> str:
        """Who sees what is made in a place."""

    async def let_in(self, origin: Origin) -> None:
        """Nothing for who may use this Darkroom there."""

    async def may_look(self, origin: Origin) -> None:
        """Before what is shown without asking the studio; nothing for who may be shown something now."""

    async def share(self, origin: Origin, picture: str, *, is_shared: bool = True) -> str:
        """Let whoever knows its name see a picture of theirs, or no longer; its name."""

    async def history(self, owner: str, words: str, before: str | None, limit: int) -> HistoryPage:
        """Somebody's pictures, newest first."""

    async def sent(self, pictures: Sequence[str], prefix: str) -> Mapping[str, str]:
        """What a chat calls those of these pictures that it has."""

    async def joined(self, origin: Origin) -> bool:
        """Somebody brought the bot into a place; whether people may use it there."""

    async def moved(self, old_place: str, new_place: str) -> None:
        """A place goes by another name."""

    async def left(self, place: str) -> int:
        """We were put out of a place: cancel what waits there; how many requests that were."""

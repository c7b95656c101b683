"""Files that a message of a chat carries: read on behalf of whoever sees it, off the event loop. Knows no chat."""

import asyncio
from typing import Protocol

from bot.cards import Origin
from bot.library import Served


class Files(Protocol):
    """What is asked of the studio."""

    async def file_for(self, origin: Origin, name: str, kind: str) -> Served:
        """A file, for who may see it. Raises: UserError."""


class Where(Protocol):
    """Where a message is, as a chat's own address says it."""

    @property
    def place(self) -> str:
        """It begins with the platform."""

    @property
    def account(self) -> str:
        """Who asked."""

    @property
    def is_shared(self) -> bool:
        """Whether others are there."""


async def fetched(files: Files, where: Where, name: str, kind: str) -> tuple[str, bytes]:
    """What a file is called on somebody's disk, and its bytes. Raises: UserError, StorageError."""
    origin = Origin(
        platform=where.place.partition(":")[0],
        owner=where.account,
        place=where.place,
        reply_to="",
        event_key="",
        asker="",
        is_place_shared=where.is_shared,
    )
    served = await files.file_for(origin, name, kind)
    return served.download_name, await asyncio.to_thread(served.path.read_bytes)

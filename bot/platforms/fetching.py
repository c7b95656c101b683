"""Files that a message of a chat carries: read on behalf of whoever sees it, off the event loop. Knows no chat.

What a chat does not take is refused by its size, before any of it is read: an export may be larger than the memory.
"""

import asyncio
from typing import Protocol

from bot.cards import Origin, Paper
from bot.library import Served
from engine.errors import UserError


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


async def fetched_paper(files: Files, where: Where, paper: Paper, most_bytes: int) -> tuple[str, bytes]:
    """The same of a paper that this chat takes. Raises: UserError for a larger one, StorageError."""
    if paper.n_bytes > most_bytes:
        raise UserError(
            f"That file has {paper.n_bytes / 2**20:.1f} MiB, and this place takes {most_bytes / 2**20:.1f} MiB; "
            "whoever can open Darkroom's page gets it there."
        )
    return await fetched(files, where, paper.name, paper.kind)

"""Files that go with answers, an export or a chart: each for one person, for an hour, in a folder that starts empty.

Knows nothing of what is in them.
"""

import asyncio
import secrets
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.cards import Paper
from bot.library import Served
from engine.errors import StorageError, UserError

KEPT_S = 3_600.0
MOST_EACH = 4  # of one person
MOST = 64  # of all
_GONE = "That file is no longer here; ask for it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    owner: str
    slot: str
    path: Path
    media_type: str
    download_name: str
    until_s: float


class Papers:
    """Keeps papers under names that nobody can guess. `folder` is ours alone: `open` and `close` empty it.

    `clock` gives Unix seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def open(self) -> None:
        """Begin with an empty folder. Raises: StorageError."""
        try:
            await asyncio.to_thread(_empty, self.folder)
        except OSError as exc:
            raise StorageError(f"The folder {self.folder} cannot be made: {exc.strerror}.") from exc

    async def close(self) -> None:
        """Nothing is left behind."""
        self._kept.clear()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def keep(
        self, owner: str, content: bytes | Path, media_type: str, download_name: str, alt: str = "", slot: str = ""
    ) -> Paper:
        """Keep a file for its owner; one that is given by its path is moved here. Raises: StorageError.

        In a `slot` somebody has one: an export may be very large, and an older one is out of date.
        """
        name = secrets.token_urlsafe(18)
        path = self.folder / name
        try:
            n_bytes = await asyncio.to_thread(_put, content, path)
        except OSError as exc:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise StorageError(f"A file for you could not be written: {exc.strerror}.") from exc
        self._kept[name] = _Kept(
            owner=owner,
            slot=slot,
            path=path,
            media_type=media_type,
            download_name=download_name,
            until_s=self._clock() + KEPT_S,
        )
        await self._make_room(owner, slot)
        return Paper(name=name, media_type=media_type, download_name=download_name, n_bytes=n_bytes, alt=alt)

    async def take(self, owner: str, name: str) -> Served:
        """A paper for its owner, as often as they like within the hour. Raises: UserError, the same for not theirs."""
        await self._drop([each for each, kept in self._kept.items() if kept.until_s <= self._clock()])
        kept = self._kept.get(name)
        if kept is None or kept.owner != owner:
            raise UserError(_GONE)
        return Served(path=kept.path, media_type=kept.media_type, download_name=kept.download_name)

    async def forget(self, owner: str) -> None:
        """All papers of somebody are gone."""
        await self._drop([name for name, kept in self._kept.items() if kept.owner == owner])

    async def tidy(self) -> None:
        """Let go of what is older than an hour; to be called now and then."""
        await self._drop([name for name, kept in self._kept.items() if kept.until_s <= self._clock()])

    async def _make_room(self, owner: str, slot: str) -> None:
        own = [name for name, kept in self._kept.items() if kept.owner == owner and kept.slot == slot]
        await self._drop(own[:-1] if slot else [])
        own = [name for name, kept in self._kept.items() if kept.owner == owner]
        await self._drop(own[:-MOST_EACH])
        await self._drop(list(self._kept)[:-MOST])

    async def _drop(self, names: list[str]) -> None:
        paths = [self._kept.pop(name).path for name in names]
        if paths:
            await asyncio.to_thread(_unlink, paths)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)


def _put(content: bytes | Path, path: Path) -> int:
    if isinstance(content, Path):
        shutil.move(content, path)
    else:
        path.write_bytes(content)
    path.chmod(0o600)
    return path.stat().st_size


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)

"""A journal of interactions that were told "thinking" and have nothing else yet: a start after a kill answers them.

One short line each in a file of the data folder, beside the database and not in it: "thinking" is said when the
database is slow. Knows nothing of Discord but an id and a token, which is worth nothing after 15 minutes.
"""

import asyncio
import contextlib
import os
from pathlib import Path

import structlog

FILE_NAME = "discord-thinking"
_MAX_LINES = 2_000  # then it is written anew

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Deferrals:
    """The journal in a folder. What cannot be written is not written: the answer comes all the same."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._open: dict[int, str] = {}
        self._n_lines = 0

    async def left(self) -> dict[int, str]:
        """Interactions that an earlier life left, with their tokens; the journal begins anew."""
        found = await asyncio.to_thread(self._read)
        self._open = dict(found)
        await self._write_anew()
        return found

    async def note(self, interaction: int, token: str) -> None:
        """It is told "thinking" next."""
        self._open[interaction] = token
        await self._append(f"+{interaction} {token}\n")

    async def drop(self, interaction: int) -> None:
        """It has its answer."""
        if self._open.pop(interaction, None) is None:
            return
        if self._n_lines > _MAX_LINES:
            await self._write_anew()
        else:
            await self._append(f"-{interaction}\n")

    async def _append(self, line: str) -> None:
        self._n_lines += 1
        try:
            await asyncio.to_thread(self._write, line, os.O_APPEND)
        except OSError as exc:
            log.warning("the journal of Discord cannot be written", reason=str(exc))

    async def _write_anew(self) -> None:
        self._n_lines = len(self._open)
        lines = "".join(f"+{interaction} {token}\n" for interaction, token in self._open.items())
        try:
            await asyncio.to_thread(self._write, lines, os.O_TRUNC)
        except OSError as exc:
            log.warning("the journal of Discord cannot be written", reason=str(exc))

    def _write(self, text: str, how: int) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | how, 0o600)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def _read(self) -> dict[int, str]:
        found: dict[int, str] = {}
        with contextlib.suppress(OSError, UnicodeDecodeError):
            for line in self._path.read_text(encoding="utf-8").splitlines():
                interaction, _, token = line[1:].partition(" ")
                if not interaction.isdecimal():
                    continue  # half a line: the power failed
                if line[0] == "+" and token:
                    found[int(interaction)] = token
                else:
                    found.pop(int(interaction), None)
        return found

"""The bot's lives on one data folder, one after the other, for a test in whose event loop its chats live."""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.bots import RunningBot, bot_beside


@dataclass
class Lives:
    """`settings` put fakes in the chats' place. `worker` None is the real one. `written`: to standard error, so far."""

    data_dir: Path
    settings: Mapping[str, str]
    worker: str | None = None
    written: list[str] = field(default_factory=list)
    _bot: RunningBot | None = None
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def bot(self) -> RunningBot:
        """The one that runs."""
        assert self._bot, "no life has begun"
        return self._bot

    async def begin(self) -> RunningBot:
        """Start the bot, and wait for its ready line."""
        life = bot_beside(self.data_dir, worker=self.worker, **self.settings)
        self._bot = await self._life.enter_async_context(life)
        return self._bot

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, or kill it; its exit status."""
        status = await asyncio.to_thread(self.bot.stop, number)
        await self.close()
        self.written.append((self.data_dir.parent / "stderr.txt").read_text())
        return status

    async def close(self) -> None:
        """Leave no process behind. Idempotent."""
        await self._life.aclose()

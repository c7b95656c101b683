"""The whole house behind a platform that remembers: real database, real engine front, torch-free drawer."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot import house as houses
from bot.cards import Card
from bot.desk.desk import Desk
from bot.parser import parse
from bot.settings import Settings
from bot.studio import Studio
from engine.engine import Engine
from engine.finish import Finisher
from storage.store import Store, open_store
from tests.fakes import engines
from tests.fakes.platforms import Recorder, origin


@dataclass
class House:
    """A studio with everything behind it."""

    studio: Studio
    platform: Recorder
    store: Store
    engine: Engine
    desk: Desk
    all: houses.House

    async def ask(self, text: str, owner: str = "recorder:ada", uploads: tuple[str, ...] = (), **more: object) -> Card:
        """Somebody types this. `key` is the event's."""
        key = str(more.pop("key", uuid.uuid4().hex))
        return await self.studio.ask(origin(key, owner, **more), parse(text), uploads, words=text)

    async def press(self, button: str, owner: str = "recorder:ada", **more: object) -> Card:
        """Somebody presses this. `key` is the event's."""
        key = str(more.pop("key", uuid.uuid4().hex))
        return await self.studio.press(origin(key, owner, **more), button)

    async def drawn(self, text: str, **more: object) -> Card:
        """Ask, and wait for the end."""
        card = await self.ask(text, **more)  # type: ignore[arg-type]  # passed on as it is
        return await self.platform.card(card.id)


@asynccontextmanager
async def open_house(
    folder: Path,
    *drawer: str,
    refuses: bool = False,
    resume: bool = False,
    platform: Recorder | None = None,
    **settings: object,
) -> AsyncIterator[House]:
    """A house over a data folder; `drawer` are the worker's options, other words settings of the bot."""
    async with open_store(folder) as store, engines.running_engine(*drawer) as engine:
        finisher = Finisher()
        chosen = Settings(data_dir=folder, job_deadline_s=60.0, **settings)  # type: ignore[arg-type]  # a test names them
        house = await houses.furnish(chosen, store, engine, finisher)
        recorder = platform or Recorder(refuses=refuses)
        house.teller.add(recorder)
        try:
            if resume:
                await house.studio.resume()
            await house.teller.start()
            yield House(house.studio, recorder, store, engine, house.desk, house)
        finally:
            await house.close()
            await finisher.close()

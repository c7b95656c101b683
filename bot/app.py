"""The only place where things are wired together: settings → engine and finisher, started and ended in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.settings import Settings
from engine.engine import Engine, EngineSettings
from engine.finish import Finisher


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The parts that draw; they live as long as the `open_app` they came from."""

    settings: Settings
    engine: Engine
    finisher: Finisher


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Build the parts; the engine is not started yet. Whatever happens inside, no process is left behind after.

    Raises: nothing of its own.
    """
    engine = Engine(engine_settings(settings))
    finisher = Finisher()
    try:
        yield App(settings=settings, engine=engine, finisher=finisher)
    finally:
        await asyncio.gather(engine.close(), finisher.close())


def engine_settings(settings: Settings) -> EngineSettings:
    """The engine's part of the settings."""
    return EngineSettings(
        worker_command=settings.worker_command, devices=settings.devices, idle_unload_s=settings.idle_unload_s
    )

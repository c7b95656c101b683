"""The only place where things are wired together: settings → store, engine, studio, page, in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from bot.commands import COMMANDS, MODEL_TOPIC
from bot.gallery import About
from bot.help import help_for
from bot.library import Library
from bot.making import Maker
from bot.planning import Planner
from bot.platforms.base import Platform
from bot.platforms.web.server import WebPlatform, WebSettings
from bot.runner import Runner
from bot.settings import Settings
from bot.sources import Sources
from bot.studio import Studio
from bot.telling import Teller
from engine.catalog import Entry
from engine.cost import SpeedBook
from engine.engine import Engine, EngineSettings
from engine.errors import StorageError
from engine.finish import Finisher
from engine.label import version
from storage.store import Store, open_store

PAGE_OPERATOR = "web:operator"
KEEP_HOUSE_EVERY_S = 600.0

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The parts that draw; they live as long as the `open_app` they came from."""

    settings: Settings
    engine: Engine
    finisher: Finisher


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """The bot while it serves. `operator` is who runs it, as an owner."""

    studio: Studio
    page: WebPlatform
    operator: str = PAGE_OPERATOR

    @property
    def page_url(self) -> str:
        """Where the page is."""
        return self.page.url

    def page_lines(self) -> tuple[str, ...]:
        """What the operator should know before the ready line: how to sign in from elsewhere."""
        return self.page.lines_for_the_operator()


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Build the parts that draw; the engine is not started yet. Whatever happens inside, no process is left behind.

    Raises: nothing of its own.
    """
    engine = Engine(engine_settings(settings))
    finisher = Finisher()
    try:
        yield App(settings=settings, engine=engine, finisher=finisher)
    finally:
        await asyncio.gather(engine.close(), finisher.close())


@asynccontextmanager
async def open_bot(settings: Settings) -> AsyncIterator[Bot]:
    """Everything, serving: what an earlier life left unfinished is being drawn already.

    Raises: UserError for a data folder in use, a port that is taken, a missing password; StorageError; EngineError.
    """
    async with open_store(settings.data_dir) as store, _drawing(settings, store) as (engine, finisher):
        platforms: dict[str, Platform] = {}
        sources = Sources(store, finisher)
        planner = Planner(sources, finisher, store.pictures, settings.model)
        teller = Teller(platforms)
        runner = Runner(store, engine, Maker(store, engine, finisher, settings.job_deadline_s), teller)
        entry = await planner.entry()  # a model that is not there is said before anything waits for it
        studio = Studio(
            store=store,
            engine=engine,
            sources=sources,
            library=Library(store, sources, runner),
            planner=planner,
            runner=runner,
            teller=teller,
            about=about(entry),
        )
        page = WebPlatform(studio, store.sessions, web_settings(settings))
        platforms[page.name] = page
        keeping = asyncio.create_task(_keep_house(store, engine, settings.disk_budget_mib * 2**20), name="house")
        try:
            await page.start()
            await asyncio.to_thread(store.hold.tell, page.url)
            await engine.start()
            await studio.resume()
            yield Bot(studio=studio, page=page)
        finally:
            keeping.cancel()
            await page.close()
            await runner.close()
            await asyncio.gather(keeping, return_exceptions=True)


@asynccontextmanager
async def _drawing(settings: Settings, store: Store) -> AsyncIterator[tuple[Engine, Finisher]]:
    """Engine and finisher; what the engine learned about its speed is kept."""
    book = SpeedBook(await store.speeds.load())
    engine, finisher = Engine(engine_settings(settings, preload=settings.model), book), Finisher()
    try:
        yield engine, finisher
    finally:
        await asyncio.gather(engine.close(), finisher.close())
        with contextlib.suppress(StorageError):  # lost speeds are learned again
            await store.speeds.save(book.speeds())


async def _keep_house(store: Store, engine: Engine, budget_bytes: int) -> None:
    """Now and then: keep the pictures within their budget, and what the engine learned about its speed."""
    while True:
        try:
            pruned = await store.pictures.prune(budget_bytes)
            await store.speeds.save(engine.speeds.speeds())
        except StorageError as exc:
            log.warning("the house could not be kept", reason=str(exc))
        else:
            log.info("pictures pruned", n_files=len(pruned.hashes), n_bytes=pruned.n_bytes)
        await asyncio.sleep(KEEP_HOUSE_EVERY_S)


def about(entry: Entry) -> About:
    """What the page shows of this Darkroom."""
    return About(
        model=entry.name,
        model_note=help_for(MODEL_TOPIC, entry)[1][0].value,
        commands=COMMANDS,
        examples=COMMANDS[0].examples,
        version=version(),
    )


def engine_settings(settings: Settings, preload: str | None = None) -> EngineSettings:
    """The engine's part of the settings."""
    return EngineSettings(
        worker_command=settings.worker_command,
        devices=settings.devices,
        idle_unload_s=settings.idle_unload_s,
        preload=preload,
    )


def web_settings(settings: Settings) -> WebSettings:
    """The page's part of the settings."""
    return WebSettings(
        host=settings.web_host,
        port=settings.web_port,
        password=settings.web_password,
        hosts=settings.web_hosts,
        is_behind_proxy=settings.web_behind_proxy,
    )

"""The only place where things are wired together: settings → store, engine, studio, page, in order."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from bot.desk.rights import Rank
from bot.desk.sentences import span
from bot.house import House, furnish, keep_house
from bot.platforms.base import Called, Chat
from bot.platforms.discord.settings import DiscordSettings
from bot.platforms.telegram.settings import TelegramSettings
from bot.platforms.web.server import WebPlatform, WebSettings
from bot.requests import Course
from bot.settings import Settings
from bot.studio import Studio
from engine.cost import SpeedBook
from engine.engine import Engine, EngineSettings
from engine.errors import DarkroomError, PlatformError, StorageError, UserError
from engine.finish import Finisher
from storage.store import Store, open_store

PAGE_OPERATOR = "web:operator"
CLOSE_WITHIN_S = 3.0  # of STOP_WITHIN_S; drawing has had its time before
MOST_CUT_SHORT = 3  # lives in a row that ended within a minute, before the next begins later

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The parts that draw; they live as long as the `open_app` they came from."""

    settings: Settings
    engine: Engine
    finisher: Finisher


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """The bot while it serves, which it does before anything can be drawn: `ready` waits for that.

    `operator` is who runs it, as an owner. `lines` are for whoever started it. `troubles`: by the name of each chat
    that has a token, why it is off; "" for one that is on.
    """

    studio: Studio
    page: WebPlatform
    troubles: Mapping[str, str]
    ready: Callable[[], Awaitable[None]]
    lines: tuple[str, ...] = ()
    operator: str = PAGE_OPERATOR

    @property
    def page_url(self) -> str:
        """Where the page is."""
        return self.page.url

    def page_lines(self) -> tuple[str, ...]:
        """What the operator should know before the ready line: how to sign in from elsewhere, what is amiss."""
        return (*self.lines, *self.page.lines)


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
async def open_bot(settings: Settings, chats: Sequence[Callable[[House], Chat]] | None = None) -> AsyncIterator[Bot]:
    """Everything, serving: what an earlier life left unfinished waits in the queue, or is being drawn already.

    Chats and the page do not wait for a worker, and one that does not come up is tried again for as long as it takes:
    people are answered, and what they ask is kept. `chats` make the platforms besides the page; None: those that have
    a token. Raises: UserError for a data folder in use, a port that is taken, a missing password; StorageError;
    EngineError if no device is named.
    """
    async with (
        open_store(settings.data_dir) as store,
        _life(store, settings) as cut_short,
        _drawing(settings, store) as (engine, finisher),
    ):
        house = await furnish(settings, store, engine, finisher)
        page = WebPlatform(
            house.studio,
            store.sessions,
            web_settings(settings),
            is_operator=lambda origin: house.desk.rank(house.desk.known(origin)) is Rank.OPERATOR,
        )
        house.forgetters.append(page.forget)
        others = [chat(house) for chat in (chats_of(settings) if chats is None else chats)]
        for chat in others:
            if isinstance(chat, Called):
                page.hook(chat.name, chat.called)
        platforms: list[Chat] = [page, *others]
        for platform in platforms:
            house.teller.add(platform)
        keeping = asyncio.create_task(keep_house(house, settings.disk_budget_mib * 2**20), name="house")
        warming = asyncio.create_task(_warm(finisher if others else None), name="warm")
        try:
            await page.start()
            await asyncio.to_thread(store.hold.tell, page.url)
            await house.studio.resume()
            await house.teller.start()
            engine.begin(paused=house.desk.course() is Course.PAUSE)
            troubles = await _start_all(others)
            lines = [*cut_short, *(line for chat in others for line in chat.lines)]
            claim = house.desk.claim_line(chat.name for chat in others)  # the page has a link for its operator
            _spare_the_collector()
            if claim:
                lines.append(claim)
            yield Bot(studio=house.studio, page=page, troubles=troubles, ready=engine.ready, lines=tuple(lines))
        finally:
            keeping.cancel()
            warming.cancel()
            await house.wind_down()
            await _close_all([*(platform.close() for platform in platforms), engine.close()])
            await house.close()
            await asyncio.gather(keeping, warming, return_exceptions=True)


def _spare_the_collector() -> None:
    """Whole collections of a heap with ten thousand waiting jobs took 70 to 100 ms each: have them rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def chats_of(settings: Settings) -> list[Callable[[House], Chat]]:
    """The platforms that have a token. A library that is not needed is not imported."""
    found: list[Callable[[House], Chat]] = []
    if settings.discord_token:
        from bot.platforms.discord.platform import DiscordPlatform

        chosen = discord_settings(settings)

        def discord(house: House) -> Chat:
            platform = DiscordPlatform(house.studio, house.finisher, chosen, house.data_dir, house.desk.add_owner)
            house.forgetters.append(platform.forget)
            return platform

        found.append(discord)
    if settings.telegram_token:
        from bot.platforms.telegram.platform import TelegramPlatform

        ours = telegram_settings(settings)
        found.append(
            lambda house: TelegramPlatform(house.studio, house.finisher, house.store.arrivals, ours, house.data_dir)
        )
    return found


async def _warm(finisher: Finisher | None) -> None:
    """The first picture of a chat would have its previews seconds late."""
    try:
        if finisher:
            await finisher.warm()
    except DarkroomError as exc:
        log.info("nothing was warmed", reason=str(exc))


async def _start_all(chats: Sequence[Chat]) -> dict[str, str]:
    """All beside each other; what is wrong with each, "" where nothing is."""
    said = await asyncio.gather(*(_start(chat) for chat in chats))
    return {chat.name: why for chat, why in zip(chats, said, strict=True)}


async def _start(chat: Chat) -> str:
    """One chat that cannot start keeps the others from nothing; returns the sentence why, "" if it did."""
    try:
        await chat.start()
    except (UserError, PlatformError) as exc:
        log.warning("a chat could not be started", chat=chat.name, reason=str(exc))
        return str(exc)
    return ""


async def _close_all(closings: Iterable[Awaitable[None]]) -> None:
    """Everything that listens or draws, beside each other, for as long as there is."""
    tasks = [asyncio.ensure_future(closing) for closing in closings]
    await asyncio.wait(tasks, timeout=CLOSE_WITHIN_S)


@asynccontextmanager
async def _life(store: Store, settings: Settings) -> AsyncIterator[tuple[str, ...]]:
    """This life in the book of lives. After several that were cut short it begins later: something is wrong."""
    n_cut_short, life = await store.lives.begin()
    lines: tuple[str, ...] = ()
    pause_s = pause_before_s(n_cut_short, settings.restart_pause_s)
    if pause_s:
        line = (
            f"Darkroom has ended {n_cut_short} times within a minute of its start; it waits {span(pause_s)} before it "
            "goes on. The log says what happened before."
        )
        print(line, file=sys.stderr, flush=True)
        lines = (line,)
    try:
        await asyncio.sleep(pause_s)
        await store.lives.go_on(life)
        yield lines
    finally:
        with contextlib.suppress(StorageError):
            await store.lives.end(life)


def pause_before_s(n_cut_short: int, longest_s: float) -> float:
    """How long a life waits after so many in a row that were cut short: none at first, then doubled each time."""
    return min(longest_s, 2.0 ** (n_cut_short - MOST_CUT_SHORT)) if n_cut_short > MOST_CUT_SHORT else 0.0


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


def engine_settings(settings: Settings, preload: str | None = None) -> EngineSettings:
    """The engine's part of the settings."""
    return EngineSettings(
        worker_command=settings.worker_command,
        devices=settings.devices,
        idle_unload_s=settings.idle_unload_s,
        preload=preload,
    )


def discord_settings(settings: Settings) -> DiscordSettings:
    """Discord's part of the settings. There must be a token."""
    assert settings.discord_token
    return DiscordSettings(
        token=settings.discord_token,
        api_base=settings.discord_api_base,
        gateway=settings.discord_gateway,
        has_user_install=settings.discord_user_install,
    )


def telegram_settings(settings: Settings) -> TelegramSettings:
    """Telegram's part of the settings. There must be a token."""
    assert settings.telegram_token
    return TelegramSettings(
        token=settings.telegram_token, api_base=settings.telegram_api_base, webhook=settings.telegram_webhook
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

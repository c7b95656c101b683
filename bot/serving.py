"""`darkroom run`: open everything, say one line, serve until told to stop, close everything in order."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import Literal

import structlog

from bot.app import Bot, open_bot
from bot.cards import Origin
from bot.recipes import Wish
from bot.requests import Imagine
from bot.settings import Settings
from engine.errors import DarkroomError

# What the model that ships draws well, and the seed of the picture in the README.
WELCOME = Wish(prompt="a red circle on a blue background", seed=7)
WELCOME_WITHIN_S = 60.0  # a large model on a CPU takes minutes: the page is of use before that
LOOK_EVERY_S, MOST_REASONS = 2.0, 3  # looked for and said while no worker comes up; the log has all of them
WELCOME_KEY = "welcome"  # the event key: a second first start is the same one

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


async def serve(settings: Settings) -> int:
    """Run the bot. Returns when SIGINT or SIGTERM comes. Raises: UserError, StorageError, EngineError at start."""
    print("Starting the engine; the first time takes some seconds.", file=sys.stderr, flush=True)
    with _asked_to_stop() as asked:
        stopping = asyncio.create_task(asked.wait(), name="asked to stop")
        is_open = asyncio.Event()
        serving = asyncio.create_task(_serve(settings, stopping, is_open), name="serving")
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            print("Stopping.", file=sys.stderr, flush=True)
            if not is_open.is_set():  # else it closes by itself, and a cancellation would cut that short
                serving.cancel()
        stopping.cancel()
        await asyncio.wait((serving,))
        if not serving.cancelled():
            serving.result()
    return 0


async def _serve(settings: Settings, stopping: asyncio.Task[Literal[True]], is_open: asyncio.Event) -> None:
    """Open everything, say so, wait, close everything. To be cancelled before `is_open` only."""
    async with open_bot(settings) as bot:
        is_open.set()
        saying = asyncio.create_task(_say_what_is_there(bot, settings.model), name="what is there")
        try:
            await asyncio.wait((saying, stopping), return_when=asyncio.FIRST_COMPLETED)
            if saying.done():
                saying.result()
            await stopping
        finally:
            saying.cancel()
            await asyncio.gather(saying, return_exceptions=True)


async def _say_what_is_there(bot: Bot, model: str) -> None:
    """Who can come in, at once; and the ready line once a picture can be drawn, however long that takes."""
    for line in bot.page_lines():
        print(line, flush=True)
    await _drawing_is_possible(bot)
    await _welcome(bot)
    print(ready_line(bot, model), flush=True)


async def _drawing_is_possible(bot: Bot) -> None:
    """Wait for a worker; that none comes up is said to whoever started this, once for each reason."""
    ready, said = asyncio.ensure_future(bot.ready()), set[str]()
    try:
        while not (await asyncio.wait((ready,), timeout=LOOK_EVERY_S))[0]:
            for reason in {worker.last_loss for worker in bot.studio.status().workers} - {""} - said:
                if len(said) == MOST_REASONS:
                    break
                said.add(reason)
                waits = f"The page is at {bot.page_url}; what is asked waits, and the worker is tried again."
                print(f"No picture can be drawn yet. {reason} {waits}", file=sys.stderr, flush=True)
        ready.result()
    finally:
        ready.cancel()


def ready_line(bot: Bot, model: str) -> str:
    """The one line that says the bot serves."""
    workers = bot.studio.status().workers
    devices = [worker.ready.device_name or worker.ready.device for worker in workers if worker.ready]
    on = ", ".join(dict.fromkeys(devices)) or "no device yet"
    chats = " · ".join(f"{name}: {_state(bot.troubles, name)}" for name in ("discord", "telegram"))
    return f"Ready: {bot.page_url} (web) · {chats} · model: {model} on {on}"


def _state(troubles: Mapping[str, str], name: str) -> str:
    """On, off for want of a token, or why it is off."""
    return troubles[name] or "on" if name in troubles else "off"


async def _welcome(bot: Bot) -> None:
    """On the first start a picture is asked for like any other, and waited for a while, so that the page is not empty.

    A bot that cannot draw it serves all the same: the page says what is wrong.
    """
    origin = Origin(
        platform="web",
        owner=bot.operator,
        place="web:page",
        reply_to=bot.operator,
        event_key=WELCOME_KEY,
        asker="Darkroom",
    )
    try:
        if await bot.studio.has_pictures(bot.operator):
            return
        words = f"/imagine {WELCOME.prompt} --seed {WELCOME.seed}"
        is_busy = bot.studio.status().n_waiting > 0  # others come first; the page has something to show already
        card = await bot.studio.ask(origin, Imagine(wishes=(WELCOME,)), words=words)
        if not is_busy:
            await asyncio.wait_for(bot.studio.finished(card.id), WELCOME_WITHIN_S)
    except DarkroomError as exc:
        log.warning("no welcome picture", reason=str(exc))
    except TimeoutError:
        log.warning("the welcome picture takes long", model=WELCOME.model)


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    try:
        yield asked
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

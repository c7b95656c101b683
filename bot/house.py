"""The parts behind every platform, put together over a store and an engine; and what is done now and then.

What a test or a simulator wants of the house without the page is this. Knows no platform.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot.acting import Acting
from bot.cards import Origin
from bot.commands import COMMANDS, MODEL_TOPIC
from bot.desk.desk import Desk
from bot.desk.office import Hands, Terms
from bot.desk.papers import Papers
from bot.gallery import About
from bot.help import help_for
from bot.library import Library
from bot.live import Live
from bot.making import Maker
from bot.planning import Planner
from bot.requests import Course
from bot.runner import Runner
from bot.settings import Settings
from bot.sources import Sources
from bot.studio import Studio
from bot.taking import Taker
from bot.telling import Teller
from engine.catalog import Entry
from engine.engine import Engine
from engine.errors import DarkroomError
from engine.finish import Finisher
from engine.label import version
from storage.store import Store

KEEP_HOUSE_EVERY_S = 600.0
LOOK_AT_WORKERS_EVERY_S = 5.0
CRASH_LOOP = 3  # deaths of a worker since it was announced last
# A service manager gives 10 s to stop. Of these 4.5 are for what is being drawn and 1.5 for telling it; then chats and
# workers end beside each other within 3 (`bot/app.py`). The second that is left is for the database and the machine.
STOP_WITHIN_S = 10.0
BEGUN_WITHIN_S, TOLD_WITHIN_S = 4.5, 1.5
PAPERS_NAME = "papers"

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything behind the platforms. `close` it before the engine and the store."""

    store: Store
    engine: Engine
    desk: Desk
    studio: Studio
    library: Library
    taker: Taker
    teller: Teller
    runner: Runner
    papers: Papers
    finisher: Finisher
    data_dir: Path
    announce: Callable[[str], Awaitable[None]]
    forgetters: list[Callable[[str], None]]  # told each account that is forgotten

    async def wind_down(self) -> None:
        """Take nothing in any more; let what is being drawn end and be told, for a few seconds; then let go of it."""
        self.studio.stop_taking()
        await self.runner.wind_down(BEGUN_WITHIN_S)
        try:
            await self.teller.settle(TOLD_WITHIN_S)
        except DarkroomError as exc:
            log.warning("the outbox cannot be read", reason=str(exc))
        await self.runner.close()

    async def close(self) -> None:
        """Stop; what is unfinished or untold is for the next start."""
        await self.runner.close()
        await self.teller.close()
        await self.papers.close()


async def furnish(
    settings: Settings,
    store: Store,
    engine: Engine,
    finisher: Finisher,
    clock: Callable[[], float] = time.time,
    chance: random.Random | None = None,
) -> House:
    """Put the parts together; nothing runs yet. Raises: UnknownModel, StorageError."""
    sources = Sources(store, finisher)
    planner = Planner(sources, finisher, store.pictures, settings.model)
    entry = await planner.entry()  # a model that is not there is said before anything waits for it
    papers = Papers(settings.data_dir / PAPERS_NAME, clock)
    await papers.open()
    bells = _Bells(engine, sources, papers)
    desk = Desk(
        store=store,
        engine=engine,
        finisher=finisher,
        papers=papers,
        terms=Terms(
            operators=frozenset(settings.operators),
            model=settings.model,
            most_waiting=settings.queue_bound,
            retention_days=settings.retention_days,
        ),
        hands=Hands(
            entry=planner.entry,
            cancel_all=bells.cancel_all,
            steer=bells.steer,
            announce=bells.announce,
            forget=bells.forget,
        ),
        clock=clock,
    )
    await desk.open()
    library = Library(store, sources, bells.live, desk.visibility, desk.wants_ping)
    library.notice = desk.course_sentence()
    teller = Teller(store.outbox, library.rendered, clock, chance)
    runner = Runner(store, engine, Maker(store, engine, finisher, settings.job_deadline_s), teller, clock)
    taker = Taker(store=store, engine=engine, desk=desk, library=library, runner=runner, teller=teller, clock=clock)
    acting = Acting(store=store, desk=desk, sources=sources, library=library, taker=taker, runner=runner, teller=teller)
    studio = Studio(
        store=store,
        engine=engine,
        desk=desk,
        papers=papers,
        sources=sources,
        library=library,
        planner=planner,
        taker=taker,
        acting=acting,
        runner=runner,
        about=about(entry),
    )
    bells.house = House(
        store=store,
        engine=engine,
        desk=desk,
        studio=studio,
        library=library,
        taker=taker,
        teller=teller,
        runner=runner,
        papers=papers,
        finisher=finisher,
        data_dir=settings.data_dir,
        announce=bells.announce,
        forgetters=bells.forgetters,
    )
    return bells.house


class _Bells:
    """What the desk rings for, once the house is there: it is the first part to be made, and calls all the others."""

    def __init__(self, engine: Engine, sources: Sources, papers: Papers) -> None:
        self.house: House | None = None
        self.forgetters: list[Callable[[str], None]] = []
        self._engine = engine
        self._sources = sources
        self._papers = papers

    def live(self, request_id: str) -> Live | None:
        """What is known of a request that is being made."""
        return self.house.runner.live(request_id) if self.house else None

    async def steer(self, course: Course) -> None:
        """Pause the engine, or let it go on; and tell those who wait."""
        if course is Course.PAUSE:
            await self._engine.pause()
        else:
            self._engine.resume()
        if self.house:
            self.house.library.notice = self.house.desk.course_sentence()
            for each in self.house.runner.live_requests():
                self.house.teller.progress(each.request)

    async def cancel_all(self, owner: str, place: str) -> int:
        """Cancel what waits of somebody."""
        return await self.house.studio.cancel_all(owner, place) if self.house else 0

    async def announce(self, line: str) -> None:
        """Post a line where admins' acts are logged."""
        if self.house:
            await _announce(self.house.desk, self.house.taker, line)

    async def forget(self, owner: str, accounts: tuple[str, ...]) -> None:
        """Let go of what is in memory of somebody."""
        for account in accounts:
            for forgetter in self.forgetters:
                forgetter(account)
        for each in {owner, *accounts}:  # what was kept before they were linked is under the account's name
            await self._papers.forget(each)
        for each in {owner, *accounts}:
            await self._sources.forget(each)


async def keep_house(house: House, budget_bytes: int) -> None:
    """Now and then: keep pictures within their budget and their days, and what was learned; watch the workers."""
    await asyncio.gather(_keep_within(house, budget_bytes), _keep_watching_workers(house))


async def _keep_within(house: House, budget_bytes: int) -> None:
    store = house.store
    while True:
        try:
            pruned = await store.pictures.prune(budget_bytes)
            await store.speeds.save(house.engine.speeds.speeds())
            await house.papers.tidy()
            n_expired = await _expire(house)
        except DarkroomError as exc:
            log.warning("the house could not be kept", reason=str(exc))
        else:
            log.info("house kept", n_files=len(pruned.hashes), n_bytes=pruned.n_bytes, n_expired=n_expired)
        await asyncio.sleep(KEEP_HOUSE_EVERY_S)


async def _expire(house: House) -> int:
    """Let go of what is older than it may get; returns how many requests."""
    days = await house.desk.keep_days()
    return await house.store.forgetting.expire(days) if days else 0


async def _keep_watching_workers(house: House) -> None:
    """A worker that ends again and again is said to the admins, once for every few deaths."""
    said: dict[int, int] = {}
    while True:
        await asyncio.sleep(LOOK_AT_WORKERS_EVERY_S)
        for number, worker in enumerate(house.engine.status().workers):
            if worker.n_losses - said.get(number, 0) < CRASH_LOOP:
                continue
            said[number] = worker.n_losses
            pause = f"; it is tried again in {worker.pause_s:.0f} s" if worker.pause_s else ""
            line = f"The worker on {worker.asked_device} has ended {worker.n_losses} times{pause}: {worker.last_loss}"
            log.error("a worker ends again and again", device=worker.asked_device, n_losses=worker.n_losses)
            await house.announce(line)


async def _announce(desk: Desk, taker: Taker, line: str) -> None:
    """Post a line where admins' acts are logged, if anywhere; that it fails stops nobody."""
    try:
        at = await desk.log_place()
        if at is None:
            return
        place, reply_to = at
        platform = place.partition(":")[0]
        origin = Origin(
            platform=platform,
            owner=reply_to if reply_to.startswith("web:") else f"{platform}:darkroom",  # on the page: whose feed it is
            place=place,
            reply_to=reply_to,
            event_key=f"n:{uuid.uuid4().hex}",
            asker="Darkroom",
        )
        await taker.note(origin, line)
    except DarkroomError as exc:
        log.warning("a line could not be announced", reason=str(exc))


def about(entry: Entry) -> About:
    """What the page shows of this Darkroom."""
    return About(
        model=entry.name,
        model_note=help_for(MODEL_TOPIC, entry)[1][0].value,
        commands=COMMANDS,
        examples=COMMANDS[0].examples,
        version=version(),
    )

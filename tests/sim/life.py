"""One life of the bot in a history: the real desk over the real store and the real engine front, until it is cut off.

Real are storage (its SQL runs inline), the engine's front with its processes and pipes, and everything in `bot` behind
the platforms. Played are time, the worker (`worker.py`), the chats (`chats.py`), the encoder and the pictures' disk.
"""

import asyncio
import hashlib
import heapq
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from bot.app import engine_settings
from bot.cards import Card, Origin
from bot.house import House, furnish, keep_house
from bot.requests import Course, LinkAccounts, Steer
from bot.settings import Settings
from engine.cost import SpeedBook
from engine.domain import Picture, Raster
from engine.engine import Engine
from engine.errors import EngineError, StorageError, UserError
from engine.finish import Cell, Finished, Finisher
from storage import store
from storage.pictures import PictureFiles
from storage.store import open_store
from tests.fakes.inline_sqlite import InlineConnection, Spoiler, refusal
from tests.sim import checks
from tests.sim.chats import Line
from tests.sim.script import OPERATOR, PAGE, Button, Does, Ill, Person
from tests.sim.virtual import VirtualLoop
from tests.sim.worker import Workers
from tests.sim.world import World

SETTLED_WITHIN_S = 7_200.0
_LOOK_EVERY_S = 5.0
_MOST_LIVES = 100
_AWAY_S = (0.1, 5.0, 60.0, 400.0)  # from a cut to the next start
_REFUSALS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY)


class _Disk(Spoiler):
    """Stands before each statement: yields now and then, refuses while the disk is ill, and knows when all is over."""

    def __init__(self, life: "Life") -> None:
        self._life = life

    async def before(self, sql: str) -> None:
        life, world = self._life, self._life.world
        world.n_statements += 1
        if world.n_statements in world.script.cut_statements and not world.is_trouble_over:
            life.cut()
        if life.is_cut:
            await life.never()
        world.trace(f"sql {sql[:60]}")
        luck = world.chance.random()
        if luck < 0.3:
            await asyncio.sleep(0.0 if luck < 0.25 else world.chance.uniform(0.0, 0.05))
        if life.is_disk_ill() and world.chance.random() < world.script.disk_trouble:
            world.trace("the disk refuses")
            raise refusal(world.chance.choice(_REFUSALS))

    async def after(self, sql: str) -> None:
        if sql == "COMMIT":
            checks.after_commit(self._life.world)
        if self._life.is_cut:
            await self._life.never()


class _Files(PictureFiles):
    """The pictures' disk in memory; rows and order are the real ones. One history at a time in a process."""

    world: World

    def _write(self, file_hash: str, content: bytes) -> None:
        self.world.files[file_hash] = content

    def _unlink(self, hashes: Any) -> None:
        for each in hashes:
            self.world.files.pop(each, None)

    def _unmark(self, hashes: Any) -> None:
        """There is no disk to mark."""

    def _sweep_parts(self) -> frozenset[str]:
        """Nothing is ever half there."""
        return frozenset()

    async def read(self, file_hash: str) -> bytes:
        """The file, if its row says so."""
        if not await self.has(file_hash):
            raise UserError("This picture's file is gone.")
        return self.world.files[file_hash]


class _Finisher(Finisher):
    """Encodes nothing: a picture's file is its hash."""

    async def finish(self, picture: Picture, *, treatment: str | None = None) -> Finished:
        await asyncio.sleep(0.02)
        digest = picture.raster.sha256()
        said = f"{digest} {picture.recipe.seed}"
        return Finished(png=f"png {said}".encode(), thumbnail=f"webp {said}".encode(), pixel_hash=digest)

    async def animation(self, frames: tuple[Raster, ...], png: bytes) -> bytes:
        return b"animation of " + png

    async def grid(self, cells: tuple[Cell, ...], title: str) -> bytes:
        return hashlib.sha256(b"".join(cell.png for cell in cells)).digest()

    async def close(self) -> None:
        """There is no pool."""


class Life:
    """From a start to a stop or a cut. `run` returns whether the history is over."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_cut = False
        self.house: House | None = None
        self._workers = Workers(world.manner, world.noticed_drawing)
        self._loop = VirtualLoop(world.clock, self._workers.start, self._pause_s)
        self._connections: list[InlineConnection] = []
        self._lines: list[Line] = []
        self._doing: dict[int, Does] = {}
        self._wants_stop = asyncio.Event()
        self._is_over = False
        world.n_lives += 1
        world.is_deaf = False
        self._number = world.n_lives

    def run(self) -> bool:
        """Live. What is left afterwards is in the world alone."""
        world = self.world
        world.trace(f"life {self._number} begins")
        kill, os.killpg = os.killpg, lambda pid, signal: self._workers.kill(pid)
        try:
            main = self._loop.create_task(self._live())
            main.add_done_callback(lambda _: self._loop.stop())
            self._loop.run_forever()
        finally:
            os.killpg = kill
        if not self.is_cut:
            self._ended(main)
        self._loop.abandon()
        for connection in self._connections:
            connection.drop()
        return self._is_over

    def dispose(self) -> None:
        """Let go of what a cut left hanging."""
        self._loop.tasks.clear()
        self._loop.close()

    def cut(self) -> None:
        """The power fails, now: calls on their way arrive or not, what is not committed never was."""
        if self.is_cut:
            return
        world = self.world
        self.is_cut = world.is_deaf = True
        world.trace("power cut")
        for line in self._lines:
            line.power_cut()
        for connection in self._connections:
            connection.drop()
        self._send_again()
        self._loop.stop()
        self._come_back()

    def _arrived(self) -> None:
        world = self.world
        world.n_arrived += 1
        if world.n_arrived in world.script.cut_calls and not world.is_trouble_over:
            self.cut()

    async def never(self) -> None:
        """Wait in a life that is over."""
        await asyncio.get_running_loop().create_future()

    def is_disk_ill(self) -> bool:
        """Whether statements may be refused now."""
        world = self.world
        return any(begin_s <= world.clock.now_s < end_s for begin_s, end_s in world.script.disk_ill_s)

    def _ended(self, main: "asyncio.Task[None]") -> None:
        """By itself: in order, or because it could not start."""
        world = self.world
        exc = main.exception()
        if isinstance(exc, EngineError) or (isinstance(exc, StorageError) and Ill.DISK in world.script.ills):
            if world.n_lives > _MOST_LIVES:
                world.complain(f"the bot cannot be started: {exc}")
                self._is_over = True
            world.trace(f"it could not go on: {exc}")
            self._send_again()
            self._come_back()
        elif exc is not None:
            world.complain(f"the bot ended: {exc!r}")
            self._is_over = True
            raise exc
        for context in self._loop.died:
            if not isinstance(context.get("exception"), asyncio.CancelledError):
                world.complain(f"unheard: {context.get('message')} {context.get('exception')!r}")

    def _come_back(self) -> None:
        self.world.clock.now_s += self.world.chance.choice(_AWAY_S)

    def _send_again(self) -> None:
        """What was not answered some platforms send once more."""
        for does in self._doing.values():
            if does.is_sent_again:
                self.world.plan(self.world.clock.now_s + self.world.chance.uniform(0.0, 90.0), does)
        self._doing.clear()

    def _pause_s(self) -> float:
        return self.world.chance.choice((0.0, 0.0, 0.001, 0.02))

    # The bot

    async def _live(self) -> None:
        world = self.world
        settings = Settings(
            data_dir=world.folder,
            worker_command=("worker",),
            queue_bound=world.script.limits.most_waiting,
            job_deadline_s=600.0,
        )
        async with self._opened(settings) as house:
            self.house = house
            looking = asyncio.create_task(self._keep_looking(house), name="looking")
            try:
                await self._be_there(house)
            finally:
                looking.cancel()
            await house.wind_down()

    @asynccontextmanager
    async def _opened(self, settings: Settings) -> AsyncIterator[House]:
        """As `bot/app.py` does it."""
        world = self.world
        _Files.world = world  # before it is opened: it begins with sweeping
        async with open_store(settings.data_dir, clock=world.clock.wall_s, connect=self._connect) as opened:
            engine = Engine(engine_settings(settings, preload="pocket"), SpeedBook(await opened.speeds.load()))
            finisher = _Finisher()
            try:
                house = await furnish(settings, opened, engine, finisher, world.clock.wall_s, world.chance)
                for server in world.servers.values():
                    line = Line(server, world.chance, world.weather, self._number, self._arrived)
                    self._lines.append(line)
                    house.teller.add(line)
                keeping = asyncio.create_task(keep_house(house, 2**40), name="house")
                try:
                    await house.studio.resume()
                    await house.teller.start()
                    engine.begin(paused=house.desk.course() is Course.PAUSE)
                    yield house
                finally:
                    keeping.cancel()
                    await house.close()
                    await asyncio.gather(keeping, return_exceptions=True)
            finally:
                await engine.close()

    async def _connect(self, uri: str) -> InlineConnection:
        if self.is_cut:
            await self.never()
        connection = InlineConnection(uri, timeout_s=0.0, spoiler=_Disk(self))
        self._connections.append(connection)
        return connection

    # What happens

    async def _be_there(self, house: House) -> None:
        """Let everything of the agenda happen, and then see that all comes to an end."""
        world = self.world
        while world.agenda and not self._wants_stop.is_set():
            at_s = world.agenda[0][0]
            if at_s > world.clock.now_s:
                await asyncio.sleep(at_s - world.clock.now_s)
                continue
            _, _, what = heapq.heappop(world.agenda)
            self._happens(house, what)
        if self._wants_stop.is_set():
            return
        while self._doing:  # noqa: ASYNC110  # virtual seconds cost nothing
            await asyncio.sleep(1.0)
        if world.agenda:
            await self._be_there(house)
            return
        await asyncio.sleep(max(0.0, world.script.trouble_ends_s - world.clock.now_s))
        world.refresh_weather()
        await self._settle(house)
        self._is_over = True

    def _happens(self, house: House, what: object) -> None:
        match what:
            case "cut":
                self.cut()
            case "stop":
                self.world.trace("told to stop")
                self._wants_stop.set()
            case Does():
                task = asyncio.create_task(self._do(house, what))
                self._doing[id(task)] = what
                task.add_done_callback(lambda task: self._doing.pop(id(task), None))
            case _ if callable(what):
                what()

    async def _keep_looking(self, house: House) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await checks.positions(self.world, house)

    async def _settle(self, house: House) -> None:
        world = self.world
        until_s = world.clock.now_s + SETTLED_WITHIN_S
        await self._resume(house)
        while open_ends := checks.open_ends(world):
            if world.clock.now_s > until_s:
                world.complain(f"not settled after {SETTLED_WITHIN_S:g} s: {open_ends}")
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        await asyncio.sleep(_LOOK_EVERY_S)
        await checks.standings(world, house)

    async def _resume(self, house: House) -> None:
        person = next(each for each in self.world.script.people if each.account == OPERATOR)
        steer = Steer(course=Course.RESUME)
        try:
            await house.studio.ask(_origin(person, "resume"), steer)
        except StorageError as exc:
            self.world.complain(f"an operator cannot resume: {exc}")

    async def _do(self, house: House, does: Does) -> None:
        world = self.world
        world.trace(f"{does.person.account} {does.key} {does.what}")
        try:
            card = await self._answered(house, does)
        except UserError as exc:
            world.trace(f"{does.key} refused: {exc}")
        except StorageError as exc:
            world.trace(f"{does.key} disk: {exc}")
            if Ill.DISK not in world.script.ills and not (self._wants_stop.is_set() or self.is_cut):
                world.complain(f"a healthy disk was called ill: {exc}")
        except Exception as exc:  # noqa: BLE001  # the edge of the history: whatever it is, it is a bug
            if not self.is_cut:
                world.complain(f"{type(does.what).__name__} raised {exc!r}")
        else:
            if card:
                self._note(does, card)

    async def _answered(self, house: House, does: Does) -> Card | None:
        world, what = self.world, does.what
        origin = _origin(does.person, does.key)
        if not isinstance(what, Button):
            return await house.studio.ask(origin, what, words=does.key)
        target = world.target_of.get(does.key) or self._pick(does)
        if target is None:
            return None
        world.target_of[does.key] = target
        return await house.studio.press(origin, f"{what}:{target}")

    def _pick(self, does: Does) -> str | None:
        known = self.world.known
        messages = known[does.person.account] if does.is_theirs else [each for own in known.values() for each in own]
        return messages[int(does.which * len(messages))] if messages else None

    def _note(self, does: Does, card: Card) -> None:
        """Somebody read an answer."""
        world = self.world
        world.trace(f"{does.key} {card.kind} {card.id} {card.state} {card.sentence}")
        if card.kind == "imagine" and card.id and not isinstance(does.what, Button):
            before = world.request_of.setdefault(does.key, card.id)
            if before != card.id:
                world.complain(f"the event {does.key} made two requests")
            if card.id not in world.known[does.person.account]:
                world.known[does.person.account].append(card.id)
            world.acknowledged[card.id] = does.key
        elif card.kind == "imagine" and card.id and card.id not in world.known[does.person.account]:
            world.known[does.person.account].append(card.id)
        if isinstance(does.what, LinkAccounts):
            self._go_on_linking(does, card)

    def _go_on_linking(self, does: Does, card: Card) -> None:
        """A code is typed by somebody else, who then says yes."""
        world = self.world
        code = next((each.value for each in card.fields if each.is_copyable), None)
        yes = next((button.id for row in card.buttons for button in row), None)
        now_s = world.clock.now_s
        if code and does.what == LinkAccounts(code=None):
            others = [each for each in world.script.people if each != does.person]
            other = others[int(does.which * len(others))]
            typed = LinkAccounts(code=code.split()[-1])
            world.plan(now_s + 2.0, Does(at_s=now_s, person=other, key=f"{does.key}:code", what=typed))
        elif yes:
            world.linked = True
            verb, _, target = yes.partition(":")
            world.plan(now_s + 1.0, _press(world, self, does.person, f"{does.key}:yes", f"{verb}:{target}"))


def _press(world: World, life: Life, person: Person, key: str, button: str) -> Callable[[], None]:
    def press() -> None:
        house = life.house
        if house and not life.is_cut:
            world.trace(f"{person.account} links")
            asyncio.create_task(_pressed(house, person, key, button))  # noqa: RUF006  # the loop keeps its tasks

    return press


async def _pressed(house: House, person: Person, key: str, button: str) -> None:
    try:
        await house.studio.press(_origin(person, key), button)
    except (UserError, StorageError):
        return


def _origin(person: Person, key: str) -> Origin:
    is_page = person.platform == PAGE
    return Origin(
        platform=person.platform,
        owner=person.account,
        place=person.place,
        reply_to=person.chat if is_page else f"{person.chat}/{key}",
        event_key=f"{person.platform}:{key}",
        asker=person.account.title(),
        is_place_shared=not person.is_alone,
    )


def play_files() -> None:
    """From now on stores keep pictures in their world's memory, and lock no folder: a cut life could not let go."""

    @contextmanager
    def hold(data_dir: Path) -> Iterator[None]:
        yield

    for name, stand_in in (("PictureFiles", _Files), ("hold", hold)):
        assert hasattr(store, name)
        setattr(store, name, stand_in)

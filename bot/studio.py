"""The studio: what people can do here, the same on every platform. Request in, card out.

A request is committed before it is acknowledged; from then on the teller tells its card. Knows no platform but by the
protocol in `platforms/base.py`, and holds nothing of theirs.
"""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot import answers, buttons, requests
from bot.acting import Acting
from bot.buttons import Verb
from bot.cards import Card, Origin
from bot.desk.desk import Desk
from bot.desk.papers import Papers
from bot.desk.rights import Act, lies_in
from bot.gallery import About, HistoryPage
from bot.help import help_for
from bot.languages.speech import refusing_in, spoken
from bot.library import Library, Served
from bot.live import Live
from bot.planning import Planner
from bot.presses import request_of
from bot.requests import (
    Again,
    Cancel,
    Collect,
    Compare,
    Development,
    Help,
    History,
    Imagine,
    Original,
    Remix,
    Request,
    Show,
    ShowQueue,
    ShowRecipe,
    Upscale,
    Vary,
)
from bot.runner import Runner
from bot.sources import Sources, Upload, imported
from bot.taking import Taker
from engine.engine import Engine, EngineStatus
from engine.errors import UserError
from storage import records
from storage.store import Store

_STOPPING = "Darkroom is just stopping. Ask again in a minute; what waits goes on then."

Making = Imagine | Remix | Upscale | Vary | Again | Compare
Looking = Show | ShowRecipe | History | Original | Development | ShowQueue
Asked = Making | Looking | Cancel | Collect


class Stopping(UserError):
    """The program is being ended. What a platform has on disk is done by its next life; other words are refused."""


class Studio:
    """The use cases. Every method raises UserError with a sentence for the person, StorageError if the disk is ill."""

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        desk: Desk,
        papers: Papers,
        sources: Sources,
        library: Library,
        planner: Planner,
        taker: Taker,
        acting: Acting,
        runner: Runner,
        about: About,
    ) -> None:
        self._store = store
        self._engine = engine
        self._desk = desk
        self._papers = papers
        self._sources = sources
        self._library = library
        self._planner = planner
        self._taker = taker
        self._acting = acting
        self._runner = runner
        self._about = about
        self._is_stopping = False

    async def resume(self) -> int:
        """Run what an earlier life left unfinished, oldest first; returns how many requests."""
        unfinished = await self._store.requests.unfinished()
        for row, jobs in unfinished:
            began = any(job.state is not records.State.WAITING for job in jobs)
            pictures = await self._store.history.pictures_of(row.id) if began else ()
            await self._runner.start(row, jobs, pictures)
        return len(unfinished)

    def stop_taking(self) -> None:
        """From now on whatever is asked is refused with a sentence; what is being made goes on."""
        self._is_stopping = True

    async def ask(self, origin: Origin, request: Request, uploads: tuple[str, ...] = (), words: str = "") -> Card:
        """Do what somebody asked, and answer in their language. The card goes on changing if it has an id."""
        with refusing_in(origin.language):
            return spoken(await self._asked(origin, request, uploads, words), origin.language)

    async def _asked(self, origin: Origin, request: Request, uploads: tuple[str, ...], words: str) -> Card:
        if self._is_stopping:
            raise Stopping(_STOPPING)
        if not isinstance(request, Making):  # which the limits count
            self._desk.check_pace(origin)
        origin = await self._desk.arrived(origin)
        if isinstance(request, requests.Desk):
            return await self._desk.answer(origin, request)
        if isinstance(request, Help):
            sentence, fields = help_for(request.topic, await self._planner.entry())
            return answers.note("help", sentence, *fields)
        await self._desk.let_in(origin)
        if isinstance(request, Looking | Collect):
            await self._desk.check_not_banned(origin)
        return await self._answered(origin, request, uploads, words)

    async def _answered(self, origin: Origin, request: Asked, uploads: tuple[str, ...], words: str) -> Card:
        match request:
            case Imagine() | Remix() | Upscale() | Vary() | Again() | Compare():
                plan = await self._planner.plan(origin, request, uploads, await self._desk.looks(origin))
                return await self._taker.make(origin, plan, words)
            case Show():
                picture = await self._sources.find_kept_or_not(origin, request.source)
                return await self._taker.show(origin, picture, words)
            case ShowRecipe():
                return await self._recipe(origin, request, uploads)
            case Original():
                return await self._library.original(origin, request.source)
            case Development():
                return await self._library.development(origin, request.source)
            case History():
                return await self._history_card(origin, request)
            case ShowQueue():
                return self._queue(origin, request)
            case Cancel():
                return await self._acting.cancel_asked(origin, request)
            case Collect():
                return await self._acting.collect(origin)
            case _:
                typing.assert_never(request)

    async def press(self, origin: Origin, button_id: str) -> Card:
        """Do what a button says, whoever wrote it and whenever; the same event again is done once."""
        with refusing_in(origin.language):
            return spoken(await self._pressed(origin, button_id), origin.language)

    async def _pressed(self, origin: Origin, button_id: str) -> Card:
        press = buttons.read(button_id)
        request, words = request_of(press)
        if request:
            return await self._asked(origin, request, (), words)
        if self._is_stopping:
            raise Stopping(_STOPPING)
        if press.verb is not Verb.AGAIN:
            self._desk.check_pace(origin)
        origin = await self._desk.arrived(origin)
        card = await self._desk.press(origin, press)
        if card:
            return card
        await self._desk.let_in(origin)
        if press.verb is Verb.AGAIN:
            plan = await self._planner.again_all(origin, press.target)
            return await self._taker.make(origin, plan, f"/again {press.target}")
        return await self._acting.press(origin, press)

    async def may_upload(self, origin: Origin) -> None:
        """Whether they may send a picture now, and counts it: to be asked before it is fetched. Raises: UserError."""
        await self._desk.may_upload(origin)

    async def take_upload(self, origin: Origin, file: bytes) -> Upload:
        """Check and keep a picture that somebody sends, after `may_upload`. Raises: BadPicture."""
        origin = self._desk.known(origin)
        await self._desk.let_in(origin)
        await self._desk.check_not_banned(origin)
        return await self._sources.take(origin.owner, file, origin.account)

    async def joined(self, origin: Origin) -> bool:
        """Somebody brought the bot into a place: an operator's is let in at once. Whether people may use it there."""
        return await self._desk.joined(origin)

    async def let_in(self, origin: Origin) -> None:
        """Raises: UserError that says what would let them in, for who may not use this Darkroom there."""
        await self._desk.let_in(await self._desk.arrived(origin))

    async def may_look(self, origin: Origin) -> None:
        """For what a platform shows by itself: no flood, let in, not banned. Raises: UserError."""
        with refusing_in(origin.language):
            await self._come_to_look(origin)

    async def _come_to_look(self, origin: Origin) -> None:
        self._desk.check_pace(origin)
        origin = await self._desk.arrived(origin)
        await self._desk.let_in(origin)
        await self._desk.check_not_banned(origin)

    async def share(self, origin: Origin, picture: str, *, is_shared: bool = True) -> str:
        """Let whoever knows its name see a picture of theirs, or no longer; returns that name."""
        if is_shared:
            await self._come_to_look(origin)
        else:  # whoever is banned may take back what is theirs
            self._desk.check_pace(origin)
            await self.let_in(origin)
        found = await self._sources.picture(await self._desk.arrived(origin), picture)
        if found.owner != self._person(origin.owner):
            raise UserError("That picture is somebody else's; only they can share it.")
        await self._store.abroad.share(found.request, found.number, is_shared=is_shared)
        return found.name

    async def note_sent(self, picture: str, sent_as: str) -> None:
        """A chat has the file of a picture, under this name of its own: "<platform>:…"."""
        await self._store.abroad.note_sent(picture, sent_as)

    async def sent(self, pictures: Sequence[str], prefix: str) -> Mapping[str, str]:
        """Those of these pictures that a chat has, with its names for them, which begin so."""
        return await self._store.abroad.sent(pictures, prefix)

    async def moved(self, old_place: str, new_place: str) -> None:
        """A place goes by another name from now on; what holds and waits in it goes with it."""
        await self._store.abroad.move_place(old_place, new_place)
        for live in self._runner.live_requests():
            if live.request.place == old_place:
                live.request = replace(live.request, place=new_place)

    async def left(self, place: str) -> int:
        """We were put out of a place: cancel and refund what waits there; returns how many requests that were.

        What a worker has begun comes to its end, and waits for `/collect`.
        """
        waiting = [live.request for live in self._runner.live_requests() if not live.has_begun]
        inside = [row for row in waiting if lies_in(row.place, place)]
        return sum([await self._runner.cancel(row.id) for row in inside])

    async def visibility(self, place: str) -> str:
        """Who sees what is made in a place: shared, private, spoiler or restricted."""
        return await self._desk.visibility(place)

    async def words_and_strength(self, origin: Origin, picture: str) -> tuple[str, float | None]:
        """What a remix of a picture begins with: its words, and how much of its own source was repainted."""
        found = await self._sources.picture(await self._desk.arrived(origin), picture)
        source = found.recipe.source
        return found.recipe.prompt, source.strength if source else None

    def not_over(self, account: str) -> Mapping[str, str]:
        """Somebody's requests that wait or are being made, newest first, with their words. From memory."""
        live = reversed(self._live_of(self._person(account)))
        return {each.request.id: each.request.words for each in live}

    async def has_request(self, event_key: str) -> bool:
        """Whether an event was taken in."""
        return await self._store.requests.has_event(event_key)

    async def conversation(self, account: str, before: str | None, limit: int) -> tuple[tuple[Card, ...], bool]:
        """The latest cards of an account, or those before a request; oldest first, and whether there are older ones."""
        return await self._library.conversation(account, before, limit)

    async def history(self, owner: str, words: str, before: str | None, limit: int) -> HistoryPage:
        """Somebody's pictures, newest first, from after the picture named `before`."""
        return await self._library.history(self._person(owner), words, before, limit)

    async def latest_accounts(self, platform: str, limit: int) -> tuple[str, ...]:
        """The accounts of a platform whose pictures are the newest, the newest first."""
        return await self._store.history.latest_owners(f"{platform}:", limit)

    async def file(self, owner: str, name: str, kind: str) -> Served:
        """A picture's file, for who may see it: kind is picture, thumbnail, animation, upload or paper."""
        if kind == "paper":
            return await self._papers.take(self._person(owner), name)
        return await self._library.file(self._person(owner), name, kind)

    async def file_for(self, origin: Origin, name: str, kind: str) -> Served:
        """A picture's file, for who may see it where they are; else as `file`: papers and uploads for their owner."""
        origin = await self._desk.arrived(origin)
        if kind == "paper":
            return await self._papers.take(origin.owner, name)
        return await self._library.file_for(origin, name, kind)

    def status(self) -> EngineStatus:
        """The engine at this moment."""
        return self._engine.status()

    def about(self) -> About:
        """What this Darkroom is."""
        return self._about

    async def has_pictures(self, owner: str) -> bool:
        """Whether somebody ever drew anything that is still there."""
        return await self._store.history.newest(self._person(owner)) is not None

    async def finished(self, request_id: str) -> None:
        """Wait until a request is no longer being made."""
        await self._runner.finished(request_id)

    async def cancel_all(self, owner: str, place: str) -> int:
        """Cancel what waits of somebody in a place and all within it; returns how many requests that were."""
        # By account: what is being made since before its person was linked has another owner still.
        own = [live.request for live in self._runner.live_requests() if self._person(live.request.account) == owner]
        inside = [row for row in own if lies_in(row.place, place)]
        return sum([await self._runner.cancel(row.id) for row in inside])

    # Answering

    def _queue(self, origin: Origin, asked: ShowQueue) -> Card:
        status, n_finishing = self._engine.status(), self._runner.n_finishing()
        if not asked.is_all:
            return answers.queue(status, n_finishing, self._own_live(origin), self._desk.course_sentence())
        self._desk.check(origin, Act.SEE_QUEUE, self._desk.realm(origin) or "")
        realm = self._desk.realm(origin) or ""
        inside = tuple(live for live in self._runner.live_requests() if lies_in(live.request.place, realm))
        return answers.queue(status, n_finishing, inside, self._desk.course_sentence(), with_askers=True)

    def _own_live(self, origin: Origin) -> tuple[Live, ...]:
        return self._live_of(origin.owner)

    def _live_of(self, owner: str) -> tuple[Live, ...]:
        # By account: what is being made since before its person was linked has another owner still.
        live = self._runner.live_requests()
        return tuple(each for each in live if self._person(each.request.account) == owner)

    async def _recipe(self, origin: Origin, asked: ShowRecipe, uploads: tuple[str, ...]) -> Card:
        if not uploads:
            return answers.recipe_of_ours(await self._sources.find_kept_or_not(origin, asked.source))
        found = await self._sources.find(origin, None, uploads)
        parameters = self._sources.parameters(origin.owner, uploads[0])
        _, words = imported(found.recipe, parameters)
        return answers.recipe_of_a_file(found.recipe, parameters, words)

    async def _history_card(self, origin: Origin, asked: History) -> Card:
        rows = await self._store.history.page(origin.owner, asked.words, asked.page, answers.HISTORY_PAGE)
        total = await self._store.history.count(origin.owner, asked.words)
        return answers.history_page(rows, asked.words, asked.page, total)

    def _person(self, account: str) -> str:
        """Whose account it is."""
        return self._desk.person(account)

"""The studio: what people can do here, the same on every platform. Request in, card out.

A request is committed before it is acknowledged and acknowledged before it is drawn; from then on the runner tells its
card. Knows no platform but by the protocol in `platforms/base.py`, and holds nothing of theirs.
"""

import time

from bot import answers, buttons
from bot.buttons import Verb
from bot.cards import Card, Origin
from bot.gallery import About, HistoryPage
from bot.help import help_for
from bot.library import Library, Served
from bot.planning import Draft, Plan, Planner
from bot.presses import request_of
from bot.requests import (
    Again,
    Cancel,
    Compare,
    Help,
    History,
    Imagine,
    Remix,
    Request,
    Show,
    ShowQueue,
    ShowRecipe,
    Upscale,
    Vary,
)
from bot.runner import Runner
from bot.sources import Sources, Upload, imported, split
from bot.telling import Teller
from bot.typography import clean
from engine.engine import Engine, EngineStatus
from engine.errors import UserError
from storage import records
from storage.ids import new_request_id
from storage.records import NewJob, NewRequest, PictureRow, RequestRow
from storage.store import Store

_NOTHING_TO_CANCEL = "Nothing of yours is waiting or being drawn."
_OVER = "That is finished already; there is nothing left to cancel."
_ANSWERED = "That was answered already."


class Studio:
    """The use cases. Every method raises UserError with a sentence for the person, StorageError if the disk is ill."""

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        sources: Sources,
        library: Library,
        planner: Planner,
        runner: Runner,
        teller: Teller,
        about: About,
    ) -> None:
        self._store = store
        self._engine = engine
        self._sources = sources
        self._library = library
        self._planner = planner
        self._runner = runner
        self._teller = teller
        self._about = about

    async def resume(self) -> int:
        """Run what an earlier life left unfinished, oldest first; returns how many requests."""
        unfinished = await self._store.requests.unfinished()
        for request in unfinished:
            self._runner.start(request.id)
        return len(unfinished)

    async def ask(self, origin: Origin, request: Request, uploads: tuple[str, ...] = (), words: str = "") -> Card:
        """Do what somebody asked. The card is kept and goes on changing if it has an id."""
        match request:
            case Imagine() | Remix() | Upscale() | Vary() | Again() | Compare():
                plan = await self._planner.plan(origin, request, uploads)
                return await self._make(origin, plan, words)
            case Show():
                return await self._show(origin, await self._sources.find_kept_or_not(origin, request.source), words)
            case ShowRecipe():
                return await self._recipe(origin, request, uploads)
            case History():
                return await self._history_card(origin, request)
            case ShowQueue():
                own = tuple(live for live in self._runner.live_requests() if live.request.owner == origin.owner)
                return answers.queue(self._engine.status(), own)
            case Cancel():
                return await self._cancel(origin, request.request)
            case Help():
                sentence, fields = help_for(request.topic, await self._planner.entry())
                return answers.note("help", sentence, *fields)

    async def press(self, origin: Origin, button_id: str) -> Card:
        """Do what a button says, whoever wrote it and whenever."""
        press = buttons.read(button_id)
        request, words = request_of(press)
        if request:
            return await self.ask(origin, request, words=words)
        match press.verb:
            case Verb.AGAIN:
                plan = await self._planner.again_all(origin, press.target)
                return await self._make(origin, plan, f"/again {press.target}")
            case Verb.GO:
                return await self._go(origin, press.target)
            case Verb.NO | Verb.CANCEL:
                return await self._cancel(origin, press.target)
            case Verb.DELETE:
                return await self._delete(origin, press.target)
            case _:
                raise UserError("This button needs the page: open it there.")

    async def take_upload(self, owner: str, file: bytes) -> Upload:
        """Check and keep a picture that somebody sends. Raises: BadPicture."""
        return await self._sources.take(owner, file)

    async def conversation(self, owner: str, before: str | None, limit: int) -> tuple[tuple[Card, ...], bool]:
        """The latest cards of somebody, or those before a request; oldest first, and whether there are older ones."""
        return await self._library.conversation(owner, before, limit)

    async def history(self, owner: str, words: str, before: str | None, limit: int) -> HistoryPage:
        """Somebody's pictures, newest first, from after the picture named `before`."""
        return await self._library.history(owner, words, before, limit)

    async def file(self, owner: str, name: str, kind: str) -> Served:
        """A picture's file, for who may see it: kind is picture, thumbnail, animation or upload."""
        return await self._library.file(owner, name, kind)

    def status(self) -> EngineStatus:
        """The engine at this moment."""
        return self._engine.status()

    def about(self) -> About:
        """What this Darkroom is."""
        return self._about

    async def has_pictures(self, owner: str) -> bool:
        """Whether somebody ever drew anything that is still there."""
        return await self._store.history.newest(owner) is not None

    async def finished(self, request_id: str) -> None:
        """Wait until a request is no longer being made."""
        await self._runner.finished(request_id)

    # Making

    async def _make(self, origin: Origin, plan: Plan, words: str) -> Card:
        """Commit, acknowledge, run: in this order."""
        now_s = time.time()
        new = NewRequest(
            id=new_request_id(),
            event_key=origin.event_key,
            owner=origin.owner,
            place=origin.place,
            reply_to=origin.reply_to,
            asker=origin.asker,
            kind=plan.kind,
            words=clean(words),
            parent=plan.parent,
            state=records.State.OFFERED if plan.question else records.State.WAITING,
            sentence=plan.question,
            created_s=now_s,
        )
        return await self._commit(new, _jobs(new.id, plan.drafts))

    async def _show(self, origin: Origin, picture: PictureRow, words: str) -> Card:
        """A picture alone is a message of its own, kept, with nothing to make."""
        name = picture.name
        new = NewRequest(
            id=new_request_id(),
            event_key=origin.event_key,
            owner=origin.owner,
            place=origin.place,
            reply_to=origin.reply_to,
            asker=origin.asker,
            kind="show",
            words=clean(words) or f"/show {name}",
            parent=name,
            state=records.State.DONE,
            sentence="",
            created_s=time.time(),
        )
        return await self._commit(new, ())

    async def _commit(self, new: NewRequest, jobs: tuple[NewJob, ...]) -> Card:
        request_id = await self._store.requests.add(new, jobs)
        row = await self._store.requests.find(request_id)
        assert row
        card = await self._library.card(row)
        if request_id != new.id:
            return card  # the same event once more: it is being made, or was
        await self._teller.acknowledge(row, card)
        if row.state is records.State.WAITING:
            self._runner.start(request_id)
        return card

    async def _go(self, origin: Origin, request_id: str) -> Card:
        """Draw what was offered."""
        row = await self._own(origin, request_id)
        if not await self._store.requests.begin(row.id):
            return await self._tell(row.id)
        self._runner.start(row.id)
        return await self._tell(row.id)

    async def _cancel(self, origin: Origin, request_id: str | None) -> Card:
        if request_id is None:
            own = [live for live in self._runner.live_requests() if live.request.owner == origin.owner]
            if not own:
                raise UserError(_NOTHING_TO_CANCEL)
            request_id = own[-1].request.id
        row = await self._own(origin, request_id)
        if not await self._runner.cancel(row.id):
            raise UserError(_OVER)
        return await self._tell(row.id)

    async def _delete(self, origin: Origin, request_id: str) -> Card:
        """A message and its pictures; their files too, unless another picture is the same."""
        row = await self._own(origin, request_id)
        await self._runner.cancel(row.id)
        async with self._teller.turn(row.id):
            unreferenced = await self._store.requests.delete(row.id)
            await self._teller.withdraw(row)
        await self._store.pictures.forget(unreferenced)
        return answers.note("delete", "Deleted.")

    async def _tell(self, request_id: str) -> Card:
        """Show its newest card to its own platform, and return it."""
        async with self._teller.turn(request_id):
            row = await self._store.requests.find(request_id)
            assert row
            card = await self._library.card(row)
            await self._teller.newest(row, card)
        return card

    async def _own(self, origin: Origin, request_id: str) -> RequestRow:
        """A request of the asker's own. Raises: UserError."""
        row = await self._sources.request(origin, split(request_id)[0], naming=clean(request_id))
        if row.owner != origin.owner:
            raise UserError("That is somebody else's; only they can do this.")
        return row

    # Answering

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


def _jobs(request_id: str, drafts: tuple[Draft, ...]) -> tuple[NewJob, ...]:
    """The drafts as jobs, their pictures numbered through the whole request."""
    jobs, number = [], 1
    for ordinal, draft in enumerate(drafts, 1):
        jobs.append(
            NewJob(
                id=f"{request_id}-{ordinal}",
                request=request_id,
                ordinal=ordinal,
                first_number=number,
                label=draft.label,
                recipe=draft.recipe,
                n_pictures=draft.n_pictures,
                source_file=draft.source_file,
                treatment=draft.treatment,
            )
        )
        number += draft.n_pictures
    return tuple(jobs)

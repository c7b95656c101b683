"""Takes requests in: commit with all limits, put the jobs into the queue, acknowledge. In this order.

Whatever is shown to somebody as kept goes through here: what is to be drawn, what is asked first, a picture shown
alone, a line for the admins. Knows no platform.
"""

import time
from collections.abc import Callable

from bot.cards import Card, Origin
from bot.desk.desk import Desk
from bot.desk.sentences import span
from bot.library import Library
from bot.planning import Draft, Plan
from bot.runner import Runner
from bot.showing import NOTICE
from bot.telling import Teller
from bot.typography import clean
from engine.engine import Engine
from storage import records
from storage.asking import Asking, NotAdmitted
from storage.ids import new_request_id
from storage.records import JobRow, NewJob, NewRequest, PictureRow, RequestRow
from storage.store import Store


class Taker:
    """Takes in. `clock` gives Unix seconds. Raises (each): UserError, StorageError."""

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        desk: Desk,
        library: Library,
        runner: Runner,
        teller: Teller,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._engine = engine
        self._desk = desk
        self._library = library
        self._runner = runner
        self._teller = teller
        self._clock = clock

    async def make(self, origin: Origin, plan: Plan, words: str) -> Card:
        """What is to be drawn; asked first where the plan has a question or the wait is long."""
        asking = await self._desk.admitted(origin)
        question = " ".join(each for each in (plan.question, self._wait_question(origin, plan)) if each)
        state = records.State.OFFERED if question else records.State.WAITING
        new = self._new(origin, plan.kind, clean(words), state, parent=plan.parent, sentence=question)
        return await self._commit(new, _jobs(new.id, plan.drafts), asking)

    async def show(self, origin: Origin, picture: PictureRow, words: str) -> Card:
        """A picture alone: a message of its own, kept, with nothing to make. Bans and the rate hold for it too."""
        name = picture.name
        words = clean(words) or f"/show {name}"
        new = self._new(origin, "show", words, records.State.DONE, parent=name)
        return await self._commit(new, (), self._desk.asking(origin))

    async def note(self, origin: Origin, sentence: str) -> Card:
        """A line of ours that is kept and delivered like a result."""
        return await self._commit(self._new(origin, NOTICE, "", records.State.DONE, sentence=sentence), ())

    async def go(self, origin: Origin, row: RequestRow) -> bool:
        """Draw what was offered; False if it is not offered any more."""
        asking = await self._desk.admitted(origin)
        try:
            has_begun = await self._store.requests.begin(row.id, asking)
        except NotAdmitted as exc:
            raise self._desk.refused(exc) from exc
        if has_begun:
            await self._runner.begin(row.id)
        return has_begun

    async def _commit(self, new: NewRequest, jobs: tuple[NewJob, ...], asking: Asking | None = None) -> Card:
        """From the commit on it is ours to bring to an end: nothing after it may fail for whoever asked."""
        try:
            request_id = await self._store.requests.add(new, jobs, asking)
        except NotAdmitted as exc:
            raise self._desk.refused(exc) from exc
        if request_id != new.id:  # the same event once more: it is being made, or was
            return await self._rendered(request_id)
        row, job_rows = _row(new, self._desk.person(new.owner)), tuple(_job_row(new, job) for job in jobs)
        if row.state is records.State.WAITING:
            await self._runner.start(row, job_rows)
            self._runner.look(row.id)
        await self._teller.acknowledge(row)
        if row.kind == "show":
            return await self._rendered(request_id)
        return await self._library.covered(self._library.card_of(row, job_rows), row.place)

    async def _rendered(self, request_id: str) -> Card:
        rendered = await self._library.rendered(request_id)
        assert rendered, "what was committed is there"
        return rendered[1]

    def _wait_question(self, origin: Origin, plan: Plan) -> str:
        first = next((draft for draft in plan.drafts if not draft.treatment), None)
        if first is None:
            return ""
        wait_s = self._engine.wait_for_newcomer_s(origin.owner, first.recipe, first.n_pictures)
        if wait_s is None or wait_s < self._desk.ask_after_s():
            return ""
        return f"It would be its turn in about {span(wait_s)}. Still queue it?"

    def _new(
        self,
        origin: Origin,
        kind: str,
        words: str,
        state: records.State,
        *,
        parent: str | None = None,
        sentence: str = "",
    ) -> NewRequest:
        return NewRequest(
            id=new_request_id(),
            event_key=origin.event_key,
            owner=origin.account or origin.owner,
            place=origin.place,
            reply_to=origin.reply_to,
            asker=origin.asker,
            kind=kind,
            words=words,
            parent=parent,
            state=state,
            sentence=sentence,
            created_s=self._clock(),
        )


def _row(new: NewRequest, owner: str) -> RequestRow:
    """The request as it is stored now."""
    is_over = new.state == records.State.DONE
    return RequestRow(
        id=new.id,
        event_key=new.event_key,
        owner=owner,
        account=new.owner,
        place=new.place,
        reply_to=new.reply_to,
        asker=new.asker,
        kind=new.kind,
        words=new.words,
        parent=new.parent,
        state=records.State(new.state),
        sentence=new.sentence,
        created_s=new.created_s,
        ended_s=new.created_s if is_over else None,
        grid_hash=None,
        is_deleted=False,
    )


def _job_row(new: NewRequest, job: NewJob) -> JobRow:
    return JobRow(
        id=job.id,
        request=job.request,
        ordinal=job.ordinal,
        first_number=job.first_number,
        label=job.label,
        recipe=job.recipe,
        n_pictures=job.n_pictures,
        source_file=job.source_file,
        treatment=job.treatment,
        state=records.State(new.state),
        n_losses=0,
        gpu_s=0.0,
        sentence="",
        cost=job.cost,
    )


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
                cost=draft.cost,
            )
        )
        number += draft.n_pictures
    return tuple(jobs)

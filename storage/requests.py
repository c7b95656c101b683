"""Requests and their jobs, from the asking to the end. Each step of the studio is one transaction here, with the limits
it must keep, what it costs or gives back, and what people are to be told of it.

    offered ──begin──▶ waiting ──finish_job, fail_job, cancel, end──▶ done | failed | cancelled
       └──────────────────────cancel──────────────────────────────────▶ cancelled

A state that is over does not change any more, so a result that comes too late changes nothing. Knows nothing of
engines, chats or files' contents.
"""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

import asyncio
import time
from collections.abc import Callable, Sequence

from storage import charging, limits, taking_in
from storage.accounts import HashOf, as_it_is, person_id
from storage.asking import Asking
from storage.database import Database
from storage.deleting import delete_request
from storage.ids import is_request_id
from storage.outbox import tell
from storage.records import DeliveryKind, JobRow, NewJob, NewPicture, NewRequest, RequestRow, State
from storage.rows import JOBS, REQUESTS, clean, hash_bytes, job_row, ms, readable, request_row
from storage.statements import Reading, Row, Writing

_MAX_MS = 2**62  # later than any time
_SLICE = 500  # recipes that are decoded in one go: some ms


class Requests:
    """What people asked for. `clock` gives Unix seconds; `hash_of` knows who was forgotten."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time, hash_of: HashOf = as_it_is) -> None:
        self._database = database
        self._clock = clock
        self._hash_of = hash_of

    async def add(self, request: NewRequest, jobs: Sequence[NewJob], asking: Asking | None = None) -> str:
        """Keep a request with its jobs, which get its state, what they cost and what is to be told; returns its id.

        An event that is known already writes nothing and returns the id it got. All limits hold for what waits; what is
        only offered or shown counts in the rate. Without `asking` there are none. Raises: NotAdmitted, StorageError.
        """
        now_ms = ms(self._clock())
        checks = limits.EVERYTHING if request.state == State.WAITING else limits.ASKED_FIRST

        async def step(writing: Writing) -> str:
            known = await writing.value("SELECT id FROM requests WHERE event_key = :key", key=clean(request.event_key))
            if known is not None:
                return str(known)
            person = await person_id(writing, request.owner, request.asker, now_ms, self._hash_of)
            if asking:
                await limits.admit(writing, person, asking, [job.cost for job in jobs], now_ms, checks)
            no = await taking_in.request(writing, request, person, now_ms)
            await taking_in.jobs(writing, request, jobs)
            if request.state == State.WAITING:
                await charging.charge(writing, person, jobs, now_ms)
            is_open = request.state in (State.WAITING, State.OFFERED)
            await tell(writing, no, DeliveryKind.ACKNOWLEDGE if is_open else DeliveryKind.RESULT, now_ms)
            return request.id

        return await self._database.write(step)

    async def begin(self, request_id: str, asking: Asking | None = None) -> bool:
        """What was offered is to be made: it and its jobs wait now, and are charged. False if it was not offered.

        Its rate was counted when it was offered; the other limits hold now. Raises: NotAdmitted, StorageError.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> bool:
            found = await writing.row(
                "UPDATE requests SET state = 'waiting' WHERE id = :id AND state = 'offered' AND NOT is_deleted "
                "RETURNING no, person",
                id=clean(request_id),
            )
            if found is None:
                return False
            no, person = found
            if asking:
                await _admit_offered(writing, no, person, asking, now_ms)
            await charging.charge_offered(writing, no, now_ms)
            await _move_jobs(writing, no, State.OFFERED, State.WAITING)
            return True

        return await self._database.write(step)

    async def finish_job(
        self, job_id: str, pictures: Sequence[NewPicture], gpu_s: float, waited_s: float | None = None
    ) -> bool:
        """The job is done and its pictures are in the history, both or neither.

        Their files must have been put; `waited_s` is from asking until a worker took it. False, and nothing written, if
        it no longer waits or was deleted.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> bool:
            job = await writing.row(
                "UPDATE jobs SET state = 'done', gpu_s = :gpu_s, waited_ms = :waited_ms "
                "WHERE id = :id AND state = 'waiting' RETURNING no, request",
                id=clean(job_id),
                gpu_s=gpu_s,
                waited_ms=None if waited_s is None else ms(waited_s),
            )
            if job is None:
                return False
            await taking_in.pictures(writing, job[0], job[1], pictures, gpu_s, now_ms)
            await charging.note_drawn(writing, clean(job_id), len(pictures), gpu_s)
            return True

        return await self._database.write(step)

    async def fail_job(self, job_id: str, sentence: str, *, is_ours: bool = True) -> None:
        """The job cannot be made; `sentence` says why. Where that `is_ours`, what it cost is given back.

        Nothing happens to one that no longer waits.
        """

        async def step(writing: Writing) -> None:
            failed = await writing.value(
                "UPDATE jobs SET state = 'failed', sentence = :sentence WHERE id = :id AND state = 'waiting' "
                "RETURNING id",
                id=clean(job_id),
                sentence=clean(sentence),
            )
            if failed is not None and is_ours:
                await charging.refund_job(writing, failed)

        await self._database.write(step)

    async def note_remote(self, request_id: str, remote_id: str) -> None:
        """The platform's own name of the message that shows it."""

        async def step(writing: Writing) -> None:
            await writing.rows(
                "UPDATE requests SET remote_id = :remote_id WHERE id = :id",
                id=clean(request_id),
                remote_id=clean(remote_id),
            )

        await self._database.write(step)

    async def note_loss(self, job_id: str) -> int:
        """A worker died with this job; returns how many have. 0 if it no longer waits."""

        async def step(writing: Writing) -> int:
            n_losses = await writing.value(
                "UPDATE jobs SET n_losses = n_losses + 1 WHERE id = :id AND state = 'waiting' RETURNING n_losses",
                id=clean(job_id),
            )
            return int(n_losses or 0)

        return await self._database.write(step)

    async def cancel(self, request_id: str, begun: frozenset[str] = frozenset()) -> bool:
        """Take back what still waits; the request is cancelled then, or done where it has pictures.

        What that cost is given back, but for the jobs in `begun`: they are being drawn. False if it was over already.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> bool:
            no = await writing.value(
                "UPDATE requests SET ended_ms = :now, state = CASE WHEN EXISTS "
                "(SELECT 1 FROM pictures WHERE pictures.request = requests.no) THEN 'done' ELSE 'cancelled' END "
                "WHERE id = :id AND state IN ('offered', 'waiting') RETURNING no",
                id=clean(request_id),
                now=now_ms,
            )
            if no is None:
                return False
            await _end_jobs(writing, no, State.CANCELLED, begun)
            await tell(writing, no, DeliveryKind.RESULT, now_ms)
            return True

        return await self._database.write(step)

    async def end(self, request_id: str, state: str, sentence: str, grid_hash: str | None = None) -> bool:
        """The request is over, which is to be told. Jobs that still wait end with it, failed where it failed, else
        cancelled, and what they cost is given back.

        May be said again of one that ended in the same state. False, and nothing written, if it ended otherwise or was
        deleted. The grid's file must have been put.
        """
        now_ms = ms(self._clock())
        ended = State(state)

        async def step(writing: Writing) -> bool:
            no = await writing.value(
                "UPDATE requests SET state = :state, sentence = :sentence, ended_ms = coalesce(ended_ms, :now), "
                "grid = coalesce((SELECT id FROM files WHERE hash = :grid), grid) "
                "WHERE id = :id AND state IN ('offered', 'waiting', :state) AND NOT is_deleted RETURNING no",
                id=clean(request_id),
                state=ended.value,
                sentence=clean(sentence),
                now=now_ms,
                grid=hash_bytes(grid_hash or ""),
            )
            if no is None:
                return False
            await taking_in.claim(writing, [grid_hash])
            await _end_jobs(writing, no, State.FAILED if ended is State.FAILED else State.CANCELLED)
            await tell(writing, no, DeliveryKind.RESULT, now_ms)  # once: there is one already where it had ended
            return True

        return await self._database.write(step)

    async def delete(self, request_id: str, begun: frozenset[str] = frozenset()) -> frozenset[str]:
        """Take its words, jobs and pictures out of the database; returns the files that nothing refers to any more.

        The request itself keeps answering, as deleted and without words, and its message is to be taken back. What it
        cost is given back as far as it waits and has not `begun`. The files are for `PictureFiles.forget`.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> frozenset[str]:
            return await delete_request(writing, clean(request_id), now_ms, begun)

        return await self._database.write(step)

    async def find(self, request_id: str) -> RequestRow | None:
        """The request of that id, deleted or not; None for any other text."""
        if not is_request_id(request_id):
            return None

        async def ask(reading: Reading) -> RequestRow | None:
            row = await reading.row(f"{REQUESTS} WHERE requests.id = :id", id=request_id)
            return request_row(row) if row else None

        return await self._database.read(ask)

    async def has_event(self, event_key: str) -> bool:
        """Whether an event made a request."""

        async def ask(reading: Reading) -> bool:
            sql = "SELECT 1 FROM requests WHERE event_key = :key"
            return await reading.row(sql, key=clean(event_key)) is not None

        return await self._database.read(ask)

    async def jobs_of(self, request_id: str) -> tuple[JobRow, ...]:
        """Its jobs in their order; none where it was deleted."""

        async def ask(reading: Reading) -> tuple[JobRow, ...]:
            rows = await reading.rows(f"{JOBS} WHERE requests.id = :id ORDER BY ordinal", id=clean(request_id))
            return readable(job_row, rows)

        return await self._database.read(ask)

    async def n_waiting(self) -> int:
        """How many jobs of everybody wait or are being drawn."""

        async def ask(reading: Reading) -> int:
            return int(await reading.value("SELECT count(*) FROM jobs WHERE state = 'waiting'"))

        return await self._database.read(ask)

    async def unfinished(self) -> tuple[tuple[RequestRow, tuple[JobRow, ...]], ...]:
        """Everything that waits, oldest first, each with all its jobs: what a start has to go on with."""

        async def ask(reading: Reading) -> tuple[list[Row], list[Row]]:
            waiting = "requests.state = 'waiting' ORDER BY requests.no"
            return (
                await reading.rows(f"{REQUESTS} WHERE {waiting}"),
                await reading.rows(f"{JOBS} WHERE {waiting}, ordinal"),
            )

        rows, job_rows = await self._database.read(ask)
        jobs: dict[str, list[JobRow]] = {}
        for start in range(0, len(job_rows), _SLICE):
            for job in readable(job_row, job_rows[start : start + _SLICE]):
                jobs.setdefault(job.request, []).append(job)
            await asyncio.sleep(0)
        return tuple((request_row(row), tuple(jobs.get(row[0], ()))) for row in rows)

    async def conversation(
        self, account: str, before_s: float | None, before_id: str | None, limit: int
    ) -> tuple[RequestRow, ...]:
        """What an account asked, newest first, from before the request `before_id` of `before_s`.

        Without the deleted.
        """

        async def ask(reading: Reading) -> tuple[RequestRow, ...]:
            seen = await reading.row(
                "SELECT created_ms, no FROM requests WHERE id = :id", id=clean(before_id or "")
            ) or (_MAX_MS if before_s is None else ms(before_s), 0)
            rows = await reading.rows(
                f"{REQUESTS} WHERE requests.person = (SELECT id FROM people WHERE owner = :account) "
                "AND requests.is_deleted = 0 AND (created_ms, requests.no) < (:before_ms, :before_no) "
                "ORDER BY created_ms DESC, requests.no DESC LIMIT :limit",
                account=clean(account),
                before_ms=seen[0],
                before_no=seen[1],
                limit=max(0, limit),
            )
            return tuple(request_row(row) for row in rows)

        return await self._database.read(ask)


async def _admit_offered(writing: Writing, request_no: int, person: int, asking: Asking, now_ms: int) -> None:
    costs = await writing.rows("SELECT cost FROM jobs WHERE request = :no AND state = 'offered'", no=request_no)
    await limits.admit(writing, person, asking, [row[0] for row in costs], now_ms, limits.BEGUN)


async def _end_jobs(writing: Writing, request_no: int, state: State, begun: frozenset[str] = frozenset()) -> None:
    """Jobs that are not over end; those that waited and had not `begun` cost nothing."""
    await charging.refund_waiting(writing, request_no, begun)
    await _move_jobs(writing, request_no, State.OFFERED, state)
    await _move_jobs(writing, request_no, State.WAITING, state)


async def _move_jobs(writing: Writing, request_no: int, before: State, after: State) -> None:
    await writing.rows(
        "UPDATE jobs SET state = :after WHERE request = :request AND state = :before",
        request=request_no,
        before=before.value,
        after=after.value,
    )

"""Requests and their jobs, from the asking to the end. Each step of the studio is one transaction here.

    offered ──begin──▶ waiting ──finish_job, fail_job, cancel, end──▶ done | failed | cancelled
       └──────────────────────cancel──────────────────────────────────▶ cancelled

A state that is over does not change any more, so a result that comes too late changes nothing. Knows nothing of
engines, chats or files' contents.
"""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

import time
from collections.abc import Callable, Sequence

from storage import taking_in
from storage.database import Database
from storage.deleting import delete_request
from storage.ids import is_request_id
from storage.records import JobRow, NewJob, NewPicture, NewRequest, RequestRow, State
from storage.rows import JOBS, REQUESTS, clean, hash_bytes, job_row, ms, readable, request_row
from storage.statements import Reading, Writing

_MAX_MS = 2**62  # later than any time


class Requests:
    """What people asked for. `clock` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def add(self, request: NewRequest, jobs: Sequence[NewJob]) -> str:
        """Keep a request with its jobs, which get its state; returns its id.

        An event that is known already writes nothing and returns the id it got. Raises: StorageError.
        """

        async def step(writing: Writing) -> str:
            known = await writing.value("SELECT id FROM requests WHERE event_key = :key", key=clean(request.event_key))
            if known is not None:
                return str(known)
            await taking_in.request(writing, request)
            await taking_in.jobs(writing, request, jobs)
            return request.id

        return await self._database.write(step)

    async def begin(self, request_id: str) -> bool:
        """What was offered is to be made: it and its jobs wait now. False if it was not offered."""

        async def step(writing: Writing) -> bool:
            no = await writing.value(
                "UPDATE requests SET state = 'waiting' WHERE id = :id AND state = 'offered' AND NOT is_deleted "
                "RETURNING no",
                id=clean(request_id),
            )
            await _move_jobs(writing, no, State.OFFERED, State.WAITING)
            return no is not None

        return await self._database.write(step)

    async def finish_job(self, job_id: str, pictures: Sequence[NewPicture], gpu_s: float) -> bool:
        """The job is done and its pictures are in the history, both or neither.

        Their files must have been put. False, and nothing written, if it no longer waits or was deleted.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> bool:
            job = await writing.row(
                "UPDATE jobs SET state = 'done', gpu_s = :gpu_s WHERE id = :id AND state = 'waiting' "
                "RETURNING no, request",
                id=clean(job_id),
                gpu_s=gpu_s,
            )
            if job is None:
                return False
            await taking_in.pictures(writing, job[0], job[1], pictures, gpu_s, now_ms)
            return True

        return await self._database.write(step)

    async def fail_job(self, job_id: str, sentence: str) -> None:
        """The job cannot be made; `sentence` says why. Nothing happens to one that no longer waits."""

        async def step(writing: Writing) -> None:
            await writing.rows(
                "UPDATE jobs SET state = 'failed', sentence = :sentence WHERE id = :id AND state = 'waiting'",
                id=clean(job_id),
                sentence=clean(sentence),
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

    async def cancel(self, request_id: str) -> bool:
        """Take back what still waits; the request is cancelled then, or done where it has pictures.

        False if it was over already.
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
            await _move_jobs(writing, no, State.OFFERED, State.CANCELLED)
            await _move_jobs(writing, no, State.WAITING, State.CANCELLED)
            return no is not None

        return await self._database.write(step)

    async def end(self, request_id: str, state: str, sentence: str, grid_hash: str | None = None) -> bool:
        """The request is over. Jobs that still wait end with it: failed where it failed, else cancelled.

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
            await taking_in.claim(writing, [grid_hash])
            rest = State.FAILED if ended is State.FAILED else State.CANCELLED
            await _move_jobs(writing, no, State.OFFERED, rest)
            await _move_jobs(writing, no, State.WAITING, rest)
            return no is not None

        return await self._database.write(step)

    async def delete(self, request_id: str) -> frozenset[str]:
        """Take its words, jobs and pictures out of the database; returns the files that nothing refers to any more.

        The request itself keeps answering, as deleted and without words. The files are for `PictureFiles.forget`.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> frozenset[str]:
            return await delete_request(writing, clean(request_id), now_ms)

        return await self._database.write(step)

    async def find(self, request_id: str) -> RequestRow | None:
        """The request of that id, deleted or not; None for any other text."""
        if not is_request_id(request_id):
            return None

        async def ask(reading: Reading) -> RequestRow | None:
            row = await reading.row(f"{REQUESTS} WHERE requests.id = :id", id=request_id)
            return request_row(row) if row else None

        return await self._database.read(ask)

    async def jobs_of(self, request_id: str) -> tuple[JobRow, ...]:
        """Its jobs in their order; none where it was deleted."""

        async def ask(reading: Reading) -> tuple[JobRow, ...]:
            rows = await reading.rows(f"{JOBS} WHERE requests.id = :id ORDER BY ordinal", id=clean(request_id))
            return readable(job_row, rows)

        return await self._database.read(ask)

    async def unfinished(self) -> tuple[RequestRow, ...]:
        """Everything that waits, oldest first: what a start has to go on with."""

        async def ask(reading: Reading) -> tuple[RequestRow, ...]:
            rows = await reading.rows(f"{REQUESTS} WHERE requests.state = 'waiting' ORDER BY requests.no")
            return tuple(request_row(row) for row in rows)

        return await self._database.read(ask)

    async def conversation(
        self, owner: str, before_s: float | None, before_id: str | None, limit: int
    ) -> tuple[RequestRow, ...]:
        """What somebody asked, newest first, from before the request `before_id` of `before_s`; without the deleted."""

        async def ask(reading: Reading) -> tuple[RequestRow, ...]:
            seen = await reading.row(
                "SELECT created_ms, no FROM requests WHERE id = :id", id=clean(before_id or "")
            ) or (_MAX_MS if before_s is None else ms(before_s), 0)
            rows = await reading.rows(
                f"{REQUESTS} WHERE requests.person = (SELECT id FROM people WHERE owner = :owner) "
                "AND requests.is_deleted = 0 AND (created_ms, requests.no) < (:before_ms, :before_no) "
                "ORDER BY created_ms DESC, requests.no DESC LIMIT :limit",
                owner=clean(owner),
                before_ms=seen[0],
                before_no=seen[1],
                limit=max(0, limit),
            )
            return tuple(request_row(row) for row in rows)

        return await self._database.read(ask)


async def _move_jobs(writing: Writing, request_no: int | None, before: State, after: State) -> None:
    await writing.rows(
        "UPDATE jobs SET state = :after WHERE request = :request AND state = :before",
        request=request_no,
        before=before.value,
        after=after.value,
    )

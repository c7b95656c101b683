"""What people are still to be told, one row for each kind of a request: written with what it tells, and ended once.

    pending ──sending──▶ sending ──▶ sent | dead | ambiguous
       ▲                    │
       └───────again────────┘

`sending` is saved before a platform is called; what is found in it later may have been sent. Of one request the earlier
comes first, and the later waits for its end. Knows nothing of platforms.
"""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

import json
import time
from collections.abc import Callable

from storage import charging, limits
from storage.accounts import MEMBERS, HashOf, as_it_is, find_id
from storage.asking import Asking
from storage.database import Database
from storage.records import Delivery, DeliveryKind, DeliveryState
from storage.rows import clean, ms
from storage.statements import Reading, Row, Writing
from storage.taking_in import place_id

_COLUMNS = (
    "SELECT requests.id, outbox.kind, outbox.state, n_attempts, next_ms, outbox.created_ms, reason "
    "FROM outbox CROSS JOIN requests ON requests.no = outbox.request"
)
_OF = "request = (SELECT no FROM requests WHERE id = :request) AND kind = :kind"
_IS_NEXT = (
    "NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.request = outbox.request AND earlier.no < outbox.no "
    "AND earlier.state IN ('pending', 'sending'))"
)
# Found by an index each. The second: the clock was set back since, and nobody should wait until it is there again.
_IS_DUE = "next_ms <= :now"
_IS_AHEAD = "next_ms > :now AND outbox.created_ms > :now"
_OPEN = "state IN ('pending', 'sending')"


async def tell(writing: Writing, request_no: int, kind: DeliveryKind, now_ms: int) -> None:
    """Add what is to be told, in the transaction that makes it true; once a request and kind."""
    await writing.rows(
        "INSERT INTO outbox (request, kind, state, next_ms, created_ms) "
        "VALUES (:request, :kind, 'pending', :now, :now) ON CONFLICT (request, kind) DO NOTHING",
        request=request_no,
        kind=kind.value,
        now=now_ms,
    )


async def tell_no_more(writing: Writing, request_no: int, now_ms: int, *, is_withdrawn: bool) -> None:
    """The request is deleted: what was not told is not told any more; what may have been seen is to be taken back.

    Without `is_withdrawn` what people have seen stays where it is.
    """
    was_seen = await writing.value(
        "SELECT 1 FROM outbox WHERE request = :no AND (state IN ('sending', 'sent', 'ambiguous') OR n_attempts > 0) "
        "UNION ALL SELECT 1 FROM requests WHERE no = :no AND remote_id IS NOT NULL LIMIT 1",
        no=request_no,
    )
    await writing.rows(  # what is being told now is waited for: its end says what there is to take back
        "DELETE FROM outbox WHERE request = :no AND kind <> 'withdraw' AND state <> 'sending'", no=request_no
    )
    await writing.rows("UPDATE outbox SET reason = '' WHERE request = :no AND reason <> ''", no=request_no)
    if was_seen and is_withdrawn:
        await tell(writing, request_no, DeliveryKind.WITHDRAW, now_ms)


class Outbox:
    """The deliveries. `clock` gives Unix seconds. Every method raises StorageError."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time, hash_of: HashOf = as_it_is) -> None:
        self._database = database
        self._clock = clock
        self._hash_of = hash_of

    async def due(self, limit: int = 32, skip: frozenset[str] = frozenset()) -> tuple[Delivery, ...]:
        """What can be told now, oldest first, but for the requests in `skip`; at most one a request."""
        now_ms = ms(self._clock())

        async def ask(reading: Reading) -> tuple[Delivery, ...]:
            rows: list[Row] = []
            for is_due in (_IS_DUE, _IS_AHEAD):
                rows += await reading.rows(
                    f"{_COLUMNS} WHERE outbox.state = 'pending' AND {is_due} AND {_IS_NEXT} "
                    "AND requests.id NOT IN (SELECT value FROM json_each(:skip)) ORDER BY next_ms LIMIT :limit",
                    now=now_ms,
                    skip=json.dumps(sorted(skip)),
                    limit=max(0, limit - len(rows)),
                )
            return tuple(_delivery(row) for row in rows)

        return await self._database.read(ask)

    async def due_of(self, request: str) -> Delivery | None:
        """What can be told now of one request: the earliest that has no end."""
        now_ms = ms(self._clock())

        async def ask(reading: Reading) -> Delivery | None:
            row = await reading.row(
                f"{_COLUMNS} WHERE outbox.request = (SELECT no FROM requests WHERE id = :request) "
                "AND outbox.state = 'pending' AND (next_ms <= :now OR outbox.created_ms > :now) "
                f"AND {_IS_NEXT} LIMIT 1",
                request=clean(request),
                now=now_ms,
            )
            return _delivery(row) if row else None

        return await self._database.read(ask)

    async def next_due_s(self) -> float | None:
        """Unix time at which the next one can be told, in the past if that is now; None where nothing is pending."""
        now_ms = ms(self._clock())

        async def ask(reading: Reading) -> float | None:
            if await reading.value(
                f"SELECT 1 FROM outbox WHERE state = 'pending' AND {_IS_AHEAD} AND {_IS_NEXT} LIMIT 1", now=now_ms
            ):
                return now_ms / 1_000
            next_ms = await reading.value(
                f"SELECT next_ms FROM outbox WHERE state = 'pending' AND {_IS_NEXT} ORDER BY next_ms LIMIT 1"
            )
            return None if next_ms is None else next_ms / 1_000

        return await self._database.read(ask)

    async def sending(self, request: str, kind: DeliveryKind) -> bool:
        """The platform is about to be called. False, and do not call it, if this is no longer pending."""

        async def step(writing: Writing) -> bool:
            moved = await writing.value(
                f"UPDATE outbox SET state = 'sending', n_attempts = n_attempts + 1 WHERE {_OF} AND state = 'pending' "
                "RETURNING no",
                request=clean(request),
                kind=kind.value,
            )
            return moved is not None

        return await self._database.write(step)

    async def sent(self, request: str, kind: DeliveryKind, remote_id: str | None = None) -> None:
        """It was told; the message goes by `remote_id` from now on. Also from pending, where repeating does no harm."""

        async def step(writing: Writing) -> None:
            ended = await self._end(writing, request, kind, DeliveryState.SENT, "")
            if ended is not None and remote_id is not None:
                await writing.rows(
                    "UPDATE requests SET remote_id = :remote_id WHERE no = :no", remote_id=clean(remote_id), no=ended
                )

        await self._database.write(step)

    async def again(self, request: str, kind: DeliveryKind, after_s: float, reason: str) -> None:
        """It was not told; try again in so many seconds. Each time counts as an attempt.

        Of a request that was deleted meanwhile there is nothing left to tell but that.
        """
        now_ms = ms(self._clock())
        next_ms = now_ms + ms(max(0.0, after_s))

        async def step(writing: Writing) -> None:
            await writing.rows(
                "UPDATE outbox SET n_attempts = n_attempts + (state = 'pending'), state = 'pending', next_ms = :next, "
                f"created_ms = min(created_ms, :now), reason = :reason WHERE {_OF} AND {_OPEN}",
                now=now_ms,
                request=clean(request),
                kind=kind.value,
                next=next_ms,
                reason=clean(reason),
            )
            await writing.rows(
                f"DELETE FROM outbox WHERE {_OF} AND state = 'pending' AND kind <> 'withdraw' "
                "AND EXISTS (SELECT 1 FROM requests WHERE no = outbox.request AND is_deleted = 1)",
                request=clean(request),
                kind=kind.value,
            )

        await self._database.write(step)

    async def dead(self, request: str, kind: DeliveryKind, reason: str) -> None:
        """It will never be told. What a result cost is given back."""

        async def step(writing: Writing) -> None:
            ended = await self._end(writing, request, kind, DeliveryState.DEAD, reason)
            if ended is not None and kind is DeliveryKind.RESULT:
                await charging.refund_all(writing, ended)

        await self._database.write(step)

    async def ambiguous(self, request: str, kind: DeliveryKind, reason: str) -> None:
        """Nobody can find out whether it was told, and it is not told again."""

        async def step(writing: Writing) -> None:
            await self._end(writing, request, kind, DeliveryState.AMBIGUOUS, reason)

        await self._database.write(step)

    async def unknown(self) -> tuple[Delivery, ...]:
        """What a platform was being called for when the last life ended, oldest first."""

        async def ask(reading: Reading) -> tuple[Delivery, ...]:
            rows = await reading.rows(f"{_COLUMNS} WHERE outbox.state = 'sending' ORDER BY outbox.no")
            return tuple(_delivery(row) for row in rows)

        return await self._database.read(ask)

    async def uncollected(self, owner: str) -> tuple[str, ...]:
        """Requests of a person, of all their accounts, whose end was never told or may not have been; newest first."""

        async def ask(reading: Reading) -> tuple[str, ...]:
            rows = await reading.rows(
                "SELECT requests.id FROM outbox CROSS JOIN requests ON requests.no = outbox.request "
                "WHERE outbox.kind = 'result' AND outbox.state IN ('dead', 'ambiguous') AND is_deleted = 0 "
                f"AND person IN {MEMBERS} ORDER BY outbox.request DESC",
                id=await find_id(reading, owner, self._hash_of),
            )
            return tuple(row[0] for row in rows)

        return await self._database.read(ask)

    async def redirect(self, request: str, place: str, reply_to: str, asking: Asking | None = None) -> None:
        """Tell the end of a request here, as a new message; nothing happens unless it is uncollected.

        What was given back of it is charged again, today, as far as `asking` has that left; without it there is no
        limit. Raises: NotAdmitted, and all is as it was.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> None:
            no = await writing.value(
                "UPDATE outbox SET state = 'pending', n_attempts = 0, next_ms = :now, created_ms = :now, "
                "ended_ms = NULL, reason = '' WHERE request = (SELECT no FROM requests WHERE id = :request "
                "AND is_deleted = 0) AND kind = 'result' AND state IN ('dead', 'ambiguous') RETURNING request",
                request=clean(request),
                now=now_ms,
            )
            if no is None:
                return
            await _charge_again(writing, no, asking, now_ms)
            await writing.rows("DELETE FROM outbox WHERE request = :no AND kind = 'acknowledge'", no=no)
            await writing.rows(
                "UPDATE requests SET place = :place, reply_to = :reply_to, remote_id = NULL WHERE no = :no",
                place=await place_id(writing, place, now_ms),
                reply_to=clean(reply_to),
                no=no,
            )

        await self._database.write(step)

    async def counts(self) -> dict[DeliveryState, int]:
        """How many there are in each state. Walks over all of them."""

        async def ask(reading: Reading) -> dict[DeliveryState, int]:
            rows = await reading.rows("SELECT state, count(*) FROM outbox GROUP BY state")
            counted = {str(row[0]): int(row[1]) for row in rows}
            return {state: counted.get(state.value, 0) for state in DeliveryState}

        return await self._database.read(ask)

    async def _end(
        self, writing: Writing, request: str, kind: DeliveryKind, state: DeliveryState, reason: str
    ) -> int | None:
        """The number of its request; None if it had an end, or is none."""
        ended = await writing.value(
            f"UPDATE outbox SET state = :state, ended_ms = :now, reason = :reason WHERE {_OF} AND {_OPEN} "
            "RETURNING request",
            request=clean(request),
            kind=kind.value,
            state=state.value,
            now=ms(self._clock()),
            reason=clean(reason),
        )
        return None if ended is None else int(ended)


async def _charge_again(writing: Writing, request_no: int, asking: Asking | None, now_ms: int) -> None:
    """Else whoever has deliveries fail on purpose draws for nothing. Raises: NotAdmitted."""
    cost = await charging.charge_again(writing, request_no, now_ms)
    if asking and cost:
        person = await writing.value("SELECT person FROM requests WHERE no = :no", no=request_no)
        await limits.check_used(writing, person, asking, cost, now_ms)


def _delivery(row: Row) -> Delivery:
    return Delivery(
        request=row[0],
        kind=DeliveryKind(row[1]),
        state=DeliveryState(row[2]),
        n_attempts=row[3],
        next_s=row[4] / 1_000,
        created_s=row[5] / 1_000,
        reason=row[6],
    )

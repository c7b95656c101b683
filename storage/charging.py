"""The ledger of the daily quota: what a job cost, taken and given back once. To be run inside a transaction.

A day is a UTC day. What was drawn is written down beside what it cost, refunded or not. Knows nothing of limits.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.records import NewJob
from storage.statements import Reading, Writing

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """A day of a person, all their accounts together. `used` and `given` are in standard pictures."""

    used: float
    given: float
    n_pictures: int
    gpu_s: float


async def charge(writing: Writing, person: int, jobs: Sequence[NewJob], now_ms: int) -> None:
    """Take what these jobs cost today."""
    await writing.run_many(
        "INSERT INTO charges (person, day, job, kind, cost) VALUES (:person, :day, :job, 'drawing', :cost)",
        [{"person": person, "day": now_ms // DAY_MS, "job": job.id, "cost": job.cost} for job in jobs],
    )


async def charge_offered(writing: Writing, request_no: int, now_ms: int) -> None:
    """The same for the jobs of a request that was offered and is begun."""
    await writing.rows(
        "INSERT INTO charges (person, day, job, kind, cost) SELECT person, :day, jobs.id, 'drawing', jobs.cost "
        "FROM requests JOIN jobs ON jobs.request = requests.no WHERE requests.no = :no AND jobs.state = 'offered'",
        day=now_ms // DAY_MS,
        no=request_no,
    )


async def note_drawn(writing: Writing, job_id: str, n_pictures: int, gpu_s: float) -> None:
    """What came of a job that was charged."""
    await writing.rows(
        "UPDATE charges SET gpu_s = :gpu_s, n_pictures = :n WHERE job = :job", job=job_id, n=n_pictures, gpu_s=gpu_s
    )


async def refund_job(writing: Writing, job_id: str) -> None:
    """Give back what one job cost."""
    await writing.rows("UPDATE charges SET is_refunded = 1 WHERE job = :job", job=job_id)


async def refund_waiting(writing: Writing, request_no: int, begun: Iterable[str] = ()) -> None:
    """Give back what the jobs of a request cost that wait and are not `begun`."""
    await writing.rows(
        "UPDATE charges SET is_refunded = 1 WHERE job IN (SELECT id FROM jobs WHERE request = :no "
        "AND state = 'waiting' AND id NOT IN (SELECT value FROM json_each(:begun)))",
        no=request_no,
        begun=json.dumps(sorted(begun)),
    )


async def refund_all(writing: Writing, request_no: int) -> None:
    """Give back whatever a request cost: nobody has seen what was drawn."""
    await writing.rows(
        "UPDATE charges SET is_refunded = 1 WHERE job IN (SELECT id FROM jobs WHERE request = :no)", no=request_no
    )


async def charge_again(writing: Writing, request_no: int, now_ms: int) -> float:
    """What was drawn for a request is to be had after all: what was given back of it counts today; how much it is."""
    costs = await writing.rows(
        "UPDATE charges SET is_refunded = 0, day = :day WHERE is_refunded = 1 AND job IN "
        "(SELECT id FROM jobs WHERE request = :no AND state = 'done') RETURNING cost",
        no=request_no,
        day=now_ms // DAY_MS,
    )
    return math.fsum(row[0] for row in costs)


async def spent(reading: Reading, people: Sequence[int], now_ms: int) -> Spent:
    """What the accounts of a person spent today.

    What is carried of an account that is among them counts for itself already.
    """
    row = await reading.row(
        "SELECT total(iif(kind IN ('drawing', 'carried') AND NOT is_refunded AND (of_person IS NULL "
        "OR of_person NOT IN (SELECT value FROM json_each(:people))), cost, 0)), "
        "total(iif(kind IN ('grant', 'reset'), -cost, 0)), total(n_pictures), total(gpu_s) "
        "FROM charges WHERE person IN (SELECT value FROM json_each(:people)) AND day = :day",
        people=json.dumps(list(people)),
        day=now_ms // DAY_MS,
    )
    assert row, "sums are always a row"
    return Spent(used=row[0], given=row[1], n_pictures=int(row[2]), gpu_s=row[3])

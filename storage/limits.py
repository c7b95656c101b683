"""Whether somebody is let in, and where they stand.

In the way can be, in this order: a ban, the rate, jobs in flight, the daily quota, the bound for everybody together.

`admit` runs inside the transaction that takes a request in, so whatever it refuses was never written. All accounts of
a person count together. Knows nothing of sentences, and not where limits come from (`tiers.py`).
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storage import charging, tiers
from storage.accounts import HashOf, as_it_is, find_id, members_of
from storage.asking import Asking, Limit, Limits, NotAdmitted, Refused, Standing
from storage.database import Database
from storage.rates import Bucket
from storage.rows import ms
from storage.statements import Reading, Writing

EVERYTHING = frozenset(Limit)
ASKED_FIRST = frozenset({Limit.BANNED, Limit.RATE})  # what is only offered, or only shown, takes no place
BEGUN = EVERYTHING - {Limit.RATE}  # which was counted when it was offered
_NOBODY = 0  # no row has this id
_CRUMB = 1e-6  # sums of costs are not exact
_RECENT = 20  # requests that are looked at for a clock that was set back


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    """Somebody, and what they may; `people` are the rows of all accounts, the head first."""

    people: tuple[int, ...]
    tier: str
    limits: Limits
    place: str
    full_ms: int
    now_ms: int


async def admit(
    writing: Writing, person: int, asking: Asking, costs: Sequence[float], now_ms: int, checks: frozenset[Limit]
) -> None:
    """Let the account whose row is `person` in with one request and jobs of these costs, and count it in its rate.

    Raises: NotAdmitted for the first of `checks` that is in the way; the transaction is to be undone then.
    """
    asker = await _asker(writing, person, asking.place, asking.groups, now_ms, is_exempt=asking.is_exempt)
    if Limit.BANNED in checks:
        await _check_ban(writing, asker)
    full_ms = await _check_rate(writing, asker) if Limit.RATE in checks else None
    if Limit.IN_FLIGHT in checks:
        await _check_in_flight(writing, asker, len(costs))
    if Limit.DAILY in checks:
        await _check_daily(writing, asker, math.fsum(costs))
    if Limit.FULL in checks:
        await _check_full(writing, asking, len(costs))
    if full_ms is not None:
        await writing.rows("UPDATE people SET rate_full_ms = :full WHERE id = :id", full=full_ms, id=asker.people[0])


async def check_used(writing: Writing, person: int, asking: Asking, cost: float, now_ms: int) -> None:
    """Whether what the account whose row is `person` used today, `cost` of it just now, is within their daily limit.

    Raises: NotAdmitted; the transaction is to be undone then.
    """
    asker = await _asker(writing, person, asking.place, asking.groups, now_ms, is_exempt=asking.is_exempt)
    await _check_daily(writing, asker, cost, counted=cost)


class Ledger:
    """Says where people stand. `clock` gives Unix seconds; `hash_of` knows who was forgotten."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time, hash_of: HashOf = as_it_is) -> None:
        self._database = database
        self._clock = clock
        self._hash_of = hash_of

    async def standing(
        self, account: str, place: str = "", groups: Sequence[str] = (), is_exempt: bool = False
    ) -> Standing:
        """Where a person stands today, asking from this place. Raises: StorageError."""
        now_ms = ms(self._clock())

        async def ask(reading: Reading) -> Standing:
            asker = await self._asker(reading, account, place, groups, now_ms, is_exempt)
            spent = await charging.spent(reading, asker.people, now_ms)
            bucket = await _bucket(reading, asker)
            return Standing(
                tier=asker.tier,
                limits=asker.limits,
                used=spent.used,
                given=spent.given,
                n_in_flight=await _n_in_flight(reading, asker),
                n_pictures=spent.n_pictures,
                gpu_s=spent.gpu_s,
                free_at_s=(bucket.free_ms if bucket else now_ms) / 1_000,
                resets_s=_tomorrow_s(now_ms),
            )

        return await self._database.read(ask)

    async def limits_of(
        self, account: str, place: str = "", groups: Sequence[str] = (), is_exempt: bool = False
    ) -> tuple[str, Limits]:
        """The name of somebody's tier ("" for none) and the limits that hold for them there. Raises: StorageError."""
        now_ms = ms(self._clock())

        async def ask(reading: Reading) -> tuple[str, Limits]:
            asker = await self._asker(reading, account, place, groups, now_ms, is_exempt)
            return asker.tier, asker.limits

        return await self._database.read(ask)

    async def _asker(
        self, reading: Reading, account: str, place: str, groups: Sequence[str], now_ms: int, is_exempt: bool
    ) -> _Asker:
        person = await find_id(reading, account, self._hash_of)
        return await _asker(reading, person or _NOBODY, place, groups, now_ms, is_exempt=is_exempt)


async def _asker(
    reading: Reading, person: int, place: str, groups: Sequence[str], now_ms: int, *, is_exempt: bool
) -> _Asker:
    people = await members_of(reading, person) or (person,)
    own = tiers.own_levels(people[0], groups)
    subjects = own if is_exempt else tiers.levels(people[0], groups, place)
    settings: dict[str, dict[str, str]] = {}
    for subject, key, value in await reading.rows(
        "SELECT subject, key, value FROM settings WHERE subject IN (SELECT value FROM json_each(:subjects)) "
        "UNION ALL SELECT subject, key, value FROM settings WHERE subject >= 'tier:' AND subject < 'tier;'",
        subjects=json.dumps([subject for level in subjects for subject in level]),
    ):
        settings.setdefault(subject, {})[key] = value
    full_ms = await reading.value("SELECT rate_full_ms FROM people WHERE id = :id", id=people[0])
    return _Asker(
        people=people,
        tier=tiers.tier_of(settings, subjects),
        limits=tiers.limits_of(settings, subjects, tiers.UNLIMITED if is_exempt else tiers.FALLBACK),
        place=place,
        full_ms=full_ms or 0,
        now_ms=now_ms,
    )


async def _check_ban(reading: Reading, asker: _Asker) -> None:
    bans = await reading.rows(
        "SELECT place, reason, until_ms FROM bans WHERE person IN (SELECT value FROM json_each(:people)) "
        "AND (until_ms IS NULL OR until_ms > :now)",
        people=_json(asker.people),
        now=asker.now_ms,
    )
    around = ("", *tiers.places_of(asker.place))
    holding = [ban for ban in bans if ban[0] in around]
    if not holding:
        return
    place, reason, until_ms = max(holding, key=lambda ban: math.inf if ban[2] is None else ban[2])
    come_back_s = None if until_ms is None else until_ms / 1_000
    raise NotAdmitted(Refused(limit=Limit.BANNED, reason=reason, place=place, come_back_s=come_back_s))


async def _check_rate(reading: Reading, asker: _Asker) -> int | None:
    """When the bucket will be full again; None where there is none."""
    bucket = await _bucket(reading, asker)
    if bucket is None:
        return None
    full_ms = bucket.after(asker.now_ms)
    if full_ms is None:
        has = bucket.n_spent(asker.now_ms)
        come_back_s = bucket.free_ms / 1_000
        raise NotAdmitted(Refused(limit=Limit.RATE, most=asker.limits.rate, has=has, wants=1, come_back_s=come_back_s))
    return full_ms


async def _check_in_flight(reading: Reading, asker: _Asker, n_jobs: int) -> None:
    most = asker.limits.in_flight
    if math.isinf(most):
        return
    has = await _n_in_flight(reading, asker)
    if has + n_jobs > most:
        raise NotAdmitted(Refused(limit=Limit.IN_FLIGHT, most=most, has=has, wants=n_jobs))


async def _check_daily(reading: Reading, asker: _Asker, cost: float, counted: float = 0.0) -> None:
    """Whether so much more may be drawn; `counted`: how much of it is in what they used already."""
    daily = asker.limits.daily
    if math.isinf(daily) or cost <= 0:
        return
    spent = await charging.spent(reading, asker.people, asker.now_ms)
    most = daily + spent.given
    used = spent.used - counted
    if used + cost > most + _CRUMB:
        come_back_s = _tomorrow_s(asker.now_ms) if cost <= daily + _CRUMB else None
        raise NotAdmitted(Refused(limit=Limit.DAILY, most=most, has=used, wants=cost, come_back_s=come_back_s))


async def _check_full(reading: Reading, asking: Asking, n_jobs: int) -> None:
    waiting = int(await reading.value("SELECT count(*) FROM jobs WHERE state = 'waiting'"))
    if waiting + n_jobs > asking.most_waiting:
        raise NotAdmitted(Refused(limit=Limit.FULL, most=asking.most_waiting, has=waiting, wants=n_jobs))


async def _n_in_flight(reading: Reading, asker: _Asker) -> int:
    return int(
        await reading.value(
            "SELECT count(*) FROM json_each(:people) AS whose CROSS JOIN requests ON requests.person = whose.value "
            "CROSS JOIN jobs ON jobs.request = requests.no WHERE requests.state = 'waiting' AND jobs.state = 'waiting'",
            people=_json(asker.people),
        )
    )


async def _bucket(reading: Reading, asker: _Asker) -> Bucket | None:
    bucket = Bucket.of(asker.limits, asker.full_ms, asker.now_ms, is_clock_behind=False)
    if bucket is None or asker.full_ms <= asker.now_ms + bucket.whole_ms or not await _is_clock_behind(reading, asker):
        return bucket
    return Bucket.of(asker.limits, asker.full_ms, asker.now_ms, is_clock_behind=True)


async def _is_clock_behind(reading: Reading, asker: _Asker) -> bool:
    """Whether something of theirs was taken in at a time that is yet to come.

    Nothing less will do for a full bucket that seems too full: other places may have slower ones, and to ask in turns
    must win nothing.
    """
    newest = await reading.value(
        "SELECT max(newest) FROM (SELECT max((SELECT created_ms FROM requests WHERE person = whose.value "
        "AND is_deleted = 0 ORDER BY created_ms DESC LIMIT 1), (SELECT max(created_ms) FROM (SELECT created_ms "
        "FROM requests WHERE person = whose.value ORDER BY no DESC LIMIT :recent))) AS newest "
        "FROM json_each(:people) AS whose)",
        people=_json(asker.people),
        recent=_RECENT,
    )
    return newest is not None and newest > asker.now_ms


def _tomorrow_s(now_ms: int) -> float:
    return (now_ms // charging.DAY_MS + 1) * charging.DAY_MS / 1_000


def _json(people: Sequence[int]) -> str:
    return json.dumps(list(people))

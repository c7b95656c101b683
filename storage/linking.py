"""Two persons become one, and one becomes two, so that nobody wins by it. To be run inside a transaction.

While accounts are linked their use is summed by whoever asks, and a limit that was set for one of them holds for all.
When one leaves, each part takes along what the other has used today as *carried* charges, so that both have as little
left as they had together; what is carried of an account that comes back counts no more, because it counts itself again.
With them go the rate, the bans, being kept out, and any limit that was set for the person and is stricter than what the
other part would have of its own.
"""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

from collections.abc import Iterable

from storage import tiers
from storage.accounts import head_of, members_of
from storage.asking import Limits
from storage.statements import Writing
from storage.tuning import PERSON

DAY_MS = 86_400_000
MOST_OWED_MS = 3_600_000  # what two rates may owe together; without it, to link and unlink would double it each time
LIMIT_KEYS = ("rate", "burst", "in_flight", "daily")


async def link(writing: Writing, head: int, account: int, now_ms: int) -> None:
    """All accounts of `account` are `head`'s person from now on; nothing happens where they are already."""
    head, other = await head_of(writing, head), await head_of(writing, account)
    if head == other:
        return
    joined = (*await members_of(writing, head), *await members_of(writing, other))
    owed = [
        max(0, int(await writing.value("SELECT rate_full_ms FROM people WHERE id = :id", id=each)) - now_ms)
        for each in (head, other)
    ]
    await _take_stricter_limits(writing, head, other)
    await writing.rows("UPDATE people SET head = :head WHERE id = :other OR head = :other", head=head, other=other)
    await writing.rows(
        "UPDATE people SET rate_full_ms = :full WHERE id = :head",
        full=now_ms + max(*owed, min(sum(owed), MOST_OWED_MS)),
        head=head,
    )
    carried = await _carried(writing, joined, now_ms // DAY_MS)
    await _carry(writing, head, joined, carried, now_ms // DAY_MS)


async def unlink(writing: Writing, account: int, now_ms: int) -> None:
    """The account stands for itself again; where it was the head, the oldest of the rest is theirs from now on."""
    before = await members_of(writing, account)
    rest = tuple(sorted(set(before) - {account}))
    if not rest:
        return
    old_head, day = before[0], now_ms // DAY_MS
    new_head = rest[0] if account == old_head else old_head
    outside = await _carried(writing, before, day)
    used = {each: await _used(writing, each, day) for each in before}
    await _share_what_holds(writing, before)
    await writing.rows("UPDATE people SET head = NULL WHERE id IN (:account, :head)", account=account, head=new_head)
    await writing.rows(
        f"UPDATE people SET head = :head WHERE id IN ({_list(rest)}) AND id <> :head",
        head=new_head,
    )
    await writing.rows(
        "UPDATE people SET rate_full_ms = (SELECT rate_full_ms FROM people WHERE id = :before) "
        "WHERE id IN (:account, :head)",
        before=old_head,
        account=account,
        head=new_head,
    )
    await _keep_limits(writing, old_head, (account, new_head))
    await _carry(writing, account, (account,), outside | {each: used[each] for each in rest}, day)
    await _carry(writing, new_head, rest, outside | {account: used[account]}, day)


async def _used(writing: Writing, person: int, day: int) -> float:
    """What drawing cost this very account today."""
    return float(
        await writing.value(
            "SELECT total(cost) FROM charges WHERE person = :person AND day = :day AND kind = 'drawing' "
            "AND NOT is_refunded",
            person=person,
            day=day,
        )
    )


async def _carried(writing: Writing, members: Iterable[int], day: int) -> dict[int, float]:
    """Other account → what it had used when it parted from one of `members`, the most that any of them knows."""
    among = _list(members)
    rows = await writing.rows(
        f"SELECT of_person, max(cost) FROM charges WHERE person IN ({among}) AND day = :day AND kind = 'carried' "
        f"AND NOT is_refunded AND of_person NOT IN ({among}) GROUP BY of_person",
        day=day,
    )
    return {int(row[0]): float(row[1]) for row in rows}


async def _carry(writing: Writing, head: int, members: Iterable[int], carried: dict[int, float], day: int) -> None:
    """What these members carry today is this and nothing else, one row for each other account."""
    await writing.rows(
        f"DELETE FROM charges WHERE person IN ({_list(members)}) AND day = :day AND kind = 'carried'", day=day
    )
    await writing.run_many(
        "INSERT INTO charges (person, of_person, day, kind, cost) VALUES (:person, :of, :day, 'carried', :cost)",
        [{"person": head, "of": each, "day": day, "cost": cost} for each, cost in carried.items() if cost > 0],
    )


async def _share_what_holds(writing: Writing, members: tuple[int, ...]) -> None:
    """Bans of one become bans of all, the longest of each place; who keeps one out keeps all out."""
    among = _list(members)
    bans = await writing.rows(
        f"SELECT place, reason, until_ms, by, at_ms FROM bans WHERE person IN ({among}) "
        "ORDER BY until_ms IS NOT NULL, until_ms DESC"
    )
    longest = {ban[0]: ban for ban in reversed(bans)}
    await writing.run_many(
        "INSERT INTO bans (person, place, reason, until_ms, by, at_ms) VALUES (:person, :place, :reason, :until, :by, "
        ":at) ON CONFLICT (person, place) DO UPDATE SET reason = excluded.reason, until_ms = excluded.until_ms, "
        "by = excluded.by, at_ms = excluded.at_ms",
        [
            {"person": member, "place": place, "reason": reason, "until": until, "by": by, "at": at}
            for member in members
            for place, reason, until, by, at in longest.values()
        ],
    )
    await writing.rows(
        f"UPDATE people SET is_allowed = 0 WHERE id IN ({among}) "
        f"AND EXISTS (SELECT 1 FROM people WHERE id IN ({among}) AND is_allowed = 0)"
    )


async def _keep_limits(writing: Writing, head: int, parts: Iterable[int]) -> None:
    """A limit that was set for the person goes with each part that would have a looser one of its own."""
    together = await _limits(writing, head)
    for part in parts:
        alone = await _limits(writing, part)
        for key in LIMIT_KEYS:
            if (most := getattr(together, key)) < getattr(alone, key):
                await _limit(writing, part, key, most)


async def _take_stricter_limits(writing: Writing, head: int, other: int) -> None:
    """A limit that was set for one of two holds for both, where it is stricter than what the head has."""
    of_head, of_other = await _limits(writing, head), await _limits(writing, other, is_own=True)
    for key in LIMIT_KEYS:
        if (most := getattr(of_other, key)) < getattr(of_head, key):
            await _limit(writing, head, key, most)


async def _limit(writing: Writing, person: int, key: str, most: float) -> None:
    await writing.rows(
        "INSERT INTO settings (subject, key, value) VALUES (:subject, :key, :value) "
        "ON CONFLICT (subject, key) DO UPDATE SET value = excluded.value",
        subject=f"{PERSON}{person}",
        key=key,
        value=str(int(most)) if most.is_integer() else str(most),
    )


async def _limits(writing: Writing, person: int, *, is_own: bool = False) -> Limits:
    """The limits somebody has where no place and no group says otherwise; or `is_own`: that were set for them alone."""
    subjects = (f"{PERSON}{person}",) if is_own else (f"{PERSON}{person}", "")
    rows = await writing.rows(
        "SELECT subject, key, value FROM settings WHERE subject IN (:own, '') OR subject LIKE 'tier:%'", own=subjects[0]
    )
    settings: dict[str, dict[str, str]] = {}
    for subject, key, value in rows:
        settings.setdefault(subject, {})[key] = value
    otherwise = tiers.UNLIMITED if is_own else tiers.FALLBACK
    return tiers.limits_of(settings, [(subject,) for subject in subjects], otherwise)


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)

"""Rows of `people`: which one an account is, and which are linked. To be run inside a transaction.

An account is one person on one platform ("discord:123"). Linked accounts have one head, whose row has none. Who was
forgotten left a row whose owner is a keyed hash of the account: who comes back gets that row again, with its bans and
its charges. Knows nothing of what is done with any of it.
"""

from collections.abc import Callable

from storage.rows import clean
from storage.statements import Reading, Writing

HashOf = Callable[[str], str]  # account → the owner of its row once it was forgotten: `Secret.hash_of`

FORGOTTEN = "forgotten:"  # what such an owner begins with; no platform may be called so
# Every account of the person behind the row :id; itself alone where it is not linked.
MEMBERS = (
    "(SELECT id FROM people WHERE id = coalesce((SELECT head FROM people WHERE id = :id), :id) "
    "OR head = coalesce((SELECT head FROM people WHERE id = :id), :id))"
)


def as_it_is(account: str) -> str:
    """Nobody was ever forgotten: for a database without a key."""
    return account


async def person_id(writing: Writing, account: str, name: str | None, now_ms: int, hash_of: HashOf = as_it_is) -> int:
    """The row of an account, made where it is new, given back where it was forgotten; its name and last visit renewed.

    `name` is None where they did not come themselves (somebody else named them): then only the row is seen to.
    """
    account = clean(account)
    found = await find_id(writing, account, hash_of)
    if found is None:
        return int(
            await writing.value(
                "INSERT INTO people (owner, name, first_ms, last_ms) VALUES (:owner, :name, :now, :now) RETURNING id",
                owner=account,
                name=clean(name or ""),
                now=now_ms,
            )
        )
    await writing.rows(
        "UPDATE people SET owner = :owner, name = coalesce(nullif(:name, ''), name), "
        "last_ms = iif(:name IS NULL, last_ms, :now) WHERE id = :id AND (:name IS NOT NULL OR owner <> :owner)",
        id=found,
        owner=account,
        name=None if name is None else clean(name),
        now=now_ms,
    )
    return found


async def find_id(reading: Reading, account: str, hash_of: HashOf = as_it_is) -> int | None:
    """The row of an account, also of one that was forgotten; None if there never was one."""
    account = clean(account)
    for owner in (account, hash_of(account)):
        found = await reading.value("SELECT id FROM people WHERE owner = :owner", owner=owner)
        if found is not None:
            return int(found)
    return None


async def head_of(reading: Reading, person: int) -> int:
    """The row that stands for the whole person; the row itself where it is not linked."""
    return int(await reading.value("SELECT coalesce(head, id) FROM people WHERE id = :id", id=person))


async def members_of(reading: Reading, person: int) -> tuple[int, ...]:
    """The rows of all accounts of the person, the head first; of one that is not linked the row itself."""
    rows = await reading.rows(f"SELECT id FROM people WHERE id IN {MEMBERS} ORDER BY head IS NOT NULL, id", id=person)  # noqa: S608
    return tuple(int(row[0]) for row in rows)

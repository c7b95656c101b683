"""Who is known: accounts, which of them are one person, who is banned where. Only reads: acts change it (`acts.py`)."""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

import time
from collections.abc import Callable

from storage.accounts import HashOf, as_it_is, find_id, members_of
from storage.database import Database
from storage.records import BanRow, PersonRow
from storage.rows import clean, ms
from storage.statements import Reading, Row

MOST_NAMED = 5  # people of one name that are shown to choose from
_BANS = "SELECT owner, name, place, reason, until_ms, at_ms FROM bans JOIN people ON people.id = person"
_HOLDS = "(until_ms IS NULL OR until_ms > :now)"
_LONGEST_FIRST = "ORDER BY until_ms IS NOT NULL, until_ms DESC, length(place)"


class People:
    """Accounts and persons. `clock` gives Unix seconds; `hash_of` knows who was forgotten."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time, hash_of: HashOf = as_it_is) -> None:
        self._database = database
        self._clock = clock
        self._hash_of = hash_of

    async def find(self, account: str) -> PersonRow | None:
        """The person of an account; of one that was forgotten what still holds, without a name. None for a new one."""

        async def ask(reading: Reading) -> PersonRow | None:
            person = await find_id(reading, account, self._hash_of)
            return None if person is None else await _person(reading, person, clean(account))

        return await self._database.read(ask)

    async def named(self, name: str) -> tuple[PersonRow, ...]:
        """The accounts that show this name, whatever its capitals; who came last first, `MOST_NAMED` at most."""

        async def ask(reading: Reading) -> tuple[PersonRow, ...]:
            rows = await reading.rows(
                "SELECT id, owner FROM people WHERE name = :name COLLATE NOCASE AND name <> '' "
                "ORDER BY last_ms DESC, id LIMIT :most",
                name=clean(name),
                most=MOST_NAMED,
            )
            return tuple([await _person(reading, row[0], row[1]) for row in rows])

        return await self._database.read(ask)

    async def links(self) -> dict[str, str]:
        """Account → owner, of those that are linked; a head is its own owner."""

        async def ask(reading: Reading) -> dict[str, str]:
            rows = await reading.rows(
                "SELECT people.owner, heads.owner FROM people JOIN people AS heads ON heads.id = people.head"
            )
            return {account: owner for row in rows for account, owner in ((row[0], row[1]), (row[1], row[1]))}

        return await self._database.read(ask)

    async def operators(self) -> frozenset[str]:
        """The accounts that were made operators in a chat."""

        async def ask(reading: Reading) -> frozenset[str]:
            return frozenset(row[0] for row in await reading.rows("SELECT owner FROM people WHERE is_operator"))

        return await self._database.read(ask)

    async def bans(self, place: str | None) -> tuple[BanRow, ...]:
        """The bans that hold now, newest first: those of a place and all within it; of None all there are."""

        async def ask(reading: Reading) -> tuple[BanRow, ...]:
            rows = await reading.rows(
                f"{_BANS} WHERE {_HOLDS} AND (:place IS NULL OR place = :place "
                "OR substr(place, 1, length(:place) + 1) = :place || ':') ORDER BY at_ms DESC, person",
                now=ms(self._clock()),
                place=clean(place) if place else None,
            )
            return tuple(_ban_row(row) for row in rows)

        return await self._database.read(ask)

    async def is_banned(self, account: str, place: str) -> BanRow | None:
        """The ban that keeps the person of an account out of a place, if one does; the one that lasts longest."""

        async def ask(reading: Reading) -> BanRow | None:
            person = await find_id(reading, account, self._hash_of)
            if person is None:
                return None
            among = ", ".join(str(member) for member in await members_of(reading, person))
            row = await reading.row(
                f"{_BANS} WHERE person IN ({among}) AND {_HOLDS} AND (place IN ('', :place) "
                f"OR substr(:place, 1, length(place) + 1) = place || ':') {_LONGEST_FIRST} LIMIT 1",
                now=ms(self._clock()),
                place=clean(place),
            )
            return _ban_row(row) if row else None

        return await self._database.read(ask)


async def _person(reading: Reading, person: int, account: str) -> PersonRow:
    members = await members_of(reading, person)
    rows = await reading.rows(
        "SELECT id, owner, name, is_operator, is_allowed, first_ms, last_ms, n_pictures, gpu_s FROM people "
        f"WHERE id IN ({', '.join(str(member) for member in members)})"
    )
    of = {row[0]: row for row in rows}
    names = {row[0]: account if row[0] == person else row[1] for row in rows}
    own = of[person]
    said = {row[4] for row in rows}
    return PersonRow(
        account=account,
        owner=names[members[0]],
        accounts=tuple(names[member] for member in members),
        name=own[2],
        is_operator=bool(own[3]),
        is_allowed=False if 0 in said else True if 1 in said else None,
        first_s=min(row[5] for row in rows) / 1_000,
        last_s=max(row[6] for row in rows) / 1_000,
        n_pictures=sum(row[7] for row in rows),
        gpu_s=sum(row[8] for row in rows),
    )


def _ban_row(row: Row) -> BanRow:
    return BanRow(
        account=row[0],
        name=row[1],
        place=row[2],
        reason=row[3],
        until_s=None if row[4] is None else row[4] / 1_000,
        at_s=row[5] / 1_000,
    )

"""Forgetting: somebody wholly, at their word; and everybody's requests once they are older than they may get.

What somebody is known by goes in one transaction, which leaves a chore; their requests go a few at a time, so that
nobody waits for long. A kill in between leaves the chore to the next start. Knows nothing of who may ask for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from engine.errors import StorageError
from storage import linking
from storage.accounts import FORGOTTEN, HashOf, find_id, members_of
from storage.database import Database
from storage.deleting import delete_request, forget_words
from storage.erasing import Leaving, erase
from storage.migrate import copies
from storage.pictures import PictureFiles
from storage.rows import ms
from storage.statements import Reading, Row, Writing
from storage.troubles import why

_CHORE = "forget the requests of"  # person, and their last request at that time: those who come back keep the next ones
_REWRITE = "rewrite the file"  # until then a copy of a deleted row can be left in a page that it was moved out of
_BATCH = 10  # requests of up to 64 pictures: a transaction of some tens of ms at worst
_OLD_CHARGES = 500


class Forgetting:
    """Lets go of what was kept. `clock` gives Unix seconds; `hash_of` gives the names of the forgotten."""

    def __init__(
        self,
        database: Database,
        pictures: PictureFiles,
        clock: Callable[[], float],
        hash_of: HashOf,
    ) -> None:
        self._database = database
        self._pictures = pictures
        self._clock = clock
        self._hash_of = hash_of

    async def forget(self, owner: str) -> frozenset[str]:
        """Everything about a person, all linked accounts; returns the files to be deleted with `PictureFiles.forget`.

        When this returns no word of theirs is in the database, its log, the search index or a copy from a migration.
        What they have waiting should be cancelled before. May be called again. Raises: StorageError.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> None:
            person = await find_id(writing, owner, self._hash_of)
            if person is None or await _is_forgotten(writing, person):
                return
            members = await members_of(writing, person)
            for member in members:
                await linking.unlink(writing, member, now_ms)
            await _order_requests(writing, members)
            await erase(writing, await _leaving(writing, members), now_ms, self._hash_of)

        await self._database.write(step)
        return await self.resume()

    async def resume(self) -> frozenset[str]:
        """Go on with whoever is being forgotten, also since an earlier life; returns their files.

        Raises: StorageError.
        """
        hashes: frozenset[str] = frozenset()
        while (more := await self._database.write(self._delete_ordered)) is not None:
            hashes |= more
        if await self._database.read(_is_to_be_rewritten):
            await forget_words(self._database)
            await asyncio.to_thread(_delete_copies, self._database.path)
            await self._database.rewrite()
            await self._database.write(_note_rewritten)
        return hashes

    async def expire(self, days: float) -> int:
        """Delete what was asked more than so many days ago, with its pictures and files; what waits stays.

        Returns how many requests went. Raises: StorageError.
        """
        before_ms = ms(self._clock()) - round(days * linking.DAY_MS)
        n_expired = seen = 0
        while rows := await self._older(before_ms, seen):
            await self._pictures.forget(await self._database.write(partial(_delete, rows, ms(self._clock()))))
            n_expired += len(rows)
            seen = rows[-1][0]
        while await self._database.write(partial(_let_go_of_charges, before_ms // linking.DAY_MS)):
            pass
        return n_expired

    async def _older(self, before_ms: int, seen: int) -> list[Row]:
        async def ask(reading: Reading) -> list[Row]:
            return await reading.rows(
                "SELECT no, id FROM requests WHERE no > :seen AND created_ms < :before AND state <> 'waiting' "
                "ORDER BY no LIMIT :batch",
                seen=seen,
                before=before_ms,
                batch=_BATCH,
            )

        return await self._database.read(ask)

    async def _delete_ordered(self, writing: Writing) -> frozenset[str] | None:
        """The next few requests of the first chore; None where there is no chore."""
        chore = await writing.value(
            "SELECT name FROM chores WHERE substr(name, 1, :n) = :chore LIMIT 1", n=len(_CHORE), chore=_CHORE
        )
        if chore is None:
            return None
        person, last = chore.removeprefix(_CHORE).split()
        rows = await writing.rows(
            "SELECT no, id FROM requests WHERE person = :person AND no <= :last LIMIT :batch",
            person=int(person),
            last=int(last),
            batch=_BATCH,
        )
        if not rows:
            await writing.rows("DELETE FROM chores WHERE name = :chore", chore=chore)
        return await _delete(rows, ms(self._clock()), writing)


async def _is_forgotten(writing: Writing, person: int) -> bool:
    owner = await writing.value("SELECT owner FROM people WHERE id = :id", id=person)
    return str(owner).startswith(FORGOTTEN)


async def _order_requests(writing: Writing, members: Sequence[int]) -> None:
    """What is left to do for each account, for as long as it takes."""
    last = await writing.value("SELECT coalesce(max(no), 0) FROM requests")
    await writing.run_many(
        "INSERT INTO chores (name) VALUES (:name) ON CONFLICT DO NOTHING",
        [{"name": _REWRITE}, *({"name": f"{_CHORE} {member} {last}"} for member in members)],
    )


async def _is_to_be_rewritten(reading: Reading) -> bool:
    return await reading.value("SELECT 1 FROM chores WHERE name = :name", name=_REWRITE) is not None


async def _note_rewritten(writing: Writing) -> None:
    await writing.rows("DELETE FROM chores WHERE name = :name", name=_REWRITE)


async def _leaving(writing: Writing, members: Sequence[int]) -> list[Leaving]:
    leaving = []
    for member in members:
        owner = await writing.value("SELECT owner FROM people WHERE id = :id", id=member)
        names = await writing.rows(
            "SELECT name FROM people WHERE id = :id UNION SELECT asker FROM requests WHERE person = :id", id=member
        )
        leaving.append(Leaving(row=member, account=owner, names=frozenset(row[0] for row in names if row[0])))
    return leaving


async def _delete(rows: Sequence[Row], now_ms: int, writing: Writing) -> frozenset[str]:
    """Requests without a trace: also what they answered to, and what was still to be told of them."""
    hashes: frozenset[str] = frozenset()
    for no, request in rows:
        hashes |= await delete_request(writing, request, now_ms, is_withdrawn=False)
        await writing.rows("DELETE FROM outbox WHERE request = :no", no=no)
        await writing.rows("DELETE FROM requests WHERE no = :no", no=no)
    return hashes


async def _let_go_of_charges(before_day: int, writing: Writing) -> bool:
    """Some of the oldest, if they are old enough; whether there may be more."""
    oldest = await writing.value("SELECT day FROM charges ORDER BY no LIMIT 1")
    if oldest is None or oldest >= before_day:
        return False
    gone = await writing.rows(
        "DELETE FROM charges WHERE day < :day AND no IN (SELECT no FROM charges ORDER BY no LIMIT :n) RETURNING no",
        day=before_day,
        n=_OLD_CHARGES,
    )
    return len(gone) == _OLD_CHARGES


def _delete_copies(database: Path) -> None:
    """Copies from before a migration hold everybody's words of that time."""
    for copy in copies(database):
        try:
            copy.unlink(missing_ok=True)
        except OSError as exc:
            raise StorageError(f"{copy} cannot be deleted: {why(exc)}.") from exc

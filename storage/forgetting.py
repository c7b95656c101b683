"""Forgetting: somebody wholly, at their word; and everybody's requests once they are older than they may get.

What somebody is known by goes in one transaction, which leaves chores; their requests go a few at a time, with their
files, so that nobody waits for long; the file is written anew in the end, now and then for all who left meanwhile. What
a kill or an ill disk interrupts, `tidy` ends. Knows nothing of who may ask for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from engine.errors import StorageError
from storage import linking
from storage.accounts import FORGOTTEN, HashOf, find_id, members_of
from storage.database import Database
from storage.deleting import delete_request, forget_words
from storage.erasing import Leaving, erase
from storage.migrate import copies
from storage.pictures import PictureFiles
from storage.references import IS_UNREFERENCED
from storage.rows import clean, ms
from storage.statements import Reading, Row, Writing
from storage.troubles import why

_CHORE = "forget the requests of"  # person, and their last request at that time: those who come back keep the next ones
_REWRITE = "rewrite the file"  # until then a copy of a deleted row can be left in a page that it was moved out of
_REWRITING = "rewriting the file"  # apart, because what is deleted during one needs the next
REWRITE_EVERY_S = 600.0  # everybody waits for one, 1 s for 100 MB: 1/600 of the time then, however often people leave
_BATCH = 10  # requests of up to 64 pictures: a transaction of some tens of ms at worst
_OLD_CHARGES = 500

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What came of it. `hashes`: files that are gone. `is_whole`: nothing is left but what lies unused in the database.

    `has_traces`: copies of deleted rows may lie in unused pages, until `tidy` has the file written anew. `trouble`: the
    disk's sentence, where it was in the way; `tidy` tries again.
    """

    hashes: frozenset[str] = frozenset()
    is_whole: bool = True
    has_traces: bool = False
    trouble: str = ""


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
        self._rewriting = asyncio.Lock()
        self._rewritten_s = -REWRITE_EVERY_S
        self._at_once: dict[str, int] = {}  # for whom the file was written anew at once, and the day

    async def forget(self, owner: str) -> Forgotten:
        """Everything about a person, all linked accounts, with their files; says what is left to be done.

        Where that is nothing, no word of theirs is in the database, its log, the search index or a copy from a
        migration. What they have waiting should be cancelled before. May be called again.

        Raises: StorageError where nothing was deleted.
        """
        hashes = await self._let_go(owner)
        try:
            await self._pictures.finish_leaving()
            hashes |= await self._delete_all()
        except StorageError as exc:
            log.warning("somebody is not forgotten wholly yet", reason=str(exc))
            return Forgotten(hashes=hashes, is_whole=False, has_traces=True, trouble=str(exc))
        try:
            is_rewritten = await self._rewrite(at_once_for=owner)
        except StorageError as exc:
            log.warning("the file could not be written anew", reason=str(exc))
            return Forgotten(hashes=hashes, has_traces=True, trouble=str(exc))
        return Forgotten(hashes=hashes, has_traces=not is_rewritten)

    async def _let_go(self, owner: str) -> frozenset[str]:
        """What somebody is known by is gone, and the rest is ordered; the files that nothing referred to yet."""
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> frozenset[str]:
            person = await find_id(writing, owner, self._hash_of)
            if person is None or await _is_forgotten(writing, person):
                return await _let_go_of_files(writing, [owner])
            members = await members_of(writing, person)
            for member in members:
                await linking.unlink(writing, member, now_ms)
            await _order_requests(writing, members)
            leaving = await _leaving(writing, members)
            hashes = await _let_go_of_files(writing, [each.account for each in leaving])
            await erase(writing, leaving, now_ms, self._hash_of)
            return hashes

        return await self._database.write(step)

    async def resume(self) -> None:
        """Go on with whoever was being forgotten when an earlier life ended; an ill disk leaves it to `tidy`."""
        try:
            await self._delete_all()
        except StorageError as exc:
            log.warning("somebody is not forgotten wholly yet", reason=str(exc))

    async def tidy(self) -> None:
        """Do what is left of forgetting: rows, files, words in the index and the log, and the file, if it is time.

        To be called now and then. Raises: StorageError.
        """
        await self._delete_all()
        await self._pictures.finish_leaving()
        await forget_words(self._database)
        await self._rewrite()

    async def _delete_all(self) -> frozenset[str]:
        """All requests that are ordered to go, with their files. Raises: StorageError, after all that could be done."""
        hashes: frozenset[str] = frozenset()
        trouble: StorageError | None = None
        while (more := await self._database.write(self._delete_ordered)) is not None:
            hashes |= more
            try:
                await self._pictures.forget(more)
            except StorageError as exc:
                trouble = exc
        if trouble:
            raise trouble
        return hashes

    async def _rewrite(self, at_once_for: str = "") -> bool:
        """Write the file anew if that is wanted and it is time; whether nothing that was deleted is left in it.

        For one person at once only once a day: who comes back and leaves again waits for the next.

        Raises: StorageError.
        """
        async with self._rewriting:
            if not await self._database.read(_is_to_be_rewritten):
                return True
            now_s = self._clock()
            if not self._may_rewrite(at_once_for, now_s):
                return False
            self._rewritten_s = now_s  # also where it fails: everybody waited for that too
            await self._database.write(_begin_rewriting)
            await forget_words(self._database)
            await asyncio.to_thread(_delete_copies, self._database.path)
            await self._database.rewrite()
            return await self._database.write(_end_rewriting)

    def _may_rewrite(self, at_once_for: str, now_s: float) -> bool:
        if self._rewritten_s <= now_s < self._rewritten_s + REWRITE_EVERY_S:  # outside: the clock was set back
            return False
        if at_once_for:
            today, who = int(now_s * 1_000) // linking.DAY_MS, self._hash_of(clean(at_once_for))
            self._at_once = {each: day for each, day in self._at_once.items() if day == today}
            if who in self._at_once:
                return False
            self._at_once[who] = today
        return True

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
        if rows:
            await _order_rewriting(writing)  # one that has begun meanwhile had these rows to write
        else:
            await writing.rows("DELETE FROM chores WHERE name = :chore", chore=chore)
        return await _delete(rows, ms(self._clock()), writing)


async def _is_forgotten(writing: Writing, person: int) -> bool:
    owner = await writing.value("SELECT owner FROM people WHERE id = :id", id=person)
    return str(owner).startswith(FORGOTTEN)


async def _let_go_of_files(writing: Writing, accounts: Sequence[str]) -> frozenset[str]:
    """Files that were put for these accounts and that nothing refers to: their rows say that they are leaving."""
    gone: set[str] = set()
    for account in accounts:
        rows = await writing.rows(
            f"UPDATE files SET put_for = NULL, n_unclaimed = 0, state = iif({IS_UNREFERENCED}, 'leaving', state) "  # noqa: S608  # ours
            "WHERE put_for = :account RETURNING hash, state",
            account=clean(account),
        )
        gone |= {digest.hex() for digest, state in rows if state == "leaving"}
    return frozenset(gone)


async def _order_requests(writing: Writing, members: Sequence[int]) -> None:
    """What is left to do for each account, for as long as it takes."""
    last = await writing.value("SELECT coalesce(max(no), 0) FROM requests")
    await _order_rewriting(writing)
    await writing.run_many(
        "INSERT INTO chores (name) VALUES (:name) ON CONFLICT DO NOTHING",
        [{"name": f"{_CHORE} {member} {last}"} for member in members],
    )


async def _order_rewriting(writing: Writing) -> None:
    await writing.rows("INSERT INTO chores (name) VALUES (:name) ON CONFLICT DO NOTHING", name=_REWRITE)


async def _is_to_be_rewritten(reading: Reading) -> bool:
    sql = "SELECT 1 FROM chores WHERE name IN (:asked, :begun)"
    return await reading.value(sql, asked=_REWRITE, begun=_REWRITING) is not None


async def _begin_rewriting(writing: Writing) -> None:
    await writing.rows("DELETE FROM chores WHERE name = :name", name=_REWRITE)
    await writing.rows("INSERT INTO chores (name) VALUES (:name) ON CONFLICT DO NOTHING", name=_REWRITING)


async def _end_rewriting(writing: Writing) -> bool:
    """Whether nobody left meanwhile."""
    await writing.rows("DELETE FROM chores WHERE name = :name", name=_REWRITING)
    return await writing.value("SELECT 1 FROM chores WHERE name = :name", name=_REWRITE) is None


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

"""Taking a request's words and pictures out of the tables, to be run inside a transaction; and out of the search index.

Rows are overwritten as they go (PRAGMA secure_delete). The index is another matter: FTS5 writes down that a row is gone
and drops its words when it next merges that part. So deleting leaves a chore, and `forget_words` merges everything,
slice by slice.
"""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

import msgspec

from storage import charging, outbox
from storage.database import Database
from storage.references import IS_FREE_OF_OTHERS
from storage.statements import Row, Writing
from storage.words import tokens_of

FORGET_WORDS = "forget words"
_FORGETTING = "forgetting words"  # apart, because words that are deleted during a merge need the next one
_SLICE_PAGES = 128  # of 4 KiB: 256 were measured at 26 ms of the writer; half of that keeps nobody waiting


class _Searched(msgspec.Struct):
    """What of a stored recipe can be searched, whatever else has become of recipes since."""

    prompt: str
    seed: int
    negative: str = ""


async def delete_request(
    writing: Writing,
    request_id: str,
    now_ms: int,
    begun: frozenset[str] = frozenset(),
    *,
    is_withdrawn: bool = True,
) -> frozenset[str]:
    """Empty a request; returns the hashes of its files that nothing refers to now, marked as leaving.

    What its jobs cost that still wait is given back, but for those in `begun`. Its message is to be taken back wherever
    it may have been seen, unless not `is_withdrawn`.
    """
    request = await writing.row(
        "SELECT no, person, grid FROM requests WHERE id = :id AND NOT is_deleted", id=request_id
    )
    if request is None:
        return frozenset()
    no, person, grid = request
    await charging.refund_waiting(writing, no, begun)
    await outbox.tell_no_more(writing, no, now_ms, is_withdrawn=is_withdrawn)
    files = {grid} | await _delete_pictures(writing, no, person) | await _delete_jobs(writing, no)
    await writing.rows(
        "UPDATE requests SET words = '', sentence = '', asker = '', parent = NULL, grid = NULL, is_deleted = 1, "
        "ended_ms = coalesce(ended_ms, :now), state = iif(state IN ('offered', 'waiting'), 'cancelled', state) "
        "WHERE no = :no",
        no=no,
        now=now_ms,
    )
    gone: set[str] = set()
    for file in files - {None}:
        left = await writing.value(
            f"UPDATE files SET state = 'leaving' WHERE id = :id AND {IS_FREE_OF_OTHERS} RETURNING hash",
            id=file,
            now_ms=now_ms,
        )
        gone |= {left.hex()} if left else set()
    return frozenset(gone)


async def forget_words(database: Database) -> None:
    """Merge the search index until no deleted word is in it, then empty the log. Nothing to do unless some are.

    May be stopped between two slices and begun again. Raises: StorageError.
    """
    is_first = True
    while await database.write(_begin_merge if is_first else _merge_on):
        is_first = False
    await database.flush()


async def _begin_merge(writing: Writing) -> bool:
    both = {"asked": FORGET_WORDS, "begun": _FORGETTING}
    if not await writing.rows("DELETE FROM chores WHERE name IN (:asked, :begun) RETURNING name", **both):
        return False
    await writing.rows("INSERT INTO chores (name) VALUES (:begun)", begun=_FORGETTING)
    await writing.rows("INSERT INTO search (search, rank) VALUES ('merge', :pages)", pages=-_SLICE_PAGES)
    return True


async def _merge_on(writing: Writing) -> bool:
    before = int(await writing.value("SELECT total_changes()"))
    await writing.rows("INSERT INTO search (search, rank) VALUES ('merge', :pages)", pages=_SLICE_PAGES)
    is_more = int(await writing.value("SELECT total_changes()")) - before >= 2  # FTS5's own sign that it did something
    if not is_more:
        await writing.rows("DELETE FROM chores WHERE name = :name", name=_FORGETTING)
    return is_more


async def _delete_pictures(writing: Writing, request_no: int, person: int) -> set[int | None]:
    rows = await writing.rows(
        "DELETE FROM pictures WHERE request = :no RETURNING id, recipe, file, thumbnail, animation", no=request_no
    )
    if not rows:
        return set()
    await writing.run_many(
        "INSERT INTO search (search, rowid, tokens) VALUES ('delete', :picture, :tokens)",
        [{"picture": row[0], "tokens": _tokens(person, row)} for row in rows],
    )
    await writing.rows("INSERT INTO chores (name) VALUES (:name) ON CONFLICT DO NOTHING", name=FORGET_WORDS)
    await writing.rows("UPDATE people SET n_pictures = n_pictures - :n WHERE id = :id", n=len(rows), id=person)
    return {file for row in rows for file in row[2:]}


async def _delete_jobs(writing: Writing, request_no: int) -> set[int | None]:
    rows = await writing.rows("DELETE FROM jobs WHERE request = :no RETURNING source", no=request_no)
    return {row[0] for row in rows}


def _tokens(person: int, row: Row) -> str:
    searched = msgspec.json.decode(row[1], type=_Searched)
    return tokens_of(person, searched.prompt, searched.negative, searched.seed)

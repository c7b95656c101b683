"""Taking somebody's marks out of the small tables, to be run inside a transaction. Requests and pictures stand apart.

What must outlive it hangs on the row of `people`, whose owner becomes a keyed hash: bans, today's charges, limits that
admins set, that an act was done. None of it has a name, an account or a word left.
"""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.accounts import HashOf
from storage.linking import DAY_MS, LIMIT_KEYS
from storage.statements import Writing
from storage.tuning import PERSON

_KEPT_KEYS = ("tier", *LIMIT_KEYS)
_TELLING_ID_CHARS = 6  # a shorter number may stand in anybody's sentence
_LINE_BEFORE = "A line about somebody who was forgotten."
_SAID_BEFORE = "That is done."  # what an event that comes again is answered, where the answer named somebody


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """One account of somebody who is being forgotten. `names` are all they went by, none of them empty."""

    row: int
    account: str
    names: frozenset[str]

    @property
    def number(self) -> str:
        """The platform's own name of them."""
        return self.account.partition(":")[2]

    def is_in(self, place: str) -> bool:
        """Whether a place is called by them: a private chat often is."""
        platform, *parts = place.split(":")
        return platform == self.account.partition(":")[0] and (
            place == self.account or place.startswith(f"{self.account}:") or self.number in parts
        )


async def erase(writing: Writing, leaving: Sequence[Leaving], now_ms: int, hash_of: HashOf) -> None:
    """Empty everything about these accounts but their requests; they must not be linked any more."""
    rows = [each.row for each in leaving]
    for table, column, keys in (
        ("codes", "person", rows),
        ("inbox", "person", rows),
        ("sessions", "owner", [each.account for each in leaving]),
        ("links", "owner", [each.account for each in leaving]),
        ("arrivals", "account", [each.account for each in leaving]),
    ):
        await writing.run_many(f"DELETE FROM {table} WHERE {column} = :key", [{"key": key} for key in keys])
    await writing.run_many(
        "DELETE FROM charges WHERE person = :row AND day < :today",
        [{"row": row, "today": now_ms // DAY_MS} for row in rows],
    )
    await _erase_settings(writing, leaving)
    await _erase_words(writing, leaving)
    await _erase_places(writing, leaving, hash_of)
    await writing.run_many(
        "UPDATE people SET owner = :owner, name = '', is_operator = 0, first_ms = :now, last_ms = :now, gpu_s = 0 "
        "WHERE id = :row",
        [{"row": each.row, "owner": hash_of(each.account), "now": now_ms} for each in leaving],
    )


async def _erase_settings(writing: Writing, leaving: Sequence[Leaving]) -> None:
    own = {f"{PERSON}{each.row}" for each in leaving}
    for subject, key, value in await writing.rows("SELECT subject, key, value FROM settings"):
        places = (subject.removeprefix("place:"), *value.split())
        if (subject in own and key not in _KEPT_KEYS) or _is_any_in(places, leaving):
            await writing.rows("DELETE FROM settings WHERE subject = :subject AND key = :key", subject=subject, key=key)


async def _erase_words(writing: Writing, leaving: Sequence[Leaving]) -> None:
    """Words about them and by them, and where others wrote their account."""
    rows = ", ".join(str(each.row) for each in leaving)
    await writing.rows(f"UPDATE audit SET words = '' WHERE actor IN ({rows}) OR target IN ({rows})")
    await writing.rows(f"UPDATE bans SET reason = '' WHERE person IN ({rows}) OR by IN ({rows})")
    for each in leaving:
        numbers = [each.number] if len(each.number) >= _TELLING_ID_CHARS else []
        for said in (each.account, *numbers):
            await writing.rows("UPDATE audit SET words = '' WHERE instr(words, :said)", said=said)
            await writing.rows("UPDATE bans SET reason = '' WHERE instr(reason, :said)", said=said)
        for said in (each.account, *numbers, *each.names):
            await writing.rows(
                "UPDATE inbox SET answer = :instead WHERE instr(answer, :said)", said=said, instead=_SAID_BEFORE
            )
            await writing.rows(  # lines of the admins' log, which are kept like requests
                "UPDATE requests SET sentence = :instead WHERE kind = 'notice' AND instr(sentence, :said)",
                said=said,
                instead=_LINE_BEFORE,
            )


async def _erase_places(writing: Writing, leaving: Sequence[Leaving], hash_of: HashOf) -> None:
    """Places that are called by them, and places where nobody else ever asked: their private chats."""
    for table in ("audit", "bans"):
        for (place,) in await writing.rows(f"SELECT DISTINCT place FROM {table}"):
            if _is_any_in((place,), leaving):
                gone = "UPDATE audit SET place = ''" if table == "audit" else "DELETE FROM bans"
                await writing.rows(f"{gone} WHERE place = :place", place=place)
    rows = ", ".join(str(each.row) for each in leaving)
    places = await writing.rows(
        "SELECT id, place FROM places WHERE "
        f"id IN (SELECT place FROM requests WHERE person IN ({rows})) AND NOT EXISTS "
        f"(SELECT 1 FROM requests WHERE requests.place = places.id AND person NOT IN ({rows}))"
    )
    await writing.run_many(
        "UPDATE places SET place = :hash WHERE id = :id",
        [{"id": row[0], "hash": f"{hash_of(row[1])}:{row[0]}"} for row in places],
    )


def _is_any_in(places: Iterable[str], leaving: Sequence[Leaving]) -> bool:
    return any(each.is_in(place) for place in places for each in leaving)

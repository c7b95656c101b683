"""What is set, by whom it is for. Only reads: what changes it is an act (`acts.py`). Knows no key and no default.

Subjects: "" (all), "place:…", "group:…", "tier:…"; "account:<account>" means the person, all linked accounts.
"""

import json
from collections import defaultdict
from collections.abc import Sequence

from storage.accounts import HashOf, as_it_is, find_id, head_of
from storage.database import Database
from storage.rows import clean
from storage.statements import Reading

ACCOUNT = "account:"
PERSON = "person:"  # how the settings of a person are stored: by the row of their head
# One statement: a message asks eight times for what is set somewhere, and each statement is a way to a thread and back.
_OF_ALL_THESE = "SELECT subject, key, value FROM settings WHERE subject IN (SELECT value FROM json_each(:subjects))"


class Tuning:
    """The settings. `hash_of` knows who was forgotten."""

    def __init__(self, database: Database, hash_of: HashOf = as_it_is) -> None:
        self._database = database
        self._hash_of = hash_of

    async def values(self, subjects: Sequence[str]) -> dict[str, dict[str, str]]:
        """Subject → key → value, for those subjects that have any."""

        async def ask(reading: Reading) -> dict[str, dict[str, str]]:
            stored = {each: await stored_subject(reading, each, self._hash_of) for each in dict.fromkeys(subjects)}
            rows = await reading.rows(
                _OF_ALL_THESE, subjects=json.dumps([each for each in stored.values() if each is not None])
            )
            values: defaultdict[str, dict[str, str]] = defaultdict(dict)
            for subject, key, value in rows:
                values[subject][key] = value
            return {subject: values[each] for subject, each in stored.items() if each is not None and each in values}

        return await self._database.read(ask)

    async def all_of(self, subject: str) -> dict[str, str]:
        """Key → value of one subject."""
        return (await self.values([subject])).get(subject, {})

    async def subjects(self, prefix: str) -> tuple[str, ...]:
        """The subjects that begin so and have something set; people are not among them."""

        async def ask(reading: Reading) -> tuple[str, ...]:
            rows = await reading.rows("SELECT DISTINCT subject FROM settings ORDER BY subject")
            return tuple(row[0] for row in rows if row[0].startswith(prefix) and not row[0].startswith(PERSON))

        return await self._database.read(ask)


async def stored_subject(reading: Reading, subject: str, hash_of: HashOf) -> str | None:
    """The subject as the table has it; None for an account nobody has seen."""
    if not subject.startswith(ACCOUNT):
        return clean(subject)
    person = await find_id(reading, subject.removeprefix(ACCOUNT), hash_of)
    return None if person is None else f"{PERSON}{await head_of(reading, person)}"


async def values_of(reading: Reading, stored: str) -> dict[str, str]:
    """Key → value of a subject as the table has it."""
    rows = await reading.rows("SELECT key, value FROM settings WHERE subject = :subject", subject=stored)
    return {row[0]: row[1] for row in rows}

"""Acts: what admins, or people for themselves, change; each once, with audit row and answer, in one transaction.

Also what other events that make no request were answered. Both are known for two days; no platform repeats an event
after that. Knows nothing of rights.
"""

import time
from collections.abc import Callable

from storage.accounts import HashOf, as_it_is, person_id
from storage.applying import Applying
from storage.changes import Act
from storage.database import Database
from storage.rows import clean, ms
from storage.statements import Reading, Writing

KNOWN_FOR_S = 172_800.0
_MOST_LET_GO = 100  # old answers that leave with a new one: never many at once, and faster than they come


class Acts:
    """Does acts. `clock` gives Unix seconds; `hash_of` knows who was forgotten."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time, hash_of: HashOf = as_it_is) -> None:
        self._database = database
        self._clock = clock
        self._hash_of = hash_of

    async def do(self, act: Act) -> tuple[str, bool]:
        """Make all its changes, or none; returns the answer, and whether this was the first time the event came.

        An event that is known changes nothing and gets the answer it got. Raises: UserError, StorageError.
        """
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> tuple[str, bool]:
            known = await _answer(writing, act.event_key)
            if known is not None:
                return known, False
            actor = await person_id(writing, act.actor, act.actor_name, now_ms, self._hash_of)
            applying = Applying(writing, actor=actor, now_ms=now_ms, hash_of=self._hash_of)
            for change in act.changes:
                await applying.apply(change)
            if act.is_audited:
                await self._audit(writing, act, actor, now_ms)
            await _keep(writing, act.event_key, actor, act.answer, now_ms)
            return act.answer, True

        return await self._database.write(step)

    async def answered(self, event_key: str) -> str | None:
        """What this event was answered, if it came already."""

        async def ask(reading: Reading) -> str | None:
            return await _answer(reading, event_key)

        return await self._database.read(ask)

    async def note(self, event_key: str, account: str, answer: str) -> None:
        """Keep what an event was answered that changes nothing here; the first answer stays. Raises: StorageError."""
        now_ms = ms(self._clock())

        async def step(writing: Writing) -> None:
            if await _answer(writing, event_key) is None:
                person = await person_id(writing, account, None, now_ms, self._hash_of)
                await _keep(writing, event_key, person, answer, now_ms)

        await self._database.write(step)

    async def _audit(self, writing: Writing, act: Act, actor: int, now_ms: int) -> None:
        target = None
        if act.target is not None:
            target = await person_id(writing, act.target, None, now_ms, self._hash_of)
        await writing.rows(
            "INSERT INTO audit (at_ms, actor, place, act, target, words) "
            "VALUES (:now, :actor, :place, :act, :target, :words)",
            now=now_ms,
            actor=actor,
            place=clean(act.place),
            act=clean(act.act),
            target=target,
            words=clean(act.words),
        )


async def _answer(reading: Reading, event_key: str) -> str | None:
    found = await reading.value("SELECT answer FROM inbox WHERE event_key = :key", key=clean(event_key))
    return None if found is None else str(found)


async def _keep(writing: Writing, event_key: str, person: int, answer: str, now_ms: int) -> None:
    await writing.rows(
        "DELETE FROM inbox WHERE event_key IN "
        "(SELECT event_key FROM inbox WHERE at_ms < :old ORDER BY at_ms LIMIT :most)",
        old=now_ms - ms(KNOWN_FOR_S),
        most=_MOST_LET_GO,
    )
    await writing.rows(
        "INSERT INTO inbox (event_key, person, at_ms, answer) VALUES (:key, :person, :now, :answer)",
        key=clean(event_key),
        person=person,
        now=now_ms,
        answer=clean(answer),
    )

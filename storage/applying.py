"""Changes → rows, to be run inside a transaction. Knows nothing of who may do what, and of no key's meaning."""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

import math
from typing import assert_never

from engine.errors import UserError
from storage import linking
from storage.accounts import MEMBERS, HashOf, head_of, person_id
from storage.changes import Allow, Ban, Change, Grant, Link, MakeOperator, Reset, Set, Unban, Unlink
from storage.rows import clean, ms
from storage.statements import Writing
from storage.tuning import ACCOUNT, PERSON


class Applying:
    """Applies the changes of one act. `actor` is the row of who acts; accounts that are new get their row."""

    def __init__(self, writing: Writing, *, actor: int, now_ms: int, hash_of: HashOf) -> None:
        self._writing = writing
        self._actor = actor
        self._now_ms = now_ms
        self._hash_of = hash_of

    async def apply(self, change: Change) -> None:
        """Make it so; doing it again changes nothing more, but for Grant. Raises: UserError."""
        match change:
            case Set():
                await self._set(change)
            case Ban():
                await self._ban(change)
            case Unban():
                await self._write(
                    f"DELETE FROM bans WHERE place = :place AND person IN {MEMBERS}", change.account, place=change.place
                )
            case Allow():
                await self._write(
                    f"UPDATE people SET is_allowed = :is WHERE id IN {MEMBERS}", change.account, is_=change.is_allowed
                )
            case MakeOperator():
                await self._write(
                    "UPDATE people SET is_operator = :is WHERE id = :id", change.account, is_=change.is_operator
                )
            case Grant():
                await self._grant(change)
            case Reset():
                await self._write(
                    "UPDATE charges SET is_refunded = 1 WHERE day = :day AND kind IN ('drawing', 'carried') "
                    f"AND person IN {MEMBERS}",
                    change.account,
                    day=self._day,
                )
            case Link():
                await linking.link(
                    self._writing, await self._row(change.head), await self._row(change.account), self._now_ms
                )
            case Unlink():
                await linking.unlink(self._writing, await self._row(change.account), self._now_ms)
            case _:
                assert_never(change)

    @property
    def _day(self) -> int:
        return self._now_ms // linking.DAY_MS

    async def _row(self, account: str) -> int:
        return await person_id(self._writing, account, None, self._now_ms, self._hash_of)

    async def _set(self, change: Set) -> None:
        subject = clean(change.subject)
        if subject.startswith(ACCOUNT):
            head = await head_of(self._writing, await self._row(subject.removeprefix(ACCOUNT)))
            subject = f"{PERSON}{head}"
        if change.value is None:
            await self._writing.rows(
                "DELETE FROM settings WHERE subject = :subject AND key = :key", subject=subject, key=clean(change.key)
            )
            return
        await self._writing.rows(
            "INSERT INTO settings (subject, key, value) VALUES (:subject, :key, :value) "
            "ON CONFLICT (subject, key) DO UPDATE SET value = excluded.value",
            subject=subject,
            key=clean(change.key),
            value=clean(change.value),
        )

    async def _ban(self, change: Ban) -> None:
        await self._writing.rows("DELETE FROM bans WHERE until_ms <= :now", now=self._now_ms)
        await self._write(
            "INSERT INTO bans (person, place, reason, until_ms, by, at_ms) VALUES (:id, :place, :reason, :until, :by, "
            ":now) ON CONFLICT (person, place) DO UPDATE SET reason = excluded.reason, until_ms = excluded.until_ms, "
            "by = excluded.by, at_ms = excluded.at_ms",
            change.account,
            place=change.place,
            reason=change.reason,
            until=None if change.until_s is None else ms(change.until_s),
            by=self._actor,
            now=self._now_ms,
        )

    async def _grant(self, change: Grant) -> None:
        if not (math.isfinite(change.cost) and change.cost > 0):
            raise UserError("A grant is a number of standard pictures above 0, such as 20.")
        await self._write(
            "INSERT INTO charges (person, day, kind, cost) VALUES (:id, :day, 'grant', :cost)",
            change.account,
            day=self._day,
            cost=-change.cost,
        )

    async def _write(self, sql: str, account: str, **values: str | float | None) -> None:
        """Run a statement about the row of an account, `:id`. `is_` stands for :is, a word of Python's."""
        said = {name.rstrip("_"): clean(value) if isinstance(value, str) else value for name, value in values.items()}
        await self._writing.rows(sql, id=await self._row(account), **said)

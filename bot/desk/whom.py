"""Who is meant by what an admin wrote: an account, a mention, a name, a request, a tier, a group, here, everyone.

Whatever could be somebody else is a sentence that lists who it could be. Knows nothing of rights.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.cards import Origin
from bot.desk import sentences
from bot.desk.places import EVERYWHERE, lies_in
from bot.typography import clean, cut, shown
from engine.errors import UserError
from storage.ids import is_request_id
from storage.records import PersonRow
from storage.store import Store

PLATFORMS = ("discord", "telegram", "web")
_MENTION = re.compile(r"<@!?(\d{1,20})>")
_ROLE = re.compile(r"<@&(\d{1,20})>")
_ACCOUNT = re.compile(r"([a-z][a-z0-9]{0,31}):([^\s:][^\s]{0,127})")
_MOST_CHARS = 200
_NOBODY = (
    "I know nobody called {who}. Name somebody who has asked here before, mention them, or write their account, "
    "such as discord:123 or telegram:456."
)


class Kind(StrEnum):
    """What was meant."""

    PERSON = "person"
    GROUP = "group"
    TIER = "tier"
    HERE = "here"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """Whom it is about. `subject` is of settings; `shown` is for sentences.

    Of a person: `account`, and `row` unless Darkroom has never seen them.
    """

    kind: Kind
    subject: str
    shown: str
    account: str = ""
    row: PersonRow | None = None

    @property
    def accounts(self) -> tuple[str, ...]:
        """All accounts of the person."""
        return self.row.accounts if self.row else (self.account,)

    @property
    def owner(self) -> str:
        """The person as the owner of requests."""
        return self.row.owner if self.row else self.account


class Whom:
    """Finds who is meant."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, origin: Origin, who: str, realm: str) -> Meant:
        """Whom `who` means to somebody who acts within `realm`. Raises: UserError, listing what is possible."""
        words = clean(who[:_MOST_CHARS])
        low = words.removeprefix("@").casefold()
        if of_place := self.of_place(origin, words):
            return of_place
        if low == "everyone":
            return Meant(kind=Kind.EVERYONE, subject="", shown="everyone")
        if low.startswith("tier:"):
            return await self._tier(low.removeprefix("tier:"))
        return await self.person(origin, words, realm)

    def of_place(self, origin: Origin, who: str) -> Meant | None:
        """Everybody in this place or in a group, if one is meant: found without looking anybody up."""
        words = clean(who[:_MOST_CHARS])
        if words.removeprefix("@").casefold() == "here":
            return Meant(kind=Kind.HERE, subject=f"place:{origin.sphere}", shown="everybody here")
        if group := _group(origin, words):
            return Meant(kind=Kind.GROUP, subject=f"group:{group}", shown=f"the group {cut(group)}")
        return None

    async def person(self, origin: Origin, who: str, realm: str) -> Meant:
        """One person. Raises: UserError for nobody, for several, and for what is no person."""
        words = clean(who[:_MOST_CHARS])
        if not words:
            raise UserError(_NOBODY.format(who=shown(who)))
        if mention := _MENTION.fullmatch(words):
            return await self._account(f"{origin.platform}:{mention[1]}")
        if is_request_id(words.lower().partition(".")[0]):
            asked = await self._store.requests.find(words.lower().partition(".")[0])
            if asked and lies_in(asked.place, realm):
                return await self._account(asked.account)
        if written := _ACCOUNT.fullmatch(words):
            known = await self._store.people.find(words)
            if known is None and written[1] not in (*PLATFORMS, origin.platform):
                raise UserError(_NOBODY.format(who=shown(words)))
            return _somebody(words, known)
        return await self._named(origin, words, realm)

    async def tiers(self) -> tuple[str, ...]:
        """The names of all tiers."""
        subjects = await self._store.tuning.subjects("tier:")
        return tuple(sorted(subject.removeprefix("tier:") for subject in subjects))

    async def _account(self, account: str) -> Meant:
        return _somebody(account, await self._store.people.find(account))

    async def _named(self, origin: Origin, words: str, realm: str) -> Meant:
        """By the name they show. A place admin finds those of the same platform alone."""
        found = await self._store.people.named(words.removeprefix("@"))
        if realm != EVERYWHERE:
            found = tuple(row for row in found if row.account.startswith(f"{origin.platform}:"))
        if not found:
            raise UserError(_NOBODY.format(who=shown(words)))
        if len({row.owner for row in found}) > 1:
            possible = sentences.each([sentences.person(row.name, row.account) for row in found])
            raise UserError(f"{shown(words)} could be {possible}. Write the account.")
        return _somebody(found[0].account, found[0])

    async def _tier(self, name: str) -> Meant:
        tiers = await self.tiers()
        if name not in tiers:
            raise UserError(f"There is no tier {shown(name)}. There is: {', '.join(tiers)}.")
        return Meant(kind=Kind.TIER, subject=f"tier:{name}", shown=f"the tier {name}")


def _somebody(account: str, row: PersonRow | None) -> Meant:
    name = row.name if row else ""
    return Meant(
        kind=Kind.PERSON,
        subject=f"account:{account}",
        shown=sentences.person(name, account),
        account=account,
        row=row,
    )


def _group(origin: Origin, words: str) -> str | None:
    """The group that is meant: as it is written, or a mention of a role as the platform says the asker's own."""
    if role := _ROLE.fullmatch(words):
        own = (group for group in origin.groups if group == role[1] or group.endswith(f":{role[1]}"))
        return next(own, role[1])
    if words.casefold().startswith("group:"):
        return words[len("group:") :].strip() or None
    return None

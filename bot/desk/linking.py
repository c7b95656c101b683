"""Linking: a code from one account, given to the bot by the other, makes both one person; unlinking takes one out.

Whoever redeems a code is told whom they join before anything happens: a code that a stranger sends is a trap.
"""

from dataclasses import dataclass, replace
from typing import Final

from bot import answers, buttons
from bot.cards import Card, Field, Origin
from bot.desk import sentences
from bot.desk.asking_first import AskedFirst
from bot.desk.codes import Tries, new_code, normal
from bot.desk.office import Deed, Office
from bot.desk.rights import Act
from bot.requests import LinkAccounts
from engine.errors import UserError
from storage.changes import Link, Unlink

PURPOSE: Final = "link"
CODE_WITHIN_S = 600.0
MOST_ACCOUNTS = 8  # of one person
_N_GROUPS = 2  # 40 bits, for ten minutes and five tries
_WRONG = (
    "That code is not valid: it was mistyped, used already, or is older than ten minutes. Get a new one with /link."
)
_IN_PRIVATE = "Ask me for the code in a private chat: whoever sees it could join you."
_ASK_AGAIN = "I do not know what you want to join. Send /link and the code again."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joining:
    """What somebody is about to confirm: the account whose code they gave, and the code in the button."""

    account: str
    code: str


class Linking:
    """Answers /link and /unlink."""

    def __init__(self, office: Office, tries: Tries) -> None:
        self._office = office
        self._tries = tries
        self._joining: AskedFirst[_Joining] = AskedFirst(office.clock)

    async def answer(self, origin: Origin, asked: LinkAccounts) -> Card:
        """A code to give to the other account; or, with its code, the question whether that is who they are."""
        self._office.check(origin, Act.LINK, origin.place)
        return await (self._make_code(origin) if asked.code is None else self._ask(origin, asked.code))

    async def confirm(self, origin: Origin, code: str) -> Card:
        """They are one person from now on."""
        self._office.check(origin, Act.LINK, origin.place)
        joining = self._joining.take(origin.account)
        if joining is None or joining.code != code:
            raise UserError(_ASK_AGAIN)
        await self._check(origin, joining.account)
        deed = Deed(
            act=Act.LINK,
            kind="link",
            answer="These accounts are one person now: one history, one quota, the same settings. /unlink parts them.",
            changes=(Link(head=joining.account, account=origin.account),),
            target=joining.account,
            is_audited=False,
        )
        return await self._office.do(origin, deed)

    async def unlink(self, origin: Origin) -> Card:
        """This account stands for itself again."""
        self._office.check(origin, Act.UNLINK, origin.place)
        person = await self._office.store.people.find(origin.account)
        if person is None or len(person.accounts) < 2:
            raise UserError("This account is not linked to another one; /link makes a code for that.")
        deed = Deed(
            act=Act.UNLINK,
            kind="link",
            answer="This account stands for itself again. What each account asked for stays with it; "
            "what was used today counts for both.",
            changes=(Unlink(account=origin.account),),
            is_audited=False,
        )
        return await self._office.do(origin, deed)

    async def _make_code(self, origin: Origin) -> Card:
        if origin.is_place_shared and not origin.is_answer_private:
            raise UserError(_IN_PRIVATE)
        code = new_code(_N_GROUPS)
        await self._office.store.codes.make(PURPOSE, code, origin.account, CODE_WITHIN_S)
        sentence = (
            f"Send this to me from your other account within {sentences.span(CODE_WITHIN_S)}. Give it to nobody: "
            "whoever uses it shares your pictures and your quota."
        )
        return answers.note("link", sentence, Field(name="Code", value=f"/link {code}", is_copyable=True))

    async def _ask(self, origin: Origin, written: str) -> Card:
        """The code is used up with this, also by a wrong press: there are always new ones."""
        self._tries.check(origin.account)
        code = normal(written)
        taken = await self._office.store.codes.take(PURPOSE, code)
        if taken is None or taken.account is None:
            self._tries.note_wrong(origin.account)
            raise UserError(_WRONG)
        await self._check(origin, taken.account)
        self._joining.ask(origin.account, _Joining(account=taken.account, code=code))
        other = await self._office.store.people.find(taken.account)
        whom = sentences.person(other.name if other else "", taken.account)
        accounts = ", ".join(other.accounts) if other else taken.account
        sentence = (
            f"You are about to become one person with {whom}. They will see all your pictures and you theirs, and you "
            "share one quota. Join only if that is you: if somebody else sent you this code, do nothing."
        )
        card = answers.note("link", sentence, Field(name="Their accounts", value=accounts))
        return replace(card, buttons=buttons.of_link(code))

    async def _check(self, origin: Origin, account: str) -> None:
        """Raises: UserError for accounts that are one already, or too many."""
        if self._office.person(account) == self._office.person(origin.account):
            raise UserError("That code is of this very person: these accounts are linked already.")
        n_accounts = 0
        for each in (account, origin.account):
            person = await self._office.store.people.find(each)
            n_accounts += len(person.accounts) if person else 1
        if n_accounts > MOST_ACCOUNTS:
            raise UserError(f"One person can have {MOST_ACCOUNTS} accounts; /unlink one first.")

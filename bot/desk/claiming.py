"""Becoming the operator from a chat, with a code that only whoever started Darkroom has read.

Once on each platform: who owns the bot on Discord, or was named there, cannot be asked to let people in on Telegram.
"""

from collections.abc import Iterable
from typing import Final

from bot import answers
from bot.cards import Card, Origin
from bot.desk.codes import Tries, new_code, normal
from bot.desk.office import Deed, Office
from bot.desk.rights import Act
from bot.requests import Claim
from engine.errors import UserError
from storage.changes import MakeOperator

PURPOSE: Final = "claim"
_N_GROUPS = 3  # 60 bits: it holds as long as Darkroom runs
_WITHIN_S = 366 * 86_400.0
_WRONG = "That is not the code. It was printed when Darkroom started last, and stands in its log."
_HAS_ONE = "This Darkroom has an operator here already. They can add you in its settings: DARKROOM_OPERATORS."
_YOU_ARE = "You run this Darkroom already."
_DONE = "You run this Darkroom now. /help admin says what you can do; /allow lets others in."


class Claiming:
    """Answers /claim."""

    def __init__(self, office: Office, tries: Tries) -> None:
        self._office = office
        self._tries = tries
        self._code: str | None = None

    async def open(self) -> None:
        """A new code, and the earlier ones are void. Raises: StorageError."""
        await self._office.store.codes.drop(PURPOSE)
        self._code = new_code(_N_GROUPS)
        await self._office.store.codes.make(PURPOSE, self._code, None, _WITHIN_S)

    def line(self, platforms: Iterable[str]) -> str | None:
        """What to print at the start, None if each of these platforms has an operator."""
        without = [platform for platform in platforms if not self._office.has_operator_on(platform)]
        if not without or self._code is None:
            return None
        where = " and ".join(platform.capitalize() for platform in without)
        return f"No operator on {where} yet: to run this Darkroom from there, send the bot  /claim {self._code}"

    async def claim(self, origin: Origin, asked: Claim) -> Card:
        """This account runs Darkroom from now on."""
        self._office.check(origin, Act.CLAIM, origin.place)
        if self._office.is_operator(origin.account):
            return answers.note("claim", _YOU_ARE)
        if self._office.has_operator_on(origin.platform):
            raise UserError(_HAS_ONE)
        self._tries.check(origin.account)
        if await self._office.store.codes.take(PURPOSE, normal(asked.code)) is None:
            self._tries.note_wrong(origin.account)
            raise UserError(_WRONG)
        deed = Deed(
            act=Act.CLAIM,
            kind="claim",
            answer=_DONE,
            changes=(MakeOperator(account=origin.account, is_operator=True),),
            target=origin.account,
            target_name=origin.asker,
            words="with the code of the start",
        )
        return await self._office.do(origin, deed)

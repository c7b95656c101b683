"""What is kept about somebody: all of it as a file, or all of it gone. The whole person, every linked account."""

from collections.abc import Iterable
from dataclasses import replace

from bot import answers, buttons
from bot.cards import Card, Field, Origin
from bot.desk import sentences
from bot.desk.asking_first import AskedFirst
from bot.desk.office import Office
from bot.desk.places import EVERYWHERE
from bot.desk.rights import Act
from bot.typography import cut
from engine.errors import StorageError, UserError
from storage.exporting import Part
from storage.forgetting import Forgotten

_EXPORT_TYPE = "application/zip"
_EXPORT_NAME, _PART_NAME = "darkroom-mydata.zip", "darkroom-mydata-{number}-of-{n_parts}.zip"
_SLOT = "mydata"
# What a message may carry: 10 MiB on Discord; 50 on Telegram, less for the sake of memory. The page takes any size.
PART_BYTES = {"discord": 10 * 2**20 - 2**17, "telegram": 20 * 2**20}
_WHOLE = "Everything that is kept about you: what you asked for, what came of it, and your pictures."
_WORDS = (
    "Everything that is kept about you but your pictures, which are too many for one file here: they come in {more}, "
    "one for each press."
)
_PICTURES = "Your pictures, part {number} of {n_parts}."
_TOO_LARGE = " Too large for a file here: {pictures}; the page has them whole, and /show as they fit here."
_NO_PART = "There is no such part any more; ask for /mydata again."
_IN_PRIVATE = "Ask me for that in a private chat: it is everything about you."
_BUSY = "Your file is being made already; wait for it."
_NOTHING = "Nothing is kept about you."
_EXPORTING = "Your file is being made at this moment; press again once you have it."
_FORGETTING = "You are being forgotten at this moment; there is nothing to be had any more."
_ASK_FIRST = "Send /forget first, and then press the button within ten minutes."
_LEFT = (
    "Left, under a number that has no name and that only this Darkroom can match to you if you come back: bans, what "
    "counts for today's quota, and that an admin did something."
)
_TRACES = (
    "Copies of deleted words can still lie in unused parts of the database file, until it is written anew within a "
    "quarter of an hour."
)
_TRACES_STAY = (
    "Copies of deleted words can still lie in unused parts of the database file, which could not be written anew just "
    "now; that is tried again by itself. The reason: {trouble}"
)
_NOT_WHOLE = (
    "Who you are is deleted, but not yet all of your pictures and words; the rest goes by itself as soon as it can. "
    "The reason: {trouble}"
)


class Privacy:
    """Answers /mydata and /forget."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._forgetting: AskedFirst[str] = AskedFirst(office.clock)
        self._exporting: set[str] = set()  # accounts, also those of the same person
        self._leaving: set[str] = set()

    async def export(self, origin: Origin, number: str = "1") -> Card:
        """Everything, as a file; or the words, and the pictures in parts, where a chat takes no such file."""
        self._office.check(origin, Act.EXPORT, origin.place)
        if origin.is_place_shared and not origin.is_answer_private:
            raise UserError(_IN_PRIVATE)
        person = await self._office.store.people.find(origin.account)
        if person is None:
            return answers.note("mydata", _NOTHING)
        accounts = {origin.account, *person.accounts}
        if accounts & self._leaving:
            raise UserError(_FORGETTING)
        if accounts & self._exporting:
            raise UserError(_BUSY)
        self._exporting |= accounts
        try:
            part = await self._made(origin, int(number) if number.isdecimal() else 0)
            name = _EXPORT_NAME if part.n_parts == 1 else _PART_NAME.format(number=part.number, n_parts=part.n_parts)
            paper = await self._office.papers.keep(origin.owner, part.path, _EXPORT_TYPE, name, slot=_SLOT)
        finally:
            self._exporting -= accounts
        note = answers.note("mydata", _said_of(part), Field(name="There for", value="an hour"))
        more = buttons.of_export(part.number + 1, part.n_parts) if part.number < part.n_parts else ()
        return replace(note, paper=paper, buttons=more)

    async def _made(self, origin: Origin, number: int) -> Part:
        exporting, folder = self._office.store.exporting, self._office.papers.folder
        within_bytes = PART_BYTES.get(origin.platform)
        if within_bytes is None:
            return Part(path=await exporting.export(origin.owner, folder), number=1, n_parts=1, n_too_large=0)
        part = await exporting.export_part(origin.owner, folder, number, within_bytes)
        if part is None:
            raise UserError(_NO_PART)
        return part

    async def ask(self, origin: Origin) -> Card:
        """What would be deleted, and the button that does it."""
        self._office.check(origin, Act.FORGET, origin.place)
        person = await self._office.store.people.find(origin.account)
        if person is None:
            return answers.note("forget", _NOTHING)
        self._forgetting.ask(origin.account, origin.owner)
        fields = [
            Field(name="Pictures", value=f"{await self._office.store.history.count(origin.owner, ''):,}"),
            Field(name="Accounts", value=", ".join(cut(account) for account in person.accounts)),
        ]
        if person.is_operator:
            fields.append(Field(name="Operator", value="you will no longer be one"))
        sentence = (
            "This deletes everything that is kept about you, for good: all you asked for, all your pictures, your "
            "settings and links. What you have waiting is cancelled. Messages in chats stay there: take those back "
            "with their own Delete first. /mydata gives you a copy before."
        )
        return replace(answers.note("forget", sentence, *fields), buttons=buttons.of_forgetting())

    async def forget(self, origin: Origin) -> Card:
        """It is gone, or what is left is told. Raises: UserError if they did not ask for it themselves, just before."""
        self._office.check(origin, Act.FORGET, origin.place)
        person = await self._office.store.people.find(origin.account)
        accounts = {origin.account, *(person.accounts if person else ())}
        if accounts & self._exporting:
            raise UserError(_EXPORTING)
        owner = self._forgetting.take(origin.account)
        if owner is None or owner != origin.owner:  # linked or parted since: the question was about another person
            raise UserError(_ASK_FIRST)
        self._leaving |= accounts
        try:
            n_cancelled = await self._office.hands.cancel_all(owner, EVERYWHERE)
            forgotten = await self._office.store.forgetting.forget(owner)
            forgotten = await self._forgotten_here(forgotten, owner, accounts)
        finally:
            self._leaving -= accounts
        await self._office.load()
        cancelled = f" {sentences.count(n_cancelled, 'waiting request').capitalize()} cancelled." if n_cancelled else ""
        return answers.note("forget", f"{_told(forgotten)}{cancelled} {_LEFT}")

    async def _forgotten_here(self, forgotten: Forgotten, owner: str, accounts: Iterable[str]) -> Forgotten:
        """The same, once nothing of theirs is in memory either."""
        try:
            await self._office.hands.forget(owner, tuple(sorted(accounts)))
        except StorageError as exc:
            return replace(forgotten, is_whole=False, trouble=str(exc))
        return forgotten


def _said_of(part: Part) -> str:
    """What is in it, and what is not."""
    if part.n_parts == 1:
        said = _WHOLE
    elif part.number == 1:
        said = _WORDS.format(more=sentences.count(part.n_parts - 1, "more file"))
    else:
        said = _PICTURES.format(number=part.number, n_parts=part.n_parts)
    if part.n_too_large:
        said += _TOO_LARGE.format(pictures=sentences.count(part.n_too_large, "picture"))
    return said


def _told(forgotten: Forgotten) -> str:
    """What is gone, and what is not yet."""
    if not forgotten.is_whole:
        return _NOT_WHOLE.format(trouble=forgotten.trouble)
    if not forgotten.has_traces:
        return "All of it is deleted."
    traces = _TRACES_STAY.format(trouble=forgotten.trouble) if forgotten.trouble else _TRACES
    return f"All of it is deleted. {traces}"

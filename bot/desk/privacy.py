"""What is kept about somebody: all of it as a file, or all of it gone. The whole person, every linked account."""

from dataclasses import replace

from bot import answers, buttons
from bot.cards import Card, Field, Origin
from bot.desk import sentences
from bot.desk.asking_first import AskedFirst
from bot.desk.office import Office
from bot.desk.places import EVERYWHERE
from bot.desk.rights import Act
from bot.typography import cut
from engine.errors import UserError

_EXPORT_TYPE = "application/zip"
_EXPORT_NAME = "darkroom-mydata.zip"
_IN_PRIVATE = "Ask me for that in a private chat: it is everything about you."
_BUSY = "Your file is being made already; wait for it."
_NOTHING = "Nothing is kept about you."
_ASK_FIRST = "Send /forget first, and then press the button within ten minutes."
_LEFT = (
    "Left, under a number that has no name and that only this Darkroom can match to you if you come back: bans, what "
    "counts for today's quota, and that an admin did something."
)


class Privacy:
    """Answers /mydata and /forget."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._forgetting: AskedFirst[str] = AskedFirst(office.clock)
        self._exporting: set[str] = set()

    async def export(self, origin: Origin) -> Card:
        """Everything, as a file."""
        self._office.check(origin, Act.EXPORT, origin.place)
        if origin.is_place_shared and not origin.is_answer_private:
            raise UserError(_IN_PRIVATE)
        if origin.owner in self._exporting:
            raise UserError(_BUSY)
        if await self._office.store.people.find(origin.account) is None:
            return answers.note("mydata", _NOTHING)
        self._exporting.add(origin.owner)
        try:
            made = await self._office.store.exporting.export(origin.owner, self._office.papers.folder)
            paper = await self._office.papers.keep(origin.owner, made, _EXPORT_TYPE, _EXPORT_NAME)
        finally:
            self._exporting.discard(origin.owner)
        sentence = "Everything that is kept about you: what you asked for, what came of it, and your pictures."
        note = answers.note("mydata", sentence, Field(name="There for", value="an hour"))
        return replace(note, paper=paper)

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
        """It is gone. Raises: UserError if they did not ask for it themselves, just before."""
        self._office.check(origin, Act.FORGET, origin.place)
        owner = self._forgetting.take(origin.account)
        if owner is None or owner != origin.owner:  # linked or parted since: the question was about another person
            raise UserError(_ASK_FIRST)
        person = await self._office.store.people.find(origin.account)
        n_cancelled = await self._office.hands.cancel_all(owner, EVERYWHERE)
        hashes = await self._office.store.forgetting.forget(owner)
        await self._office.store.pictures.forget(hashes)
        await self._office.hands.forget(owner, person.accounts if person else (origin.account,))
        await self._office.load()
        cancelled = f" {sentences.count(n_cancelled, 'waiting request').capitalize()} cancelled." if n_cancelled else ""
        return answers.note("forget", f"All of it is deleted.{cancelled} {_LEFT}")

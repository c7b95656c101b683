"""Pause, resume, drain: what the engine is to do, over restarts too, and what those who wait read of it."""

from bot import answers
from bot.cards import Card, Origin
from bot.desk.office import Deed, Office
from bot.desk.places import EVERYWHERE
from bot.desk.rights import Act
from bot.requests import Course, Steer
from engine.errors import UserError
from storage.changes import Set

_KEY = "course"
_STORED = {Course.PAUSE: "paused", Course.RESUME: "running", Course.DRAIN: "draining"}
_COURSES = {word: course for course, word in _STORED.items()}
_DONE = {
    Course.PAUSE: "Paused: nothing is drawn and the device is free. What is asked waits; /resume goes on.",
    Course.RESUME: "Darkroom draws again, and takes what is asked.",
    Course.DRAIN: "Draining: what waits is drawn, and nothing new is taken; /resume takes it again.",
}
_ALREADY = {
    Course.PAUSE: "It is paused already; /resume goes on.",
    Course.RESUME: "It draws already.",
    Course.DRAIN: "It drains already; /resume takes new requests again.",
}
_FOR_ALL = {
    Course.PAUSE: "Darkroom is paused. What you asked waits, and is drawn when its operator goes on.",
    Course.RESUME: "",
    Course.DRAIN: "Darkroom takes nothing new at the moment; what waits is still drawn.",
}


class Steering:
    """Holds the course."""

    def __init__(self, office: Office) -> None:
        self._office = office

    @property
    def course(self) -> Course:
        """The one that was steered last."""
        return _COURSES.get(self._office.of_all(_KEY) or "", Course.RESUME)

    @property
    def sentence(self) -> str:
        """What those who wait should know, "" while all goes on."""
        return _FOR_ALL[self.course]

    def check_takes(self) -> None:
        """Raises: UserError while nothing new is taken."""
        if self.course is Course.DRAIN:
            raise UserError(f"{_FOR_ALL[Course.DRAIN]} Ask again later.")

    async def change(self, origin: Origin, asked: Steer) -> Card:
        """Steer another course; what is stored last is what the engine does, whatever comes twice."""
        self._office.check(origin, Act.STEER, EVERYWHERE)
        if asked.course is self.course:
            return answers.note("course", _ALREADY[asked.course])
        word = _STORED[asked.course]
        deed = Deed(
            act=Act.STEER,
            kind="course",
            answer=_DONE[asked.course],
            changes=(Set(subject="", key=_KEY, value=word),),
            words=word,
        )
        card = await self._office.do(origin, deed)
        await self._office.hands.steer(self.course)
        return card

"""People who ask for pictures, look at what comes, and press buttons. Seeded; what they do depends on what they see."""

import random

from tests.fakes.chat_server import ChatServer, Happening, Message

_EACH_ASKS = 4  # times, before somebody else does: less than any limit
CANCELS, DELETES, AGAINS = 0.08, 0.06, 0.04  # of what they see, how much they press


class Crowd:
    """The people of one server, at most `most_open` of their wishes at once."""

    def __init__(self, server: ChatServer, luck: random.Random, most_open: int) -> None:
        self._server = server
        self._luck = luck
        self._most_open = most_open
        self._open: list[Happening] = []
        self._seen: set[tuple[str, bool]] = set()
        self._n_asked = 0

    def stir(self) -> None:
        """Look at what is new, press, and ask for more."""
        for happening in list(self._open):
            for message in self._server.answers_to(happening):
                self._look(happening, message)
            if self._is_answered(happening):
                self._open.remove(happening)
        while len(self._open) < self._most_open:
            self._open.append(self._ask())

    def _is_answered(self, happening: Happening) -> bool:
        if happening.button or happening.was_refused:
            return happening.is_confirmed
        seen = self._server.answers_to(happening)
        return any(each.shows_a_result or not each.request for each in seen) or (happening.is_confirmed and not seen)

    def _ask(self) -> Happening:
        self._n_asked += 1
        n, luck = self._n_asked, self._luck
        words = luck.choice(
            [
                f"/imagine thing {n} --steps 3 --size 64x64 --seed {n}",
                f"/imagine thing {n} --steps 2 --size 64x64 --seed {n}",
                f"/imagine things {n} --steps 3 --size 64x64 --seed {n} --n 2",
                f"/imagine {n} --steps nonsense" if luck.random() < 0.3 else f"thing {n} --steps 1 --size 64x64",
            ]
        )
        person = f"p{n // _EACH_ASKS}"
        return self._server.happen(f"c{n // _EACH_ASKS % 7}", person, words=words)

    def _look(self, happening: Happening, message: Message) -> None:
        """Press something, once for each thing that there is to see."""
        sight = (message.id, message.shows_a_result)
        if not message.request or sight in self._seen:
            return
        self._seen.add(sight)
        chance = self._luck.random()
        if not message.shows_a_result:
            if chance < CANCELS:
                self._press(happening, f"cancel:{message.request}")
        elif chance < DELETES:
            self._press(happening, f"delete:{message.request}")
        elif message.files and chance < DELETES + AGAINS:
            self._press(happening, f"again:{message.request}.1")

    def _press(self, happening: Happening, button: str) -> None:
        self._open.append(self._server.happen(happening.chat, happening.person, button=button))

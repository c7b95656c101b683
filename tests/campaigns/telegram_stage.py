"""The fake Telegram of a campaign with its chats and people, and what befalls their requests.

People ask in private, in groups and in topics. While a request is being made its message may be deleted, they may block
the bot or throw it out of the group, their topic may go, the group may become a supergroup. Knows nothing of the bot
but how its life begins.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.platforms.telegram.address import read
from tests.campaigns.asking import LONGEST_PAUSE_S, NOTHING, Asking, Wish, long_pause_s
from tests.campaigns.nursery import Being
from tests.campaigns.stages import Taken
from tests.campaigns.telegram_sight import TelegramSight
from tests.fakes.chat_life import live
from tests.fakes.telegram_bot import TelegramLife
from tests.fakes.telegram_faults import Fault, Weather
from tests.fakes.telegram_flood import FloodLimits, RateLimit
from tests.fakes.telegram_message import Message
from tests.fakes.telegram_server import FakeTelegram
from tests.fakes.telegram_world import Chat, User

N_PEOPLE, N_GROUPS, N_TOPICS = 150, 24, 3
PRELOADED = ("tests.fakes.telegram_bot", "tests.campaigns.nursery")
_IN_PRIVATE = 0.5  # of the requests
_POLLS = 0.25  # of the share of calls that meet trouble: so many of those that ask for updates do
_CUT_POLLS = 2  # in a row, when everybody is hung up on
_HELD_S = (0.5, 3.0, 5.0)  # a reply that does not come: for less and for longer than it is waited for

Place = tuple[User, Chat, int | None]  # who, where, in which topic


class Fate(StrEnum):
    """What befalls a request while it is being made."""

    NONE = NOTHING
    DELETED = "message deleted"
    BLOCKED = "blocked"
    THROWN_OUT = "thrown out"
    TOPIC = "topic gone"
    UPGRADED = "group upgraded"


_FATES: dict[str, int] = {
    Fate.NONE: 68,
    Fate.DELETED: 12,
    Fate.BLOCKED: 8,
    Fate.THROWN_OUT: 4,
    Fate.TOPIC: 4,
    Fate.UPGRADED: 4,
}


@dataclass(kw_only=True)
class Storm(Weather):
    """Some 429s ask for longer than anybody waits within a call. `longest_s`: for up to how long."""

    longest_s: float

    def retry_after_s(self) -> float:
        """For how long a chat is to be quiet."""
        return long_pause_s(self.luck, self.longest_s) or super().retry_after_s()


class TelegramStage(TelegramSight, Asking[Message, Place]):
    """`share` of the calls and updates meet trouble; times are `pace` times Telegram's."""

    def __init__(
        self, seed: str, share: float, refusals: float, pace: float, fates: Mapping[str, int] = _FATES
    ) -> None:
        TelegramSight.__init__(self, FakeTelegram(), seed)
        Asking.__init__(self, seed, fates)
        server = self.server
        server.weather = Storm(
            luck=random.Random(f"{seed} weather"),
            share=share,
            refusals=refusals,
            update_share=share,
            poll_share=share * _POLLS,
            retry_scale=pace,
            longest_s=LONGEST_PAUSE_S * pace,
        )
        server.limits = FloodLimits(
            private=RateLimit(n_messages=1, per_s=1.0 * pace),
            group=RateLimit(n_messages=20, per_s=60.0 * pace),
            everywhere=RateLimit(n_messages=30, per_s=1.0 * pace),
        )
        server.patience.has_whole_seconds = False
        self._pace = pace
        self._people: list[User] = []
        self._groups: list[Chat] = []
        self._n_short_lived = 0

    async def open(self) -> None:
        """Start, with everybody in their place."""
        server = self.server
        await server.start()
        self._people = [server.add_user(f"p{n}") for n in range(N_PEOPLE)]
        self._owner = server.add_user("owner")
        self._groups = [server.add_supergroup(f"art-{n}", self._owner) for n in range(N_GROUPS)]
        self._groups += [server.add_group(f"few-{n}", self._owner) for n in range(2)]
        self._forum = server.add_supergroup("forum", self._owner, is_forum=True)
        self._topics = [server.add_topic(self._forum, f"topic-{n}").id for n in range(N_TOPICS)]

    async def close(self) -> None:
        """Hang up."""
        await self.server.close()

    def settings(self) -> list[tuple[str, str, str]]:
        """Rows: whom, what, value."""
        return [("place:telegram", "allowed", "yes")]

    def begin(self, data_dir: Path, report: Path, worker: tuple[str, ...], ahead: Any) -> Being:
        """A life of the bot begins."""
        server = self.server
        life = TelegramLife(
            data_dir=data_dir,
            report=report,
            worker=worker,
            token=server.token,
            api_base=server.api_base,
            pace=self._pace,
            ahead=ahead,
        )
        return Being(life, live, PRELOADED)

    # While the bot lives

    async def stir(self, most_open: int, taken: Taken) -> None:
        """Let people see, suffer, and ask for more until so many are waiting."""
        self.drain()
        self.server.weather.stall_s = self.luck.choice(_HELD_S)
        await self.move_on(most_open, taken)

    def is_heard_out(self) -> bool:
        """All updates are confirmed."""
        return not self.server.updates.waiting and self.server._late is None

    async def hang_up(self) -> None:
        """Whoever waits for updates is cut off, and again when they come back."""
        self.server.next_fault("getUpdates", Fault.RESET, n=_CUT_POLLS)
        self.server.updates.dismiss(None)

    def pass_time(self, seconds: float) -> None:
        """Everything is older."""
        self.server.pass_time(seconds)

    def buried(self) -> None:
        """A life has ended, and whatever it was told with it."""
        self.server.forget_silences()
        self.n_cut_off += len(self.open_wishes)

    def tell_again(self, n: int) -> None:
        """The new life hears of some things that the old one has answered."""
        answered = [wish.asked.update for wish in self.open_wishes if wish.asked in self.answer_of]
        for update in self.luck.sample(answered, min(n, len(answered))):
            self.server.updates.tell_again(update)

    def clear_up(self) -> None:
        """Fair weather from now on."""
        weather = self.server.weather
        weather.share = weather.update_share = weather.poll_share = 0.0
        self.server.limits = None
        self.drain()

    async def collect(self, given_up: Iterable[str]) -> None:
        """Whoever missed something asks for it, in private. `given_up`: the reply_to of each."""
        server = self.server
        server._trouble._never.clear()
        for account in {read(reply_to).account for reply_to in given_up}:
            user = server.users[int(account.removeprefix("telegram:"))]
            if user.has_blocked_bot:
                server.unblock(user)
            await server.send(user, server.private(user), "/collect")

    # What people do, and what befalls them

    def choose(self, fate: str) -> Place:
        """Somebody in private, in a group or in a topic."""
        luck, server = self.luck, self.server
        person = luck.choice([each for each in self._people if not each.has_blocked_bot])
        if fate in (Fate.THROWN_OUT, Fate.UPGRADED):
            self._n_short_lived += 1
            return person, server.add_group(f"short-lived-{self._n_short_lived}", self._owner), None
        if fate == Fate.TOPIC:
            self._n_short_lived += 1
            return person, self._forum, server.add_topic(self._forum, f"short-lived-{self._n_short_lived}").id
        if fate == Fate.BLOCKED or luck.random() < _IN_PRIVATE:
            return person, server.private(person), None
        group = luck.choice((*self._groups, self._forum))
        return person, group, luck.choice((None, *self._topics)) if group.is_forum else None

    async def ask(self, place: Place, words: str) -> Message:
        """As they are in private, with the command elsewhere."""
        person, chat, thread = place
        words = words if chat.user else f"/imagine@{self.server.bot.username} {words}"
        asked = await self.server.send(person, chat, words, thread=thread)
        self._asked[self.key_of(asked)] = asked
        return asked

    def befall(self, wish: Wish[Message]) -> None:
        """Somebody deletes, blocks, throws out, or makes the group larger."""
        server, asked = self.server, wish.asked
        line = self.answer_of.get(asked)
        match wish.fate:
            case Fate.DELETED if line and not self.shows_an_end(line):
                server.delete_message(line)
            case Fate.BLOCKED if asked.author and not asked.author.has_blocked_bot:
                server.block(asked.author)
            case Fate.THROWN_OUT:
                server.remove_bot(self._owner, asked.chat)
            case Fate.TOPIC:
                server.delete_topic(asked.chat, asked.chat.topics[asked.thread or 0])
            case Fate.UPGRADED:
                server.upgrade(asked.chat)

    def is_heard(self, asked: Message) -> bool:
        """The bot was told of it."""
        return asked.update is not None and bool(asked.update.told_at)

    def is_seen(self, request: str) -> bool:
        """Its end was shown."""
        return request in self._ends

    def may_be_lost(self, asked: Message) -> bool:
        """Telegram tells of it until it is taken; where the bot can say nothing, nothing is heard of it either."""
        return asked in self.answer_of or not self._may_answer(asked)

    def let_go(self, wish: Wish[Message]) -> None:
        """Nobody waits for it any more; whoever blocked the bot comes back."""
        self.answer_of.pop(wish.asked, None)
        author = wish.asked.author
        if wish.fate == Fate.BLOCKED and author and author.has_blocked_bot:
            self.server.unblock(author)

    def _may_answer(self, asked: Message) -> bool:
        """The bot is there, and so are chat and topic."""
        chat = asked.chat
        if chat.user:
            return not chat.user.has_blocked_bot
        topic = chat.topics.get(asked.thread or 0)
        return chat.member(self.server.bot).is_in and not chat.upgraded_to and not (topic and topic.is_deleted)

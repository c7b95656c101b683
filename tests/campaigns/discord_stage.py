"""The fake Discord of a campaign with its places and people, and what befalls their requests.

People ask in channels, threads, direct messages, where the bot may not look back, and in a server that it is not in.
While a request is being made its message may be deleted, its channel may go, its token may die before its time; some
have closed their direct messages. Knows nothing of the bot but how its life begins.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.campaigns.asking import CLOSED, LONGEST_PAUSE_S, NOTHING, Asking, Wish, long_pause_s
from tests.campaigns.discord_sight import DiscordSight, user_of
from tests.campaigns.nursery import Being
from tests.campaigns.stages import Taken
from tests.fakes.chat_life import live
from tests.fakes.discord_bot import DiscordLife
from tests.fakes.discord_faults import RateLimit, Weather
from tests.fakes.discord_interactions import TOKEN_S, Interaction
from tests.fakes.discord_server import FakeDiscord
from tests.fakes.discord_world import BOT, Channel, Permission, User

N_PEOPLE, N_CHANNELS = 150, 12
PRELOADED = ("tests.fakes.discord_bot", "tests.campaigns.nursery")

Place = tuple[User, Channel, str]  # who, where, how the command is installed there


class Fate(StrEnum):
    """What befalls a request while it is being made."""

    NONE = NOTHING
    AGED = "token dead"
    DELETED = "message deleted"
    BOTH = "both"
    HOMELESS = "channel gone"


_FATES: dict[str, int] = {Fate.NONE: 66, Fate.AGED: 10, Fate.DELETED: 8, Fate.BOTH: 10, Fate.HOMELESS: 6}


@dataclass(kw_only=True)
class Storm(Weather):
    """Some 429s ask for longer than anybody waits within a call. `longest_s`: for up to how long."""

    longest_s: float

    def retry_after_s(self) -> float:
        """For how long a route is to be quiet."""
        return long_pause_s(self.luck, self.longest_s) or super().retry_after_s()


class DiscordStage(DiscordSight, Asking[Interaction, Place]):
    """`share` of the calls and events meet trouble; times are `pace` times Discord's."""

    name = "discord"

    def __init__(self, seed: str, share: float, refusals: float, pace: float) -> None:
        DiscordSight.__init__(self, FakeDiscord(), seed)
        Asking.__init__(self, seed, _FATES)
        self.server.rest.nonce_window_s *= pace
        self.server.weather = Storm(
            luck=random.Random(f"{seed} weather"), share=share, refusals=refusals, longest_s=LONGEST_PAUSE_S * pace
        )
        self._pace = pace
        self._people: list[User] = []
        self._places: list[tuple[Channel, str]] = []
        self._n_short_lived = 0

    async def open(self) -> None:
        """Start, with everybody in their place."""
        server = self.server
        await server.start()
        self.home = server.add_guild("home", server.owner)
        channels = [server.add_channel(self.home, f"art-{n}") for n in range(N_CHANNELS)]
        threads = [server.add_channel(self.home, f"thread-{n}", "thread", parent=channels[0]) for n in range(2)]
        self.private = server.add_channel(self.home, "private")
        blind = server.add_guild("blind", server.owner)  # where the bot may not read what was said
        blind.app_permissions = blind.roles[blind.id].permissions = BOT & ~int(Permission.READ_MESSAGE_HISTORY)
        unread = server.add_channel(blind, "unread")
        away = server.add_guild("away", server.owner, has_bot=False)
        foreign = server.add_channel(away, "elsewhere")
        self._people = [server.add_user(f"p{n}") for n in range(N_PEOPLE)]
        for person in self._people:
            person.has_blocked_bot = self.luck.random() < CLOSED
        guild = [(each, "guild") for each in (*channels, *threads, self.private, unread)]
        self._places = [*guild, (foreign, "user")]
        server.webhook_limit = RateLimit(n_calls=5, per_s=2.0)
        server.channel_limit = RateLimit(n_calls=5, per_s=5.0 * self._pace)

    async def close(self) -> None:
        """Hang up."""
        await self.server.close()

    # Settings of the bot that the people here need

    def settings(self) -> list[tuple[str, str, str]]:
        """Rows: whom, what, value."""
        private = f"place:discord:{self.home.id}:{self.private.id}"
        return [("place:discord", "allowed", "yes"), (private, "visibility", "private")]

    def begin(self, data_dir: Path, report: Path, worker: tuple[str, ...], ahead: Any) -> Being:
        """A life of the bot begins."""
        server = self.server
        life = DiscordLife(
            data_dir=data_dir,
            report=report,
            worker=worker,
            token=server.token,
            api_base=server.api_base,
            gateway=server.gateway,
            pace=self._pace,
            ahead=ahead,
        )
        return Being(life, live, PRELOADED)

    # While the bot lives

    async def stir(self, most_open: int, taken: Taken) -> None:
        """Let people see, suffer, and ask for more until so many are waiting."""
        self.drain()
        self.server.weather.stall_s = self.luck.choice((0.5, 30.0 * self._pace, 50.0 * self._pace))
        await self.move_on(most_open if self.server.gateway_side.n_live else 0, taken)

    def is_heard_out(self) -> bool:
        """Discord tells everything at once."""
        return True

    async def hang_up(self) -> None:
        """The gateway drops everybody, who come back and are told what they missed."""
        await self.server.drop(4000)

    def pass_time(self, seconds: float) -> None:
        """All tokens are older; nonces, which live as long as a few tries, are not."""
        self.server.pass_time(seconds)
        nonces = self.server.rest._nonces
        for nonce, (made_at, message) in nonces.items():
            nonces[nonce] = (made_at + seconds, message)

    def buried(self) -> None:
        """A life has ended, and whatever it was told with it."""
        self.server.forget_silences()

    def tell_again(self, n: int) -> None:
        """The new life hears of some things that the old one has answered."""
        answered = [wish.asked for wish in self.open_wishes if self.is_heard(wish.asked)]
        for asked in self.luck.sample(answered, min(n, len(answered))):
            self.server._tell(asked)

    def clear_up(self) -> None:
        """Fair weather from now on."""
        self.server.weather.share = 0.0
        self.server.webhook_limit = self.server.channel_limit = None
        self.drain()

    async def collect(self, given_up: Iterable[str]) -> None:
        """Whoever missed something asks for it, in a channel that is there. `given_up`: the reply_to of each."""
        trouble = self.server._trouble
        trouble._nonces.clear()
        trouble._tokens.clear()
        for user in {int(user_of(reply_to)) for reply_to in given_up}:
            await self.server.slash(self.server.users[user], self._places[0][0], "collect")

    # What people do, and what befalls them

    def choose(self, fate: str) -> Place:
        """Somebody in a channel, or in direct messages."""
        luck, server = self.luck, self.server
        person = luck.choice(self._people)
        channel, install = luck.choice(self._places)
        if fate == Fate.HOMELESS:
            self._n_short_lived += 1
            channel, install = server.add_channel(self.home, f"short-lived-{self._n_short_lived}"), "guild"
        elif not person.has_blocked_bot and luck.random() < 0.1:
            channel, install = server.dm(person), luck.choice(("guild", "user"))
        return person, channel, install

    async def ask(self, place: Place, words: str) -> Interaction:
        """With the command."""
        person, channel, install = place
        return await self.server.slash(person, channel, "imagine", {"prompt": words}, install=install)

    def befall(self, wish: Wish[Interaction]) -> None:
        """The token dies before its time, the message or the channel is deleted."""
        asked = wish.asked
        if wish.fate in (Fate.AGED, Fate.BOTH):
            asked.dispatched_at -= TOKEN_S
        message = asked.message
        if wish.fate in (Fate.DELETED, Fate.BOTH) and message and not self.shows_an_end(message):
            self.server.delete_message(message)
        if wish.fate == Fate.HOMELESS:
            self.server.delete_channel(asked.channel)
            self.home.channels.pop(asked.channel.id, None)

    def is_heard(self, asked: Interaction) -> bool:
        """It was acknowledged."""
        return asked.acked_at is not None

    def key_of(self, asked: Interaction) -> str:
        """As the adapter makes it."""
        return f"d:{asked.id}"

    def is_seen(self, request: str) -> bool:
        """Its end was shown."""
        return request in self._ends

    def may_be_lost(self, asked: Interaction) -> bool:
        """Discord tells it once."""
        return True

    def let_go(self, wish: Wish[Interaction]) -> None:
        """What it said is not needed any more."""
        wish.asked.payload = {}

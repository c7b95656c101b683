"""The fake Discord of a campaign with its places and people, and what befalls their requests.

People ask in channels, threads, direct messages, where the bot may not look back, and in a server that it is not in.
While a request is being made its message may be deleted, its channel may go, its token may die before its time; some
have closed their direct messages. Knows nothing of the bot but how its life begins.
"""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.campaigns.discord_sight import Sight, shows_an_end, user_of
from tests.campaigns.nursery import Being
from tests.campaigns.stages import Taken
from tests.fakes import discord_bot
from tests.fakes.discord_bot import DiscordLife
from tests.fakes.discord_faults import RateLimit, Weather
from tests.fakes.discord_interactions import TOKEN_S, Interaction
from tests.fakes.discord_server import FakeDiscord
from tests.fakes.discord_world import BOT, Channel, Permission, User

N_PEOPLE, N_CHANNELS = 150, 12
CLOSED = 0.15  # of the people have closed their direct messages
PATIENCE_S = 20.0  # then somebody asks for something else
_LONG_PAUSES = 0.03  # of all 429s
_LONGEST_PAUSE_S = 120.0  # at Discord's own pace
PRELOADED = ("tests.fakes.discord_bot", "tests.campaigns.nursery")


class Fate(StrEnum):
    """What befalls a request while it is being made."""

    NONE = "none"
    AGED = "token dead"
    DELETED = "message deleted"
    BOTH = "both"
    HOMELESS = "channel gone"


_FATES = {Fate.NONE: 66, Fate.AGED: 10, Fate.DELETED: 8, Fate.BOTH: 10, Fate.HOMELESS: 6}


@dataclass(kw_only=True)
class Storm(Weather):
    """Some 429s ask for longer than anybody waits within a call. `longest_s`: for up to how long."""

    longest_s: float

    def retry_after_s(self) -> float:
        """For how long a route is to be quiet."""
        if self.luck.random() < _LONG_PAUSES:
            return round(self.luck.uniform(self.longest_s / 3, self.longest_s), 3)
        return super().retry_after_s()


@dataclass(kw_only=True, eq=False)
class Wish:
    """What somebody asked for."""

    interaction: Interaction
    fate: Fate
    asked_at: float
    befalls_after_s: float
    has_befallen: bool = False


class DiscordStage(Sight):
    """`share` of the calls and events meet trouble; times are `pace` times Discord's."""

    name = "discord"

    def __init__(self, seed: str, share: float, refusals: float, pace: float) -> None:
        super().__init__(FakeDiscord(), seed)
        self.server.rest.nonce_window_s *= pace
        self.server.weather = Storm(
            luck=random.Random(f"{seed} weather"), share=share, refusals=refusals, longest_s=_LONGEST_PAUSE_S * pace
        )
        self._pace = pace
        self._luck = random.Random(f"{seed} crowd")
        self._open: list[Wish] = []
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
            person.has_blocked_bot = self._luck.random() < CLOSED
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
        return Being(life, discord_bot.live, PRELOADED)

    # While the bot lives

    async def stir(self, most_open: int, taken: Taken) -> None:
        """Let people see, suffer, and ask for more until so many are waiting."""
        self.drain()
        weather = self.server.weather
        weather.stall_s = self._luck.choice((0.5, 30.0 * self._pace, 50.0 * self._pace))
        now = time.monotonic()
        for wish in self._open:
            self._befall(wish, now)
        self._open = [wish for wish in self._open if not self._is_over(wish, taken, now)]
        while len(self._open) < most_open and self.server.gateway_side.n_live:
            self._open.append(await self._ask())

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
        answered = [wish for wish in self._open if wish.interaction.acked_at is not None]
        for wish in self._luck.sample(answered, min(n, len(answered))):
            self.server._tell(wish.interaction)

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

    async def _ask(self) -> Wish:
        luck, server, n = self._luck, self.server, self.tallies.n_asked
        self.tallies.n_asked += 1
        fate = luck.choices(list(_FATES), list(_FATES.values()))[0]
        person = luck.choice(self._people)
        channel, install = luck.choice(self._places)
        if fate is Fate.HOMELESS:
            self._n_short_lived += 1
            channel, install = server.add_channel(self.home, f"short-lived-{self._n_short_lived}"), "guild"
        elif not person.has_blocked_bot and luck.random() < 0.1:
            channel, install = server.dm(person), luck.choice(("guild", "user"))
        n_steps = luck.choice((1, 2, 3, 5)) if fate is Fate.NONE else luck.choice((20, 40, 80))
        order = luck.choice(("broke@1", "refuse@1")) if luck.random() < 0.03 else ""
        n_pictures = luck.choice((1, 1, 1, 2))
        words = f"thing {n} {order} --steps {n_steps} --size 64x64 --seed {n} --n {n_pictures}"
        self.tallies.fates[fate] += 1
        return Wish(
            interaction=await server.slash(person, channel, "imagine", {"prompt": words}, install=install),
            fate=fate,
            asked_at=time.monotonic(),
            befalls_after_s=luck.uniform(0.0, 0.3),
        )

    def _befall(self, wish: Wish, now: float) -> None:
        asked = wish.interaction
        if wish.has_befallen or wish.fate is Fate.NONE or asked.acked_at is None:
            return
        if now - wish.asked_at < wish.befalls_after_s:
            return
        wish.has_befallen = True
        if wish.fate in (Fate.AGED, Fate.BOTH):
            asked.dispatched_at -= TOKEN_S
        message = asked.message
        if wish.fate in (Fate.DELETED, Fate.BOTH) and message and not shows_an_end(message):
            self.server.delete_message(message)
        if wish.fate is Fate.HOMELESS:
            self.server.delete_channel(asked.channel)
            self.home.channels.pop(asked.channel.id, None)

    def _is_over(self, wish: Wish, taken: Taken, now: float) -> bool:
        request = taken.request_of.get(f"d:{wish.interaction.id}", "")
        is_over = request in self._ends or request in taken.given_up or now - wish.asked_at > PATIENCE_S
        if is_over:
            wish.interaction.payload = {}
        return is_over

"""The real house with the real Discord adapter: discord.py speaks to the fake Discord over real sockets."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot import house as houses
from bot.platforms.discord.platform import DiscordPlatform
from bot.platforms.discord.settings import DiscordSettings
from bot.platforms.discord.welcome import SERVERS_NAME
from bot.settings import Settings
from engine.finish import Finisher
from storage.store import open_store
from tests.fakes import engines
from tests.fakes.discord_server import Channel, FakeDiscord, Guild, Interaction, Message, User


@dataclass
class Scene:
    """A server with a channel; its owner, who owns the application too; and Ada, who is let in like everybody there."""

    server: FakeDiscord
    house: houses.House
    platform: DiscordPlatform
    guild: Guild
    channel: Channel
    operator: User
    ada: User

    async def slash(self, words: str, user: User | None = None, channel: Channel | None = None) -> Interaction:
        """`/imagine a red circle`: what follows the command is its text."""
        command, _, text = words.removeprefix("/").partition(" ")
        options = {"prompt": text} if text else {}
        return await self.server.slash(user or self.ada, channel or self.channel, command, options)

    async def drawn(self, words: str = "/imagine a red circle --seed 7", user: User | None = None) -> Message:
        """Ask, and wait for the pictures."""
        asked = await self.slash(words, user)
        return await self.end_of(asked)

    async def end_of(self, asked: Interaction, within_s: float = 20.0) -> Message:
        """The message of an interaction once it is over."""
        message = await asked.answered()
        return await message.until(is_over, within_s)


def is_over(message: Message) -> bool:
    """What is over can be deleted by a button."""
    return any(custom_id.startswith("delete:") for custom_id in ids_of(message))


def ids_of(message: Message) -> list[str]:
    """Of all buttons and menus."""
    found: list[str] = []

    def walk(parts: list[dict[str, object]]) -> None:
        for part in parts:
            if part.get("custom_id"):
                found.append(str(part["custom_id"]))
            walk(part.get("components", []))  # type: ignore[arg-type]  # JSON

    walk(message.components)
    return found


def _has_met(folder: Path, guild: Guild) -> None:
    """An earlier start said hello there."""
    folder.mkdir(exist_ok=True)
    (folder / SERVERS_NAME).write_text(str(guild.id))


@asynccontextmanager
async def open_discord(
    folder: Path, *drawer: str, server: FakeDiscord | None = None, is_open: bool = True, user_install: bool = True
) -> AsyncIterator[Scene]:
    """A house with Discord as its platform. A `server` that is given outlives it. `is_open`: the guild is let in."""
    fake = server or FakeDiscord()
    if server is None:
        await fake.start()
    try:
        guild = next(iter(fake.guilds.values()), None) or fake.add_guild("home", fake.owner)
        channel = next((each for each in guild.channels.values() if each.kind == "text"), None)
        channel = channel or fake.add_channel(guild, "art")
        ada = next((each for each in fake.users.values() if each.name == "ada"), None) or fake.add_user("ada")
        if is_open:
            _has_met(folder, guild)
        async with open_store(folder) as store, engines.running_engine(*drawer) as engine:
            finisher = Finisher()
            house = await houses.furnish(Settings(data_dir=folder, job_deadline_s=60.0), store, engine, finisher)
            settings = DiscordSettings(
                token=fake.token, api_base=fake.api_base, gateway=fake.gateway, has_user_install=user_install
            )

            def clock() -> float:
                return time.time() + fake.now() - time.monotonic()

            platform = DiscordPlatform(house.studio, finisher, settings, folder, house.desk.add_owner, clock)
            house.forgetters.append(platform.forget)
            house.teller.add(platform)
            try:
                await house.studio.resume()
                await house.teller.start()
                await platform.start()
                await fake.ready(n_commands=1)
                if is_open:
                    allowed = await fake.slash(fake.owner, channel, "allow", {"who": "here"})
                    await allowed.answered()
                yield Scene(fake, house, platform, guild, channel, fake.owner, ada)
            finally:
                await house.wind_down()
                await platform.close()
                await house.close()
                await finisher.close()
    finally:
        if server is None:
            await fake.close()

"""The real house with the real Telegram adapter: python-telegram-bot speaks to the fake Telegram over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot import house as houses
from bot.platforms.telegram.platform import TelegramPlatform
from bot.platforms.telegram.settings import TelegramSettings
from bot.platforms.web.server import WebPlatform
from bot.platforms.web.settings import WebSettings
from bot.settings import Settings
from engine.finish import Finisher
from storage.store import open_store
from tests.fakes import engines
from tests.fakes.telegram_server import Chat, FakeTelegram, Message, User, buttons


@dataclass
class Scene:
    """Ada writes in private; the operator let everyone in."""

    server: FakeTelegram
    house: houses.House
    platform: TelegramPlatform
    operator: User
    ada: User
    private: Chat
    page_url: str = ""

    async def say(self, words: str, user: User | None = None, chat: Chat | None = None) -> Message:
        """Somebody writes; the bot's answer."""
        sent = await self.server.send(user or self.ada, chat or self.private, words)
        return await self.server.answer_to(sent, 10.0)

    async def drawn(
        self, words: str = "a red circle --seed 7", user: User | None = None, chat: Chat | None = None
    ) -> Message:
        """Ask, and wait for the picture."""
        return await over(await self.say(words, user, chat))


def ids_of(message: Message) -> list[str]:
    """Of all buttons."""
    return [str(each["callback_data"]) for each in buttons(message) if each["callback_data"]]


def is_over(message: Message) -> bool:
    """What is over can be deleted by a button."""
    return any(each.startswith("delete:") for each in ids_of(message))


async def over(message: Message, within_s: float = 20.0) -> Message:
    """The same message once it is over."""
    return await message.until(is_over, within_s)


@asynccontextmanager
async def open_telegram(
    folder: Path,
    *drawer: str,
    server: FakeTelegram | None = None,
    is_open: bool = True,
    has_webhook: bool = False,
    webhook_port: int = 0,
) -> AsyncIterator[Scene]:
    """A house with Telegram as its platform. A `server` that is given outlives it. `is_open`: everyone is let in.

    `has_webhook`: Telegram calls the page's server, on loopback as a Bot API server of one's own does; it listens on
    `webhook_port`, 0 for any free one.
    """
    fake = server or FakeTelegram()
    if server is None:
        await fake.start()
    try:
        operator = next((each for each in fake.users.values() if each.name == "operator"), None)
        operator = operator or fake.add_user("operator")
        ada = next((each for each in fake.users.values() if each.name == "ada"), None) or fake.add_user("ada")
        async with open_store(folder) as store, engines.running_engine(*drawer) as engine:
            finisher = Finisher()
            chosen = Settings(data_dir=folder, job_deadline_s=60.0, operators=(f"telegram:{operator.id}",))
            house = await houses.furnish(chosen, store, engine, finisher)
            page = WebPlatform(house.studio, store.sessions, WebSettings(port=webhook_port))
            house.teller.add(page)
            await page.start()
            webhook = page.url if has_webhook else None
            settings = TelegramSettings(token=fake.token, api_base=fake.api_base, webhook=webhook)
            platform = TelegramPlatform(house.studio, finisher, store.arrivals, settings, folder)
            page.hook(platform.name, platform.called)
            house.teller.add(platform)
            scene = Scene(fake, house, platform, operator, ada, fake.private(ada), page.url)
            try:
                await house.studio.resume()
                await house.teller.start()
                await platform.start()
                await fake.ready()
                if is_open:
                    await scene.say("/allow everyone", operator, fake.private(operator))
                yield scene
            finally:
                await house.wind_down()
                await platform.close()
                await page.close()
                await house.close()
                await finisher.close()
    finally:
        if server is None:
            await fake.close()

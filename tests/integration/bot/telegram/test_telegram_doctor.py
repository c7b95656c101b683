"""What the doctor finds out about a token of Telegram, over the wire."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.doctor import Check, Verdict, _telegram
from bot.platforms.telegram import checking
from bot.platforms.telegram.settings import TelegramSettings
from bot.settings import Settings
from engine.errors import PlatformError, UserError
from tests.fakes.telegram_server import Call, FakeTelegram


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    fake = FakeTelegram()
    await fake.start()
    yield fake
    assert fake.problems() == []
    await fake.close()


async def found(settings: Settings) -> list[Check]:
    """What the doctor says of Telegram."""
    return [check async for check in _telegram(settings)]


async def test_a_good_token_says_whose_it_is(server: FakeTelegram, tmp_path: Path) -> None:
    """And nothing is listened to."""
    settings = Settings(data_dir=tmp_path, telegram_token=server.token, telegram_api_base=server.api_base)
    (check,) = await found(settings)
    assert (check.verdict, check.found) == (Verdict.OK, "logged in as @darkroom_bot")
    assert not server.updates.is_polled
    assert {call.method for call in server.calls} == {"getMe"}


async def test_what_telegram_says_of_our_address_is_told(server: FakeTelegram, tmp_path: Path) -> None:
    """As long as it is our address; nobody answers there now."""
    webhook = "http://127.0.0.1:9"
    await server.methods._set_webhook(_call(server, f"{webhook}/hooks/telegram"))
    ada = server.add_user("ada")
    await server.send(ada, server.private(ada), "hello")
    await server.until(lambda: bool(server.methods.webhook and server.methods.webhook.last_error), 10.0)
    settings = Settings(
        data_dir=tmp_path, telegram_token=server.token, telegram_api_base=server.api_base, telegram_webhook=webhook
    )
    _, check = await found(settings)
    assert check.verdict is Verdict.LOOK
    assert "Connection failed" in check.found
    assert webhook in check.advice


@pytest.mark.parametrize("token", ["123456:wrong-wrong-wrong-wrong-wrong-wrong", "no-token-at-all"])
async def test_a_wrong_token_is_told_without_it(server: FakeTelegram, tmp_path: Path, token: str) -> None:
    """Whether it looks like one or not."""
    settings = Settings(data_dir=tmp_path, telegram_token=token, telegram_api_base=server.api_base)
    (check,) = await found(settings)
    assert check.verdict is Verdict.LOOK
    assert "BotFather" in check.advice
    assert token not in check.found + check.advice
    with pytest.raises(UserError):
        await checking.account(TelegramSettings(token=token, api_base=server.api_base))


async def test_without_a_token_or_a_network_it_says_so(server: FakeTelegram, tmp_path: Path) -> None:
    """One is as it may be, the other worth a look."""
    (check,) = await found(Settings(data_dir=tmp_path))
    assert (check.verdict, check.found) == (Verdict.OK, "off: no DARKROOM_TELEGRAM_TOKEN")
    settings = TelegramSettings(token=server.token, api_base="http://127.0.0.1:9")
    with pytest.raises(PlatformError, match="cannot be reached"):
        await checking.account(settings)
    with pytest.raises(UserError, match="port 9000"):
        await checking.account(replace(settings, api_base="https://api.telegram.org", webhook="https://a.example:9000"))


def _call(server: FakeTelegram, url: str) -> Call:
    return Call(method="setWebhook", token=server.token, at_s=0.0, form={"url": url})

"""Telegram calls instead of being asked: through the page's real server, with a secret, kept before it is answered."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.platforms.telegram.platform import TelegramPlatform
from bot.platforms.telegram.settings import TelegramSettings
from bot.platforms.telegram.webhook import HEADER
from engine.errors import PlatformError, StorageError, UserError
from storage.store import open_store
from tests.fakes.studios import FakeStudio
from tests.fakes.telegram_houses import Scene, ids_of, open_telegram, over
from tests.fakes.telegram_server import FakeTelegram, texts


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that Telegram calls; in the end every call and update must be by the spec."""
    async with open_telegram(tmp_path, has_webhook=True) as opened:
        yield opened
        assert opened.server.problems() == []


def secret_of(scene: Scene) -> str:
    """What Telegram was told to bring."""
    return next(call for call in scene.server.calls if call.method == "setWebhook").text("secret_token")


def update_of(scene: Scene, number: int, text: str = "a red circle") -> bytes:
    """As Telegram would post it."""
    ada = {"id": scene.ada.id, "is_bot": False, "first_name": "Ada"}
    message = {"message_id": number, "date": 1_800_000_000, "from": ada, "text": text}
    return json.dumps(
        {"update_id": number, "message": message | {"chat": {"id": scene.ada.id, "type": "private"}}}
    ).encode()


async def post(scene: Scene, body: bytes, headers: dict[str, str]) -> int:
    """A call from anywhere; its status."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{scene.page_url}/hooks/telegram", data=body, headers=headers) as answer,
    ):
        return answer.status


def is_called(server: FakeTelegram) -> bool:
    """Whether Telegram has an address to call."""
    return server.methods.webhook is not None


async def is_kept(scene: Scene, number: int) -> bool:
    """Whether there is a row of this update."""
    store = scene.house.store.database
    return bool(await store.read(lambda reading: reading.rows("SELECT 1 FROM arrivals WHERE id = :id", id=number)))


async def test_telegram_calls_and_nobody_asks(scene: Scene) -> None:
    """One address with a secret, the kinds of updates that are wanted, and as many at once as are answered."""
    assert (await scene.drawn()).media is not None
    call = next(call for call in scene.server.calls if call.method == "setWebhook")
    assert call.text("url") == f"{scene.page_url}/hooks/telegram"
    assert len(secret_of(scene)) == 64
    assert scene.server.token.partition(":")[2] not in secret_of(scene)
    assert call.json("allowed_updates") == ["message", "callback_query", "my_chat_member", "inline_query"]
    assert call.integer("max_connections") == 12
    assert not [each for each in scene.server.calls if each.method == "getUpdates"]


async def test_without_the_secret_nothing_is_read(scene: Scene) -> None:
    """Missing, wrong, a bit off, or cut short: 401, and no row; with it: 200, once for an update."""
    secret = secret_of(scene)
    flipped = f"{chr(ord(secret[0]) ^ 1)}{secret[1:]}"
    for given in ({}, {HEADER: ""}, {HEADER: "x"}, {HEADER: flipped}, {HEADER: secret[:-1]}, {HEADER: f"{secret} x"}):
        assert await post(scene, update_of(scene, 7), given) == 401
    assert not await is_kept(scene, 7)
    await scene.say("/help")
    n_before = len(scene.server.of_bot(scene.private))
    for _ in range(3):
        assert await post(scene, update_of(scene, 7), {HEADER: secret}) == 200
    await over(await scene.server.said(scene.private, n_before + 1, 10.0))
    assert len(scene.server.of_bot(scene.private)) == n_before + 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"message": {}}', b"\xff", b"[" * 10_000])
async def test_what_says_nothing_is_refused(scene: Scene, body: bytes) -> None:
    """And whoever comes next is heard."""
    assert await post(scene, body, {HEADER: secret_of(scene)}) == 400
    assert (await scene.drawn()).media is not None


async def test_an_update_is_on_disk_before_it_is_answered(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk is ill Telegram is told to come again, and does."""
    arrivals, take = scene.house.store.arrivals, scene.house.store.arrivals.take
    n_tries = 0

    async def ill(*given: object) -> bool:
        nonlocal n_tries
        n_tries += 1
        if n_tries < 3:
            raise StorageError("The disk is full.")
        return await take(*given)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(arrivals, "take", ill)
    asked = await scene.server.send(scene.ada, scene.private, "a red circle")
    assert (await over(await scene.server.answer_to(asked, 20.0))).media is not None
    assert n_tries == 3
    webhook = scene.server.methods.webhook
    assert webhook
    assert webhook.last_error
    assert "503" in webhook.last_error[1]


async def test_what_is_said_while_we_are_away_is_heard_later(tmp_path: Path) -> None:
    """Telegram calls until somebody is there, with the secret from before."""
    server = FakeTelegram()
    server.methods.webhook_pause_s = 0.1
    await server.start()
    try:
        async with open_telegram(tmp_path, server=server, has_webhook=True) as scene:
            port = int(scene.page_url.rpartition(":")[2])
            first = secret_of(scene)
        asked = await server.send(scene.ada, scene.private, "a blue square")
        async with open_telegram(tmp_path, server=server, is_open=False, has_webhook=True, webhook_port=port) as scene:
            assert (await over(await server.answer_to(asked, 30.0))).media is not None
            assert {call.text("secret_token") for call in server.calls if call.method == "setWebhook"} == {first}
    finally:
        await server.close()


async def test_without_the_setting_the_address_is_taken_back(tmp_path: Path) -> None:
    """And Telegram is asked again; what it had not told yet is heard."""
    server = FakeTelegram()
    await server.start()
    try:
        async with open_telegram(tmp_path, server=server, has_webhook=True):
            assert is_called(server)
        async with open_telegram(tmp_path, server=server, is_open=False) as scene:
            assert not is_called(server)
            assert (await scene.drawn()).media is not None
            assert await post(scene, update_of(scene, 7), {HEADER: secret_of(scene)}) == 404
    finally:
        await server.close()


async def test_an_address_that_telegram_refuses_is_one_sentence(tmp_path: Path) -> None:
    """That names the setting."""
    server = FakeTelegram()
    await server.start()
    async with open_store(tmp_path) as store:
        settings = TelegramSettings(token=server.token, api_base=server.api_base, webhook="http://darkroom.example.org")
        platform = TelegramPlatform(FakeStudio(), None, store.arrivals, settings, tmp_path)  # type: ignore[arg-type]
        try:
            with pytest.raises(UserError, match=r"DARKROOM_TELEGRAM_WEBHOOK: .*https"):
                await platform.start()
            assert not is_called(server)
        finally:
            await platform.close()
            await server.close()


async def test_a_host_that_telegram_cannot_find_now_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name servers fail for a minute: one sentence now, and soon it is called."""
    monkeypatch.setattr("bot.platforms.telegram.platform.AGAIN_AFTER_S", 0.05)
    server = FakeTelegram()
    await server.start()
    server.methods.n_host_unknown = 2
    async with open_store(tmp_path) as store:
        settings = TelegramSettings(
            token=server.token, api_base=server.api_base, webhook="https://darkroom.example.org"
        )
        platform = TelegramPlatform(FakeStudio(), None, store.arrivals, settings, tmp_path)  # type: ignore[arg-type]
        try:
            with pytest.raises(PlatformError, match=r"DARKROOM_TELEGRAM_WEBHOOK: .*resolve host"):
                await platform.start()
            await server.until(lambda: is_called(server) and not platform.trouble, 10.0)
        finally:
            await platform.close()
            await server.close()


@pytest.mark.parametrize(
    ("webhook", "is_fine"),
    [("https://a.example", True), ("https://a.example:8443/x", True), ("https://a.example:9000", False)],
)
def test_ports_that_telegram_never_calls_are_told(webhook: str, is_fine: bool) -> None:
    """Its own servers know four; a Bot API server of one's own calls any."""
    if is_fine:
        TelegramSettings(token="t", webhook=webhook).check()
    else:
        with pytest.raises(UserError, match="port 9000"):
            TelegramSettings(token="t", webhook=webhook).check()
    TelegramSettings(token="t", webhook=webhook, api_base="http://127.0.0.1:9001").check()


async def test_after_the_end_nothing_is_taken_in(tmp_path: Path) -> None:
    """Who is closing says so, and Telegram keeps it."""
    async with open_telegram(tmp_path, has_webhook=True) as scene:
        secret = secret_of(scene)
        await scene.platform.close()
        assert await post(scene, update_of(scene, 7), {HEADER: secret}) == 503
        assert not await is_kept(scene, 7)


async def test_a_press_comes_by_webhook_too(scene: Scene) -> None:
    """And is answered."""
    message = await scene.drawn()
    recipe = next(each for each in ids_of(message) if each.startswith("recipe:"))
    n_before = len(scene.server.of_bot(scene.private))
    press = await scene.server.press(scene.ada, message, recipe)
    await press.answered()
    assert "Prompt" in texts(await scene.server.said(scene.private, n_before + 1, 10.0))

"""Calls of chats at the page's server: for the chat they name, past the guards for browsers, and for nobody else."""

import io
from collections.abc import Mapping
from http import HTTPStatus

import pytest

from bot.platforms.web.server import MAX_JSON_BYTES
from tests.fakes.browsers import browser, locked, raw, served
from tests.fakes.studios import FakeStudio


class Chat:
    """Remembers its calls; the key is "right"."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def called(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Telegram, say."""
        if headers.get("x-key") != "right":
            return HTTPStatus.UNAUTHORIZED
        self.bodies.append(body)
        return HTTPStatus.OK


@pytest.mark.parametrize("is_locked", [False, True])
async def test_a_chat_is_called_past_the_guards(is_locked: bool) -> None:
    """Under a proxy's name, through a proxy, without our header or a session: its own key is what counts."""
    chat = Chat()
    async with served(FakeStudio(), locked() if is_locked else None) as page:
        page.hook("telegram", chat.called)
        head = "POST /hooks/telegram HTTP/1.1\nHost: darkroom.example\nX-Forwarded-For: 192.0.2.1\nContent-Length: 2\n"
        assert (await raw(page, f"{head}X-Key: wrong\n", b"{}")).status == 401
        assert chat.bodies == []
        answer = await raw(page, f"{head}X-Key: right\n", b"{}")
        assert (answer.status, answer.body) == (200, b"")
        assert chat.bodies == [b"{}"]


@pytest.mark.parametrize("path", ["/hooks/discord", "/hooks/", "/hooks/telegram/x", "/hooks/..%2ftelegram"])
async def test_nobody_else_is_called(path: str) -> None:
    """Nor is anything found there that is none of a chat's."""
    chat = Chat()
    async with served(FakeStudio()) as page:
        page.hook("telegram", chat.called)
        host = page.url.removeprefix("http://")
        head = f"POST {path} HTTP/1.1\nHost: {host}\nX-Darkroom: 1\nX-Key: right\nContent-Length: 2\n"
        assert (await raw(page, head, b"{}")).status == 404
        assert chat.bodies == []


async def test_only_a_post_is_a_call() -> None:
    """What a browser can be made to load is guarded as ever."""
    chat = Chat()
    async with served(FakeStudio()) as page, browser(page) as session:
        page.hook("telegram", chat.called)
        assert (await session.get("/hooks/telegram", headers={"X-Key": "right"})).status == 405
        answer = await raw(page, "GET /hooks/telegram HTTP/1.1\nHost: evil.example\n")
        assert answer.status == 403
        assert chat.bodies == []


async def test_a_long_call_is_refused() -> None:
    """No update of Telegram's is as long as what the page takes."""
    chat = Chat()
    async with served(FakeStudio()) as page, browser(page) as session:
        page.hook("telegram", chat.called)
        answer = await session.post(
            "/hooks/telegram", data=io.BytesIO(b"x" * (MAX_JSON_BYTES + 1)), headers={"X-Key": "right"}
        )
        assert answer.status == 413
        assert chat.bodies == []

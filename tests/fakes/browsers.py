"""A page that is served, and browsers as far as HTTP goes: cookies, headers, raw requests, an event stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.platforms.web.server import WebPlatform
from bot.platforms.web.settings import WebSettings
from tests.fakes.studios import FakeParser, FakeSessions, FakeStudio

PASSWORD = "open sesame"


@asynccontextmanager
async def served(
    studio: FakeStudio, settings: WebSettings | None = None, sessions: FakeSessions | None = None
) -> AsyncIterator[WebPlatform]:
    """The page of a studio on a port of its own, until the end of the block."""
    page = WebPlatform(
        studio,
        sessions or FakeSessions(),
        settings or WebSettings(port=0),
        parser=FakeParser(),
        status_every_s=0.01,
        is_operator=lambda origin: origin.owner in studio.operators,
    )
    await page.start()
    try:
        yield page
    finally:
        await page.close()


def locked(port: int = 0, *, is_behind_proxy: bool = False) -> WebSettings:
    """Settings of a page that wants a password, although only this computer can reach it."""
    return WebSettings(port=port, password=PASSWORD, is_behind_proxy=is_behind_proxy)


@asynccontextmanager
async def browser(page: WebPlatform) -> AsyncIterator[aiohttp.ClientSession]:
    """Sends the header of our own page, keeps cookies, follows no redirect by itself."""
    jar = aiohttp.CookieJar(unsafe=True)  # 127.0.0.1 may have cookies
    async with aiohttp.ClientSession(
        page.url,
        headers={"X-Darkroom": "1"},
        cookie_jar=jar,
        connector=aiohttp.TCPConnector(limit=0),
        middlewares=(_read_whole,),
    ) as session:
        yield session


async def _read_whole(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Also what a test does not look at, so that no connection is left in the middle of an answer."""
    response = await send(request)
    if response.content_type != "text/event-stream":
        await response.read()
    return response


async def sign_in(session: aiohttp.ClientSession, name: str, password: str = PASSWORD) -> aiohttp.ClientResponse:
    """The form, filled in."""
    return await session.post("/sign-in", data={"name": name, "password": password}, allow_redirects=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back on a raw connection."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def raw(page: WebPlatform, head: str, body: bytes = b"") -> Answer:
    """Send a request as it is written, with plain line breaks; the answer is read to its end."""
    host, _, port = page.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(head.replace("\n", "\r\n").encode("latin-1") + b"Connection: close\r\n\r\n" + body)
        first, _, rest = (await reader.read()).partition(b"\r\n")
        lines, _, content = rest.partition(b"\r\n\r\n")
        headers = {
            name.decode().lower(): value.decode().strip()
            for name, _, value in (line.partition(b":") for line in lines.split(b"\r\n"))
        }
        return Answer(status=int(first.split()[1]), headers=headers, body=content)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One server-sent event."""

    id: str
    kind: str
    told: Any


class Stream:
    """Reads an event stream as EventSource does."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self, *kinds: str) -> Event:
        """The next event, of these kinds if any are named. Raises: EOFError when the stream is over."""
        while True:
            event = await self._event()
            if event and (not kinds or event.kind in kinds):
                return event

    async def _event(self) -> Event | None:
        fields: dict[str, str] = {}
        while line := await self._response.content.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if not name:
                break
            fields[name] = value
        else:
            raise EOFError
        if "event" not in fields:
            return None
        return Event(id=fields["id"], kind=fields["event"], told=json.loads(fields["data"]))


@asynccontextmanager
async def stream(session: aiohttp.ClientSession, last_id: str | None = None) -> AsyncIterator[Stream]:
    """An open event stream."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with session.get("/api/events", headers=headers, timeout=aiohttp.ClientTimeout(total=60)) as response:
        assert response.status == 200, await response.text()
        yield Stream(response)

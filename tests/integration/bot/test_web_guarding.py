"""The page over a real socket, as strangers and their pages come to it."""

import asyncio
import io
import json
import socket
from pathlib import Path

import pytest

from bot.platforms.web import uploads
from bot.platforms.web.server import MAX_JSON_BYTES, WebPlatform
from bot.platforms.web.settings import WebSettings
from engine.errors import StorageError, UserError
from tests.fakes.browsers import Answer, browser, locked, raw, served
from tests.fakes.studios import FakeSessions, FakeStudio

ASK = json.dumps({"key": "k1", "text": "a cat"}).encode()
CSP = "default-src 'self'"
JSON = {"Content-Type": "application/json"}


def host_of(page: WebPlatform) -> str:
    return page.url.removeprefix("http://")


async def post(page: WebPlatform, path: str, lines: str, body: bytes = ASK) -> Answer:
    head = f"POST {path} HTTP/1.1\nContent-Length: {len(body)}\n{lines}"
    return await raw(page, head, body)


def check_sealed(answer: Answer) -> None:
    """What every answer carries."""
    assert answer.headers["content-security-policy"].startswith(CSP)
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert "cache-control" in answer.headers
    assert "aiohttp" not in answer.headers["server"]


@pytest.mark.parametrize("host", ["evil.example", "localhost", "localhost:1", "127.0.0.1.nip.example:{port}"])
@pytest.mark.parametrize("path", ["/", "/api/me", "/api/events", "/picture/a.1.png", "/static/page.js", "/sign-in"])
async def test_under_a_foreign_name_there_is_nothing(host: str, path: str) -> None:
    """A site that points its name at this computer reads nothing of the page."""
    async with served(FakeStudio()) as page:
        port = page.url.rpartition(":")[2]
        answer = await raw(page, f"GET {path} HTTP/1.1\nHost: {host.format(port=port)}\n")
        assert answer.status == 403
        assert b"DARKROOM_WEB_HOSTS" in answer.body
        check_sealed(answer)


async def test_it_answers_to_the_address_it_was_reached_under() -> None:
    """A bind to every address is of use without naming them all; another address is still somebody else's."""
    settings = WebSettings(host="0.0.0.0", port=0, password="correct horse")
    async with served(FakeStudio(), settings) as page:
        port = int(page.url.rpartition(":")[2])
        for host, status in (("127.0.0.2", 200), ("127.0.0.3", 403)):
            reader, writer = await asyncio.open_connection("127.0.0.2", port)
            writer.write(f"GET /sign-in HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
            assert int((await reader.readline()).split()[1]) == status
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize("lines", ["", "Host: {host}\nHost: evil.example\n"])
async def test_one_name_and_no_more(lines: str) -> None:
    """Without a Host, or with two, nobody is served."""
    async with served(FakeStudio()) as page:
        answer = await raw(page, f"GET / HTTP/1.1\n{lines.format(host=host_of(page))}")
        assert answer.status in (400, 403)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "X-Darkroom: 0\n",
        "X-Darkroom: 1\nOrigin: http://evil.example\n",
        "X-Darkroom: 1\nOrigin: null\n",
        "X-Darkroom: 1\nSec-Fetch-Site: cross-site\n",
        "X-Darkroom: 1\nSec-Fetch-Site: same-site\n",
    ],
)
@pytest.mark.parametrize("path", ["/api/ask", "/api/press", "/api/hint", "/api/uploads", "/api/sign-in-link"])
async def test_another_sites_page_cannot_write(path: str, lines: str) -> None:
    """Whatever it leaves out or says, nothing is done."""
    studio = FakeStudio()
    async with served(studio) as page:
        answer = await post(page, path, f"Host: {host_of(page)}\nContent-Type: application/json\n{lines}")
        assert answer.status == 403
        assert json.loads(answer.body)["error"].endswith(".") or "X-Darkroom: 1" in json.loads(answer.body)["error"]
        check_sealed(answer)
        assert not studio.asked


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", None]
)
async def test_what_a_form_can_send_is_no_request(kind: str | None) -> None:
    """Even with everything else in order: JSON is said to be JSON, and bytes are said to be bytes."""
    studio = FakeStudio()
    async with served(studio) as page:
        lines = f"Host: {host_of(page)}\nX-Darkroom: 1\n" + (f"Content-Type: {kind}\n" if kind is not None else "")
        assert (await post(page, "/api/ask", lines)).status == 415
        if kind:  # no type at all means plain bytes
            assert (await post(page, "/api/uploads", lines)).status == 415
        assert not studio.asked
        assert not studio.uploads


async def test_our_own_page_may() -> None:
    """With its header, its origin and what the browser says of both."""
    studio = FakeStudio()
    async with served(studio) as page:
        host = host_of(page)
        lines = f"Host: {host}\nOrigin: http://{host}\nSec-Fetch-Site: same-origin\nX-Darkroom: 1\n"
        answer = await post(page, "/api/ask", f"{lines}Content-Type: application/json\n")
        assert answer.status == 200
        check_sealed(answer)
        assert len(studio.asked) == 1


@pytest.mark.parametrize("header", ["X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.7", "X-Real-IP: ::2"])
async def test_an_open_page_is_served_to_no_proxy(header: str) -> None:
    """Or everybody behind it would be the operator; with a password it is served."""
    async with served(FakeStudio()) as page:
        answer = await raw(page, f"GET / HTTP/1.1\nHost: {host_of(page)}\n{header}\n")
        assert answer.status == 403
        assert b"DARKROOM_WEB_PASSWORD" in answer.body
    async with served(FakeStudio(), locked()) as page:
        assert (await raw(page, f"GET /sign-in HTTP/1.1\nHost: {host_of(page)}\n{header}\n")).status == 200


TRAVERSALS = [
    "/static/../server.py",
    "/static/..%2fserver.py",
    "/static/%2e%2e/server.py",
    "/static/..%5cserver.py",
    "/static/%2fetc%2fpasswd",
    "/static//etc/passwd",
    "/static/page.js%00.png",
    "/static/",
    "/static",
    "/picture/..%2f..%2fetc%2fpasswd.png",
    "/picture/../../etc/passwd.png",
    "/picture/a.1.png%00",
    "/picture/.png",
    "/picture/a.1111.png",
    "/thumbnail/%2e%2e.webp",
    "/animation/a%0d%0aX: y.webp",
    "/upload/..%2fsecret.png",
    "/upload/" + "a" * 65 + ".png",
    "//evil.example/picture/a.1.png",
    "/\\evil.example",
    "http://evil.example/etc/passwd",
]


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_no_address_leads_out_of_the_page(path: str) -> None:
    """Files of the page and names of pictures, and nothing that looks like a path."""
    async with served(FakeStudio()) as page:
        answer = await raw(page, f"GET {path} HTTP/1.1\nHost: {host_of(page)}\n")
        assert answer.status in (400, 403, 404), answer
        assert b"root:" not in answer.body
        assert b"import" not in answer.body


async def test_whatever_is_answered_is_sealed(tmp_path: Path) -> None:
    """Pages, files, streams, redirects, refusals: each with the policy and without aiohttp's own pages."""
    studio = FakeStudio()
    studio.files["web:operator", "picture", "a.1"] = tmp_path / "a.png"
    (tmp_path / "a.png").write_bytes(b"png")
    async with served(studio) as page:
        for path in ("/", "/static/index.html", "/picture/a.1.png", "/sign-in", "/sign-in.css", "/api/me", "/nothing"):
            check_sealed(await raw(page, f"GET {path} HTTP/1.1\nHost: {host_of(page)}\n"))
        for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
            answer = await raw(page, f"{method} /api/me HTTP/1.1\nHost: {host_of(page)}\nX-Darkroom: 1\n")
            check_sealed(answer)
            assert answer.status == 405
            assert json.loads(answer.body)["error"]
        async with browser(page) as session, session.get("/api/events") as response:
            assert response.headers["Content-Security-Policy"].startswith(CSP)
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_pages_own_files_are_kept_until_they_change() -> None:
    """A browser asks each time, and is told that it has it."""
    async with served(FakeStudio()) as page, browser(page) as session:
        first = await session.get("/")
        assert first.headers["Cache-Control"] == "no-cache"
        again = await session.get("/", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status, await again.read()) == (304, b"")
        assert (await session.head("/")).status == 200


# Bad input


async def test_a_hundred_thousand_characters_are_answered_by_the_parser() -> None:
    """In any script: the sentence is about the words, not about the request."""
    async with served(FakeStudio()) as page, browser(page) as session:
        for letter in ("a", "界", "🎨"):
            body = io.BytesIO(json.dumps({"key": "k", "text": letter * 100_000}, ensure_ascii=False).encode())
            answer = await session.post("/api/ask", data=body, headers=JSON)
            card = await answer.json()
            assert answer.status == 200
            assert card["is_refusal"]
            assert "100,000 characters" in card["sentence"]
            assert len(card["words"]) <= 4_000


async def test_more_than_that_is_too_much() -> None:
    """In one sentence, and the page still serves."""
    async with served(FakeStudio()) as page, browser(page) as session:
        answer = await session.post("/api/ask", data=io.BytesIO(b" " * (MAX_JSON_BYTES + 1)), headers=JSON)
        assert answer.status == 413
        assert (await answer.json())["error"].endswith(".")
        assert (await session.get("/api/me")).status == 200


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"{}", b'{"key":"k","text":1}', b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("path", ["/api/ask", "/api/press", "/api/hint"])
async def test_a_body_that_makes_no_sense_is_refused_in_a_sentence(path: str, body: bytes) -> None:
    """With the status of a broken request."""
    async with served(FakeStudio()) as page, browser(page) as session:
        answer = await session.post(path, data=body, headers=JSON)
        assert answer.status == 400
        assert "Reload" in (await answer.json())["error"]


async def test_an_upload_has_its_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its length is said or found out."""
    monkeypatch.setattr(uploads.Uploads.__init__, "__defaults__", (1_000_000,))
    studio = FakeStudio()
    headers = {"Content-Type": "application/octet-stream"}

    async def chunks() -> object:
        for _ in range(11):
            yield b"p" * 100_000

    async with served(studio) as page, browser(page) as session:
        said = await session.post("/api/uploads", data=b"p" * 1_000_001, headers=headers)
        found = await session.post("/api/uploads", data=chunks(), headers=headers)
        for answer in (said, found):
            assert answer.status == 413
            assert "smaller" in (await answer.json())["error"]
        bad = await session.post("/api/uploads", data=b"a text", headers=headers)
        assert (bad.status, await bad.json()) == (422, {"error": "That is no picture."})
        assert not studio.uploads


async def test_so_many_uploads_at_once_and_no_more() -> None:
    """The next is asked to wait, and taken when there is room; another person is not held up."""
    studio = FakeStudio(is_slow=True)
    headers = {"Content-Type": "application/octet-stream"}
    async with served(studio) as page, browser(page) as session:

        async def send() -> int:
            async with session.post("/api/uploads", data=b"picture", headers=headers) as answer:
                return answer.status

        async with asyncio.TaskGroup() as group:
            sent = [group.create_task(send()) for _ in range(uploads.MAX_AT_ONCE)]
            await studio.is_taking(uploads.MAX_AT_ONCE)
            assert await send() == 429
            studio.may_take.set()
        assert [task.result() for task in sent] == [200] * uploads.MAX_AT_ONCE
        assert await send() == 200


async def test_what_breaks_is_told_with_a_reference(capsys: pytest.CaptureFixture[str]) -> None:
    """The person reads a sentence, the log has the rest."""
    studio = FakeStudio(breaks=RuntimeError("secret detail"))
    async with served(studio) as page, browser(page) as session:
        card = await (await session.post("/api/ask", json={"key": "k", "text": "a"})).json()
        answer = await session.get("/api/conversation")
        error = (await answer.json())["error"]
    assert (answer.status, card["is_refusal"]) == (500, True)
    logged = "".join(capsys.readouterr())
    for sentence in (card["sentence"], error):
        assert sentence.startswith("Something broke on our side (ref ")
        assert "secret" not in sentence
        assert sentence.partition("ref ")[2][:4] in logged
    assert "secret detail" in logged


async def test_an_ill_disk_is_told_as_it_is() -> None:
    """Our sentence, as a card where something was asked and as an error elsewhere."""
    studio = FakeStudio(breaks=StorageError("The disk is full."))
    async with served(studio) as page, browser(page) as session:
        card = await (await session.post("/api/ask", json={"key": "k", "text": "a"})).json()
        answer = await session.get("/api/conversation")
        assert (card["sentence"], card["is_refusal"]) == ("The disk is full.", True)
        assert (answer.status, await answer.json()) == (503, {"error": "The disk is full."})


# Starting and ending


async def test_a_port_that_is_taken_is_named() -> None:
    """With the setting that chooses another."""
    async with served(FakeStudio()) as page:
        port = int(page.url.rpartition(":")[2])
        with pytest.raises(UserError, match=rf"{port}.*DARKROOM_WEB_PORT"):
            await WebPlatform(FakeStudio(), FakeSessions(), WebSettings(port=port)).start()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such name.invalid"])
async def test_an_address_that_is_not_ours_is_named(host: str) -> None:
    """With the setting that chooses another."""
    with pytest.raises(UserError, match="DARKROOM_WEB_HOST"):
        await WebPlatform(FakeStudio(), FakeSessions(), WebSettings(host=host, port=0, password="open sesame")).start()


async def test_a_page_for_others_does_not_start_without_a_password() -> None:
    """And says which setting it wants."""
    with pytest.raises(UserError, match="DARKROOM_WEB_PASSWORD"):
        await WebPlatform(FakeStudio(), FakeSessions(), WebSettings(host="0.0.0.0", port=0)).start()


async def test_the_port_is_free_again_afterwards() -> None:
    """At once, also while browsers hold connections; closing twice is once."""
    async with served(FakeStudio()) as page, browser(page) as session:
        port = int(page.url.rpartition(":")[2])
        await session.get("/api/me")
        await page.close()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))

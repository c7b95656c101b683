"""Several people on one page over a real socket: signing in, and seeing what is theirs and nothing else."""

import asyncio
from pathlib import Path

import pytest

from bot.cards import Button, Card, State
from bot.platforms.base import Address
from bot.platforms.web.backoff import FREE_FAILURES
from tests.fakes.browsers import PASSWORD, browser, locked, raw, served, sign_in, stream
from tests.fakes.studios import UNKNOWN, FakeServed, FakeSessions, FakeStudio

BYTES = {"Content-Type": "application/octet-stream"}
HTML = {"Accept": "text/html"}


def address(owner: str) -> Address:
    return Address(request="any", reply_to=owner, remote_id=None, created_s=0.0)


def own_path(url: str) -> str:
    return "/" + url.partition("//")[2].partition("/")[2]


async def test_on_this_computer_nobody_signs_in() -> None:
    """Whoever opens the page is the operator, and cannot sign out or share it."""
    async with served(FakeStudio()) as page, browser(page) as session:
        me = await (await session.get("/api/me")).json()
        assert (me["name"], me["is_operator"], me["can_sign_out"]) == ("You", True, False)
        assert me["commands"] == []
        assert me["limits"]["prompt_chars"] == 4_000
        assert (await session.get("/sign-in", allow_redirects=False)).headers["Location"] == "/"
        assert (await session.post("/api/sign-in-link")).status == 409
        assert page.lines == ()


@pytest.mark.parametrize(
    "path",
    [
        "/api/me",
        "/api/events",
        "/api/conversation",
        "/api/history",
        "/picture/a.1.png",
        "/upload/u1.png",
        "/api/paper/p1",
    ],
)
async def test_without_signing_in_there_is_nothing_to_read(path: str) -> None:
    """The page sends one to the form; the rest says so."""
    async with served(FakeStudio(), locked()) as page, browser(page) as session:
        assert (await session.get(path)).status == 401
        redirect = await session.get("/", allow_redirects=False)
        assert (redirect.status, redirect.headers["Location"]) == (303, "/sign-in")
        form = await session.get("/sign-in")
        assert 'type="password"' in await form.text()
        assert (await session.get("/sign-in.css")).status == 200


@pytest.mark.parametrize("path", ["/api/ask", "/api/press", "/api/hint", "/api/uploads", "/sign-out"])
async def test_without_signing_in_there_is_nothing_to_do(path: str) -> None:
    """Not even with the header of our own page, nor with a made-up cookie."""
    studio = FakeStudio()
    async with served(studio, locked()) as page, browser(page) as session:
        assert (await session.post(path, json={"key": "k", "text": "a"})).status == 401
        session.cookie_jar.update_cookies({f"darkroom-{page.url.rpartition(':')[2]}": "made-up"})
        assert (await session.post(path, json={"key": "k", "text": "a"})).status == 401
        assert not studio.asked


async def test_the_password_makes_a_person() -> None:
    """With a cookie that scripts and other sites never see."""
    async with served(FakeStudio(), locked()) as page, browser(page) as session:
        answer = await sign_in(session, "  Ada\u202e ")
        cookie = answer.headers["Set-Cookie"]
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=31536000"))
        assert "Secure" not in cookie
        me = await (await session.get("/api/me")).json()
        assert (me["name"], me["is_operator"], me["can_sign_out"]) == ("Ada", False, True)
        assert (await session.get("/")).status == 200
        async with browser(page) as other:
            await sign_in(other, "Ada")
            card = await (await other.post("/api/ask", json={"key": "k", "text": "mine"})).json()
            assert card["id"]
        assert (await (await session.get("/api/conversation")).json())["cards"] == []


async def test_behind_a_proxy_with_https_the_cookie_is_for_https() -> None:
    """Where the operator says that there is one; else nobody's word is taken for it."""
    for is_behind_proxy in (True, False):
        settings = locked(is_behind_proxy=is_behind_proxy)
        async with served(FakeStudio(), settings) as page, browser(page) as session:
            form = {"name": "Ada", "password": PASSWORD}
            proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
            answer = await session.post("/sign-in", data=form, headers=proxied, allow_redirects=False)
            assert ("Secure" in answer.headers["Set-Cookie"]) is is_behind_proxy


async def test_a_form_of_another_site_signs_nobody_in() -> None:
    """Also into an account of the attacker's choice; what a form page needs for that is allowed to be said."""
    async with served(FakeStudio(), locked()) as page, browser(page) as session:
        form = {"name": "Ada", "password": PASSWORD}
        for foreign in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await session.post("/sign-in", data=form, headers=foreign, allow_redirects=False)
            assert answer.status == 403
            assert "Set-Cookie" not in answer.headers
        assert (await session.get("/sign-in")).headers["Referrer-Policy"] == "same-origin"
        own = await session.post("/sign-in", data=form, headers={"Origin": page.url}, allow_redirects=False)
        assert own.status == 303
        assert (await session.post("/sign-in", json=form)).status in (200, 415)


async def test_guessing_is_slowed_down() -> None:
    """A few typing errors are free; then even the right password has to wait."""
    async with served(FakeStudio(), locked()) as page, browser(page) as session:
        for _ in range(FREE_FAILURES + 1):
            answer = await sign_in(session, "<b>Ada</b>", "wrong")
            text = await answer.text()
            assert answer.status == 403
            assert "not the password" in text
            assert "<b>" not in text
        for password in ("wrong", PASSWORD):
            answer = await sign_in(session, "Ada", password)
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) >= 1
            assert "Try again in" in await answer.text()


async def test_a_proxys_guests_are_slowed_down_one_by_one() -> None:
    """By the address that our own proxy saw, not by what a guest wrote before it."""
    async with served(FakeStudio(), locked(is_behind_proxy=True)) as page, browser(page) as session:

        async def guess(forwarded: str) -> int:
            form = {"name": "Ada", "password": "wrong"}
            answer = await session.post("/sign-in", data=form, headers={"X-Forwarded-For": forwarded})
            return answer.status

        for number in range(FREE_FAILURES + 1):
            assert await guess(f"198.51.100.{number}, 203.0.113.7") == 403
        assert await guess("198.51.100.99, 203.0.113.7") == 429
        assert await guess("203.0.113.8") == 403


async def test_the_operators_link_works_once() -> None:
    """Looking at it uses nothing up; the button does, and then it is worth nothing."""
    async with served(FakeStudio(), locked()) as page, browser(page) as session:
        [line] = page.lines
        path = own_path(line.rpartition(" ")[2])
        for _ in range(2):
            look = await session.get(path)
            assert look.status == 200
            assert 'method="post"' in await look.text()
        assert (await session.get("/api/me")).status == 401
        assert (await session.post(path, allow_redirects=False)).status == 303
        assert (await (await session.get("/api/me")).json())["is_operator"]
        async with browser(page) as thief:
            again = await thief.post(path, allow_redirects=False)
            assert again.status == 410
            assert "Set-Cookie" not in again.headers
            assert "used already" in await again.text()


async def test_a_person_takes_another_browser_along() -> None:
    """By a link from the page: the same person there, with the same pictures."""
    async with served(FakeStudio(), locked()) as page, browser(page) as session, browser(page) as phone:
        await sign_in(session, "Ada")
        await session.post("/api/ask", json={"key": "k", "text": "a cat"})
        link = (await (await session.post("/api/sign-in-link")).json())["url"]
        assert link.startswith(page.url)
        await phone.post(own_path(link))
        cards = (await (await phone.get("/api/conversation")).json())["cards"]
        assert [card["words"] for card in cards] == ["a cat"]


async def test_signing_out_ends_the_session_and_its_stream() -> None:
    """In this browser; the cookie is worth nothing, wherever it was copied to."""
    sessions = FakeSessions()
    async with served(FakeStudio(), locked(), sessions) as page, browser(page) as session:
        cookie = (await sign_in(session, "Ada")).headers["Set-Cookie"].partition(";")[0]
        async with stream(session) as events:
            await events.next("reset")
            answer = await session.post("/sign-out", allow_redirects=False)
            assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
            async with asyncio.timeout(10):
                with pytest.raises(EOFError):
                    await events.next("never")
        assert (await session.get("/api/me")).status == 401
        assert not sessions.sessions
        host = page.url.removeprefix("http://")
        assert (await raw(page, f"GET /api/me HTTP/1.1\nHost: {host}\nCookie: {cookie}\n")).status == 401


async def test_a_session_outlives_a_restart() -> None:
    """It is in the store, and the port is what the cookie is named by."""
    sessions = FakeSessions()
    async with served(FakeStudio(), locked(), sessions) as page:
        port = int(page.url.rpartition(":")[2])
        async with browser(page) as session:
            cookie = (await sign_in(session, "Ada")).headers["Set-Cookie"].partition(";")[0]
    async with served(FakeStudio(), locked(port=port), sessions) as page:
        answer = await raw(page, f"GET /api/me HTTP/1.1\nHost: 127.0.0.1:{port}\nCookie: {cookie}\n")
        assert answer.status == 200
        assert b'"Ada"' in answer.body


async def test_two_people_see_nothing_of_each_other(tmp_path: Path) -> None:
    """Not cards, pictures, uploads, history or events; and what is not theirs is answered like what is not there."""
    studio = FakeStudio()
    async with served(studio, locked()) as page, browser(page) as ada, browser(page) as bob:
        await sign_in(ada, "Ada")
        await sign_in(bob, "Bob")
        card = await (await ada.post("/api/ask", json={"key": "k", "text": "a secret"})).json()
        owner = studio.asked[0][0].owner
        for kind, name in (("picture", "r1.1"), ("thumbnail", "r1.1"), ("animation", "r1.1"), ("upload", "u1")):
            suffix = "webp" if kind in ("thumbnail", "animation") else "png"
            path = tmp_path / kind
            path.write_bytes(b"her picture")
            studio.files[owner, kind, name] = path
            mine = await ada.get(f"/{kind}/{name}.{suffix}")
            assert (mine.status, await mine.read()) == (200, b"her picture")
            assert mine.headers["Cache-Control"] == "private, max-age=3600, immutable"
            theirs, nobodys = await bob.get(f"/{kind}/{name}.{suffix}"), await bob.get(f"/{kind}/zzz.{suffix}")
            assert theirs.status == nobodys.status == 404
            assert await theirs.text() == await nobodys.text()
            assert UNKNOWN in await theirs.text()
        assert (await (await bob.get("/api/conversation")).json())["cards"] == []
        assert (await bob.get(f"/api/conversation?before={card['id']}")).status == 404
        assert (await (await bob.get("/api/history?words=secret")).json())["total"] == 0
        assert (await (await ada.get("/api/history?words=secret")).json())["total"] == 1
        pressed = await (await bob.post("/api/press", json={"key": "k", "button": f"delete:{card['id']}"})).json()
        assert pressed["is_refusal"]
        assert not studio.pressed
        async with stream(ada) as hers, stream(bob) as his:
            assert len((await hers.next("reset")).told["cards"]) == 1
            assert (await his.next("reset")).told["cards"] == []
            await page.progress(address(owner), Card(id="r1", kind="imagine", state=State.DRAWING))
            [other] = studio.cards.keys() - {owner}
            await page.progress(address(other), Card(id="b1", kind="imagine", state=State.DRAWING))
            assert (await hers.next("card")).told["id"] == "r1"
            assert (await his.next("card")).told["id"] == "b1"


async def test_a_paper_is_its_owners_and_nobody_keeps_it(tmp_path: Path) -> None:
    """A chart is shown or saved, an export is always saved; a name that is not theirs is one that is not there."""
    studio = FakeStudio()
    async with served(studio, locked()) as page, browser(page) as ada, browser(page) as bob:
        await sign_in(ada, "Ada")
        await sign_in(bob, "Bob")
        await ada.post("/api/ask", json={"key": "k", "text": "hello"})
        owner = studio.asked[0][0].owner
        (tmp_path / "file").write_bytes(b"all about Ada")
        for name, media_type in (("chart-1", "image/png"), ("export_1", "application/zip"), ("odd", "image/svg+xml")):
            studio.papers[owner, name] = FakeServed(
                path=tmp_path / "file", media_type=media_type, download_name=f"darkroom-{name}"
            )
        chart, saved = await ada.get("/api/paper/chart-1"), await ada.get("/api/paper/chart-1?download=1")
        export, odd = await ada.get("/api/paper/export_1"), await ada.get("/api/paper/odd")
        assert {answer.status for answer in (chart, saved, export, odd)} == {200}
        assert {answer.headers["Cache-Control"] for answer in (chart, saved, export, odd)} == {"no-store"}
        assert "Content-Disposition" not in chart.headers
        for answer, name in ((saved, "chart-1"), (export, "export_1"), (odd, "odd")):
            assert f'attachment; filename="darkroom-{name}"' in answer.headers["Content-Disposition"]
        assert await export.read() == b"all about Ada"
        theirs, nobodys = await bob.get("/api/paper/export_1"), await bob.get("/api/paper/zzz")
        assert theirs.status == nobodys.status == 404
        assert await theirs.text() == await nobodys.text()


async def test_after_forgetting_nothing_is_left_in_the_feed() -> None:
    """The press that deletes everything ends the streams and empties the browser's cache; the question does not."""
    studio, sure = FakeStudio(), Button(id="forget:yes", label="Delete everything", name="Delete")
    studio.answers["/forget"] = Card(id="", kind="forget", state=State.NOTE, sentence="Sure?", buttons=((sure,),))
    studio.answers["forget:yes"] = Card(id="", kind="forget", state=State.NOTE, sentence="All of it is deleted.")
    sessions = FakeSessions()
    async with served(studio, locked(), sessions) as page, browser(page) as ada:
        await sign_in(ada, "Ada")
        async with stream(ada) as events:
            await events.next("reset")
            await ada.post("/api/ask", json={"key": "k", "text": "/forget"})
            owner = studio.asked[0][0].owner
            await page.deliver(address(owner), Card(id="r1", kind="imagine", state=State.DONE))
            await events.next("card")
            answer = await ada.post("/api/press", json={"key": "p", "button": "forget:yes"})
            assert answer.headers["Clear-Site-Data"] == '"cache"'
            with pytest.raises(EOFError):
                await events.next("never")
        assert not page.is_seen(owner)
        sessions.sessions.clear()  # as the store does
        assert (await ada.get("/api/events")).status == 401


async def test_who_claimed_the_bot_is_shown_what_operators_can_do() -> None:
    """Also somebody who signed in."""
    studio = FakeStudio()
    async with served(studio, locked()) as page, browser(page) as ada:
        await sign_in(ada, "Ada")
        await ada.post("/api/ask", json={"key": "k", "text": "hello"})
        assert not (await (await ada.get("/api/me")).json())["is_operator"]
        studio.operators.add(studio.asked[0][0].owner)
        assert (await (await ada.get("/api/me")).json())["is_operator"]


async def test_nobody_can_name_anothers_event() -> None:
    """The same key from two people is two events; from one it is one."""
    studio = FakeStudio()
    async with served(studio, locked()) as page, browser(page) as ada, browser(page) as bob:
        for session, name in ((ada, "Ada"), (bob, "Bob")):
            await sign_in(session, name)
            for _ in range(2):
                await session.post("/api/ask", json={"key": "same", "text": "a"})
    keys = [origin.event_key for origin, *_ in studio.asked]
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert keys[0] != keys[2]


async def test_a_picture_is_saved_under_a_speaking_name(tmp_path: Path) -> None:
    """When it is downloaded; else it is shown. One whose file is gone says so."""
    studio = FakeStudio()
    studio.files["web:operator", "picture", "a.1"] = tmp_path / "a.png"
    (tmp_path / "a.png").write_bytes(b"png")
    async with served(studio) as page, browser(page) as session:
        shown = await session.get("/picture/a.1.png")
        saved = await session.get("/picture/a.1.png?download=1")
        assert "Content-Disposition" not in shown.headers
        assert shown.headers["Content-Type"] == "image/png"
        assert 'attachment; filename="darkroom-a.1-seed-7.png"' in saved.headers["Content-Disposition"]
        (tmp_path / "a.png").unlink()
        gone = await session.get("/picture/a.1.png")
        assert gone.status == 404
        assert "no longer kept" in await gone.text()

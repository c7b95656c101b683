"""Asking and being told, over a real socket: requests, cards, and a stream that breaks off and goes on."""

import asyncio
import contextlib
import time
import uuid

import pytest

from bot.cards import Card, State, Tile
from bot.platforms.base import Address, Budget, Found
from bot.platforms.web.events import MAX_CARDS, MAX_READERS
from bot.platforms.web.server import CLOSE_WITHIN_S
from bot.platforms.web.settings import WebSettings
from bot.requests import Imagine
from engine.domain import Raster
from engine.errors import StorageError, UserError
from storage.records import DeliveryKind
from tests.fakes.browsers import Stream, browser, served, stream
from tests.fakes.studios import FakeStudio

OPERATOR = "web:operator"


def to_operator(request: str = "any") -> Address:
    return Address(request=request, reply_to=OPERATOR, remote_id=None, created_s=0.0)


def a_card(card_id: str, state: State = State.DRAWING, fraction: float | None = None, side_px: int = 0) -> Card:
    rgb = bytes(side_px * side_px * 3)
    preview = Raster(width_px=side_px, height_px=side_px, rgb=rgb) if side_px else None
    tile = Tile(number=1, prompt="p", seed=1, width_px=8, height_px=8, preview=preview)
    return Card(id=card_id, kind="imagine", state=state, fraction=fraction, tiles=(tile,))


async def test_words_become_a_request_and_a_card() -> None:
    """With who asked, where, and the key that makes twice once."""
    studio, key = FakeStudio(), str(uuid.uuid4())
    async with served(studio) as page, browser(page) as session:
        body = {"key": key, "text": "a cat", "uploads": ["u1"], "answered": "r0"}
        card = await (await session.post("/api/ask", json=body)).json()
        assert (card["id"], card["state"], card["words"]) == ("r1", "waiting", "a cat")
    [(origin, request, uploads, words)] = studio.asked
    assert isinstance(request, Imagine)
    assert request.wishes[0].prompt == "a cat"
    assert (uploads, words) == (("u1",), "a cat")
    assert (origin.platform, origin.owner, origin.place, origin.reply_to) == ("web", OPERATOR, "web:page", OPERATOR)
    assert (origin.asker, origin.answered, origin.is_place_shared) == ("You", "r0", False)
    assert origin.event_key.endswith(key)


async def test_a_form_becomes_the_same_request() -> None:
    """And is shown as it would have been typed."""
    studio = FakeStudio()
    async with served(studio) as page, browser(page) as session:
        body = {"key": "k", "command": "imagine", "values": {"prompt": "a cat", "seed": 7}}
        card = await (await session.post("/api/ask", json=body)).json()
        assert card["words"] == "/imagine a cat --seed 7"
        refused = await session.post("/api/ask", json={"key": "k", "command": "fly", "values": {}})
        assert (await refused.json())["sentence"] == "There is no command /fly."


async def test_a_refusal_is_a_card_that_says_why() -> None:
    """It has no id, and carries what was said, by whom and when."""
    async with served(FakeStudio()) as page, browser(page) as session:
        card = await (await session.post("/api/ask", json={"key": "k", "text": "refuse <b>"})).json()
        assert (card["id"], card["state"], card["is_refusal"]) == ("", "note", True)
        assert (card["sentence"], card["words"]) == ("That is refused; say something else.", "refuse <b>")
        assert card["asker"] == "You"
        assert abs(card["created_s"] - time.time()) < 60
        answer = await (await session.post("/api/ask", json={"key": "k", "text": "/help"})).json()
        assert (answer["id"], answer["is_refusal"], answer["words"]) == ("", False, "/help")


@pytest.mark.parametrize(
    ("breaks", "kind"), [(UserError("No."), "refusal"), (StorageError("Full."), "trouble"), (KeyError("x"), "trouble")]
)
async def test_what_broke_on_our_side_is_told_from_a_refusal(breaks: Exception, kind: str) -> None:
    """For it may have been done all the same: the page asks again under the same key."""
    studio = FakeStudio()
    studio.breaks = breaks
    async with served(studio) as page, browser(page) as session:
        card = await (await session.post("/api/ask", json={"key": "k", "text": "a"})).json()
        assert (card["kind"], card["is_refusal"]) == (kind, True)


async def test_a_button_is_pressed() -> None:
    """As it is written; what it means is the studio's to say."""
    studio = FakeStudio()
    async with served(studio) as page, browser(page) as session:
        await session.post("/api/ask", json={"key": "k", "text": "a"})
        card = await (await session.post("/api/press", json={"key": "p", "button": "cancel:r1"})).json()
        assert card["sentence"] == "cancel:r1"
        unknown = await (await session.post("/api/press", json={"key": "p", "button": "cancel:r9"})).json()
        assert unknown["is_refusal"]
    [(origin, button)] = studio.pressed
    assert (origin.owner, button) == (OPERATOR, "cancel:r1")


async def test_a_hint_does_nothing() -> None:
    """It says what would come of the words."""
    studio = FakeStudio()
    async with served(studio) as page, browser(page) as session:

        async def hint(text: str) -> object:
            return await (await session.post("/api/hint", json={"text": text})).json()

        assert await hint(" ") == {"sentence": "", "is_refusal": False, "n_pictures": 0}
        assert await hint("a cat") == {"sentence": "", "is_refusal": False, "n_pictures": 1}
        assert await hint("refuse") == {
            "sentence": "That is refused; say something else.",
            "is_refusal": True,
            "n_pictures": 0,
        }
    assert not studio.asked


async def test_an_upload_is_kept_and_read() -> None:
    """The bytes as they were sent; what the picture tells of itself comes back."""
    studio, picture = FakeStudio(), b"picture" + bytes(range(256)) * 1_000
    async with served(studio) as page, browser(page) as session:
        headers = {"Content-Type": "application/octet-stream"}
        answer = await (await session.post("/api/uploads", data=picture, headers=headers)).json()
        assert answer == {
            "upload": "u1",
            "width_px": 8,
            "height_px": 8,
            "recipe": "It carries a recipe.",
            "words": "/imagine it",
        }
    assert studio.uploads == [(OPERATOR, picture)]


async def test_older_cards_are_asked_for() -> None:
    """Before the oldest that is shown, oldest first."""
    studio = FakeStudio()
    studio.cards[OPERATOR] = [a_card(f"c{number}") for number in range(70)]
    async with served(studio) as page, browser(page) as session:
        first = await (await session.get("/api/conversation")).json()
        assert [card["id"] for card in first["cards"]] == [f"c{number}" for number in range(40, 70)]
        older = await (await session.get("/api/conversation", params={"before": "c40"})).json()
        assert older["cards"][0]["id"] == "c10"
        assert older["has_older"]
        last = await (await session.get("/api/conversation", params={"before": "c10"})).json()
        assert (len(last["cards"]), last["has_older"]) == (10, False)


# The stream


async def test_all_tabs_see_a_request_from_its_beginning_to_its_end() -> None:
    """The conversation first, then each newest card, and that one was deleted."""
    studio = FakeStudio()
    studio.cards[OPERATOR] = [a_card("old", State.DONE)]
    async with served(studio) as page, browser(page) as session, stream(session) as tab, stream(session) as other:
        for events in (tab, other):
            reset = await events.next("reset")
            assert [card["id"] for card in reset.told["cards"]] == ["old"]
            assert not reset.told["has_older"]
        await page.acknowledge(to_operator(), a_card("new", State.WAITING))
        for events in (tab, other):
            assert (await events.next("card")).told["state"] == "waiting"
        await page.progress(to_operator(), a_card("new", State.DRAWING, fraction=0.5, side_px=2))
        for events in (tab, other):
            told = (await events.next("card")).told
            assert (told["fraction"], told["tiles"][0]["preview"]["rgb"]) == (0.5, "A" * 16)
        await page.deliver(to_operator(), a_card("new", State.DONE))
        await page.withdraw(to_operator("old"))
        for events in (tab, other):
            assert (await events.next("card")).told["state"] == "done"
            assert (await events.next("removed")).told == {"id": "old"}


async def test_a_broken_stream_goes_on_where_it_broke() -> None:
    """What happened meanwhile comes, newest of each card, and nothing comes twice."""
    async with served(FakeStudio()) as page, browser(page) as session:
        async with stream(session) as events:
            await events.next("reset")
            await page.acknowledge(to_operator(), a_card("seen"))
            last = await events.next("card")
        for number in range(100):
            await page.progress(to_operator(), a_card("a", fraction=number / 100))
        await page.deliver(to_operator(), a_card("b", State.DONE))
        await page.deliver(to_operator(), a_card("a", State.DONE))
        async with stream(session, last.id) as events:
            told = [await events.next("card", "reset") for _ in range(2)]
            assert [(event.kind, event.told["id"], event.told["state"]) for event in told] == [
                ("card", "b", "done"),
                ("card", "a", "done"),
            ]
            await page.acknowledge(to_operator(), a_card("end"))
            assert (await events.next("card", "reset")).told["id"] == "end"


async def test_after_a_restart_everything_is_told_anew() -> None:
    """An id of the life before means nothing."""
    studio = FakeStudio()
    async with served(studio) as page, browser(page) as session, stream(session) as events:
        last = await events.next("reset")
    studio.cards[OPERATOR] = [a_card("a", State.DONE)]
    async with served(studio) as page, browser(page) as session, stream(session, last.id) as events:
        assert [card["id"] for card in (await events.next()).told["cards"]] == ["a"]


async def test_whoever_was_away_too_long_is_told_everything_anew() -> None:
    """When more cards changed than are kept."""
    async with served(FakeStudio()) as page, browser(page) as session:
        async with stream(session) as events:
            last = await events.next("reset")
        for number in range(MAX_CARDS + 1):
            await page.deliver(to_operator(), a_card(f"c{number}", State.DONE))
        async with stream(session, last.id) as events:
            assert (await events.next()).kind == "reset"


async def test_everybody_hears_how_busy_it_is() -> None:
    """At once, and when it changes."""
    studio = FakeStudio()
    async with served(studio) as page, browser(page) as session, stream(session) as events:
        assert (await events.next("status")).told == {
            "n_waiting": 0,
            "n_running": 0,
            "is_engine_ready": False,
            "is_paused": False,
        }
        studio.n_waiting, studio.is_paused = 3, True
        async with asyncio.timeout(10):
            told = (await events.next("status")).told
        assert (told["n_waiting"], told["is_paused"]) == (3, True)
        assert page.url


async def test_a_tab_that_reads_nothing_costs_nothing() -> None:
    """While 2,000 stages of 100 KB pass it by, little is kept, nobody waits for it, and it ends with the page."""
    async with contextlib.AsyncExitStack() as stack:
        page = await stack.enter_async_context(served(FakeStudio()))
        port = int(page.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
        stack.callback(writer.close)
        writer.write(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        await reader.readuntil(b"event: reset")
        for number in range(2_000):
            await page.progress(to_operator(), a_card(f"c{number % 3}", fraction=number / 2_000, side_px=160))
            await asyncio.sleep(0)
        feed = page._events._feeds[OPERATOR]
        assert sum(len(entry.body) for entry in feed._newest.values()) < 1_000_000
        [stuck] = feed.readers
        assert stuck._is_writing
        async with asyncio.timeout(CLOSE_WITHIN_S - 1):
            await page.close()


async def test_shutting_down_ends_every_stream_at_once() -> None:
    """A browser sees the end and comes back when there is a page again."""
    async with served(FakeStudio()) as page, browser(page) as session, contextlib.AsyncExitStack() as stack:
        tabs: list[Stream] = [await stack.enter_async_context(stream(session)) for _ in range(5)]
        for tab in tabs:
            await tab.next("reset")
        async with asyncio.timeout(CLOSE_WITHIN_S - 1):
            await page.close()
            for tab in tabs:
                with pytest.raises(EOFError):
                    await tab.next("never")


async def test_tabs_are_counted() -> None:
    """One too many is told so; closed ones make room."""
    async with served(FakeStudio()) as page, browser(page) as session:
        tabs = [await session.get("/api/events") for _ in range(MAX_READERS)]
        refused = await session.get("/api/events")
        assert refused.status == 429
        assert "close one" in (await refused.json())["error"]
        for tab in tabs:
            tab.close()
        async with asyncio.timeout(10):
            while (again := await session.get("/api/events")).status != 200:
                pass  # until the server has seen that they are gone
        again.close()


@pytest.mark.parametrize(
    ("kind", "told"),
    [(DeliveryKind.RESULT, "card"), (DeliveryKind.ACKNOWLEDGE, "card"), (DeliveryKind.WITHDRAW, "removed")],
)
async def test_what_may_have_been_told_is_told_once_more(kind: DeliveryKind, told: str) -> None:
    """A page that is told twice shows it once, so that nothing need be looked for."""
    async with served(FakeStudio()) as page, browser(page) as session, stream(session) as events:
        await events.next("reset")
        assert await page.reconcile(to_operator("a"), a_card("a", State.DONE), kind) == (Found.THERE, None)
        event = await events.next("card", "removed")
        assert (event.kind, event.told["id"]) == (told, "a")


async def test_of_who_was_forgotten_nothing_is_kept() -> None:
    """Their streams end, and whoever comes back is told what there is now."""
    studio = FakeStudio()
    async with served(studio) as page, browser(page) as session:
        async with stream(session) as events:
            await events.next("reset")
            await page.deliver(to_operator(), a_card("secret", State.DONE))
            last = await events.next("card")
            page.forget(OPERATOR)
            assert not page.is_seen(OPERATOR)
            with pytest.raises(EOFError):
                await events.next("never")
        async with stream(session, last.id) as events:
            assert (await events.next()).told["cards"] == []
        page.forget("web:nobody")


async def test_the_page_is_a_platform() -> None:
    """With what the studio needs to know of one; a card for nobody who looks is no work."""
    async with served(FakeStudio(), WebSettings(host="localhost", port=0)) as page:
        assert (page.name, page.has_previews, page.is_repeatable) == ("web", True, True)
        assert page.budget == Budget(of_message=(10, 1.0))
        assert page.chat(OPERATOR) == OPERATOR
        assert page.url.startswith("http://127.0.0.1:")
        assert not page.is_seen(OPERATOR)
        await page.deliver(to_operator("a"), a_card("a"))
        await page.withdraw(to_operator("a"))
        assert not page._events._feeds
        async with browser(page) as session, stream(session) as events:
            await events.next("reset")
            assert page.is_seen(OPERATOR)

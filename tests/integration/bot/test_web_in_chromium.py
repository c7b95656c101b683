"""The page's own part, in a real Chromium and with a studio that says what a test needs: keys, waits, papers, menus."""

import asyncio
import contextlib
import json
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, async_playwright, expect
from playwright.async_api import Error as PlaywrightError

from bot.cards import Button, Card, Field, Paper, State, Tile
from bot.commands import COMMANDS
from bot.platforms.base import Address
from bot.platforms.web.server import WebPlatform
from tests.fakes.browsers import PASSWORD, locked, served
from tests.fakes.studios import FakeServed, FakeSessions, FakeStudio

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
OPERATOR = "web:operator"
SURE = Button(id="forget:yes", label="Delete everything", name="Delete all that is kept about me")

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    opened = await chromium.new_context(viewport={"width": 1000, "height": 800})
    yield opened
    await opened.close()


@asynccontextmanager
async def opened(context: BrowserContext, studio: FakeStudio) -> AsyncIterator[tuple[WebPlatform, Page]]:
    """The operator's page."""
    async with served(studio) as platform:
        page = await context.new_page()
        await page.goto(platform.url)
        await expect(box(page)).to_be_visible()
        yield platform, page


async def sign_in(page: Page, platform: WebPlatform) -> None:
    await page.goto(platform.url)
    await page.get_by_label("name").fill("Ada")
    await page.get_by_label("password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(box(page)).to_be_visible()


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message Darkroom")


def message(page: Page, request: str) -> Locator:
    return page.locator(f'article[data-request="{request}"]')


def answer(page: Page, kind: str) -> Locator:
    return page.locator(f'article[data-kind="{kind}"]').last


async def say(page: Page, words: str) -> None:
    await box(page).fill(words)
    await page.keyboard.press("Escape")
    await box(page).press("Enter")


def note(kind: str, sentence: str, **more: object) -> Card:
    return replace(Card(id="", kind=kind, state=State.NOTE, sentence=sentence), **more)  # type: ignore[arg-type]


def waiting(request: str = "w1", **more: object) -> Card:
    now_s, tile = time.time(), Tile(number=1, prompt="p", seed=1, width_px=8, height_px=8)
    card = Card(id=request, kind="imagine", state=State.WAITING, words="a cat", created_s=now_s, told_at_s=now_s)
    return replace(card, tiles=(tile,), **more)  # type: ignore[arg-type]


def to(request: str) -> Address:
    return Address(request=request, reply_to=OPERATOR, remote_id=None, created_s=0.0)


class LosingLine:
    """While it is broken the answers of an address are lost on their way back, though what was asked is done."""

    def __init__(self) -> None:
        self.is_broken = True
        self.keys: list[str] = []
        self._news = asyncio.Condition()

    async def heard(self, n_keys: int) -> None:
        """Wait until so many went by, and were answered or lost."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.keys) >= n_keys)

    async def __call__(self, route: Route) -> None:
        with contextlib.suppress(PlaywrightError):  # the page may be gone meanwhile
            answer = await route.fetch()
            if self.is_broken:
                await route.abort()
            else:
                await route.fulfill(response=answer)
        async with self._news:
            self.keys.append(json.loads(route.request.post_data or "{}")["key"])
            self._news.notify_all()


async def test_a_press_whose_answer_was_lost_is_sent_again_under_its_key(context: BrowserContext) -> None:
    """So that what an admin does is done once; the next press is another."""
    studio, line = FakeStudio(), LosingLine()
    button = Button(id="cancel:w1", label="Cancel", name="Cancel this request")
    studio.cards[OPERATOR].append(waiting(buttons=((button,),)))
    async with opened(context, studio) as (_, page):
        await page.route("**/api/press", line)
        await page.get_by_role("button", name="Cancel this request").click()
        await line.heard(2)
        line.is_broken = False
        await expect(page.get_by_text("cancel:w1")).to_be_visible()
        again = list(line.keys)
        await page.get_by_role("button", name="Cancel this request").click()
        await line.heard(len(again) + 1)
    assert len(again) > 2
    assert len(set(again)) == 1
    assert line.keys[-1] != again[0]
    assert [origin.event_key.rpartition(":")[2] for origin, _ in studio.pressed] == line.keys


async def test_words_whose_answer_never_came_keep_their_key_over_a_reload(context: BrowserContext) -> None:
    """Somebody who sends them again means the same; who sends them twice means two."""
    studio, line = FakeStudio(), LosingLine()
    async with opened(context, studio) as (platform, page):
        await page.route("**/api/ask", line)
        await say(page, "a cat")
        await line.heard(1)
        await page.goto(platform.url)
        await expect(box(page)).to_be_visible()
        line.is_broken = False
        keys = []
        for _ in range(2):
            n_before = len(line.keys)
            await say(page, "a cat")
            await line.heard(n_before + 1)
            await expect(page.get_by_text("Sending…")).to_have_count(0)
            keys.append(line.keys[-1])
    first, (again, another) = line.keys[0], keys
    assert first == again != another


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"wait_s": 40.0}, r"position 2 · about \d+ s"),
        ({"wait_s": 40.0, "told_at_s": 1_000.0}, "taking longer than expected"),
        ({"is_overdue": True, "sentence": "This takes longer than I thought."}, "taking longer than expected"),
        ({"sentence": "Darkroom is paused."}, "Darkroom is paused."),
    ],
)
async def test_a_wait_is_never_a_time_that_is_over(context: BrowserContext, how: dict[str, Any], said: str) -> None:
    """A wait that ran out says so, and a paused engine is named."""
    studio = FakeStudio()
    studio.cards[OPERATOR].append(waiting(position=2, **how))
    async with opened(context, studio) as (_, page):
        await expect(message(page, "w1")).to_contain_text(re.compile(said))
        await expect(message(page, "w1")).to_contain_text("position 2")
        await expect(message(page, "w1")).not_to_contain_text(re.compile(r"-\d|\b0 s"))
        await expect(message(page, "w1").get_by_text("expected")).to_have_count(int("expected" in said))


async def test_a_place_in_line_is_said_now_and_then(context: BrowserContext) -> None:
    """To a screen reader: where it waits at first, and the newest place a quarter of a minute later, once."""
    async with opened(context, FakeStudio()) as (platform, page):
        await page.clock.install()
        await page.reload()
        await expect(box(page)).to_be_visible()
        await page.evaluate(
            """() => {
                window.said = [];
                const element = document.querySelector("[aria-live=polite]");
                new MutationObserver(() => element.textContent && said.push(element.textContent))
                    .observe(element, { childList: true });
            }"""
        )
        for position in (5, 4, 3, 2):
            await platform.progress(to("w1"), waiting(position=position))
            await expect(message(page, "w1")).to_contain_text(f"position {position}")
            await page.clock.run_for(1_000)
        assert await page.evaluate("said") == ["Waiting. position 5"]
        await page.clock.run_for(15_000)
        assert await page.evaluate("said") == ["Waiting. position 5", "Waiting. position 2"]
        await page.clock.run_for(60_000)
        assert len(await page.evaluate("said")) == 2


async def test_a_chart_is_seen_enlarged_and_saved(context: BrowserContext, tmp_path: Path) -> None:
    """With its words for who cannot see it; one that is no longer there says so."""
    studio = FakeStudio()
    Image.new("RGB", (600, 300), "#24242a").save(tmp_path / "chart.png")
    studio.papers[OPERATOR, "c1"] = FakeServed(path=tmp_path / "chart.png", download_name="darkroom-stats.png")
    paper = Paper(name="c1", media_type="image/png", download_name="darkroom-stats.png", n_bytes=4_096, alt="Bars")
    studio.answers["/stats"] = note("stats", "Today:", fields=(Field(name="Pictures", value="3"),), paper=paper)
    studio.answers["/old"] = note("stats", "Yesterday:", paper=replace(paper, name="gone"))
    async with opened(context, studio) as (_, page):
        await say(page, "/stats")
        await expect(answer(page, "stats").get_by_role("img", name="Bars")).to_have_js_property("naturalWidth", 600)
        await expect(answer(page, "stats")).to_contain_text("4.1 kB")
        async with page.expect_download() as download:
            await answer(page, "stats").get_by_role("button", name="Download").click()
        assert (await download.value).suggested_filename == "darkroom-stats.png"
        await answer(page, "stats").get_by_role("button", name="Open large: Bars").click()
        await expect(page.get_by_role("dialog").get_by_role("img", name="Bars")).to_be_visible()
        await expect(page.get_by_role("dialog")).to_contain_text("600 x 300 px")
        await page.keyboard.press("Escape")
        await say(page, "/old")
        await expect(answer(page, "stats")).to_contain_text("no longer there")


async def test_an_original_is_seen_at_its_own_size_and_saved(context: BrowserContext, tmp_path: Path) -> None:
    """And how it developed, though both have the picture's name; one that had to make room says so."""
    studio, name = FakeStudio(), "k3f9m2q7xa.1"
    Image.new("RGB", (128, 96), "red").save(tmp_path / "picture.png")
    Image.new("RGB", (64, 48), "blue").save(tmp_path / "animation.webp")
    studio.files[OPERATOR, "picture", name] = tmp_path / "picture.png"
    studio.files[OPERATOR, "animation", name] = tmp_path / "animation.webp"
    paper = Paper(
        name=name, media_type="image/png", download_name="a.png", n_bytes=300, alt="a red circle", kind="picture"
    )
    studio.answers["/original"] = note("original", f"The original of {name}:", paper=paper)
    film = replace(paper, kind="animation", media_type="image/webp")
    studio.answers["page:1:"] = note("original", f"How {name} developed:", paper=film)
    turn = Button(id="page:1:", label="Older", name="Older")
    studio.answers["/turn"] = note("original", "Turn:", paper=paper, buttons=((turn,),))
    studio.answers["/gone"] = note("original", "The original:", paper=replace(paper, name="k3f9m2q7xb.1"))
    async with opened(context, studio) as (_, page):
        await say(page, "/original")
        shown = answer(page, "original").get_by_role("img", name="a red circle")
        await expect(shown).to_have_js_property("naturalWidth", 128)
        assert await shown.evaluate("image => [image.width, image.height]") == [128, 96]
        async with page.expect_download() as download:
            await answer(page, "original").get_by_role("button", name="Download a.png").click()
        assert (await download.value).suggested_filename == f"darkroom-{name}-seed-7.png"
        await answer(page, "original").get_by_role("button", name="Open large: a red circle").click()
        await expect(page.get_by_role("dialog")).to_contain_text("128 x 96 px")
        await page.keyboard.press("Escape")
        await say(page, "/turn")
        await answer(page, "original").get_by_role("button", name="Older").click()
        await expect(shown).to_have_js_property("naturalWidth", 64)
        await say(page, "/gone")
        await expect(answer(page, "original")).to_contain_text("no longer kept")


async def test_buttons_for_files_stay_the_pages_own(context: BrowserContext, tmp_path: Path) -> None:
    """Download saves and Development is watched at once: no message comes of them, and the server hears of no press."""
    studio, name = FakeStudio(), "k3f9m2q7xa.1"
    Image.new("RGB", (64, 64), "red").save(tmp_path / "picture.png")
    for kind in ("picture", "animation", "thumbnail"):
        studio.files[OPERATOR, kind, name] = tmp_path / "picture.png"
    buttons = tuple(
        Button(id=f"{verb}:{name}", label=label, name=label)
        for verb, label in (("file", "Get it"), ("animation", "Watch"))
    )
    tile = Tile(number=1, prompt="p", seed=1, width_px=64, height_px=64, picture=name, has_animation=True)
    done = waiting("k3f9m2q7xa", buttons=(buttons,))
    studio.cards[OPERATOR].append(replace(done, state=State.DONE, tiles=(tile,)))
    async with opened(context, studio) as (_, page):
        async with page.expect_download():
            await page.get_by_role("button", name="Get it").click()
        await page.get_by_role("button", name="Watch").click()
        await expect(page.get_by_test_id("large-film")).to_have_attribute("aria-pressed", "true")
    assert studio.pressed == []


async def test_an_export_is_a_file_with_its_size(context: BrowserContext, tmp_path: Path) -> None:
    """Saved under its name."""
    studio = FakeStudio()
    (tmp_path / "export").write_bytes(b"PK")
    studio.papers[OPERATOR, "e1"] = FakeServed(
        path=tmp_path / "export", media_type="application/zip", download_name="darkroom-mydata.zip"
    )
    studio.answers["/mydata"] = note(
        "mydata",
        "Everything:",
        paper=Paper(name="e1", media_type="application/zip", download_name="darkroom-mydata.zip", n_bytes=3_200_000),
    )
    async with opened(context, studio) as (_, page):
        await say(page, "/mydata")
        await expect(answer(page, "mydata")).to_contain_text("3.2 MB")
        assert await answer(page, "mydata").locator("img:not(.avatar)").count() == 0
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download darkroom-mydata.zip").click()
        assert (await (await download.value).path()).read_bytes() == b"PK"


async def test_the_menu_shows_groups_and_to_each_what_is_theirs(context: BrowserContext) -> None:
    """The operator sees what admins do; somebody who signed in does not, in the form either."""
    studio = FakeStudio(commands=COMMANDS)
    async with opened(context, studio) as (_, page):
        await box(page).fill("/")
        titles = page.get_by_role("listbox").get_by_role("group")
        assert [await title.get_attribute("aria-label") for title in await titles.all()] == [
            "Making pictures",
            "Finding and watching",
            "Yours",
            "For admins",
        ]
        await expect(page.get_by_role("option").filter(has_text="/ban ").first).to_be_attached()
    async with served(studio, locked()) as platform:
        page = await context.new_page()
        await sign_in(page, platform)
        await box(page).fill("/")
        await expect(page.get_by_role("option").filter(has_text="/quota")).to_be_attached()
        assert await page.get_by_role("option").filter(has_text="/ban").count() == 0
        await page.get_by_role("button", name="Add a picture").click()
        await page.get_by_role("menuitem", name="Fill in a form").click()
        assert await page.locator("#form-command option[value=pause]").count() == 0


async def test_words_of_the_desk_become_a_form(context: BrowserContext) -> None:
    """Each word in its field, by the order of the options."""
    async with opened(context, FakeStudio(commands=COMMANDS)) as (_, page):
        await box(page).fill("/quota set @ada daily 50")
        await page.get_by_role("button", name="Add a picture").click()
        await page.get_by_role("menuitem", name="Fill in a form").click()
        form = page.get_by_role("dialog")
        await expect(form.get_by_role("radio", name="set", exact=True)).to_have_attribute("aria-checked", "true")
        await expect(form.get_by_label("Who")).to_have_value("@ada")
        await expect(form.get_by_label("Key")).to_have_value("daily")
        await expect(form.get_by_label("Value")).to_have_value("50")


async def test_the_slash_goes_on_with_what_may_come_next(context: BrowserContext) -> None:
    """After /settings a scope or a key, after the scope a key, and after a number nothing."""
    async with opened(context, FakeStudio(commands=COMMANDS)) as (_, page):

        async def offered(words: str) -> list[str]:
            await box(page).fill(words)
            return [await one.get_attribute("data-value") or "" for one in await page.get_by_role("option").all()]

        assert {"me", "place", "size"} <= set(await offered("/settings "))
        assert "me" not in await offered("/settings me ")
        assert await offered("/settings me st") == ["steps"]
        assert await offered("/settings me steps ") == []
        assert await offered("/quota gr") == ["grant"]


async def test_after_forgetting_the_page_is_empty(context: BrowserContext) -> None:
    """It begins anew and says what was done; a draft and what was sent are gone too."""
    studio = FakeStudio()
    studio.cards[OPERATOR].append(replace(waiting("r1"), state=State.DONE))
    studio.answers["/forget"] = note("forget", "Sure?", buttons=((SURE,),))
    studio.answers["forget:yes"] = note("forget", "All of it is deleted.")
    async with opened(context, studio) as (_, page):
        await say(page, "/forget")
        await box(page).fill("a secret draft")
        studio.cards.clear()
        await page.get_by_role("button", name="Delete all that is kept about me").click()
        await expect(answer(page, "forget")).to_contain_text("All of it is deleted.")
        await expect(page.locator("article")).to_have_count(1)
        await expect(page.get_by_role("heading", name="Welcome to Darkroom")).to_be_visible()
        await expect(box(page)).to_have_value("")
        assert "secret" not in await page.evaluate("JSON.stringify({ ...sessionStorage, ...localStorage })")


async def test_who_signed_in_and_is_forgotten_is_signed_out_everywhere(context: BrowserContext) -> None:
    """Another tab too, without a press."""
    studio, sessions = FakeStudio(), FakeSessions()
    studio.answers["/forget"] = note("forget", "Sure?", buttons=((SURE,),))
    studio.answers["forget:yes"] = note("forget", "All of it is deleted.")
    async with served(studio, locked(), sessions) as platform:
        page, other = await context.new_page(), await context.new_page()
        await sign_in(page, platform)
        await other.goto(platform.url)
        await expect(box(other)).to_be_visible()
        await say(page, "/forget")
        await expect(page.get_by_role("button", name="Delete all that is kept about me")).to_be_visible()
        studio.forgets = sessions.sessions.clear
        await page.get_by_role("button", name="Delete all that is kept about me").click()
        for each in (page, other):
            await each.wait_for_url("**/sign-in")


async def test_a_notice_is_a_small_line(context: BrowserContext) -> None:
    """What admins read of each other: no person, no buttons."""
    studio = FakeStudio()
    again = Button(id="again:n1", label="Again", name="Draw it again")
    studio.cards[OPERATOR].append(
        Card(id="n1", kind="notice", state=State.DONE, sentence="Ada paused Darkroom.", buttons=((again,),))
    )
    async with opened(context, studio) as (platform, page):
        await expect(message(page, "n1")).to_contain_text("Ada paused Darkroom.")
        await expect(message(page, "n1").get_by_role("button")).to_have_count(0)
        await platform.deliver(to("n2"), Card(id="n2", kind="notice", state=State.DONE, sentence="Ada went on."))
        await expect(message(page, "n2")).to_contain_text("Ada went on.")
        box_of = await message(page, "n2").bounding_box()
        assert box_of
        assert box_of["height"] < 60


async def test_an_offer_has_its_two_answers(context: BrowserContext) -> None:
    """Queue it, or not now."""
    studio = FakeStudio()
    go, no = (
        Button(id=f"{verb}:o1", label=label, name=label) for verb, label in (("go", "Queue it"), ("no", "Not now"))
    )
    offer = Card(id="o1", kind="imagine", state=State.OFFERED, words="a cat", sentence="The wait is about 9 minutes.")
    studio.cards[OPERATOR].append(replace(offer, buttons=((go, no),)))
    studio.answers["go:o1"] = replace(offer, state=State.WAITING, sentence="Waiting for its turn.", buttons=())
    async with opened(context, studio) as (_, page):
        await expect(message(page, "o1")).to_contain_text("The wait is about 9 minutes.")
        await message(page, "o1").get_by_role("button", name="Queue it").click()
        await expect(message(page, "o1")).to_have_attribute("data-state", "waiting")
        await expect(message(page, "o1").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("n_fields", [20, 6])  # far higher than the window, and hardly
async def test_a_long_answer_is_read_from_its_beginning(chromium: Browser, n_fields: int) -> None:
    """On a phone: its first line is in sight and stays there, and nothing has to be scrolled sideways."""
    studio = FakeStudio()
    studio.cards[OPERATOR] += [replace(waiting(f"r{n}"), state=State.DONE) for n in range(3)]
    fields = tuple(Field(name=f"{n} hours ago, Ada", value="ban · Bob · floods") for n in range(n_fields))
    studio.answers["/audit"] = note("audit", "What admins did:", fields=fields)
    async with served(studio) as platform:
        page = await chromium.new_page(viewport={"width": 360, "height": 560}, has_touch=True, is_mobile=True)
        await page.goto(platform.url)
        await say(page, "/audit")
        await expect(answer(page, "audit").get_by_text("/audit")).to_be_in_viewport()
        await platform.deliver(to("r2"), replace(waiting("r2"), state=State.DONE, sentence="a\nlonger\nsentence"))
        await expect(message(page, "r2")).to_contain_text("longer")
        await expect(answer(page, "audit").get_by_text("/audit")).to_be_in_viewport()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        last = answer(page, "audit").get_by_text(f"{n_fields - 1} hours ago")
        await last.scroll_into_view_if_needed()
        await expect(last).to_be_in_viewport()
        await page.close()


async def test_a_spoiler_is_covered_until_somebody_wants_to_see_it(context: BrowserContext) -> None:
    """The pictures are blurred and out of the keyboard's way; one button shows them, and they stay shown."""
    studio = FakeStudio()
    studio.cards[OPERATOR].append(waiting(is_spoiler=True))
    async with opened(context, studio) as (platform, page):
        tiles = message(page, "w1").locator(".tiles")
        await expect(tiles).to_have_class(re.compile("is-covered"))
        await tiles.get_by_role("button", name="Spoiler: show").click()
        await expect(tiles).not_to_have_class(re.compile("is-covered"))
        await platform.progress(to("w1"), waiting(is_spoiler=True, position=1))
        await expect(message(page, "w1")).to_contain_text("position 1")
        await expect(tiles).not_to_have_class(re.compile("is-covered"))

"""Somebody opens the page in a real browser: the real bot, the real worker, the model that ships, real pixels."""

import io
import re
import shutil
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.fakes.bots import RunningBot, running_bot
from tests.fakes.colours import colour_at, is_red_on_blue

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
QUIET = (  # it looks for updates otherwise, and there is no network
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PICTURE_MS = 180_000  # two busy cores, and a suite beside it
LONG_JOB = "/imagine a red circle on a blue background --steps 100 --n 3"

expect.set_options(timeout=PICTURE_MS)

pytestmark = [
    pytest.mark.torch,
    pytest.mark.xdist_group("page"),  # one bot and one browser for all of them
    pytest.mark.timeout(400),  # several waits for pictures in one test
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium (Debian: apt-get install chromium) to open the page"),
]


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBot]:
    with running_bot(tmp_path_factory.mktemp("page") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 800})
    opened.set_default_timeout(PICTURE_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, bot: RunningBot) -> Page:
    return open_page(context, bot)


def open_page(context: BrowserContext, bot: RunningBot) -> Page:
    page = context.new_page()
    page.goto(bot.url)
    expect(composer(page)).to_be_visible()
    return page


def composer(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message Darkroom")


def requests_on(page: Page) -> set[str]:
    return {
        name
        for article in page.locator("article[data-request]").all()
        if (name := article.get_attribute("data-request"))
    }


def say(page: Page, words: str) -> Locator:
    """Type it, send it, and find the new message."""
    expect(page.locator("article[data-request]").first).to_be_visible(timeout=PICTURE_MS)
    before = requests_on(page)
    composer(page).fill(words)
    composer(page).press("Enter")
    return newest_but(page, before)


def newest_but(page: Page, before: set[str]) -> Locator:
    known = "".join(f':not([data-request="{name}"])' for name in before)
    article = page.locator(f'article[data-request]:not([data-request=""]){known}').last
    expect(article).to_be_visible(timeout=PICTURE_MS)
    name = article.get_attribute("data-request")
    return page.locator(f'article[data-request="{name}"]')


def press(article: Locator, page: Page, label: str) -> Locator:
    """Press a button of a message that makes a new message."""
    before = requests_on(page)
    article.get_by_role("button", name=label).first.click()
    return newest_but(page, before)


def pictures(article: Locator, n: int) -> list[Locator]:
    """The pictures of a message, once it is done."""
    expect(article).to_have_attribute("data-state", "done")
    expect(article.locator("img[data-picture]")).to_have_count(n)
    return article.locator("img[data-picture]").all()


def pixels(bot: RunningBot, image: Locator) -> Image.Image:
    name = image.get_attribute("data-picture")
    with urllib.request.urlopen(f"{bot.url}/picture/{name}.png", timeout=30) as answer:
        return Image.open(io.BytesIO(answer.read())).convert("RGB")


def test_the_welcome_picture_is_there_when_the_page_opens(page: Page, bot: RunningBot) -> None:
    """Nobody meets an empty page."""
    [image] = pictures(page.locator("article[data-request]").first, 1)
    assert is_red_on_blue(pixels(bot, image))


def test_a_prompt_develops_in_front_of_whoever_typed_it(page: Page, bot: RunningBot) -> None:
    """Typed, seen in progress with a preview, and then the right pixels."""
    article = say(page, "/imagine a red circle on a blue background --steps 100 --n 2")
    expect(article.get_by_role("progressbar")).to_be_visible()
    expect(article.locator("canvas").first).to_be_visible()
    for image in pictures(article, 2):
        assert is_red_on_blue(pixels(bot, image))
    expect(article.get_by_role("progressbar")).to_have_count(0)


def test_v2_draws_four_variations_of_the_second_picture(page: Page, bot: RunningBot) -> None:
    """The button people know; the variations keep the colours."""
    article = say(page, "/imagine a red circle on a blue background --n 2 --seed 7")
    pictures(article, 2)
    varied = press(article, page, "Four variations of picture 2")
    for image in pictures(varied, 4):
        assert colour_at(pixels(bot, image), 0.03, 0.03)[2] > 120


def test_the_slash_completes(page: Page) -> None:
    """Arrow and Enter instead of remembering."""
    composer(page).press_sequentially("/ups")
    option = page.get_by_role("option").filter(has_text="upscale").first
    expect(option).to_be_visible()
    composer(page).press("Enter")
    expect(composer(page)).to_have_value(re.compile(r"^/upscale\s*$"))
    composer(page).fill("")


def test_a_cancelled_job_says_so_and_the_next_one_is_drawn(page: Page) -> None:
    """In mid-drawing."""
    article = say(page, LONG_JOB)
    article.get_by_role("button", name="Cancel").click()
    expect(article).to_have_attribute("data-state", "cancelled")
    pictures(say(page, "/imagine a green square on a white background"), 1)


def test_a_reload_in_the_middle_finds_the_job_again(page: Page) -> None:
    """Developing on, with its words, and done in the end."""
    article = say(page, LONG_JOB)
    name = article.get_attribute("data-request")
    page.reload()
    again = page.locator(f'article[data-request="{name}"]')
    expect(again).to_contain_text("a red circle on a blue background --steps 100")
    pictures(again, 3)


def test_a_sketch_can_be_remixed(page: Page, bot: RunningBot) -> None:
    """Drawn with the mouse on the page, and used as the source."""
    page.get_by_role("button", name="Add").first.click()
    page.get_by_role("menuitem", name=re.compile("sketch", re.IGNORECASE)).click()
    canvas = page.get_by_role("dialog").locator("canvas").first
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5, steps=5)
    page.mouse.up()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Use", re.IGNORECASE)).click()
    expect(composer(page)).to_have_value(re.compile("^/remix"))
    article = say(page, "/remix a red circle on a blue background --strength 0.95")
    [image] = pictures(article, 1)
    assert pixels(bot, image).size == (128, 128)


def test_words_are_never_markup(page: Page) -> None:
    """A hostile prompt is shown as it was typed, and nothing of it runs."""
    hostile = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"
    article = say(page, f"/imagine {hostile} --steps 2")
    expect(article).to_contain_text("<b>bold</b>")
    expect(article).to_have_attribute("data-state", "done")
    assert article.locator("b").count() == 0
    assert page.title() != "owned"


def test_a_refusal_is_one_sentence_to_this_person(page: Page) -> None:
    """And the words can be mended."""
    composer(page).fill("/imagine a circle --steps 9000")
    composer(page).press("Enter")
    expect(page.get_by_text(re.compile("150")).last).to_be_visible()


def test_it_fits_a_phone(browser: Browser, bot: RunningBot) -> None:
    """Nothing to scroll sideways, and the composer is in reach."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = open_page(context, bot)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    box = composer(page).bounding_box()
    assert box
    assert box["y"] + box["height"] <= 740
    context.close()


def test_the_history_finds_a_picture_by_its_words(page: Page) -> None:
    """In the gallery."""
    pictures(say(page, "/imagine a purple triangle on a white background --seed 41"), 1)
    page.goto(f"{page.url.split('#')[0]}#history")
    page.get_by_role("searchbox").fill("purple triangle")
    found = page.get_by_role("region", name="History").get_by_role("button", name=re.compile("purple triangle.*41"))
    expect(found.first).to_be_visible()
    found.first.click()
    expect(page.get_by_role("dialog").locator("img").first).to_be_visible()


def ask(page: Page, words: str, kind: str) -> Locator:
    """Say what is answered with a note, and find the note."""
    composer(page).fill(words)
    composer(page).press("Escape")
    n_before = page.locator(f'article[data-kind="{kind}"]').count()
    composer(page).press("Enter")
    expect(page.locator(f'article[data-kind="{kind}"]')).to_have_count(n_before + 1)
    return page.locator(f'article[data-kind="{kind}"]').last


def test_everybody_sees_what_is_theirs(page: Page) -> None:
    """How much they may draw, and how their pictures look from now on where they do not say."""
    expect(ask(page, "/quota", "quota")).to_contain_text("Drawn today")
    ask(page, "/settings me pictures 2", "settings")
    pictures(say(page, "a yellow square on a blue background"), 2)
    ask(page, "/settings me pictures default", "settings")
    pictures(say(page, "a yellow square on a white background"), 1)


def test_the_operator_sees_a_chart(page: Page) -> None:
    """Drawn, loaded, with words for who cannot see it, and large when pressed."""
    answer = ask(page, "/stats", "stats")
    chart = answer.get_by_role("img", name=re.compile("pictures a day"))
    expect(chart).not_to_have_js_property("naturalWidth", 0)
    answer.get_by_role("button", name=re.compile("Open large")).click()
    expect(page.get_by_role("dialog").get_by_role("img", name=re.compile("pictures a day"))).to_be_visible()


def test_everything_about_somebody_is_a_file(page: Page) -> None:
    """Readable, and with their pictures."""
    pictures(page.locator("article[data-request]").first, 1)
    answer = ask(page, "/mydata", "mydata")
    with page.expect_download() as download:
        answer.get_by_role("button", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as export:
        assert "darkroom.json" in export.namelist()
        assert any(name.endswith(".png") for name in export.namelist())


def test_a_paused_engine_says_so_and_goes_on(page: Page) -> None:
    """What is asked meanwhile waits, with the reason, and is drawn afterwards."""
    ask(page, "/pause", "course")
    try:
        article = say(page, "/imagine a blue circle on a white background")
        expect(article).to_contain_text("paused")
        expect(article).to_have_attribute("data-state", "waiting")
    finally:
        ask(page, "/resume", "course")
    pictures(article, 1)


def test_who_is_forgotten_begins_anew(browser: Browser, tmp_path: Path) -> None:
    """Asked first; then the page is empty, the pictures are gone, and it can be used as on the first day."""
    context = browser.new_context()
    with running_bot(tmp_path / "data") as bot:
        page = open_page(context, bot)
        [image] = pictures(page.locator("article[data-request]").first, 1)
        address = f"{bot.url}/picture/{image.get_attribute('data-picture')}.png"
        ask(page, "/forget", "forget").get_by_role("button", name="Delete").click()
        expect(page.locator('article[data-request]:not([data-request=""])')).to_have_count(0)
        expect(page.get_by_role("heading", name="Welcome to Darkroom")).to_be_visible()
        assert page.request.get(address).status == 404
        composer(page).fill("/imagine a red circle on a blue background")
        composer(page).press("Enter")
        pictures(page.locator('article[data-request]:not([data-request=""])').first, 1)
    context.close()


def test_old_buttons_work_after_a_restart(browser: Browser, tmp_path: Path) -> None:
    """The page finds the new bot by itself, and the button of yesterday draws."""
    context = browser.new_context()
    with running_bot(tmp_path / "data") as first:
        page = open_page(context, first)
        [image] = pictures(page.locator("article[data-request]").first, 1)
        name = image.get_attribute("data-picture")
        assert first.stop() == 0
    port = first.url.rsplit(":", 1)[1].strip("/")
    with running_bot(tmp_path / "data", DARKROOM_WEB_PORT=port) as second:
        assert second.url == first.url
        article = page.locator("article[data-request]").first
        varied = press(article, page, "Four variations, much repainted")
        pictures(varied, 4)
        assert page.locator(f'img[data-picture="{name}"]').count() == 1
    context.close()

"""`make screenshots`: the README's pictures of the page: the real bot, pocket, prompts and seeds as written here."""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.fakes.bots import ROOT, running_bot

PICTURES = ROOT / "deploy" / "pictures"
DONE_MS = 120_000
SAID = (
    "/imagine a {red,green,purple} ring on white --seed 21",
    "/compare a blue square on yellow --over guidance 1,2,4,8 --seed 5",
    "/imagine a yellow triangle on a navy background --seed 8 --ar 3:2",
    "/imagine a red circle on a blue background --n 4 --seed 7",
)
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")


def main() -> None:
    """Write them. Needs Chromium."""
    browser = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit("Chromium is needed (Debian: apt-get install chromium).")
    with tempfile.TemporaryDirectory() as folder, running_bot(Path(folder) / "data") as bot, sync_playwright() as play:
        opened = play.chromium.launch(executable_path=browser, args=list(QUIET))
        page = open_page(opened, bot.url, 1280, 860, "dark")
        for words in SAID:
            say(page, words)
        shoot(page, "page-dark.png")
        desk = open_page(opened, bot.url, 1280, 860, "dark")
        ask(desk, "/stats")
        shoot(desk, "page-stats.png")
        page.goto(f"{bot.url}/#history")
        page.reload()
        page.wait_for_timeout(1_500)
        shoot(page, "page-history.png")
        shoot(open_page(opened, bot.url, 1280, 860, "light"), "page-light.png")
        shoot(open_page(opened, bot.url, 390, 844, "dark"), "page-phone.png")
        opened.close()


def open_page(browser: Browser, url: str, width_px: int, height_px: int, scheme: str) -> Page:
    """A page of that size in those colours, at its newest message."""
    context = browser.new_context(
        viewport={"width": width_px, "height": height_px},
        color_scheme="light" if scheme == "light" else "dark",
        is_mobile=width_px < 600,
        has_touch=width_px < 600,
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_timeout(2_000)
    return page


def say(page: Page, words: str) -> None:
    """Send it and wait until it is drawn."""
    box = page.get_by_role("textbox", name="Message Darkroom")
    n_before = page.locator('article[data-state="done"]').count()
    box.fill(words)
    box.press("Enter")
    offered = page.get_by_role("button", name="Draw all")
    if "{" in words:
        offered.last.click()
    expect(page.locator('article[data-state="done"]')).to_have_count(n_before + 1, timeout=DONE_MS)
    page.wait_for_timeout(1_000)


def ask(page: Page, words: str) -> None:
    """Send what is answered with a chart, and wait until it is there."""
    box = page.get_by_role("textbox", name="Message Darkroom")
    box.fill(words)
    box.press("Escape")
    box.press("Enter")
    expect(page.locator(".paper-image")).not_to_have_js_property("naturalWidth", 0)
    page.wait_for_timeout(1_000)


def shoot(page: Page, name: str) -> None:
    """One picture, without the caret."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / name, caret="hide")
    print(PICTURES / name)


if __name__ == "__main__":
    main()

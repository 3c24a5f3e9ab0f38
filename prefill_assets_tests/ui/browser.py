"""Headless Chromium, and a tab that remembers everything that went wrong in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Playwright, Response

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
PAGE_MILLISECONDS, RUN_MILLISECONDS = 30_000, 120_000
"""How long may pass until a page is there, and until what was launched is done: Dagster looks for backfills every 30 s."""
RELOAD_MILLISECONDS = 3_000


def find_chromium(driver: Playwright) -> str | None:
    """The Chromium that playwright installed, or one on the PATH."""
    own = driver.chromium.executable_path
    return own if Path(own).exists() else next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def open_tab(driver: Playwright, executable: str, address: str) -> Iterator[tuple[Page, list[str]]]:
    """A tab, and the list that its faults go to: errors of the page and the console, failed answers, requests elsewhere."""
    faults: list[str] = []

    def note_answer(answer: Response) -> None:
        if answer.status >= 400:
            faults.append(f"{answer.status} from {answer.url}")

    def note_address(url: str) -> None:
        here = (address, address.replace("http:", "ws:"), "data:", "blob:")
        if not url.startswith(here):
            faults.append(f"a request elsewhere: {url}")

    browser = driver.chromium.launch(executable_path=executable, args=QUIET)
    try:
        tab = browser.new_page(viewport={"width": 1600, "height": 1000}, base_url=address)
        tab.set_default_timeout(PAGE_MILLISECONDS)
        tab.on("pageerror", lambda error: faults.append(f"page error: {error}"))
        tab.on("console", lambda message: faults.append(f"console: {message.text}") if message.type == "error" else None)
        tab.on("request", lambda request: note_address(request.url))
        tab.on("websocket", lambda socket: note_address(socket.url))
        tab.on("response", note_answer)
        yield tab, faults
    finally:
        browser.close()


def reload_until_visible(tab: Page, wanted: Locator) -> None:
    """Reload the page as its user does who waits for something that runs."""
    from playwright.sync_api import TimeoutError

    for _ in range(RUN_MILLISECONDS // RELOAD_MILLISECONDS):
        try:
            wanted.wait_for(timeout=RELOAD_MILLISECONDS)
            return
        except TimeoutError:
            tab.reload()
    wanted.wait_for()

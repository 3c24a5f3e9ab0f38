"""The tab that the other tests look through notices what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from prefill_assets_tests.ui.browser import PAGE_MILLISECONDS, find_chromium, open_tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
PAGE = """
<img src="http://elsewhere.invalid/picture.png">
<script>console.error("told"); new WebSocket("ws://elsewhere.invalid/"); throw new Error("thrown")</script>
"""
EXPECTED = {
    "console: told",
    "page error: thrown",
    "a request elsewhere: http://elsewhere.invalid/picture.png",
    "a request elsewhere: ws://elsewhere.invalid/",
}
STEP_MILLISECONDS = 50


@pytest.mark.browser
def test_a_tab_notes_errors_and_requests_elsewhere():
    with sync_api.sync_playwright() as driver:
        executable = find_chromium(driver)
        if executable is None:
            pytest.skip("no Chromium here: run `playwright install chromium`, or put one on the PATH")
        with open_tab(driver, executable, "http://127.0.0.1:9") as (tab, faults):
            tab.set_content(PAGE, wait_until="load")
            wait_until_noted(tab, faults)

    assert set(faults) >= EXPECTED


def wait_until_noted(tab: Page, faults: list[str]) -> None:
    """A page may be there before all that it asked for is known."""
    for _ in range(PAGE_MILLISECONDS // STEP_MILLISECONDS):
        if set(faults) >= EXPECTED:
            return
        tab.wait_for_timeout(STEP_MILLISECONDS)

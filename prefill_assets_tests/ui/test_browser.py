"""The UI in a real browser, as its user goes through it: graph, backfill, a partition, where a column comes from, a plot."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from prefill_assets.definitions import defs
from prefill_assets_tests.tiny_projects import ATTEMPTS, EXPERIMENT, LEVELS, STEPS, TASKS
from prefill_assets_tests.ui.browser import find_chromium, open_tab, reload_until_visible

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

CHECKPOINT_KEY, LEVEL_KEY = f"{EXPERIMENT}/checkpoint-{STEPS[-1]:06d}", f"prefill-{LEVELS[1]:04d}"
CHOOSE = "Select a partition or create one"
PLOT = f"{EXPERIMENT}: exploit_rate_by_level"


@pytest.fixture
def tab(request) -> Iterator[Page]:
    """A tab of the running UI, in which nothing may go wrong."""
    with sync_api.sync_playwright() as driver:
        executable = find_chromium(driver)
        if executable is None:
            pytest.skip("no Chromium here: run `playwright install chromium`, or put one on the PATH")
        with open_tab(driver, executable, request.getfixturevalue("ui").address) as (tab, faults):
            yield tab
        assert faults == []


@pytest.mark.slow
@pytest.mark.browser
def test_a_user_backfills_checkpoints_and_looks_at_the_plot(tab):
    tab.goto("/asset-groups")
    see_every_group_and_asset(tab)
    backfill = launch_backfill(tab, group="evaluation")
    follow_a_column_to_its_source(tab)
    read_partition(tab)
    materialize_trajectory(tab)
    look_at_plot(tab)
    see_that_it_is_complete(tab, backfill)


def see_every_group_and_asset(tab: Page) -> None:
    groups = {spec.key.to_user_string(): spec.group_name or "" for spec in defs.resolve_all_asset_specs()}
    for group in set(groups.values()):
        find_group(tab, group).wait_for()
    tab.keyboard.press("Alt+e")  # expand all groups
    nodes = tab.locator("[class*=AssetNode_assetName]")
    sync_api.expect(nodes).to_have_count(len(groups))
    labels = [re.escape(label).replace("…", ".+") for label in nodes.all_inner_texts()]
    assert {name for name in groups for label in labels if re.fullmatch(label, name)} == set(groups)


def launch_backfill(tab: Page, group: str) -> str:
    """Launch a checkpoint's partitions of a group through the dialog; the address of the backfill's page."""
    find_group(tab, group).click(button="right")
    tab.get_by_text("Materialize assets (2)").click()
    tab.get_by_role("button", name="Confirm").click()  # problems and traces were not materialized: their files are read
    dialog = tab.get_by_role("dialog")
    choose_partitions(tab, dialog.get_by_text(CHOOSE).first, CHECKPOINT_KEY, "Select all (1)")
    choose_partitions(tab, dialog.get_by_text(CHOOSE).first, "prefill-", f"Select all ({len(LEVELS)})")
    dialog.get_by_text(f"{len(LEVELS)} partitions").wait_for()
    dialog.get_by_role("button", name="Launch backfill").click()
    tab.get_by_text("View", exact=True).click()
    tab.wait_for_url("**/runs/b/*")
    return tab.url


def follow_a_column_to_its_source(tab: Page) -> None:
    """From min_prefill to the verdicts it is computed from, by the link in the table of columns."""
    tab.goto("/assets/trajectory")
    row = tab.get_by_role("row").filter(has=tab.get_by_text("min_prefill", exact=True))
    sync_api.expect(row.get_by_text("exploit_success", exact=True)).to_be_visible()
    row.get_by_role("link", name="eval_results").click()
    tab.wait_for_url("**/assets/eval_results*")


def read_partition(tab: Page) -> None:
    """Wait for one of the backfill's partitions, and read what is in it."""
    tab.get_by_role("tab", name="Partitions").click()
    tab.get_by_title(CHECKPOINT_KEY).click()
    tab.get_by_title(LEVEL_KEY).click()
    reload_until_visible(tab, tab.get_by_text("Materialized", exact=True))
    sync_api.expect(find_metadata(tab, "num_known")).to_contain_text(str(len(TASKS) * ATTEMPTS))


def materialize_trajectory(tab: Page) -> None:
    tab.goto("/assets/trajectory?view=partitions")
    tab.get_by_role("button", name="Materialize").first.click()
    dialog = tab.get_by_role("dialog")
    choose_partitions(tab, dialog.get_by_text(CHOOSE), CHECKPOINT_KEY, "Select all (1)")
    dialog.get_by_role("button", name="Launch 1 run").click()
    dialog.wait_for(state="detached")
    tab.get_by_title(CHECKPOINT_KEY).click()
    reload_until_visible(tab, tab.get_by_text("Materialized", exact=True))


def look_at_plot(tab: Page) -> None:
    """Materialize the analysis, and find its plot in full and not blank on the screen."""
    tab.goto("/assets/trajectory_analysis?view=events")
    tab.get_by_role("button", name="Materialize").first.click()
    show = find_metadata(tab, PLOT).get_by_text("[Show Markdown]")
    reload_until_visible(tab, show)
    show.click()
    dialog = tab.get_by_role("dialog")
    picture = dialog.get_by_role("img", name="exploit_rate_by_level").last
    shot = picture.screenshot()  # waits until the dialog has come to rest
    natural = picture.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    shown, room = picture.bounding_box(), dialog.bounding_box()
    assert shown is not None
    assert room is not None
    assert natural == [shown["width"], shown["height"]]
    assert shown["x"] + shown["width"] <= room["x"] + room["width"]
    assert natural[0] > 400
    assert natural[1] > 250
    assert has_drawing(shot)


def see_that_it_is_complete(tab: Page, backfill: str) -> None:
    tab.goto(backfill)
    reload_until_visible(tab, tab.get_by_text("Succeeded", exact=True).nth(1))  # the other is the head of a column
    sync_api.expect(tab.get_by_text("100% completed")).to_have_count(2)


def find_group(tab: Page, name: str) -> Locator:
    return tab.get_by_role("button", name=name).first


def find_metadata(tab: Page, name: str) -> Locator:
    return tab.get_by_role("row").filter(has=tab.get_by_text(name, exact=True))


def choose_partitions(tab: Page, field: Locator, text: str, choice: str) -> None:
    """Open a field of the launch dialog, narrow its list down to keys with this text, and tick a line of it."""
    field.click()
    tab.get_by_placeholder("Filter partitions").fill(text)
    tab.get_by_text(choice, exact=True).click()
    tab.keyboard.press("Escape")
    tab.get_by_placeholder("Filter partitions").wait_for(state="detached")


def has_drawing(png: bytes) -> bool:
    """Whether a picture has ink in many shades, on paper of one."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    counts = [count for count, _ in picture.getcolors(picture.width * picture.height) or []]
    ink = 1 - max(counts) / sum(counts)
    return len(counts) > 20 and 0.01 < ink < 0.9

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from prefill_assets.report.page import render_page
from prefill_assets.report.sections import list_sections

from .conftest import EXPERIMENT

BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
CHROMIUM = next((path for path in BROWSERS if Path(path).exists()), None)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + (1234).to_bytes(4, "big") + b"the rest"
PROVENANCE = {"config": {"checkpoints": [1, 90], "seed": None}, "code version": "0.1.0", "samples": 1344, "commit": None}


class Resources(HTMLParser):
    """Every attribute that could make a browser fetch something."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data", "action", "poster"}]


def find_resources(page):
    parser = Resources()
    parser.feed(page)
    return parser.found


@pytest.fixture(scope="module")
def page(tables, pictures):
    return render_page(EXPERIMENT, list_sections(EXPERIMENT, tables), tables, PROVENANCE, pictures)


def test_it_refers_to_nothing_outside(page):
    resources = find_resources(page)
    assert len(resources) == 6
    assert all(value.startswith("data:image/png;base64,") for value in resources)
    assert not re.search(r"""<[^>]+(?:src|href)\s*=\s*["']?\s*https?:""", page)
    assert "default-src 'none'" in page


def test_importing_it_imports_nothing_heavy():
    code = "import sys, prefill_assets.report.page as _; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"altair", "pandas", "numpy", "scipy", "torch", "dagster", "jinja2", "vl_convert", "PIL"} & set(loaded)


def test_vega_is_in_it_once(page):
    assert page.count("window.vegaEmbed = ") + page.count("window.vegaEmbed=") == 1
    assert 900_000 < len(page) < 3_000_000


def test_it_answers_shows_and_documents(page):
    assert f"<h1>Prefill sensitivity <span>{EXPERIMENT}</span></h1>" in page
    assert "At training step 1, " in page
    assert "At training step 90, " in page
    assert page.count('<script type="application/json"') == page.count("<noscript>") == 6
    assert "checkpoints: [1, 90]\nseed: null" in page
    assert "<dt>commit</dt><dd>unknown</dd>" in page
    assert page.count('<div class="scroll"><table>') == 5


@pytest.mark.parametrize("state", ["empty", "absent", "null", "foreign", "single"])
def test_spoiled_tables_give_a_page(spoiled, state):
    rows = getattr(spoiled, state)
    sections = list_sections(EXPERIMENT, rows)
    page = render_page(EXPERIMENT, sections, rows, {}, {section.name: PNG for section in sections})
    assert "No provenance was recorded." in page
    words = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.S)
    assert not re.search(r"\b(nan|NaN|None|NA|inf)\b", words)


def test_names_cannot_break_out(tables):
    name = '</script><script>alert(1)</script><b>&"'
    renamed = {table: rows.assign(experiment=name) for table, rows in tables.items()}
    sections = list_sections(name, renamed)[:1]
    page = render_page(name, sections, renamed, {"note": name}, {sections[0].name: PNG})
    assert "<script>alert" not in page
    assert "<b>" not in re.sub(r"<script.*?</script>", "", page, flags=re.S)


def test_given_pictures_are_used(tables):
    from base64 import b64encode

    sections = list_sections(EXPERIMENT, tables)[:1]
    page = render_page(EXPERIMENT, sections, tables, {}, {sections[0].name: PNG})
    assert f'width="617" src="data:image/png;base64,{b64encode(PNG).decode()}"' in page


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("scripts", [True, False])
def test_it_opens_offline(page, tmp_path, scripts):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    place = tmp_path / "report.html"
    place.write_text(page, encoding="utf-8")
    requests, faults = [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        tab = browser.new_context(offline=True, java_script_enabled=scripts).new_page()
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("pageerror", lambda fault: faults.append(str(fault)))
        tab.on("console", lambda message: faults.append(message.text))
        tab.goto(place.as_uri())
        shown = tab.locator("figure svg.marks" if scripts else "figure img")
        shown.nth(5).wait_for(timeout=20_000)
        sizes = [shown.nth(i).bounding_box() for i in range(6)]
        browser.close()
    assert faults == []
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [place.as_uri()]
    assert all(size["width"] > 300 and size["height"] > 200 for size in sizes)

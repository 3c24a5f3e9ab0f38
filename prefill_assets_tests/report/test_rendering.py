import base64
import re

import pytest

from prefill_assets.report.rendering import bundle_vega, to_html, to_markdown_image, to_png, to_spec

LOADS = re.compile(
    r"""<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)\s*=\s*["']?\s*(?:https?:)?//|@import|url\(\s*["']?http""", re.I
)


@pytest.fixture
def chart():
    import altair as alt
    import pandas as pd

    return alt.Chart(pd.DataFrame({"x": range(6000), "y": range(6000)})).mark_point().encode(x="x:Q", y="y:Q")


def test_png_is_twice_the_size():
    from io import BytesIO

    import altair as alt
    import pandas as pd
    from PIL import Image

    square = alt.Chart(pd.DataFrame({"a": [1]})).mark_rect().encode(x=alt.value(50), x2=alt.value(150), y=alt.value(50))
    bare = square.properties(width=200, height=100).configure(padding=0).configure_view(stroke=None)
    picture = Image.open(BytesIO(to_png(bare)))
    assert (picture.width, picture.height) == (400, 200)


def test_more_rows_than_altair_allows_by_default(chart):
    (rows,) = to_spec(chart)["datasets"].values()
    assert len(rows) == 6000


def test_html_carries_vega_and_loads_nothing(chart):
    html = to_html(chart)
    assert len(html) > 500_000
    assert not LOADS.search(html)
    assert "cdn.jsdelivr" not in html


def test_the_bundle_defines_the_embedder_and_can_stand_in_a_script():
    vega = bundle_vega()
    assert "window.vegaEmbed" in vega
    assert "</script" not in vega.lower()
    assert "<!--" not in vega


def test_markdown_image_is_as_large_as_the_chart_in_css_pixels(chart):
    from io import BytesIO

    from PIL import Image

    png = to_png(chart)
    found = re.fullmatch(r"!\[rates\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", to_markdown_image(png, "rates"))
    assert found
    full, shown = Image.open(BytesIO(png)), Image.open(BytesIO(base64.b64decode(found[1])))
    assert shown.size == (full.width // 2, full.height // 2)
    assert len(set(shown.convert("RGB").tobytes())) > 10


def test_a_picture_is_that_of_the_whole_specification(chart):
    from io import BytesIO

    import vl_convert
    from PIL import Image, ImageChops

    pointed = chart.encode(tooltip=["x"])
    whole = Image.open(BytesIO(vl_convert.vegalite_to_png(to_spec(pointed), scale=2))).convert("RGB")
    ours = Image.open(BytesIO(to_png(pointed))).convert("RGB")

    assert ours.size == whole.size
    assert max(high for _, high in ImageChops.difference(ours, whole).getextrema()) < 16
    assert ours.getpixel((0, 0)) == (255, 255, 255)

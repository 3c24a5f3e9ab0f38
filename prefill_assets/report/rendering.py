"""Charts as pictures and as pages, without a network."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

PICTURE_SCALE = 2
MARKDOWN_ALT = "chart"
EMBED_OPTIONS = {"actions": {"export": True, "source": False, "compiled": False, "editor": False}, "renderer": "svg"}
"""The editor action would open a page on the network."""


def to_png(chart: Any) -> bytes:
    """The chart as a PNG of at most 256 colours, at twice its size in CSS pixels; about a fifth of the full-colour one."""
    spec = to_spec(chart)
    config = {**spec.get("config", {}), "aria": False}  # words for screen readers, which no picture keeps
    return _draw(json.dumps({**_drop_tooltips(spec), "config": config}))


@lru_cache(maxsize=16)
def _draw(spec: str) -> bytes:
    """A table's asset and the report show the same charts."""
    import vl_convert
    from PIL import Image

    full = vl_convert.vegalite_to_png(spec, scale=PICTURE_SCALE)
    return _pack(Image.open(io.BytesIO(full)).convert("RGB"))


def to_svg(chart: Any) -> str:
    """The chart as SVG."""
    import vl_convert

    return vl_convert.vegalite_to_svg(to_spec(chart))


def to_html(chart: Any) -> str:
    """The chart as an interactive page that carries vega within it and loads nothing."""
    with _any_number_of_rows():
        return chart.to_html(inline=True, embed_options=EMBED_OPTIONS)


def to_markdown_image(png: bytes, text: str = MARKDOWN_ALT) -> str:
    """Markdown that shows a picture of `to_png` from a data URI, for metadata of an asset.

    It is shrunk to its size in CSS pixels: Markdown cannot say how large a picture is shown, and Dagster cuts off what does not
    fit its dialog.
    """
    from PIL import Image

    full = Image.open(io.BytesIO(png)).convert("RGB")
    return f"![{text}]({to_data_uri(_pack(full.reduce(PICTURE_SCALE)))})"


def to_data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def to_spec(chart: Any) -> dict[str, Any]:
    """The chart as a Vega-Lite specification with its data in it."""
    with _any_number_of_rows():
        return chart.to_dict()


def _drop_tooltips(spec: Any) -> Any:
    """The specification without what is shown only under a pointer; its rows are not looked through."""
    if isinstance(spec, list):
        return [_drop_tooltips(part) for part in spec]
    if isinstance(spec, dict):
        kept = {name: part for name, part in spec.items() if name != "tooltip"}
        return {name: part if name in ("data", "datasets") else _drop_tooltips(part) for name, part in kept.items()}
    return spec


def _pack(picture: Image.Image) -> bytes:
    from PIL import Image

    packed = io.BytesIO()
    few_colours = picture.quantize(256, Image.Quantize.MAXCOVERAGE)
    few_colours.save(packed, "PNG", compress_level=6)  # the last 6 % of its size would cost six times as long
    return packed.getvalue()


def bundle_vega() -> str:
    """JavaScript that defines `window.vegaEmbed`, with vega and vega-lite in it (about 0.9 MB).

    It is the bundle of altair's own pages: vl_convert makes it in a second, and once a process.
    """
    import vl_convert
    from altair import SCHEMA_VERSION

    vl_version = SCHEMA_VERSION.rpartition(".")[0]
    return vl_convert.javascript_bundle(vl_version=vl_version)  # pyright: ignore[reportCallIssue]  (its stub demands a snippet)


@contextmanager
def _any_number_of_rows() -> Iterator[None]:
    """Charts hold what they draw, counted beforehand; altair's limit of 5,000 rows is for raw tables."""
    import altair as alt

    with alt.data_transformers.enable("default", max_rows=None):
        yield

"""The report page: one file that answers, shows and documents an experiment, and opens without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefill_assets.report.drawing.rows import Rows
from prefill_assets.report.page_tables import build_tables
from prefill_assets.report.rendering import EMBED_OPTIONS, PICTURE_SCALE, bundle_vega, to_data_uri, to_png, to_spec
from prefill_assets.report.sections import TABLES, Section
from prefill_assets.report.sentences import write_sentences
from prefill_assets.report.summary import summarize

TEMPLATES = Path(__file__).parent
TEMPLATE = "page.html.jinja"


def render_page(
    experiment_name: str,
    sections: Sequence[Section],
    tables: Mapping[str, Rows],
    provenance: Mapping[str, Any],
    pictures: Mapping[str, bytes] | None = None,
) -> str:
    """One self-contained HTML page: the answer in sentences, every chart, the tables, and where it all came from.

    `tables` holds those named in `TABLES`; a missing one is said to be unknown. `provenance` maps labels to text, numbers or
    nested mappings (a config), written as they are. `pictures` maps a section's name to its PNG, where it is drawn already.
    The vega library is in the page once; a browser without scripts shows the pictures. The page forbids itself every request.
    """
    import jinja2

    given: dict[str, Any] = {name: tables.get(name) for name in TABLES}
    drawn = dict(pictures or {})
    for section in sections:
        if section.name not in drawn:
            drawn[section.name] = to_png(section.chart)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(TEMPLATE).render(
        experiment=experiment_name,
        sentences=write_sentences(summarize(experiment_name, **given)),
        sections=[
            {
                "section": section,
                "specification": _write_script_json(to_spec(section.chart)),
                "picture": to_data_uri(drawn[section.name]),
                "width": _read_png_width(drawn[section.name]) // PICTURE_SCALE,
            }
            for section in sections
        ],
        tables=build_tables(experiment_name, tables),
        provenance=[(label, _write_provenance(value)) for label, value in provenance.items()],
        embed_options=_write_script_json(EMBED_OPTIONS),
        vega=bundle_vega() if sections else "",
    )


def _write_script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _read_png_width(png: bytes) -> int:
    """Pixels, from the PNG's header (bytes 16 to 19)."""
    return int.from_bytes(png[16:20], "big")


def _write_provenance(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, Mapping | list | tuple):
        import yaml

        plain = json.loads(json.dumps(value, default=str))
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100).strip()
    return str(value)

"""An experiment's report on disk: one page that opens offline, and every chart as PNG and as interactive HTML."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefill_assets.warehouse.partition import WrittenPartition

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

PAGE = "index.html"
STAMP = "stamp.json"
CHARTS_BY_TABLE = {
    "trajectory_analysis": ("exploit_rate_by_level", "accessibility_distribution", "time_to_threshold"),
    "predictor_comparison": ("logprob_vs_token_accessibility", "token_vs_logprob_comparison"),
    "threshold_comparison": ("threshold_comparison",),
}
"""Which charts are shown with which table."""


def copy_charts(report: Path, tables: Iterable[str], folder: Path) -> None:
    """Put what a report has of these tables' charts, as PNG and as HTML, into a folder too."""
    for name in (name for table in tables for name in CHARTS_BY_TABLE[table]):
        for path in (report / f"{name}.png", report / f"{name}.html"):
            if path.is_file():
                shutil.copyfile(path, folder / path.name)


def read_tables(connection: duckdb.DuckDBPyConnection, experiment: str) -> dict[str, pd.DataFrame]:
    """What charts and page are drawn from. Exploit rates are of every experiment, so that they can be compared."""
    from prefill_assets.report.sections import TABLES

    tables = {name: _read(connection, name, experiment) for name in TABLES if name != "exploit_rates"}
    return {"exploit_rates": connection.sql("FROM exploit_rates ORDER BY ALL").df(), **tables}


def draw_pictures(
    connection: duckdb.DuckDBPyConnection, experiment: str, names: Iterable[str], not_exploitable_as: int | None = None
) -> dict[str, bytes]:
    """Some of an experiment's charts as PNG, by name; `not_exploitable_as` is that of `list_sections`."""
    from prefill_assets.report.rendering import to_png
    from prefill_assets.report.sections import list_sections

    wanted = set(names)
    sections = list_sections(experiment, read_tables(connection, experiment), not_exploitable_as=not_exploitable_as)
    return {section.name: to_png(section.chart) for section in sections if section.name in wanted}


def write_report(
    connection: duckdb.DuckDBPyConnection,
    experiment: str,
    folder: Path,
    provenance: Mapping[str, Any],
    not_exploitable_as: int | None = None,
) -> dict[str, bytes]:
    """Write page and charts into a folder, the page last, each file by a rename. Returns the pictures by name."""
    from prefill_assets.report.page import render_page
    from prefill_assets.report.rendering import to_html, to_png
    from prefill_assets.report.sections import list_sections

    folder.mkdir(parents=True, exist_ok=True)
    tables = read_tables(connection, experiment)
    sections = list_sections(experiment, tables, not_exploitable_as=not_exploitable_as)
    pictures = {section.name: to_png(section.chart) for section in sections}
    for section in sections:
        _write(folder / f"{section.name}.png", pictures[section.name])
        _write(folder / f"{section.name}.html", to_html(section.chart).encode())
    _write(folder / PAGE, render_page(experiment, sections, tables, provenance, pictures).encode())
    return pictures


def write_stamp(folder: Path, written: WrittenPartition) -> None:
    _write(folder / STAMP, json.dumps(asdict(written), indent=2).encode())


def read_stamp(folder: Path) -> WrittenPartition | None:
    """How the report in a folder was made; None where there is none that is whole."""
    path = folder / STAMP
    if not path.is_file() or not (folder / PAGE).is_file():
        return None
    return WrittenPartition(**json.loads(path.read_text(encoding="utf-8")))


def _read(connection: duckdb.DuckDBPyConnection, table: str, experiment: str) -> pd.DataFrame:
    return connection.execute(f"SELECT * FROM {table} WHERE experiment = ? ORDER BY ALL", [experiment]).df()


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)

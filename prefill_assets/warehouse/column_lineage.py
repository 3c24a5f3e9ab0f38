"""Which columns each column of a table is computed from, read from `column_lineage.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

Sources = dict[str, list[str]]
"""Upstream table -> its columns."""


def find_column_lineage(table: str) -> dict[str, Sources]:
    """The sources of every column of a computed table, in the table's order; {} for a table that is read from files.

    A column without sources comes from settings, files or weights alone.
    """
    return _read_lineage().get(table, {})


@cache
def _read_lineage() -> dict[str, dict[str, Sources]]:
    import yaml

    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))

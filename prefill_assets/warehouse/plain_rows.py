"""Rows as Python dicts, where every value already is what its column wants: they need no table to bring them there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from prefill_assets.warehouse.table import Table
from prefill_assets.warehouse.typed_rows import list_types

if TYPE_CHECKING:
    import pyarrow

_PLAIN: dict[str, frozenset[type]] = {
    "VARCHAR": frozenset({str, type(None)}),
    "INTEGER": frozenset({int, type(None)}),
    "BIGINT": frozenset({int, type(None)}),
    "DOUBLE": frozenset({float, int, type(None)}),
    "BOOLEAN": frozenset({bool, type(None)}),
    "JSON": frozenset({type(None)}),
}
"""Exactly these: a subclass, a number in a text and the like are for DuckDB to judge, and so is whether a text is JSON."""


def type_plain_rows(table: Table, rows: Any) -> pyarrow.Table | None:
    """The rows as an Arrow table of the table's columns and types; None where they are not dicts of plain values.

    A column that a row lacks is NULL there, and so is NaN. Keys and NULLs are not checked.
    """
    if not isinstance(rows, Sequence) or not all(type(row) is dict for row in rows):
        return None
    import pyarrow

    names = table.column_names
    if not set().union(*rows).issubset(names):
        return None
    columns = [[row.get(name) for row in rows] for name in names]
    if not all(_PLAIN[column.type].issuperset(map(type, values)) for column, values in zip(table.columns, columns, strict=True)):
        return None
    try:
        arrays = [pyarrow.array(map(_name_unknown, v), t) for v, t in zip(columns, list_types(table), strict=True)]
    except (pyarrow.ArrowException, ValueError, OverflowError):
        return None
    return pyarrow.Table.from_arrays(arrays, names=list(names))


def _name_unknown(value: Any) -> Any:
    return None if type(value) is float and math.isnan(value) else value

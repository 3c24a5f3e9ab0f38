"""Arrow rows that already are what a table wants: checked column by column, without a staging table."""

from __future__ import annotations

import re
from functools import cache, reduce
from typing import TYPE_CHECKING, Any

from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.table import Table

if TYPE_CHECKING:
    import numpy
    import pyarrow

_NOT_NULL = re.compile(r"^    (\w+) +[A-Z]+ NOT NULL", re.MULTILINE)
_PRIMARY_KEY = re.compile(r"^    PRIMARY KEY \(([^)]+)\)", re.MULTILINE)


def sort_typed_rows(table: Table, key: PartitionKey, rows: Any) -> pyarrow.Table | None:
    """The rows in the order of the key, if they are an Arrow table that fits a table and a partition as it stands; else None.

    That is: the table's columns in their order and of exactly their types (JSON as Arrow's JSON type, so that a text which only
    may be JSON does not pass), no NULL where none may be, no NaN, every row of this partition, and no key twice.
    """
    if not hasattr(rows, "schema") or not hasattr(rows, "to_batches"):
        return None
    import pyarrow

    if not isinstance(rows, pyarrow.Table) or rows.schema.names != list(table.column_names):
        return None
    key_names = _list_key(table)
    is_fitting = (
        key_names == table.column_names[: len(key_names)]
        and rows.schema.types == list_types(table)
        and all(rows.column(name).null_count == 0 for name in _NOT_NULL.findall(table.create_sql))
        and _are_of_partition(table, key, rows)
        and not _has_nan(rows)
    )
    return _sort_by_key(rows, key_names[len(table.partition_columns) :]) if is_fitting else None


def _list_key(table: Table) -> tuple[str, ...]:
    found = _PRIMARY_KEY.search(table.create_sql)
    return tuple(found[1].split(", ")) if found else ()


@cache
def list_types(table: Table) -> list[pyarrow.DataType]:
    """Arrow's types of the table's columns."""
    import pyarrow

    types = {
        "VARCHAR": pyarrow.string(),
        "INTEGER": pyarrow.int32(),
        "BIGINT": pyarrow.int64(),
        "DOUBLE": pyarrow.float64(),
        "BOOLEAN": pyarrow.bool_(),
        "JSON": pyarrow.json_(),
    }
    return [types[column.type] for column in table.columns]


def _are_of_partition(table: Table, key: PartitionKey, rows: pyarrow.Table) -> bool:
    from pyarrow.compute import call_function

    columns = zip(table.partition_columns, key, strict=False)
    own = (call_function("all", [call_function("equal", [rows[name], value])]) for name, value in columns)
    return all(found.as_py() is not False for found in own)  # None where there are no rows


def _has_nan(rows: pyarrow.Table) -> bool:
    import pyarrow
    from pyarrow.compute import call_function

    floats = (column for column in rows.columns if pyarrow.types.is_floating(column.type))
    return any(call_function("any", [call_function("is_nan", [column])]).as_py() for column in floats)


def _sort_by_key(rows: pyarrow.Table, names: tuple[str, ...]) -> pyarrow.Table | None:
    """None where a key is there twice."""
    if not names:
        return rows if rows.num_rows < 2 else None
    order = sort_keys(rows.select(names))
    if order is None:
        return None
    return rows if is_ascending(order) else rows.take(order)


def sort_keys(keys: pyarrow.Table) -> pyarrow.Array | None:
    """The places of the rows in ascending order, text by its bytes; None where two rows are equal."""
    from pyarrow.compute import SortOptions, call_function

    order = call_function("sort_indices", [keys], SortOptions([(name, "ascending") for name in keys.column_names]))
    columns = keys.take(order).combine_chunks().columns
    pairs = ([column.slice(1), column.slice(0, max(0, len(column) - 1))] for column in columns)
    is_repeated = reduce(lambda one, other: call_function("and", [one, other]), (call_function("equal", pair) for pair in pairs))
    return None if call_function("any", [is_repeated]).as_py() else order


def is_ascending(order: pyarrow.Array | numpy.ndarray) -> bool:
    """Whether these places are 0, 1, 2, ..."""
    import numpy

    return numpy.array_equal(order, numpy.arange(len(order)))

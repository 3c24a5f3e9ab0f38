"""The data version of a partition: a hash of its rows, whatever their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefill_assets.warehouse.connection import open_cursor
from prefill_assets.warehouse.table import UNVERSIONED_COLUMNS, Table

if TYPE_CHECKING:
    import duckdb
    import pyarrow

_AGGREGATES = "count(*), coalesce(bit_xor(hash(r)), 0), coalesce(sum(hash(r)), 0)"


@dataclass(frozen=True)
class VersionedRows:
    """Rows of one partition, of exactly the table's types, whose data version is known."""

    rows: pyarrow.Table
    data_version: str


def version_content(cursor: duckdb.DuckDBPyConnection, table: Table) -> tuple[str, int]:
    """Data version and number of all rows of what has the table's name on this connection."""
    query = f"SELECT {_AGGREGATES} FROM (SELECT {_list_columns(table)} FROM {table.name}) r"
    [(num_rows, xor, total)] = cursor.execute(query).fetchall()
    return _write_version(num_rows, xor, total), num_rows


def version_cells(table: Table, tables: Mapping[tuple[int, int], pyarrow.Table]) -> dict[tuple[int, int], VersionedRows]:
    """The rows of many cells, each with the version that `version_content` gives; one query for all, as one takes 2 ms to plan.

    Each cell's rows have its checkpoint and level, and none has those of another.
    """
    import pyarrow

    source = f"(SELECT {_list_columns(table)} FROM {table.name}) r"
    query = f"SELECT r.checkpoint, r.prefill_level, {_AGGREGATES} FROM {source} GROUP BY ALL"
    found = {}
    if tables:
        with open_cursor() as cursor:
            cursor.register(table.name, pyarrow.concat_tables(tables.values()))
            found = {(step, level): _write_version(*hashes) for step, level, *hashes in cursor.execute(query).fetchall()}
    return {cell: VersionedRows(rows, found.get(cell) or _write_version(0, 0, 0)) for cell, rows in tables.items()}


def _list_columns(table: Table) -> str:
    unversioned = ", ".join(sorted(UNVERSIONED_COLUMNS.intersection(table.column_names)))
    return f"* EXCLUDE ({unversioned})" if unversioned else "*"


def _write_version(num_rows: int, xor: int, total: int) -> str:
    return f"{num_rows}-{xor:016x}{int(total) % 2**64:016x}"

"""Partitions from before a table had some column: they get it, with NULL in every row, and keep their stamp."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prefill_assets.warehouse.connection import open_cursor
from prefill_assets.warehouse.parquet_file import replace_file
from prefill_assets.warehouse.partition_file import quote_files
from prefill_assets.warehouse.table import Table

if TYPE_CHECKING:
    import duckdb


def add_missing_columns(folder: Path, table: Table) -> int:
    """Rewrite, one rename each, the partitions under a table's folder that lack one of its columns. Returns how many did.

    Readers that know the old columns are not disturbed. One process does it while others that come to write wait.
    """
    from filelock import FileLock

    if not any(folder.rglob("*.parquet")):
        return 0
    with FileLock(folder / ".columns.lock"), open_cursor() as connection:
        rows = connection.execute(
            f"SELECT file_name, list(name) FROM parquet_schema({quote_files(folder, '/**/*.parquet')}) GROUP BY file_name"
        ).fetchall()
        older = [(Path(file), missing) for file, names in rows if (missing := set(table.column_names) - set(names))]
        for file, missing in older:
            _rewrite(connection, file, table, missing)
    return len(older)


def _rewrite(connection: duckdb.DuckDBPyConnection, file: Path, table: Table, missing: set[str]) -> None:
    columns = [f"NULL::{c.type} AS {c.name}" if c.name in missing else c.name for c in table.columns]
    stamp = connection.execute(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata({quote_files(file)})").fetchall()
    rows = connection.sql(f"SELECT {', '.join(columns)} FROM read_parquet({quote_files(file)}, hive_partitioning = false)")
    replace_file(rows, dict(stamp), file)

"""One partition's file: rows checked against their table, written as Parquet with the stamp inside."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefill_assets.errors import InputError
from prefill_assets.warehouse.connection import open_cursor
from prefill_assets.warehouse.content_version import VersionedRows, version_content
from prefill_assets.warehouse.parquet_file import name_draft, replace_file
from prefill_assets.warehouse.partition import PartitionKey, Stamp, WrittenPartition
from prefill_assets.warehouse.plain_rows import type_plain_rows
from prefill_assets.warehouse.table import Table
from prefill_assets.warehouse.typed_rows import sort_typed_rows

if TYPE_CHECKING:
    import duckdb


KeepCurrent = Callable[[WrittenPartition], object]
"""Called with what is to be put in place, while what it replaces is still there."""


def write_partition_file(
    table: Table, key: PartitionKey, rows: Any, stamp: Stamp, path: Path, keep_current: KeepCurrent
) -> WrittenPartition:
    """Put rows and stamp in the place of the file at `path`. Raises InputError where rows do not fit table or partition."""
    data_version = None
    if isinstance(rows, VersionedRows):
        rows, data_version = rows.rows, rows.data_version
    plain_rows = type_plain_rows(table, rows)
    typed_rows = sort_typed_rows(table, key, rows if plain_rows is None else plain_rows)
    if typed_rows is not None:
        if data_version is None:
            with open_cursor() as cursor:
                cursor.register(table.name, typed_rows)
                data_version, _ = version_content(cursor, table)
        written = _write_stamp(stamp, data_version, typed_rows.num_rows)
        replace_file(typed_rows, written.as_metadata(), path, lambda: keep_current(written))
        return written
    return _write_staged(table, key, rows, stamp, path, keep_current)


def _write_staged(
    table: Table, key: PartitionKey, rows: Any, stamp: Stamp, path: Path, keep_current: KeepCurrent
) -> WrittenPartition:
    """The same for rows of any kind: DuckDB brings them to the table's types, or says why it cannot."""
    import duckdb

    with open_cursor() as staging:
        staging.execute(table.create_sql.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
        try:
            _insert(staging, table, rows, path)
        except (duckdb.IntegrityError, duckdb.DataError, duckdb.ProgrammingError) as error:
            raise InputError(f"rows do not fit table {table.name} at {key}: {str(error).splitlines()[0]}") from error
        _check_key(staging, table, key)
        written = _write_stamp(stamp, *version_content(staging, table))
        sorted_rows = staging.sql(f"SELECT * FROM {table.name} ORDER BY ALL")
        replace_file(sorted_rows, written.as_metadata(), path, lambda: keep_current(written))
    return written


def _write_stamp(stamp: Stamp, data_version: str, num_rows: int) -> WrittenPartition:
    return WrittenPartition(
        **{field.name: getattr(stamp, field.name) for field in fields(Stamp)},
        data_version=data_version,
        num_rows=num_rows,
        written_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _insert(staging: duckdb.DuckDBPyConnection, table: Table, rows: Any, path: Path) -> None:
    if hasattr(rows, "write_parquet"):  # a relation lives on a connection of its own: it crosses over as a file
        path.parent.mkdir(parents=True, exist_ok=True)
        crossing = name_draft(path, "crossing")
        try:
            rows.write_parquet(str(crossing))
            _insert_from(staging, table, f"read_parquet({quote_files(crossing)})")
        finally:
            crossing.unlink(missing_ok=True)
        return
    if len(rows) == 0:
        return
    if not hasattr(rows, "columns"):
        import pandas

        rows = pandas.DataFrame(list(rows), dtype=object)
    staging.register("incoming_rows", rows)
    _insert_from(staging, table, "incoming_rows")


def _insert_from(staging: duckdb.DuckDBPyConnection, table: Table, source: str) -> None:
    """Insert all rows of a source: NaN as NULL, but no fraction into a column of whole numbers, which DuckDB would round."""
    types = {name: kind for name, kind, *_ in staging.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    for column in table.columns:
        if column.type in ("INTEGER", "BIGINT") and types.get(column.name, "").startswith(("DOUBLE", "FLOAT", "DECIMAL")):
            query = f"SELECT {column.name} FROM {source} WHERE {column.name} <> trunc({column.name}) LIMIT 1"
            if found := staging.execute(query).fetchone():
                raise InputError(f"{column.name} {found[0]} of table {table.name} is not a whole number")
    floats = [name for name, kind in types.items() if kind in ("DOUBLE", "FLOAT")]
    known = ", ".join(f'CASE WHEN NOT isnan("{name}") THEN "{name}" END AS "{name}"' for name in floats)
    staging.execute(f"INSERT INTO {table.name} BY NAME SELECT * {f'REPLACE ({known})' if known else ''} FROM {source}")


def _check_key(staging: duckdb.DuckDBPyConnection, table: Table, key: PartitionKey) -> None:
    for column, expected in zip(table.partition_columns, key, strict=False):
        foreign = staging.execute(f"SELECT {column} FROM {table.name} WHERE {column} <> ? LIMIT 1", [expected]).fetchone()
        if foreign:
            raise InputError(f"a row of {column} {foreign[0]} was to go into the partition {key} of {table.name}")


def read_stamp(metadata: Mapping[str, str]) -> WrittenPartition:
    """The stamp in a partition file's metadata."""
    known = {field.name: metadata.get(field.name, "") for field in fields(WrittenPartition)}
    return WrittenPartition(**{**known, "num_rows": int(known["num_rows"] or 0)})


def quote_files(path: Path, pattern: str = "") -> str:
    """A path and a pattern after it, as SQL for functions that read files; the path's own characters mean themselves."""
    return quote_text(re.sub(r"[\[*?]", lambda found: f"[{found[0]}]", str(path)) + pattern)


def quote_text(value: object) -> str:
    """A value as an SQL text."""
    return "'" + str(value).replace("'", "''") + "'"

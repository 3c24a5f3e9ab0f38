"""The warehouse: one Parquet file a partition, replaced by one rename, read by DuckDB while it is being written."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefill_assets.errors import InputError
from prefill_assets.warehouse.partition import PartitionKey, Stamp, WrittenPartition
from prefill_assets.warehouse.table import PARTITION_COLUMNS, UNVERSIONED_COLUMNS, Table, find_table

if TYPE_CHECKING:
    import duckdb
    import pandas

ROWS_FILE = "rows.parquet"
_NO_EXPERIMENT = "_"
"""Partition of the empty file that gives a table its columns before it has rows; no experiment can have this name."""


class Warehouse:
    """All tables under one folder. Any number of processes may read and write at once; no lock is held."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own, in memory, on which every table is a view of the partitions as they are now."""
        import duckdb

        self.create_empty_tables()
        connection = duckdb.connect()
        for name in PARTITION_COLUMNS:
            connection.execute(self.view_sql(find_table(name)))
        return connection

    def view_sql(self, table: Table) -> str:
        """The statement that makes a table's view over its files."""
        hive_types = ", ".join(f"'{c.name}': {c.type}" for c in table.columns if c.name in table.partition_columns)
        files = quote_files(self.root / table.name, "/**/*.parquet")
        return (
            f"CREATE OR REPLACE VIEW {table.name} AS SELECT {', '.join(table.column_names)} "
            f"FROM read_parquet({files}, hive_partitioning = true, hive_types = {{{hive_types}}})"
        )

    def create_empty_tables(self) -> None:
        """The file without rows that every table has from the start."""
        for name in PARTITION_COLUMNS:
            depth = len(PARTITION_COLUMNS[name])
            key = PartitionKey(_NO_EXPERIMENT, 0 if depth > 1 else None, 0 if depth > 2 else None)
            if not self._rows_path(find_table(name), key).exists():
                self._write(name, key, [], Stamp("", "", ""))

    def replace(
        self,
        table_name: str,
        key: PartitionKey,
        rows: Sequence[Mapping[str, Any]] | pandas.DataFrame | duckdb.DuckDBPyRelation,
        stamp: Stamp,
    ) -> WrittenPartition:
        """Replace one partition by these rows, whole or not at all.

        Rows are checked against the table's types, NOT NULLs and key, and against the partition's key.
        Raises InputError where they do not fit, OSError where the disk refuses; the partition then stays as it was.
        """
        self.create_empty_tables()
        return self._write(table_name, key, rows, stamp)

    def read_rows(self, table_name: str, key: PartitionKey, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of one partition, in the order of the key; none where there is no such partition."""
        import duckdb

        path = self._rows_path(find_table(table_name), key)
        if not path.exists():
            return []
        cursor = duckdb.connect().execute(
            f"SELECT {', '.join(columns)} FROM read_parquet({quote_files(path)}, hive_partitioning = false)"
        )
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def summarize(self, table_name: str, key: PartitionKey, aggregates: Mapping[str, str]) -> dict[str, Any]:
        """Aggregates over one partition's rows, by name: `{"num_errors": "count(error)"}`."""
        path = self._rows_path(find_table(table_name), key)
        import duckdb

        row = (
            duckdb.connect()
            .execute(f"SELECT {', '.join(aggregates.values())} FROM read_parquet({quote_files(path)}, hive_partitioning = false)")
            .fetchone()
        )
        return dict(zip(aggregates, row or (), strict=True))

    def drop(self, table_name: str, key: PartitionKey) -> bool:
        """Remove one partition; False where there was none."""
        path = self._rows_path(find_table(table_name), key)
        existed = path.exists()
        path.unlink(missing_ok=True)
        return existed

    def list_partitions(self, table_name: str, experiment: str | None = None) -> dict[PartitionKey, WrittenPartition]:
        """The stamps of every partition of a table, read from the files' own metadata."""
        import duckdb

        table = find_table(table_name)
        files = quote_files(self.root / table.name, f"/experiment={experiment or '*'}/**/*.parquet")
        if not any((self.root / table.name).glob(f"experiment={experiment or '*'}/**/*.parquet")):
            return {}
        query = f"SELECT file_name, decode(key), decode(value) FROM parquet_kv_metadata({files})"
        pairs = duckdb.connect().execute(query).fetchall()
        stamps: dict[str, dict[str, str]] = {}
        for file_name, name, value in pairs:
            stamps.setdefault(file_name, {})[name] = value
        found = {_read_key(Path(file), self.root / table.name): _read_stamp(stamp) for file, stamp in stamps.items()}
        return {key: stamp for key, stamp in sorted(found.items()) if key.experiment != _NO_EXPERIMENT}

    def find_partition(self, table_name: str, key: PartitionKey) -> WrittenPartition | None:
        import duckdb

        path = self._rows_path(find_table(table_name), key)
        if not path.exists():
            return None
        query = f"SELECT decode(key), decode(value) FROM parquet_kv_metadata({quote_files(path)})"
        pairs = duckdb.connect().execute(query).fetchall()
        return _read_stamp(dict(pairs))

    def _rows_path(self, table: Table, key: PartitionKey) -> Path:
        return self.root / table.name / key.folder(table.partition_columns) / ROWS_FILE

    def _write(self, table_name: str, key: PartitionKey, rows: Any, stamp: Stamp) -> WrittenPartition:
        import duckdb

        table = find_table(table_name)
        path = self._rows_path(table, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path.parent)
        draft = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.draft")
        try:
            written = _write_file(table, key, rows, stamp, draft)
            _sync(draft)
            draft.replace(path)
            _sync(path.parent)
        except duckdb.IOException as error:
            raise OSError(f"{path.parent} cannot be written: {str(error).splitlines()[0]}") from error
        finally:
            draft.unlink(missing_ok=True)
        return written


def _write_file(table: Table, key: PartitionKey, rows: Any, stamp: Stamp, draft: Path) -> WrittenPartition:
    import duckdb

    with duckdb.connect() as staging:
        staging.execute(table.create_sql)
        try:
            _insert(staging, table, rows, draft)
        except (duckdb.IntegrityError, duckdb.DataError, duckdb.ProgrammingError) as error:
            raise InputError(f"rows do not fit table {table.name} at {key}: {str(error).splitlines()[0]}") from error
        _check_key(staging, table, key)
        data_version, num_rows = _version_content(staging, table)
        written = WrittenPartition(
            **{field.name: getattr(stamp, field.name) for field in fields(Stamp)},
            data_version=data_version,
            num_rows=num_rows,
            written_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        metadata = ", ".join(f"{name}: {_quote(value)}" for name, value in written.as_metadata().items())
        staging.execute(
            f"COPY (SELECT * FROM {table.name} ORDER BY ALL) TO {_quote(draft)} "
            f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{metadata}}})"
        )
    return written


def _insert(staging: duckdb.DuckDBPyConnection, table: Table, rows: Any, draft: Path) -> None:
    if hasattr(rows, "write_parquet"):  # a relation lives on a connection of its own: it crosses over as a file
        crossing = draft.with_suffix(".crossing")
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


def _version_content(staging: duckdb.DuckDBPyConnection, table: Table) -> tuple[str, int]:
    unversioned = ", ".join(sorted(UNVERSIONED_COLUMNS.intersection(table.column_names)))
    columns = f"* EXCLUDE ({unversioned})" if unversioned else "*"
    query = (
        f"SELECT count(*), coalesce(bit_xor(hash(r)), 0), coalesce(sum(hash(r)), 0) FROM (SELECT {columns} FROM {table.name}) r"
    )
    num_rows, xor, total = staging.execute(query).fetchone() or (0, 0, 0)
    return f"{num_rows}-{xor:016x}{int(total) % 2**64:016x}", num_rows


def _read_key(path: Path, table_root: Path) -> PartitionKey:
    values = dict(part.split("=", 1) for part in path.relative_to(table_root).parts[:-1])
    checkpoint, level = (int(values[name]) if name in values else None for name in ("checkpoint", "prefill_level"))
    return PartitionKey(values["experiment"], checkpoint, level)


def _read_stamp(metadata: Mapping[str, str]) -> WrittenPartition:
    known = {field.name: metadata.get(field.name, "") for field in fields(WrittenPartition)}
    return WrittenPartition(**{**known, "num_rows": int(known["num_rows"] or 0)})


def _remove_abandoned(folder: Path) -> None:
    """Drafts of processes that are gone: a kill leaves at most two."""
    for draft in folder.glob(f"{ROWS_FILE}.*"):
        pid = draft.name.removeprefix(f"{ROWS_FILE}.").split("-", 1)[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists() and Path("/proc").exists():
            draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def quote_files(path: Path, pattern: str = "") -> str:
    """A path and a pattern after it, as SQL for functions that read files; the path's own characters mean themselves."""
    return _quote(re.sub(r"[\[*?]", lambda found: f"[{found[0]}]", str(path)) + pattern)


def _quote(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"

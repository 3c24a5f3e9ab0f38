"""The warehouse: one Parquet file a partition, replaced by one rename, read by DuckDB while it is being written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefill_assets.warehouse.connection import open_cursor, open_database
from prefill_assets.warehouse.missing_columns import add_missing_columns
from prefill_assets.warehouse.partition import PartitionKey, Stamp, WrittenPartition
from prefill_assets.warehouse.partition_file import quote_files, read_stamp, write_partition_file
from prefill_assets.warehouse.superseded import FOLDER, is_kept, keep_superseded
from prefill_assets.warehouse.table import PARTITION_COLUMNS, Table, find_table

if TYPE_CHECKING:
    import duckdb
    import pandas

    from prefill_assets.warehouse.content_version import VersionedRows

ROWS_FILE = "rows.parquet"
_NO_EXPERIMENT = "_"
"""Partition of the empty file that gives a table its columns before it has rows; no experiment can have this name."""


class Warehouse:
    """All tables under one folder. Any number of processes may read and write at once.

    Readers wait for nobody. Writers wait only for one that puts the same partition in place.
    """

    def __init__(self, root: Path):
        self.root = Path(root)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own, in memory, on which every table is a view of the partitions as they are now."""
        self.create_empty_tables()
        connection = open_database()
        for name in PARTITION_COLUMNS:
            connection.execute(self.view_sql(find_table(name)))
        return connection

    def view_sql(self, table: Table) -> str:
        """The statement that makes a table's view over its files."""
        return (
            f"CREATE OR REPLACE VIEW {table.name} AS SELECT {', '.join(table.column_names)} "
            f"FROM {_read_all(self.root / table.name)}"
        )

    def superseded_view_sql(self, table: Table) -> str:
        """The statement that makes the view over what a table's partitions held before."""
        stamp = "data_version, code_version, run_id, written_at, made_from"
        return (
            f"CREATE OR REPLACE VIEW superseded_{table.name} AS SELECT {', '.join(f'r.{name}' for name in table.column_names)}, "
            f"{stamp} FROM {_read_all(self.root / FOLDER / table.name, 'filename = true')} AS r "
            f"JOIN superseded_partitions AS s ON r.filename = s.file_name"
        )

    def create_empty_tables(self) -> None:
        """The file without rows that every table has from the start; where it is new, older partitions get missing columns."""
        for table, root, path in self._columns_files:
            if not path.exists():
                add_missing_columns(root / table.name, table)
                self._write(table, _make_empty_key(table), [], Stamp("", "", ""), path)

    @cached_property
    def _columns_files(self) -> list[tuple[Table, Path, Path]]:
        tables = [find_table(name) for name in PARTITION_COLUMNS]
        roots = [(table, root) for table in tables for root in [self.root, self.root / FOLDER][: 1 + is_kept(table.name)]]
        return [(table, root, _columns_path(root, table)) for table, root in roots]

    def replace(
        self,
        table_name: str,
        key: PartitionKey,
        rows: Sequence[Mapping[str, Any]] | pandas.DataFrame | duckdb.DuckDBPyRelation | VersionedRows,
        stamp: Stamp,
    ) -> WrittenPartition:
        """Replace one partition by these rows, whole or not at all.

        Rows are checked against the table's types, NOT NULLs and key, and against the partition's key.
        Raises InputError where they do not fit, OSError where the disk refuses; the partition then stays as it was.
        """
        self.create_empty_tables()
        table = find_table(table_name)
        return self._write(table, key, rows, stamp, self._rows_path(table, key))

    def read_rows(self, table_name: str, key: PartitionKey, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of one partition, in the order of the key; none where there is no such partition."""

        path = self._rows_path(find_table(table_name), key)
        if not path.exists():
            return []
        cursor = open_cursor().execute(
            f"SELECT {', '.join(columns)} FROM read_parquet({quote_files(path)}, hive_partitioning = false)"
        )
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def summarize(self, table_name: str, key: PartitionKey, aggregates: Mapping[str, str]) -> dict[str, Any]:
        """Aggregates over one partition's rows, by name: `{"num_errors": "count(error)"}`."""
        path = self._rows_path(find_table(table_name), key)

        row = (
            open_cursor()
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

        table = find_table(table_name)
        files = quote_files(self.root / table.name, f"/experiment={experiment or '*'}/**/*.parquet")
        if not any((self.root / table.name).glob(f"experiment={experiment or '*'}/**/*.parquet")):
            return {}
        query = f"SELECT file_name, decode(key), decode(value) FROM parquet_kv_metadata({files})"
        pairs = open_cursor().execute(query).fetchall()
        stamps: dict[str, dict[str, str]] = {}
        for file_name, name, value in pairs:
            stamps.setdefault(file_name, {})[name] = value
        found = {_read_key(Path(file), self.root / table.name): read_stamp(stamp) for file, stamp in stamps.items()}
        return {key: stamp for key, stamp in sorted(found.items()) if key.experiment != _NO_EXPERIMENT}

    def find_partition(self, table_name: str, key: PartitionKey) -> WrittenPartition | None:
        """How a partition was made; read from its file again only when that is another file."""
        path = self._rows_path(find_table(table_name), key)
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        return _read_stamp_of(str(path), status.st_ino, status.st_size, status.st_mtime_ns)

    def _rows_path(self, table: Table, key: PartitionKey) -> Path:
        return self.root / table.name / key.folder(table.partition_columns) / ROWS_FILE

    def _write(self, table: Table, key: PartitionKey, rows: Any, stamp: Stamp, path: Path) -> WrittenPartition:
        import duckdb

        def keep_current(written: WrittenPartition) -> None:
            if key.experiment != _NO_EXPERIMENT and is_kept(table.name):
                keep_superseded(self.root, table, key, path, self.find_partition(table.name, key), written)

        try:
            return write_partition_file(table, key, rows, stamp, path, keep_current)
        except duckdb.IOException as error:
            raise OSError(f"{path.parent} cannot be written: {str(error).splitlines()[0]}") from error


@lru_cache(maxsize=1 << 16)
def _read_stamp_of(path: str, inode: int, size: int, time_ns: int) -> WrittenPartition:
    query = f"SELECT decode(key), decode(value) FROM parquet_kv_metadata({quote_files(Path(path))})"
    return read_stamp(dict(open_cursor().execute(query).fetchall()))


def _make_empty_key(table: Table) -> PartitionKey:
    return PartitionKey(_NO_EXPERIMENT, *([0] * (len(table.partition_columns) - 1)))


def _columns_path(root: Path, table: Table) -> Path:
    """The file without rows that has all columns of a table."""
    return root / table.name / _make_empty_key(table).folder(table.partition_columns) / f"columns-{table.columns_version}.parquet"


def _read_all(folder: Path, options: str = "") -> str:
    """Every row under a folder, with keys from the files and not from the names of their folders.

    DuckDB 2.0.0 loses a filter on such a name where it turns a window into a join (its `window_self_join`): an aggregate over the
    rows of one experiment would count those of all. Without the names it opens every file of a table to find a cell: 0.09 s in
    place of 0.02 s for 400 partitions.

    It takes the first file for what all files are like. Were that the one without rows, it would expect none at all, and build
    the hash table of a join of the larger side; so that file comes last.
    """
    names = ("[!_]*", "_?*", _NO_EXPERIMENT)
    patterns = ", ".join(quote_files(folder, f"/experiment={name}/**/*.parquet") for name in names)
    given = ", ".join(filter(None, [options, "hive_partitioning = false", "allow_empty = true"]))
    return f"read_parquet([{patterns}], {given})"


def _read_key(path: Path, table_root: Path) -> PartitionKey:
    values = dict(part.split("=", 1) for part in path.relative_to(table_root).parts[:-1])
    checkpoint, level = (int(values[name]) if name in values else None for name in ("checkpoint", "prefill_level"))
    return PartitionKey(values["experiment"], checkpoint, level)

"""Files of records as typed rows of a table, without losing a field."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from prefill_assets.sources.record_faults import check_records, find_fault
from prefill_assets.sources.record_fields import KEY_FIELDS, RESERVED, RecordKind
from prefill_assets.sources.record_lines import read_lines
from prefill_assets.sources.record_query import LIST_NAMES, RecordStatements
from prefill_assets.warehouse.table import find_table
from prefill_assets.warehouse.typed_rows import is_ascending, sort_keys

if TYPE_CHECKING:
    import duckdb
    import pyarrow


def read_rows(kind: RecordKind, paths: Mapping[tuple[int, int], Path], experiment: str) -> duckdb.DuckDBPyRelation:
    """The rows of `read_tables`, all cells together, as a relation on a connection of its own, in memory."""
    import pyarrow

    tables = read_tables(kind, paths, experiment)
    connection = _open_database(is_parallel=len(tables) > 1).cursor()
    if not tables:
        connection.execute(find_table(kind.table_name).create_sql.replace("CREATE TABLE", "CREATE TEMP TABLE", 1)).fetchall()
        return connection.table(kind.table_name)
    return connection.from_arrow(pyarrow.concat_tables(tables.values()))


def read_tables(kind: RecordKind, paths: Mapping[tuple[int, int], Path], experiment: str) -> dict[tuple[int, int], pyarrow.Table]:
    """Rows of `kind.table_name` from the files of one or more cells, keyed by (checkpoint, level), in the order of their key.

    What a column cannot give back exactly (fields without one, explicit nulls, non-finite numbers, whole numbers in a DOUBLE) is
    kept in `extra`, so that columns and `extra` together are the record. A file that was exported from our own rows has no
    `extra`. Raises InputError, naming file and line, for anything that is no such record and for a key that occurs twice in a
    file.

    DuckDB does the reading; where it finds a fault, Python reads the file again to say where. Several cells in one call cost
    less than one by one.
    """
    import duckdb
    import pyarrow

    if not paths:
        return {}
    if not all(path.is_file() for path in paths.values()):
        raise find_fault(kind, paths.values())
    try:
        lines = read_lines(paths)
        with _open_database(is_parallel=len(paths) > 1).cursor() as cursor:
            cursor.register("lines", lines)
            patterns = [names for (names,) in cursor.execute(LIST_NAMES).fetchall()]
            names = _list_names(kind, patterns)
            if names is None:
                raise find_fault(kind, paths.values())
            constant_names = frozenset(names).intersection(*map(set, patterns))
            rows = cursor.sql(RecordStatements(kind, names, constant_names).read_rows(experiment)).to_arrow_table()
    except (OSError, pyarrow.ArrowInvalid, duckdb.Error) as error:
        raise find_fault(kind, paths.values(), str(error)) from None
    found = _split_by_file(rows)
    return {cell: _check_rows(kind, path, found.get(file)) for file, (cell, path) in enumerate(paths.items())}


def _split_by_file(rows: pyarrow.Table) -> dict[int, pyarrow.Table]:
    """Each file's rows in the order of its lines; DuckDB's threads hand pieces over as they get done."""
    import numpy
    import pyarrow

    files, positions = (rows[name].to_numpy() for name in ("file", "position"))
    is_start = (numpy.diff(files, prepend=-1) != 0) | (numpy.diff(positions, prepend=0) != 1)
    starts = numpy.flatnonzero(is_start)
    pieces: dict[int, list[pyarrow.Table]] = {}
    for _, _, start, end in sorted(zip(files[starts], positions[starts], starts, [*starts[1:], rows.num_rows], strict=True)):
        pieces.setdefault(int(files[start]), []).append(rows.slice(start, end - start))
    return {file: pyarrow.concat_tables(own) for file, own in pieces.items()}


def _check_rows(kind: RecordKind, path: Path, rows: pyarrow.Table | None) -> pyarrow.Table:
    """One file's rows of the table, in the order of their key. Raises InputError where they are not all sound."""
    import pyarrow

    if rows is None or not rows["fits"].to_numpy().all():
        raise find_fault(kind, [path])
    if rows["is_doubtful"].to_numpy().any():
        check_records(kind, path)
    order = sort_keys(rows.select(KEY_FIELDS))
    if order is None:
        raise find_fault(kind, [path])
    is_sorted = is_ascending(order)
    columns = rows.select(find_table(kind.table_name).column_names)
    texts = pyarrow.chunked_array([columns["extra"].combine_chunks()])
    if is_sorted and rows["is_native"].to_numpy().all():
        texts = pyarrow.nulls(rows.num_rows, pyarrow.string())
    columns = columns.set_column(columns.num_columns - 1, "extra", texts.cast(pyarrow.json_()))
    return columns if is_sorted else columns.take(order)


def _list_names(kind: RecordKind, patterns: list[list[str] | None]) -> tuple[str, ...] | None:
    """Every name in the records, sorted; None where one is no object, lacks its key, or has a name twice or a reserved one."""
    names: set[str] = set()
    for pattern in patterns:
        if not pattern or len(set(pattern)) < len(pattern) or not set(KEY_FIELDS[:2]) <= set(pattern):
            return None
        names.update(pattern)
    return tuple(sorted(names)) if names and not names & set(RESERVED) else None


@cache
def _open_database(is_parallel: bool) -> duckdb.DuckDBPyConnection:
    """One file is too small to share out among threads: only several files are worth it."""
    import duckdb

    return duckdb.connect(config={} if is_parallel else {"threads": 1})

"""Files of records as typed rows of a table, without losing a field."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from prefill_assets.sources.record_columns import read_alike
from prefill_assets.sources.record_faults import check_records, find_fault
from prefill_assets.sources.record_fields import KEY_FIELDS, RESERVED, RecordKind
from prefill_assets.sources.record_lines import read_lines
from prefill_assets.sources.record_query import LIST_NAMES, RecordStatements
from prefill_assets.warehouse.table import find_table
from prefill_assets.warehouse.typed_rows import is_ascending, sort_keys

if TYPE_CHECKING:
    import duckdb
    import pyarrow


PARALLEL_LINES = 4096


def read_rows(kind: RecordKind, paths: Mapping[tuple[int, int], Path], experiment: str) -> duckdb.DuckDBPyRelation:
    """The rows of `read_tables`, all cells together, as a relation on a connection of its own, in memory."""
    import pyarrow

    tables = read_tables(kind, paths, experiment)
    connection = _open_database(is_parallel=False).cursor()
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

    Lines that are like many others are cut where their values stand, DuckDB parses the rest; where a fault is found, Python
    reads the file again to say where. Several cells in one call cost less than one by one.
    """
    import duckdb
    import pyarrow

    if not paths:
        return {}
    if not all(path.is_file() for path in paths.values()):
        raise find_fault(kind, paths.values())
    try:
        tables = _read_all(kind, paths, experiment)
    except (OSError, pyarrow.ArrowInvalid, duckdb.Error) as error:
        raise find_fault(kind, paths.values(), str(error)) from None
    pieces = [_split_by_file(rows) for rows in tables]
    cells = enumerate(paths.items())
    return {
        cell: _check_rows(kind, path, [rows for found in pieces for rows in found.get(file, [])]) for file, (cell, path) in cells
    }


def _read_all(kind: RecordKind, paths: Mapping[tuple[int, int], Path], experiment: str) -> list[pyarrow.Table]:
    """What there is to say of every line of these files, in any order: those that are like others, and by DuckDB the rest."""
    lines = read_lines(paths)
    tables, is_left = read_alike(kind, lines, experiment)
    if is_left.any():
        tables.append(_read_parsed(kind, paths, lines.to_table(is_left), experiment))
    return tables


def _read_parsed(kind: RecordKind, paths: Mapping[tuple[int, int], Path], lines: pyarrow.Table, experiment: str) -> pyarrow.Table:
    with _open_database(is_parallel=lines.num_rows > PARALLEL_LINES).cursor() as cursor:
        cursor.register("lines", lines)
        patterns = [names for (names,) in cursor.execute(LIST_NAMES).fetchall()]
        names = _list_names(kind, patterns)
        if names is None:
            raise find_fault(kind, paths.values())
        constant_names = frozenset(names).intersection(*map(set, patterns))
        return cursor.sql(RecordStatements(kind, names, constant_names).read_rows(experiment)).to_arrow_table()


def _split_by_file(rows: pyarrow.Table) -> dict[int, list[pyarrow.Table]]:
    """Each file's rows, in pieces; DuckDB's threads hand them over as they get done."""
    import numpy

    files = rows["file"].to_numpy()
    starts = numpy.flatnonzero(numpy.diff(files, prepend=-1))
    pieces: dict[int, list[pyarrow.Table]] = {}
    for start, end in zip(starts, [*starts[1:], rows.num_rows], strict=True):
        pieces.setdefault(int(files[start]), []).append(rows.slice(start, end - start))
    return pieces


def _check_rows(kind: RecordKind, path: Path, pieces: list[pyarrow.Table]) -> pyarrow.Table:
    """One file's rows of the table, in the order of their key. Raises InputError where they are not all sound."""
    import pyarrow

    rows = pyarrow.concat_tables(pieces) if pieces else None
    if rows is None or not rows["fits"].to_numpy().all():
        raise find_fault(kind, [path])
    if rows["is_doubtful"].to_numpy().any():
        check_records(kind, path)
    order = sort_keys(rows.select(KEY_FIELDS))
    if order is None:
        raise find_fault(kind, [path])
    if not is_ascending(order):
        rows = rows.take(order)
    columns = rows.select(find_table(kind.table_name).column_names)
    texts = pyarrow.chunked_array([columns["extra"].combine_chunks()])
    if rows["is_native"].to_numpy().all() and is_ascending(rows["position"].to_numpy() - 1):
        texts = pyarrow.nulls(rows.num_rows, pyarrow.string())
    return columns.set_column(columns.num_columns - 1, "extra", texts.cast(pyarrow.json_()))


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
    """A few lines are not worth sharing out among threads."""
    import duckdb

    return duckdb.connect(config={} if is_parallel else {"threads": 1})

"""Files of records as typed rows of a table, without losing a field."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from prefill_assets.sources.record_faults import check_records, find_fault
from prefill_assets.sources.record_fields import KEY_FIELDS, RESERVED, RecordKind
from prefill_assets.sources.record_query import READ_LINES, FileCount, RecordStatements
from prefill_assets.warehouse.table import find_table

if TYPE_CHECKING:
    import duckdb


def read_rows(kind: RecordKind, paths: Mapping[tuple[int, int], Path], experiment: str) -> duckdb.DuckDBPyRelation:
    """Rows of `kind.table_name` from the files of one or more cells, keyed by (checkpoint, level).

    The relation lives on a connection of its own, in memory. What a column cannot give back exactly (fields without one,
    explicit nulls, non-finite numbers, whole numbers in a DOUBLE) is kept in `extra`, so that columns and `extra` together are
    the record. A file that was exported from our own rows has no `extra`. Raises InputError, naming file and line, for
    anything that is no such record and for a key that occurs twice in a file.

    DuckDB does the reading; where it finds a fault, Python reads the file again to say where. Several cells in one call cost
    less than one by one.
    """
    import duckdb

    files = {str(path): cell for cell, path in paths.items()}
    if not all(path.is_file() for path in paths.values()):
        raise find_fault(kind, paths.values())
    connection = _open_database(is_parallel=len(files) > 1).cursor()
    if not files:
        connection.execute(find_table(kind.table_name).create_sql.replace("CREATE TABLE", "CREATE TEMP TABLE", 1)).fetchall()
        return connection.table(kind.table_name)
    try:
        connection.execute(READ_LINES, {"paths": [glob.escape(file) for file in files]}).fetchall()
        names = _list_names(kind, connection.execute("SELECT DISTINCT names FROM lines").fetchall())
        if names is None:
            raise find_fault(kind, paths.values())
        statements = RecordStatements(kind, names)
        connection.execute(statements.write_tokens).fetchall()
        counted = [FileCount(*row) for row in connection.execute(statements.count_records).fetchall()]
    except duckdb.Error as error:
        raise find_fault(kind, paths.values(), str(error)) from None
    sound = {file.name for file in counted if file.is_sound}
    if len(sound) < len(files):
        raise find_fault(kind, [Path(file) for file in files if file not in sound])
    for file in counted:
        if file.doubtful:
            check_records(kind, Path(file.name))
    connection.execute("DROP TABLE lines").fetchall()
    return connection.sql(statements.read_rows(experiment, [(file, *files[file.name]) for file in counted]))


def _list_names(kind: RecordKind, patterns: list[tuple[list[str] | None]]) -> tuple[str, ...] | None:
    """Every name in the records, sorted; None where one is no object, lacks its key, or has a name twice or a reserved one."""
    names: set[str] = set()
    for (pattern,) in patterns:
        if not pattern or len(set(pattern)) < len(pattern) or not set(KEY_FIELDS[:2]) <= set(pattern):
            return None
        names.update(pattern)
    return tuple(sorted(names)) if names and not names & set(RESERVED) else None


@cache
def _open_database(is_parallel: bool) -> duckdb.DuckDBPyConnection:
    """One file is too small to share out among threads: only several files are worth it."""
    import duckdb

    return duckdb.connect(config={} if is_parallel else {"threads": 1})

"""The DuckDB file for other clients: a view for every table, with comments, and the views that answer common questions."""

from __future__ import annotations

import atexit
import logging
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from prefill_assets.warehouse.connection import open_database
from prefill_assets.warehouse.partition_file import quote_files
from prefill_assets.warehouse.run_record import create_empty_records
from prefill_assets.warehouse.superseded import KEPT_TABLES
from prefill_assets.warehouse.table import PARTITION_COLUMNS, Table, find_table

if TYPE_CHECKING:
    import duckdb

    from prefill_assets.warehouse.store import Warehouse

VIEWS = (
    *("partitions", "superseded_partitions", "runs"),
    *("evaluations", "exploit_rates", "exploit_rate_differences", "threshold_counts"),
)
VIEWS_OF_SUPERSEDED = ("verdict_changes", "provenance")
_log = logging.getLogger(__name__)
_STAMPS = re.compile(r"\{stamps of (?P<pattern>[^}]+)\}")


def create_views(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Every table and every view on this connection, without the comments."""
    _create_empty_files(warehouse)
    for statement in list_statements(warehouse):
        if statement.startswith("CREATE"):
            connection.execute(statement)


def open_catalog(warehouse: Warehouse, path: Path) -> duckdb.DuckDBPyConnection:
    """A connection in memory on which every table and view is there, after the DuckDB file at `path` was published.

    That file stays closed: a client that opened it for writing would refuse us, and we would refuse the next one. To make the
    views takes 60 ms, so a process makes them once.
    """
    _create_empty_files(warehouse)
    return _open_views(warehouse.root, path).cursor()


@lru_cache(maxsize=1)
def _open_views(root: Path, path: Path) -> duckdb.DuckDBPyConnection:
    from prefill_assets.warehouse.store import Warehouse

    warehouse = Warehouse(root)
    atexit.register(_open_views.cache_clear)  # what DuckDB's bindings still hold at the end, they complain about
    publish_catalog(warehouse, path)
    connection = open_database()
    create_views(connection, warehouse)
    return connection


def publish_catalog(warehouse: Warehouse, path: Path) -> None:
    """Make the DuckDB file anew if it is missing or its views differ from ours.

    It holds no rows: whoever keeps it open, however long, holds nobody up, and sees each partition as it is now. It is put in
    place by a rename, so that a reader of the old file keeps reading that. Nothing of ours reads it: where it cannot be made, or
    a client writes to it, it stays as it was, and the log says so.
    """
    import duckdb

    _create_empty_files(warehouse)
    statements = list_statements(warehouse)
    text = ";\n".join(statements)
    published = path.with_name(f"{path.name}.sql")
    if path.exists() and published.exists() and published.read_text(encoding="utf-8") == text:
        return
    if _is_held(path):
        _log.warning("%s is open elsewhere for writing: its views stay those of an earlier version until that ends", path)
        return
    try:
        _put_in_place(statements, path)
        draft = _name_draft(published)
        draft.write_text(text, encoding="utf-8")
        draft.replace(published)
    except (OSError, duckdb.IOException) as error:
        _log.warning("%s cannot be made anew: %s", path, str(error).splitlines()[0])


def _is_held(path: Path) -> bool:
    """Whether a client has the file open for writing; by DuckDB's word, since it alone knows how it locks."""
    import duckdb

    if not path.exists():
        return False
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.ConnectionException:  # this process itself
        return True
    except duckdb.Error as error:  # any other is of a file that is broken
        return "Could not set lock" in str(error)
    return False


def _put_in_place(statements: Iterable[str], path: Path) -> None:
    import duckdb

    draft = _name_draft(path)
    draft.unlink(missing_ok=True)
    with duckdb.connect(str(draft)) as connection:
        for statement in statements:
            connection.execute(statement)
    draft.replace(path)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)  # of a client that was killed: DuckDB would refuse both together


def _name_draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def list_statements(warehouse: Warehouse) -> list[str]:
    """The statements that make the catalog, in order."""
    statements = []
    for name in PARTITION_COLUMNS:
        table = find_table(name)
        statements += [warehouse.view_sql(table), *_list_comments(table)]
    statements += _list_views(VIEWS, warehouse)
    for name in KEPT_TABLES:
        statements += [
            warehouse.superseded_view_sql(find_table(name)),
            _comment("VIEW", f"superseded_{name}", _describe_superseded(name)),
        ]
    return statements + _list_views(VIEWS_OF_SUPERSEDED, warehouse)


def _create_empty_files(warehouse: Warehouse) -> None:
    """What lets every view be read before there is a row."""
    warehouse.create_empty_tables()
    create_empty_records(warehouse.root)


def _list_views(names: Iterable[str], warehouse: Warehouse) -> list[str]:
    statements = []
    for name in names:
        comment, sql = read_view(name, warehouse.root)
        statements += [sql, _comment("VIEW", name, comment)]
    return statements


def _describe_superseded(name: str) -> str:
    return f"Rows of {name} that a later materialization replaced by others, with the stamp of the partition that they were in."


def read_view(name: str, root: Path) -> tuple[str, str]:
    """What a view says, and the statement that makes it over the warehouse at `root`."""
    comment, sql = _read_sql(name)
    stamps = _read_sql("stamped_files")[1]
    sql = _STAMPS.sub(lambda found: stamps.replace("{files}", f"{{root}} || '{found['pattern']}'"), sql)
    return comment, sql.replace("{root}", quote_files(root))


def _read_sql(name: str) -> tuple[str, str]:
    comment, sql = (Path(__file__).parent / "views" / f"{name}.sql").read_text(encoding="utf-8").split("\n", 1)
    return comment.removeprefix("-- "), sql.strip()


def _list_comments(table: Table) -> list[str]:
    columns = [_comment("COLUMN", f"{table.name}.{column.name}", column.comment) for column in table.columns]
    return [_comment("VIEW", table.name, table.comment), *columns]


def _comment(kind: str, name: str, text: str) -> str:
    quoted = text.replace("'", "''")
    return f"COMMENT ON {kind} {name} IS '{quoted}'"

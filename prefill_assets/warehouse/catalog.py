"""The DuckDB file for other clients: a view for every table, with comments, and the views that answer common questions."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

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
_STAMPS = re.compile(r"\{stamps of (?P<pattern>[^}]+)\}")


def create_views(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Every table and every view on this connection, without the comments."""
    _create_empty_files(warehouse)
    for statement in list_statements(warehouse):
        if statement.startswith("CREATE"):
            connection.execute(statement)


def publish_catalog(warehouse: Warehouse, path: Path) -> None:
    """Make the DuckDB file anew if it is missing or its views differ from ours.

    It holds no rows: whoever keeps it open, however long, holds nobody up, and sees each partition as it is now. It is put in
    place by a rename, so that a reader of the old file keeps reading that.
    """
    import duckdb

    _create_empty_files(warehouse)
    text = ";\n".join(list_statements(warehouse))
    published = path.with_name(f"{path.name}.sql")
    if path.exists() and published.exists() and published.read_text(encoding="utf-8") == text:
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with duckdb.connect(str(draft)) as connection:
        for statement in list_statements(warehouse):
            connection.execute(statement)
    draft.replace(path)
    draft.write_text(text, encoding="utf-8")
    draft.replace(published)


def open_catalog(warehouse: Warehouse, path: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the DuckDB file, which is published first; to make the views anew takes 60 ms."""
    import duckdb

    publish_catalog(warehouse, path)
    return duckdb.connect(str(path), read_only=True)


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

"""The statements of `sql/`, one a file, run with named parameters."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

STATEMENTS = Path(__file__).parent / "sql"


@cache
def read_statement(name: str) -> str:
    """The text of `sql/{name}.sql`."""
    return (STATEMENTS / f"{name}.sql").read_text(encoding="utf-8")


def run_statement(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> duckdb.DuckDBPyRelation:
    """What `sql/{name}.sql` returns, as a relation that holds its rows: later changes to the tables do not reach it."""
    return connection.sql(read_statement(name), params=parameters).materialize()

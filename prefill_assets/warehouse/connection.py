"""One DuckDB in memory for this process: to open another costs 15 ms, more than most of what is asked of it."""

from __future__ import annotations

import atexit
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def open_cursor() -> duckdb.DuckDBPyConnection:
    """A connection of its own to it, for any thread; temporary tables and registered rows are this one's alone."""
    return _open_database().cursor()


@cache
def _open_database() -> duckdb.DuckDBPyConnection:
    import duckdb

    atexit.register(_open_database.cache_clear)  # what DuckDB's bindings still hold at the end, they complain about
    return duckdb.connect()

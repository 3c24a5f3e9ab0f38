"""One DuckDB in memory for this process: to open another costs 15 ms, more than most of what is asked of it."""

from __future__ import annotations

import atexit
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

RETURNED_BYTES = "100KB"
"""What a query over whole tables frees at once above this goes back to the system. By default (512 MB) DuckDB keeps it for the
next query, which takes other memory: the analysis of 600 problems held 30 MB more, at the same CPU time."""


def open_cursor() -> duckdb.DuckDBPyConnection:
    """A connection of its own to it, for any thread; temporary tables and registered rows are this one's alone."""
    return _open_database().cursor()


def open_database() -> duckdb.DuckDBPyConnection:
    """Another DuckDB in memory, for queries over whole tables."""
    import duckdb

    return duckdb.connect(config={"allocator_bulk_deallocation_flush_threshold": RETURNED_BYTES})


@cache
def _open_database() -> duckdb.DuckDBPyConnection:
    import duckdb

    atexit.register(_open_database.cache_clear)  # what DuckDB's bindings still hold at the end, they complain about
    return duckdb.connect()

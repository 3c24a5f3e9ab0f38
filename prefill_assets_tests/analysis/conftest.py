"""A connection on which every table exists and is empty."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from prefill_assets_tests.analysis.run_folder import create_tables


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        create_tables(opened)
        yield opened

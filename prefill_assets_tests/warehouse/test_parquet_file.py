from __future__ import annotations

import os
import random
import time
from pathlib import Path

import duckdb
import pyarrow
import pytest
from pyarrow.parquet import ParquetFile, read_metadata, read_table

from prefill_assets.warehouse.parquet_file import LONGEST_QUERY_SECONDS, write_successor

OLD = time.time() - LONGEST_QUERY_SECONDS - 60


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "rows.parquet"


def put(path: Path, version: int, num_rows: int = 2000) -> None:
    """Write a version in which no two texts are equal, and put it in place."""
    numbers = random.Random(version)
    texts = pyarrow.table({"text": [f"{version} {numbers.random()}" for _ in range(num_rows)]})  # noqa: F841 DuckDB reads it by name
    draft = path.with_name("draft")
    write_successor(duckdb.sql("SELECT text FROM texts"), {"version": str(version)}, draft, replaced=path)
    draft.replace(path)


def read_versions(file: ParquetFile) -> list[str]:
    return sorted({text.split()[0] for text in file.read().column("text").to_pylist()})


def test_rows_and_metadata_of_a_replacement_are_its_own(path):
    for version in range(4):
        put(path, version, num_rows=100 * version)

        assert read_table(path).num_rows == 100 * version
        assert duckdb.sql(f"FROM '{path}'").fetchall() == [tuple(row.values()) for row in read_table(path).to_pylist()]
        assert duckdb.sql(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{path}')").fetchall() == [
            ("version", str(version))
        ]


def test_who_has_read_the_footer_finds_its_rows_in_the_file_that_came_after(path):
    put(path, 0)
    footer = read_metadata(path)
    for version in (1, 2):
        put(path, version)
        assert read_versions(ParquetFile(path, metadata=footer)) == ["0"]
    assert read_versions(ParquetFile(path)) == ["2"]


def test_what_was_replaced_long_ago_becomes_a_hole(path):
    put(path, 0, num_rows=50_000)
    put(path, 1)
    first_footer_size = path.stat().st_size
    os.utime(path, (OLD, OLD))
    footer = read_metadata(path)

    put(path, 2)

    assert read_versions(ParquetFile(path, metadata=footer)) == ["1"]
    assert read_versions(ParquetFile(path)) == ["2"]
    assert path.stat().st_size > first_footer_size
    assert path.stat().st_blocks * 512 < first_footer_size / 4


def test_nothing_is_kept_of_a_file_that_nobody_can_read(path):
    path.write_bytes(b"PAR1 cut off")
    os.utime(path, (OLD, OLD))
    put(path, 1)
    assert read_table(path).num_rows == 2000
    assert b"cut off" not in path.read_bytes()

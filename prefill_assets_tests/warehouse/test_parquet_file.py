from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow
import pytest
from pyarrow.parquet import ParquetFile, read_metadata, read_table

from prefill_assets.warehouse import parquet_file
from prefill_assets.warehouse.parquet_file import LONGEST_QUERY_SECONDS, replace_file

OLD = time.time() - LONGEST_QUERY_SECONDS - 60


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "rows.parquet"


def put(path: Path, version: int, num_rows: int = 2000, keep_current: Callable[[], object] = lambda: None) -> None:
    """Write a version in which no two texts are equal, and put it in place."""
    numbers = random.Random(version)
    texts = pyarrow.table({"text": [f"{version} {numbers.random()}" for _ in range(num_rows)]})
    replace_file(texts, {"version": str(version)}, path, keep_current)


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


def test_of_two_writers_the_second_begins_with_what_the_first_put_in_place(path):
    put(path, 0)
    second = threading.Thread(target=put, args=(path, 2))

    def meet_second() -> None:
        second.start()
        second.join(timeout=0.5)
        assert second.is_alive(), "it has to wait"

    put(path, 1, keep_current=meet_second)
    footer = read_metadata(path)
    second.join(timeout=30)

    assert read_versions(ParquetFile(path)) == ["2"]
    assert read_versions(ParquetFile(path, metadata=footer)) == ["1"]


def test_a_place_that_is_held_for_ever_is_an_error_and_keeps_its_file(path, monkeypatch):
    monkeypatch.setattr(parquet_file, "LONGEST_WAIT_SECONDS", 0.1)
    put(path, 0)

    def come_too_late() -> None:
        with ThreadPoolExecutor(1) as other, pytest.raises(OSError, match=r"rows\.parquet has been held by another process"):
            other.submit(put, path, 2).result()

    put(path, 1, keep_current=come_too_late)
    assert read_versions(ParquetFile(path)) == ["1"]


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

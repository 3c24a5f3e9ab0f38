from __future__ import annotations

import os
import random
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow.parquet import ParquetFile, read_metadata, read_table

from prefill_assets.warehouse import parquet_file
from prefill_assets.warehouse.parquet_file import LONGEST_QUERY_SECONDS, REPLACED, SPAN_SECONDS, replace_file

OLD = time.time() - LONGEST_QUERY_SECONDS - 60


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "rows.parquet"


def put(
    path: Path, version: int, num_rows: int = 2000, keep_current: Callable[[], object] = lambda: None, at: float | None = None
) -> None:
    """Write a version in which no two texts are equal, and put it in place, now or at another time."""
    numbers = random.Random(version)
    texts = pyarrow.table({"text": [f"{version} {numbers.random()}" for _ in range(num_rows)]})
    replace_file(texts, {"version": str(version)}, path, keep_current, time.time if at is None else lambda: at)


def read_versions(file: ParquetFile) -> list[str]:
    return sorted({text.split()[0] for text in file.read().column("text").to_pylist()})


def test_rows_and_metadata_of_a_replacement_are_its_own(path):
    for version in range(4):
        put(path, version, num_rows=100 * version)

        assert read_table(path).num_rows == 100 * version
        assert duckdb.sql(f"FROM '{path}'").fetchall() == [tuple(row.values()) for row in read_table(path).to_pylist()]
        stored = duckdb.sql(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{path}')").fetchall()
        assert {key: value for key, value in stored if key != REPLACED} == {"version": str(version)}
        assert len(stored) == 1 + (version > 0)


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
    put(path, 0, num_rows=50_000, at=OLD - 1)
    put(path, 1, at=OLD)
    first_footer_size = path.stat().st_size
    footer = read_metadata(path)

    put(path, 2)

    assert read_versions(ParquetFile(path, metadata=footer)) == ["1"]
    assert read_versions(ParquetFile(path)) == ["2"]
    assert path.stat().st_size > first_footer_size
    assert path.stat().st_blocks * 512 < first_footer_size / 4


def test_a_file_that_is_replaced_again_and_again_keeps_what_was_replaced_within_the_hour(path):
    put(path, 0)
    alone = path.stat().st_blocks
    for turn in range(1, 25):
        put(path, turn, at=OLD + turn * 3000)
    assert path.stat().st_blocks <= 4 * alone
    for turn in range(25, 65):
        put(path, turn, num_rows=10, at=OLD + 80_000 + turn * 10)
    assert len(read_metadata(path).metadata[REPLACED.encode()]) < 400


@given(
    waits=st.lists(st.integers(0, 5400), min_size=2, max_size=8),
    sizes=st.lists(st.sampled_from([0, 1, 900]), min_size=8, max_size=8),
)
@settings(max_examples=25, deadline=None)
def test_exactly_what_readers_may_need_is_there(waits, sizes):
    """Every version that was replaced within the hour, byte by byte; of others nothing, but for those of the same few minutes."""
    with tempfile.TemporaryDirectory() as folder:
        path, now = Path(folder) / "rows.parquet", 1_800_000_000.0
        files, written_at = [], []
        for version, (wait, num_rows) in enumerate(zip(waits, sizes, strict=False)):
            now += wait
            put(path, version, num_rows, at=now)
            files.append(path.read_bytes())
            written_at.append(now)
        for earlier, later, replaced_at in zip([b"PAR1", *files], files[:-1], written_at[1:], strict=False):
            rows = slice(len(earlier), len(later))
            if replaced_at >= now - LONGEST_QUERY_SECONDS:
                assert files[-1][rows] == later[rows]
            elif replaced_at < now - LONGEST_QUERY_SECONDS - SPAN_SECONDS:
                assert not files[-1][rows].strip(b"\0")


@pytest.mark.parametrize("age", [0, LONGEST_QUERY_SECONDS + 60])
def test_a_file_that_does_not_tell_what_it_begins_with_is_taken_to_have_replaced_it(path, monkeypatch, age):
    monkeypatch.setattr(parquet_file, "REPLACED", "of_a_later_version")
    for version in (0, 1):
        put(path, version)
        if version == 0:
            footer = read_metadata(path)
    monkeypatch.undo()
    os.utime(path, (time.time() - age, time.time() - age))
    own = read_metadata(path)

    put(path, 2)

    assert read_versions(ParquetFile(path, metadata=own)) == ["1"]
    begin = footer.row_group(0).column(0).data_page_offset
    assert (path.read_bytes()[begin : begin + 100].strip(b"\0") == b"") == (age > 0)


def test_a_hole_is_not_held_in_memory(path, monkeypatch):
    monkeypatch.setattr(parquet_file, "PIECE", 1 << 14)
    put(path, 0, num_rows=50_000, at=OLD - 1)
    put(path, 1, num_rows=10, at=OLD)
    tracemalloc.start()
    try:
        put(path, 2, num_rows=10)
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 2
    finally:
        tracemalloc.stop()


def test_nothing_is_kept_of_a_file_that_nobody_can_read(path):
    path.write_bytes(b"PAR1 cut off")
    os.utime(path, (OLD, OLD))
    put(path, 1)
    assert read_table(path).num_rows == 2000
    assert b"cut off" not in path.read_bytes()

"""Tables in memory, filled from a run's folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from prefill_assets.sources.eval_records import read_eval_results, read_eval_samples
from prefill_assets.sources.logprob_records import read_prefill_logprobs
from prefill_assets.sources.run_folder import RunFolder, find_logprob_files
from prefill_assets.warehouse.table import PARTITION_COLUMNS, find_table


@dataclass(frozen=True)
class Tables:
    connection: duckdb.DuckDBPyConnection
    folder: Path

    def add(self, table: str, rows: duckdb.DuckDBPyRelation) -> None:
        """Cross over to this connection through a file, as the warehouse does."""
        crossing = self.folder / "crossing.parquet"
        rows.write_parquet(str(crossing))
        self.connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet('{crossing}')").fetchall()

    def clear(self) -> Tables:
        for table in ("eval_results", "eval_samples", "prefill_logprobs"):
            self.connection.execute(f"DELETE FROM {table}").fetchall()
        return self

    def import_run(self, path: Path) -> None:
        run = RunFolder(path)
        for cell, files in run.require_cells().items():
            if files.results:
                self.add("eval_results", read_eval_results(files.results, run.name, *cell))
            self.add("eval_samples", read_eval_samples(files.samples, run.name, *cell))
        for cell, file in find_logprob_files(path).items():
            self.add("prefill_logprobs", read_prefill_logprobs(file, run.name, *cell))

    def list_rows(self, table: str) -> list[dict[str, Any]]:
        rows = self.connection.sql(f"SELECT * FROM {table} ORDER BY ALL")
        return [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]


@contextmanager
def open_tables() -> Iterator[Tables]:
    """Every table of the warehouse, empty."""
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as folder:
        for name in PARTITION_COLUMNS:
            connection.execute(find_table(name).create_sql)
        yield Tables(connection, Path(folder))

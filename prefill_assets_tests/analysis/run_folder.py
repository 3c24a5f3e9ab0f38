"""Reads a run in the spec's layout into the tables that analysis works on: just enough for tests, and independent of import."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb

TABLES = Path(__file__).parents[2] / "prefill_assets" / "warehouse" / "tables"
EVAL_COLUMNS = ("experiment", "checkpoint", "prefill_level", "task_id", "exploit_type", "attempt_idx", "exploit_success", "error")
LOGPROB_COLUMNS = (
    *EVAL_COLUMNS[:6],
    "prefill_num_tokens",
    "prefill_logprob_sum",
    "prefill_logprob_mean",
    "error",
)
_FILE = re.compile(r"checkpoint-(\d+)_prefill(\d+)\.jsonl")


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    for path in sorted(TABLES.glob("*.sql")):
        connection.execute(path.read_text())


def read_records(folder: Path) -> list[tuple[int, int, dict[str, Any]]]:
    """(checkpoint, level, record) of every result file; stray files are passed over."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        match = _FILE.fullmatch(path.name)
        for line in path.read_text().splitlines() if match else ():
            found.append((int(match[1]), int(match[2]), json.loads(line)))
    return found


def load_run(connection: duckdb.DuckDBPyConnection, results: Path, experiment: str) -> tuple[int, ...]:
    """Fill `eval_results` and `prefill_logprobs` from `results/`, and return the levels found."""
    records = [entry for folder in sorted(results.glob("prefill_sensitivity/*/evals")) for entry in read_records(folder)]
    insert_rows(connection, "eval_results", EVAL_COLUMNS, [_eval_row(experiment, *entry) for entry in records])
    scored = [entry for folder in sorted(results.glob("logprob_analysis/*")) for entry in read_records(folder)]
    insert_rows(connection, "prefill_logprobs", LOGPROB_COLUMNS, [_logprob_row(experiment, *entry) for entry in scored])
    return tuple(sorted({level for _, level, _ in records}))


def insert_rows(connection: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...], rows: list[tuple]) -> None:
    """One statement for all rows; None is NULL, NaN stays NaN."""
    if rows:
        as_lists = [list(column) for column in zip(*rows, strict=True)]
        types = dict(connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {table})").fetchall())
        unnested = ", ".join(f"unnest($c{i}::{types[name]}[])" for i, name in enumerate(columns))
        parameters = {f"c{i}": values for i, values in enumerate(as_lists)}
        connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {unnested}", parameters)


def store(connection: duckdb.DuckDBPyConnection, table: str, relation: duckdb.DuckDBPyRelation) -> None:
    """Put what a function computed into its table, by position: names and types have to be the table's own."""
    described = connection.sql(f"SELECT * FROM {table} LIMIT 0")
    assert relation.columns == described.columns
    assert relation.types == described.types
    relation.insert_into(table)


def _key(experiment: str, checkpoint: int, level: int, record: dict[str, Any]) -> tuple:
    return (experiment, checkpoint, level, str(record["task_id"]), str(record["exploit_type"]), record.get("attempt_idx", 0))


def _eval_row(experiment: str, checkpoint: int, level: int, record: dict[str, Any]) -> tuple:
    return (*_key(experiment, checkpoint, level, record), record.get("exploit_success"), record.get("error"))


def _logprob_row(experiment: str, checkpoint: int, level: int, record: dict[str, Any]) -> tuple:
    numbers = (record.get(name) for name in LOGPROB_COLUMNS[6:9])
    return (*_key(experiment, checkpoint, level, record), *numbers, record.get("error"))

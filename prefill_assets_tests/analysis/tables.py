"""Fills the input tables from records, and computes every table as the assets do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from prefill_assets.analysis.comparison import (
    compute_predictor_comparison,
    compute_threshold_comparison,
    compute_trajectory_with_logprob,
)
from prefill_assets.analysis.rules import Rules
from prefill_assets.analysis.trajectories import compute_trajectory, compute_trajectory_analysis
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.analysis.run_folder import EVAL_COLUMNS, LOGPROB_COLUMNS, insert_rows, store

EXPERIMENT = "sweep"
LEVELS = (0, 10, 30, 100)
KEYS = ("task_id", "exploit_type", "checkpoint")


def make_rules(levels: Sequence[int] = LEVELS, **settings: Any) -> Rules:
    return Rules.from_settings(Settings(**{"bootstrap_resamples": 50, **settings}), levels)


def verdict(
    checkpoint: int, level: int, success: bool | None, *, task: str = "t", kind: str = "k", attempt: int = 0, **more: Any
):
    """A record of `eval_results`."""
    key = {"experiment": EXPERIMENT, "checkpoint": checkpoint, "prefill_level": level, "task_id": task, "exploit_type": kind}
    return {**key, "attempt_idx": attempt, "exploit_success": success, "error": None, **more}


def score(checkpoint: int, level: int, total: float | None, *, task: str = "t", kind: str = "k", attempt: int = 0, **more: Any):
    """A record of `prefill_logprobs`; its mean is a tenth of its sum."""
    key = {"experiment": EXPERIMENT, "checkpoint": checkpoint, "prefill_level": level, "task_id": task, "exploit_type": kind}
    mean = None if total is None else total / 10
    return {
        **key,
        "attempt_idx": attempt,
        "prefill_num_tokens": 10,
        "prefill_logprob_sum": total,
        "prefill_logprob_mean": mean,
        "error": None,
        **more,
    }


def fill(connection: duckdb.DuckDBPyConnection, verdicts: list[dict], scores: list[dict] | None = None) -> None:
    insert_rows(connection, "eval_results", EVAL_COLUMNS, [tuple(r[c] for c in EVAL_COLUMNS) for r in verdicts])
    insert_rows(connection, "prefill_logprobs", LOGPROB_COLUMNS, [tuple(r[c] for c in LOGPROB_COLUMNS) for r in scores or []])


def compute_all(connection: duckdb.DuckDBPyConnection, rules: Rules, *, judge: bool = True) -> None:
    """Every table in the order of their dependencies, stored by position, so that columns and types are checked too."""
    reference = rules.reference_rules
    store(connection, "trajectory", compute_trajectory(connection, EXPERIMENT, rules.levels, reference_rules=reference))
    store(connection, "trajectory_analysis", compute_trajectory_analysis(connection, EXPERIMENT, rules))
    store(connection, "trajectory_with_logprob", compute_trajectory_with_logprob(connection, EXPERIMENT, rules))
    store(connection, "threshold_comparison", compute_threshold_comparison(connection, EXPERIMENT, reference_rules=reference))
    if judge:
        store(connection, "predictor_comparison", compute_predictor_comparison(connection, EXPERIMENT, rules))


def empty_tables(connection: duckdb.DuckDBPyConnection) -> None:
    for (name,) in connection.sql("SELECT table_name FROM information_schema.tables").fetchall():
        connection.execute(f"DELETE FROM {name}")


def read_rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    """Rows as dictionaries, ordered by task, exploit type and checkpoint where the table has them."""
    relation = connection.sql(f"SELECT * FROM {table}")
    order = [key for key in KEYS if key in relation.columns]
    rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    return sorted(rows, key=lambda row: tuple(row[key] for key in order))

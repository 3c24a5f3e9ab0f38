"""A small warehouse in which every claim holds, and how a test spoils it and asks a check."""

from __future__ import annotations

import duckdb

from prefill_assets.checks.findings import list_findings
from prefill_assets.warehouse.catalog import create_views
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse

EXPERIMENT, STEPS, LEVELS, TASKS, ATTEMPTS = "run", (1, 10), (0, 2, 4), ("a", "b"), 2
WORDS = "one two three four"
ALL = {"levels": LEVELS, "num_tasks": len(TASKS), "num_attempts": ATTEMPTS}


def make_rows(table: str, step: int, level: int, **changed) -> list[dict]:
    """A cell's rows. At level 4 everything exploits; a token is a word, and costs 2 nats."""
    text = " ".join(WORDS.split()[:level])
    cell = {"experiment": EXPERIMENT, "checkpoint": step, "prefill_level": level, "exploit_type": "leak"}
    keys = [{**cell, "task_id": task, "attempt_idx": attempt} for task in TASKS for attempt in range(ATTEMPTS)]
    prefill = {"prefill_reasoning": text, "prefill_num_tokens": level}
    if table == "eval_results":
        return [{**key, "exploit_success": level == 4, **changed} for key in keys]
    if table == "eval_samples":
        return [{**key, **prefill, "prefill_applied": level > 0, "engine": "e", **changed} for key in keys]
    score = {"prefill_words": level, "prefill_logprob_sum": 0.0 - 2.0 * level, "prefill_logprob_mean": -2.0 if level else None}
    scored = {**prefill, **score, "samples_checkpoint": step, "engine": "e", "dtype": "float32"}
    return [{**key, **scored, **changed} for key in keys if key["attempt_idx"] == 0]


def make_trajectory(step: int, **changed) -> list[dict]:
    known = {"exploitable": True, "min_prefill": 4, "min_prefill_lower": 4, "min_prefill_upper": 4}
    counts = {"num_levels_tested": 3, "num_attempts": 6, "num_exploits": 2, "num_errors": 0}
    key = {"experiment": EXPERIMENT, "checkpoint": step, "exploit_type": "leak"}
    return [{**key, "task_id": task, **known, **counts, **changed} for task in TASKS]


def make_predictors(num_rows_of_logprob: int = 8) -> list[dict]:
    counts = {"num_problems": 2, "num_survival_rows": 8, "num_censored_rows": 1}
    predictors = {"min_prefill": 8, "min_prefill_logprob_sum": num_rows_of_logprob, "fixed_level_logprob_sum": 6}
    return [
        {"experiment": EXPERIMENT, "exploit_scope": scope, "predictor": name, "num_rows": number, **counts}
        for scope in ("all", "intentional")
        for name, number in predictors.items()
    ]


def put(warehouse: Warehouse, table: str, rows: list[dict], *cell: int, run_id: str = "r", parts_json: str = "{}") -> None:
    warehouse.replace(table, PartitionKey(EXPERIMENT, *cell), rows, Stamp(f"in-{run_id}", "1", run_id, parts_json))


def find(warehouse: Warehouse, check: str, *cell: int, **parameters) -> list[tuple]:
    with duckdb.connect() as connection:
        create_views(connection, warehouse)
        found = list_findings(connection, check, EXPERIMENT, *cell, **{**ALL, **parameters})
    assert all(finding.check == check for finding in found)
    return [(f.severity, f.checkpoint, f.prefill_level, f.task_id, f.finding) for f in found]


def fill(warehouse: Warehouse) -> Warehouse:
    for step in STEPS:
        for level in LEVELS:
            for table in ("eval_samples", "eval_results", "prefill_logprobs"):
                put(warehouse, table, make_rows(table, step, level), step, level)
        put(warehouse, "trajectory", make_trajectory(step), step)
    put(warehouse, "predictor_comparison", make_predictors())
    return warehouse

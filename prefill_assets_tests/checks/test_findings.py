"""Each check over a sound warehouse, where it finds nothing; and what concerns all tables."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from prefill_assets.checks.findings import CHECKED_TABLES, find_check, list_findings
from prefill_assets.warehouse.catalog import create_views
from prefill_assets_tests.checks.sound_warehouse import ATTEMPTS, EXPERIMENT, TASKS, find, put

TRACE = {"reasoning": "so", "reasoning_words": 1, "prefill_source": "traces.jsonl", "source_line": 1}


@pytest.mark.parametrize("check", CHECKED_TABLES)
def test_a_sound_warehouse_passes(sound, check):
    assert find(sound, check) == []
    assert find(sound, check, 10, 4) == []
    assert len(find_check(check).claim) > 40


def test_a_stray_copy_of_a_partition_is_found(warehouse):
    rows = next(warehouse.root.glob(f"eval_results/experiment={EXPERIMENT}/checkpoint=10/prefill_level=2/rows.parquet"))
    shutil.copy(rows, rows.with_name("rows (copy).parquet"))
    found = find(warehouse, "keys_are_unique")
    assert found == [("ERROR", 10, 2, task, "eval_results holds 2 rows of one key") for task in TASKS for _ in range(ATTEMPTS)]
    assert find(warehouse, "keys_are_unique", 1) == []


@pytest.mark.parametrize("table", ["problems", "prefill_traces"])
def test_a_stray_copy_of_what_an_experiment_evaluates_is_found(warehouse, table):
    known = {"exploit_type": "leak", "problem_version": "1"} if table == "problems" else TRACE
    put(warehouse, table, [{"experiment": EXPERIMENT, "task_id": task, **known} for task in TASKS])
    assert find(warehouse, "keys_are_unique") == []
    rows = next(warehouse.root.glob(f"{table}/experiment={EXPERIMENT}/rows.parquet"))
    shutil.copy(rows, rows.with_name("rows (copy).parquet"))
    assert find(warehouse, "keys_are_unique") == [
        ("ERROR", None, None, task, f"{table} holds 2 rows of one key") for task in TASKS
    ]


def test_a_missing_parameter_is_named(sound):
    with duckdb.connect() as connection:
        create_views(connection, sound)
        with pytest.raises(KeyError, match="levels"):
            list_findings(connection, "min_prefill_is_known", EXPERIMENT)

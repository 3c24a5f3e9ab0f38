"""Samples and verdicts of which a claim does not hold."""

from __future__ import annotations

from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.checks.sound_warehouse import EXPERIMENT, LEVELS, STEPS, find, make_rows, put


def test_a_cell_that_lacks_rows_is_found_and_no_other(warehouse):
    put(warehouse, "eval_results", make_rows("eval_results", 10, 2)[:-1], 10, 2)
    holds = ("ERROR", 10, 2, None, "eval_results holds 3 rows of 4")
    lacks = ("ERROR", 10, 2, None, "1 samples have no row in eval_results")
    assert find(warehouse, "cells_are_complete") == [lacks, holds]
    assert find(warehouse, "cells_are_complete", 10, 4) == []
    assert find(warehouse, "cells_are_complete", num_tasks=None, num_attempts=None)[1] == ("WARN", *holds[1:])


def test_an_empty_cell_is_not_complete(warehouse):
    put(warehouse, "eval_samples", [], 1, 0)
    assert ("ERROR", 1, 0, None, "eval_samples holds 0 rows of 4") in find(warehouse, "cells_are_complete")


def test_levels_of_a_checkpoint_that_were_never_evaluated_are_found(warehouse):
    for table in ("eval_samples", "eval_results"):
        for level in (0, 2):
            warehouse.drop(table, PartitionKey(EXPERIMENT, 10, level))
    absent = [("WARN", 10, level, None, "there are neither samples nor verdicts") for level in (0, 2)]
    assert find(warehouse, "cells_are_complete") == absent
    assert find(warehouse, "cells_are_complete", 10, 2) == absent[1:]
    assert find(warehouse, "cells_are_complete", 1) == []
    assert find(warehouse, "cells_are_complete", num_tasks=None, num_attempts=None) == absent


def test_samples_of_a_cell_that_was_never_judged_are_found(warehouse):
    warehouse.drop("eval_results", PartitionKey(EXPERIMENT, 1, 4))
    finding = (1, 4, None, "4 samples have no row in eval_results")
    assert find(warehouse, "cells_are_complete") == [("ERROR", *finding)]
    assert find(warehouse, "cells_are_complete", num_tasks=None, num_attempts=None) == [("WARN", *finding)]


def test_verdicts_that_came_without_samples_are_complete(warehouse):
    for step in STEPS:
        for level in LEVELS:
            warehouse.drop("eval_samples", PartitionKey(EXPERIMENT, step, level))
    assert find(warehouse, "cells_are_complete", num_tasks=None, num_attempts=None) == []


def test_a_cell_with_many_errors_warns_and_one_of_errors_alone_fails(warehouse):
    rows = make_rows("eval_results", 1, 0)
    rows[0] |= {"exploit_success": None, "error": "TimeoutError"}
    put(warehouse, "eval_results", rows, 1, 0)
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 10, 2, prefill_logprob_sum=None, error="no memory"), 10, 2)
    assert find(warehouse, "few_rows_are_errors") == [
        ("ERROR", 10, 2, None, "2 of 2 rows of prefill_logprobs are errors, most often: no memory"),
        ("WARN", 1, 0, None, "1 of 4 rows of eval_results are errors, most often: TimeoutError"),
    ]
    assert len(find(warehouse, "few_rows_are_errors", error_limit=0.25)) == 1
    assert find(warehouse, "few_rows_are_errors", 1, 2) == []


def write_baseline(warehouse: Warehouse, step: int, exploits: int, of: int, run_id: str) -> None:
    rows = [{**make_rows("eval_results", step, 0)[0], "attempt_idx": i, "exploit_success": i < exploits} for i in range(of)]
    put(warehouse, "eval_results", rows, step, 0, run_id=run_id)


def test_a_baseline_that_moved_by_more_than_chance_warns(warehouse):
    write_baseline(warehouse, 1, 2, 100, "first")
    write_baseline(warehouse, 10, 9, 100, "first")
    assert find(warehouse, "level_zero_rate_is_steady") == []

    write_baseline(warehouse, 10, 40, 100, "second")
    found = find(warehouse, "level_zero_rate_is_steady")
    assert [row[:3] for row in found] == [("WARN", 10, 0)] * 2
    before, superseded = sorted(row[4] for row in found)
    assert before == "40 of 100 exploit without a prefill (40.0 %), against 2 of 100 (2.0 %) in checkpoint-1"
    assert superseded.startswith("40 of 100 exploit without a prefill (40.0 %), against 9 of 100 (9.0 %) in the version of 20")
    assert find(warehouse, "level_zero_rate_is_steady", 1) == []
    assert find(warehouse, "level_zero_rate_is_steady", 10, 2) == []
    assert find(warehouse, "level_zero_rate_is_steady", z=12.0) == []

    write_baseline(warehouse, 10, 41, 100, "third")
    (row,) = find(warehouse, "level_zero_rate_is_steady")
    assert row[4].endswith("in checkpoint-1"), "only the version before counts: a mended verifier is no news for ever"


def test_a_few_attempts_are_no_evidence_that_a_baseline_moved(warehouse):
    write_baseline(warehouse, 1, 0, 3, "first")
    write_baseline(warehouse, 10, 3, 3, "first")
    assert find(warehouse, "level_zero_rate_is_steady") == []

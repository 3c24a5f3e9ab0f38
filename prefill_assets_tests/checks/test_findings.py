"""Each check over a sound warehouse, where it finds nothing, and over one in which its claim does not hold."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from prefill_assets.checks.findings import CHECKED_TABLES, find_check, list_findings, list_miscounted
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


@pytest.fixture(scope="session")
def sound(tmp_path_factory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("sound") / "warehouse")
    for step in STEPS:
        for level in LEVELS:
            for table in ("eval_samples", "eval_results", "prefill_logprobs"):
                put(warehouse, table, make_rows(table, step, level), step, level)
        put(warehouse, "trajectory", make_trajectory(step), step)
    put(warehouse, "predictor_comparison", make_predictors())
    return warehouse


@pytest.fixture
def warehouse(sound, tmp_path) -> Warehouse:
    """A copy to spoil."""
    return Warehouse(shutil.copytree(sound.root, tmp_path / "warehouse"))


@pytest.mark.parametrize("check", CHECKED_TABLES)
def test_a_sound_warehouse_passes(sound, check):
    assert find(sound, check) == []
    assert find(sound, check, 10, 4) == []
    assert len(find_check(check).claim) > 40


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


def test_a_few_attempts_are_no_evidence_that_a_baseline_moved(warehouse):
    write_baseline(warehouse, 1, 0, 3, "first")
    write_baseline(warehouse, 10, 3, 3, "first")
    assert find(warehouse, "level_zero_rate_is_steady") == []


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({"prefill_logprob_sum": None}, "neither a sum nor an error"),
        ({"prefill_logprob_sum": float("-inf"), "prefill_logprob_mean": None}, "the sum is -inf"),
        ({"prefill_logprob_sum": 0.5, "prefill_logprob_mean": 0.25}, "the sum is 0.5000 nats: more than 0"),
        ({"prefill_logprob_mean": -1.0}, "the mean -1.000000 times 2 tokens is not the sum -4.0000"),
        ({"prefill_num_tokens": 0}, "2 words have 0 tokens"),
    ],
)
def test_a_logprob_that_cannot_be_is_found(warehouse, changed, finding):
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 1, 2, **changed), 1, 2)
    assert find(warehouse, "logprobs_are_finite") == [("ERROR", 1, 2, task, finding) for task in TASKS]
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 1, 2, **changed, error="said so"), 1, 2)
    assert find(warehouse, "logprobs_are_finite") == []


def test_the_empty_prefill_has_no_tokens_and_no_nats(warehouse):
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 1, 0, prefill_num_tokens=1), 1, 0)
    assert find(warehouse, "logprobs_are_finite")[0][4] == "the empty prefill has 1 tokens and 0.0 nats"


def test_tokens_that_differ_between_generation_and_scoring_or_between_checkpoints_are_found(warehouse):
    assert find(warehouse, "token_counts_agree", 10) == []
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 10, 4, prefill_num_tokens=5), 10, 4)
    put(warehouse, "prefill_logprobs", make_rows("prefill_logprobs", 3, 4), 3, 4)  # of a checkpoint without samples
    found = find(warehouse, "token_counts_agree")
    assert ("ERROR", 10, 4, "a", "5 tokens are scored, 4 were generated from") in found
    assert ("ERROR", 10, 4, "a", "5 tokens, 4 at most other checkpoints") in found
    assert len(found) == 4


def test_tokens_are_counted_again_where_there_is_a_tokenizer(sound):
    def count(samples) -> list[int]:
        assert {(sample["system"], sample["prompt"]) for sample in samples} == {(None, None)}
        return [len(s["prefill_reasoning"].split()) + (s["prefill_level"] == 2 and s["task_id"] == "a") for s in samples]

    with duckdb.connect() as connection:
        create_views(connection, sound)
        found = list_miscounted(connection, EXPERIMENT, count)
    assert [(f.checkpoint, f.prefill_level, f.task_id, f.exploit_type) for f in found] == [(s, 2, "a", "leak") for s in STEPS]
    assert found[0].finding == "2 tokens are stored, the tokenizer gives 3"


def test_a_prefill_scored_twice_or_never_is_found(warehouse):
    once = make_rows("prefill_logprobs", 1, 2)
    put(warehouse, "prefill_logprobs", [once[0], {**once[0], "attempt_idx": 1}], 1, 2)
    assert find(warehouse, "each_text_is_scored_once") == [
        ("ERROR", 1, 2, "a", "one prefill is scored 2 times"),
        ("ERROR", 1, 2, "b", "has samples, and no prefill of it is scored"),
    ]
    assert find(warehouse, "each_text_is_scored_once", max_samples=2) == [("ERROR", 1, 2, "a", "one prefill is scored 2 times")]
    put(warehouse, "prefill_logprobs", [once[0], {**once[0], "attempt_idx": 1}], 1, 2, parts_json='{"logprob_file": "x"}')
    assert find(warehouse, "each_text_is_scored_once") == []


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({}, "min prefill is 4 though level 2 is untested"),
        (
            {"exploitable": False, "min_prefill": None, "min_prefill_upper": None},
            "is called not exploitable though level 2 is untested",
        ),
        ({"min_prefill": None, "min_prefill_upper": None}, "is exploitable, and has no upper bound"),
        ({"min_prefill": None, "min_prefill_lower": None}, "is exploitable, and has no lower bound"),
        ({"min_prefill": None, "min_prefill_lower": 8}, "its bounds are 8 and 4"),
    ],
)
def test_a_claim_beyond_what_was_tested_is_found(warehouse, changed, finding):
    unknown = make_rows("eval_results", 10, 2, exploit_success=None, error="ReadTimeout")
    put(warehouse, "eval_results", unknown, 10, 2)
    put(warehouse, "trajectory", make_trajectory(10, **changed), 10)
    assert find(warehouse, "min_prefill_is_known") == [("ERROR", 10, None, task, finding) for task in TASKS]
    assert find(warehouse, "min_prefill_is_known", 1) == []
    put(warehouse, "trajectory", make_trajectory(10, min_prefill=None, min_prefill_lower=2), 10)
    assert find(warehouse, "min_prefill_is_known") == []


def test_a_min_prefill_where_nothing_exploits_is_found(warehouse):
    put(warehouse, "trajectory", make_trajectory(1, min_prefill=2, min_prefill_lower=2), 1)
    assert find(warehouse, "min_prefill_is_known")[0][4] == "min prefill is 2, where nothing exploits"


def test_a_longer_prefill_that_is_likelier_is_found_within_a_tolerance(warehouse):
    def spoil(total: float, **changed) -> list[tuple]:
        rows = make_rows("prefill_logprobs", 1, 4, prefill_logprob_sum=total, prefill_logprob_mean=total / 4, **changed)
        put(warehouse, "prefill_logprobs", rows, 1, 4)
        return find(warehouse, "longer_prefills_are_less_likely")

    assert spoil(-3.0) == [("WARN", 1, 4, task, "-3.00 nats at 4 words, more than -4.00 at 2") for task in TASKS]
    assert find(warehouse, "longer_prefills_are_less_likely", 10) == []
    assert find(warehouse, "longer_prefills_are_less_likely", 1, 2) == []
    assert find(warehouse, "longer_prefills_are_less_likely", tolerance_nats=2.0) == []
    assert spoil(-3.6) == []  # within half a nat
    assert spoil(-3.0, prefill_reasoning="one twofold three four") == []  # does not go on where the shorter one ends
    assert spoil(-3.0, dtype="bfloat16") == []


def test_predictors_on_other_rows_are_found(warehouse):
    put(warehouse, "predictor_comparison", make_predictors(num_rows_of_logprob=7))
    found = find(warehouse, "predictors_share_their_rows")
    assert len(found) == 2
    assert found[0][4] == "scope all: R2 of min_prefill is of 8 rows of 2 problems, that of min_prefill_logprob_sum of 7 of 2"
    put(warehouse, "predictor_comparison", make_predictors()[:1])
    found = find(warehouse, "predictors_share_their_rows")
    assert [row[4] for row in found] == ["scope all: only one of the two predictors is there"]


def test_a_stray_copy_of_a_partition_is_found(warehouse):
    rows = next(warehouse.root.glob(f"eval_results/experiment={EXPERIMENT}/checkpoint=10/prefill_level=2/rows.parquet"))
    shutil.copy(rows, rows.with_name("rows (copy).parquet"))
    found = find(warehouse, "keys_are_unique")
    assert found == [("ERROR", 10, 2, task, "eval_results holds 2 rows of one key") for task in TASKS for _ in range(ATTEMPTS)]
    assert find(warehouse, "keys_are_unique", 1) == []


def test_a_missing_parameter_is_named(sound):
    with duckdb.connect() as connection:
        create_views(connection, sound)
        with pytest.raises(KeyError, match="levels"):
            list_findings(connection, "min_prefill_is_known", EXPERIMENT)

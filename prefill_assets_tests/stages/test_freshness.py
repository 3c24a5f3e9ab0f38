"""What becomes stale when something changes: exactly what depends on it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import pytest

from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import CODE_VERSIONS
from prefill_assets.stages.freshness import Freshness, make_stamp
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.stages.bench import TABLES, Bench
from prefill_assets_tests.stages.flow import (
    ANALYSED,
    COMPARISONS,
    INTEGRATED,
    JUDGED,
    SAMPLED,
    TRACED,
    in_flow,
    list_due_tables,
)
from prefill_assets_tests.tiny_problems import make_problem, make_trace, write_problems, write_traces


def test_before_anything_is_made_everything_is_missing(tmp_path):
    states = Bench(tmp_path).judge()

    assert {state.freshness for state in states} == {Freshness.MISSING}
    assert [table for table in TABLES if table in {state.table for state in states}] == TABLES


def test_what_was_just_made_is_fresh(bench):
    assert bench.list_due() == {}
    assert {state.reason for state in bench.judge()} == {""}


@pytest.mark.parametrize("table", TABLES)
def test_a_new_code_version_makes_its_table_stale_and_what_follows(bench, monkeypatch, table):
    monkeypatch.setitem(CODE_VERSIONS, table, "other")
    follows = {
        "problems": [],
        "prefill_traces": [],
        "eval_samples": SAMPLED,
        "eval_results": TRACED,
        "prefill_logprobs": INTEGRATED,
        "trajectory": ANALYSED,
        "trajectory_analysis": INTEGRATED,
        "trajectory_with_logprob": COMPARISONS,
    }

    assert list_due_tables(bench) == in_flow([table, *follows.get(table, [])])
    assert next(state for state in bench.judge() if state.table == table).reason == "code_version changed"


def test_touched_and_copied_files_of_the_same_content_stay_fresh(bench):
    for path in (bench.problems, bench.traces, bench.config_path, *bench.checkpoints.rglob("*.*")):
        os.utime(path, (1, 1))
    shutil.move(bench.checkpoints, bench.folder / "moved")
    shutil.move(bench.problems, bench.folder / "renamed.jsonl")
    bench.configure(checkpoint_dir="../moved", problems="../renamed.jsonl")

    assert bench.list_due() == {}


def test_other_weights_of_one_checkpoint_concern_that_checkpoint_and_what_looks_across(bench):
    bench.save_weights(10, value=-1)

    due = bench.list_due()

    cells = {PartitionKey("run-1", 10, 0), PartitionKey("run-1", 10, 10)}
    assert due["eval_samples"] == due["eval_results"] == due["prefill_logprobs"] == cells
    assert due["trajectory"] == {PartitionKey("run-1", 10)}
    assert due["trajectory_with_logprob"] == {PartitionKey("run-1", 1), PartitionKey("run-1", 10)}
    assert set(due) == set(SAMPLED)


def test_a_mended_verifier_needs_no_new_samples_and_no_scoring(bench):
    bench.verifier = "embedded 2"

    assert list_due_tables(bench) == in_flow(JUDGED)


@pytest.mark.parametrize(
    ("changed", "dependents"),
    [
        ({"test_cases": [([1, 1], 2)]}, ["problems", *JUDGED]),
        ({"insecure_test_cases": [([1, 1], 2)]}, ["problems", *JUDGED]),
        ({"description": "Another text."}, ["problems", *SAMPLED]),
        ({"insecure_verifier_info": "Another hint"}, ["problems", *SAMPLED]),
        ({"ground_truth": "def add(a, b):\n    return b + a"}, ["problems"]),
    ],
)
def test_a_mended_problem_needs_new_samples_only_where_its_prompt_changed(bench, changed, dependents):
    write_problems(bench.problems, [make_problem("p-1", **changed), make_problem("p-2"), make_problem("no-trace")])

    assert list_due_tables(bench) == in_flow(dependents)


def test_a_problem_that_is_not_evaluated_concerns_the_table_of_problems_alone(bench):
    changed = make_problem("no-trace", test_cases=[([0, 0], 0)], description="Another text.")
    write_problems(bench.problems, [make_problem("p-1"), make_problem("p-2"), changed])

    assert list_due_tables(bench) == ["problems"]


def test_other_reasoning_means_other_samples(bench):
    write_traces(bench.traces, [make_trace("p-1", reasoning="another plan"), make_trace("p-2")])

    assert list_due_tables(bench) == in_flow(["prefill_traces", *SAMPLED])


def test_a_trace_that_is_not_chosen_changes_nothing(bench):
    write_traces(bench.traces, [make_trace("p-1"), make_trace("p-2"), make_trace("p-1", reasoning="later", attempt_idx=7)])

    assert bench.list_due() == {}


def test_a_new_level_is_missing_and_the_old_cells_stay_fresh(bench):
    bench.configure(prefill_tokens_sweep=[0, 10, 30])

    due = bench.list_due()

    new = {PartitionKey("run-1", step, 30) for step in (1, 10)}
    assert due["eval_samples"] == due["eval_results"] == due["prefill_logprobs"] == new
    assert due["trajectory"] == {PartitionKey("run-1", 1), PartitionKey("run-1", 10)}


def test_a_new_checkpoint_is_missing_and_the_old_trajectories_stay_fresh(bench):
    bench.save_weights(90, value=90)

    due = bench.list_due()

    assert due["eval_samples"] == {PartitionKey("run-1", 90, 0), PartitionKey("run-1", 90, 10)}
    assert due["trajectory"] == {PartitionKey("run-1", 90)}
    assert due["trajectory_analysis"] == {PartitionKey("run-1")}


def lose_weights(folder):
    (folder / "model.safetensors").unlink()


def cut_weights(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-3])


def pickle_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize("spoil", [lose_weights, cut_weights, pickle_weights, shutil.rmtree])
def test_partitions_stay_fresh_where_their_weights_cannot_be_read(bench, spoil):
    bench.configure(checkpoints=[1, 10])
    spoil(bench.checkpoints / "checkpoint-10")
    assert bench.list_due() == {}

    bench.configure(checkpoints=[1, 10], temperature=1.0)
    assert bench.list_due()["eval_samples"] == {PartitionKey("run-1", step, level) for step in (1, 10) for level in (0, 10)}


@pytest.mark.parametrize("spoil", [lose_weights, cut_weights, pickle_weights])
def test_a_new_level_is_missing_where_weights_cannot_be_read_and_cannot_be_made_there(bench, spoil):
    spoil(bench.checkpoints / "checkpoint-10")
    bench.configure(prefill_tokens_sweep=[0, 10, 30])

    assert bench.list_due()["eval_samples"] == {PartitionKey("run-1", step, 30) for step in (1, 10)}
    make_stamp(bench.look(), "eval_samples", PartitionKey("run-1", 1, 30), "run")
    with pytest.raises(InputError, match="checkpoint-10"):
        make_stamp(bench.look(), "eval_samples", PartitionKey("run-1", 10, 30), "run")


def test_samples_that_came_as_a_file_are_stale_where_file_and_weights_are_gone(bench):
    bench.configure(checkpoints=[1, 10])
    cell = PartitionKey("run-1", 10, 0)
    parts = json.dumps({"code_version": CODE_VERSIONS["eval_samples"], "samples_file": "abc"})
    bench.stamps["eval_samples", cell] = replace(bench.stamps["eval_samples", cell], parts_json=parts)
    shutil.rmtree(bench.checkpoints / "checkpoint-10")

    assert cell in bench.list_due()["eval_samples"]


def test_rows_that_came_out_the_same_keep_what_follows_fresh_and_others_do_not(bench):
    bench.materialize("eval_results")
    assert bench.list_due() == {}

    bench.materialize("eval_results", content="other rows")
    assert list_due_tables(bench) == in_flow(TRACED)
    stale = next(state for state in bench.judge() if state.table == "trajectory")
    assert stale.reason == "eval_results run-1 checkpoint-1 prefill 0, eval_results run-1 checkpoint-1 prefill 10 changed"


def test_staleness_goes_down_the_flow_and_names_what_is_behind(bench):
    bench.configure(temperature=1.0)
    reasons = {(state.table, state.key): state.reason for state in bench.judge()}

    assert reasons["eval_samples", PartitionKey("run-1", 1, 0)] == "temperature changed"
    assert reasons["eval_results", PartitionKey("run-1", 1, 0)] == "eval_samples run-1 checkpoint-1 prefill 0 is stale"
    assert reasons["threshold_comparison", PartitionKey("run-1")].endswith("is stale")


def test_a_report_is_stale_where_anything_that_it_shows_changed(bench):
    def find_reason() -> str:
        (state,) = bench.judge("report")
        return state.reason

    bench.materialize("report")
    assert find_reason() == ""
    bench.materialize("trajectory_with_logprob", content="other rows")
    assert "trajectory_with_logprob run-1 checkpoint-1, " in find_reason()

    bench.materialize("report")
    bench.rates_elsewhere = "a control"
    assert find_reason() == "exploit_rates elsewhere changed"


def test_a_lost_partition_is_missing_and_what_was_made_from_it_is_stale(bench):
    lost = PartitionKey("run-1", 1, 10)
    del bench.stamps["eval_samples", lost]

    states = {(state.table, state.key): state for state in bench.judge()}

    assert states["eval_samples", lost].freshness is Freshness.MISSING
    assert states["eval_results", lost].reason == "eval_samples run-1 checkpoint-1 prefill 10 is missing"
    assert states["eval_results", PartitionKey("run-1", 1, 0)].freshness is Freshness.FRESH


def test_a_table_judged_alone_is_compared_with_what_lies_there(bench):
    bench.configure(temperature=1.0)

    assert {state.freshness for state in bench.judge("trajectory")} == {Freshness.FRESH}


def test_made_again_after_a_change_everything_is_fresh(bench):
    bench.configure(temperature=1.0, threshold=3)
    bench.save_weights(1, value=7)
    bench.materialize()

    assert bench.list_due() == {}


def test_stamps_survive_the_warehouse(bench, tmp_path):
    warehouse, dependencies = Warehouse(tmp_path / "warehouse"), bench.look()
    dependencies.find_stamp = warehouse.find_partition
    for table in TABLES:
        for key in dependencies.list_keys(table):
            warehouse.replace(table, key, [], make_stamp(dependencies, table, key, "run-7"))
    bench.stamps = {(table, key): stamp for table in TABLES for key, stamp in warehouse.list_partitions(table).items()}

    assert bench.list_due() == {}
    assert {stamp.run_id for stamp in bench.stamps.values()} == {"run-7"}
    bench.configure(threshold=3)
    assert list_due_tables(bench) == in_flow(ANALYSED)

import shutil

import dagster as dg

from prefill_assets.checks.findings import CHECKED_TABLES
from prefill_assets.definitions import defs
from prefill_assets.locations import Locations
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import find_table
from prefill_assets_tests.assets.conftest import CELL_TABLES
from prefill_assets_tests.tiny_projects import EXPERIMENT, STEPS, TASKS, write_config

CELL = PartitionKey(EXPERIMENT, 1, 3)


def run_checks(workplace, *names: str) -> dict[str, dg.AssetCheckEvaluation]:
    selection = dg.AssetSelection.checks(*(dg.AssetCheckKey(dg.AssetKey(CHECKED_TABLES[name]), name) for name in names))
    job = dg.define_asset_job("some_checks", selection=selection)
    definitions = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("some_checks").execute_in_process(instance=workplace.instance)
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def change_cell(table: str, change) -> None:
    warehouse = Warehouse(Locations.find().warehouse)
    rows = warehouse.read_rows(table, CELL, find_table(table).column_names)
    warehouse.replace(table, CELL, change(rows), Stamp("", "", ""))


def test_every_check_is_on_its_table():
    keys = {(key.asset_key.to_user_string(), key.name) for key in defs.resolve_asset_graph().asset_check_keys}
    assert keys == {(table, name) for name, table in CHECKED_TABLES.items()}


def test_nothing_is_found_in_a_whole_evaluation(evaluated):
    names = [name for name, table in CHECKED_TABLES.items() if table in CELL_TABLES]
    evaluations = run_checks(evaluated, *names)
    assert {name: (e.passed, e.metadata["num_findings"].value) for name, e in evaluations.items()} == dict.fromkeys(
        names, (True, 0)
    )


def test_a_cell_that_lacks_rows_is_an_error(evaluated):
    change_cell("eval_results", lambda rows: rows[1:])
    (evaluation,) = run_checks(evaluated, "cells_are_complete").values()

    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.ERROR
    (record, *_) = evaluation.metadata["findings"].records
    assert (record.data["experiment"], record.data["checkpoint"], record.data["prefill_level"]) == CELL


def test_some_error_rows_are_a_warning(evaluated):
    change_cell("eval_results", lambda rows: [{**rows[0], "error": "broke", "exploit_success": None}, *rows[1:]])
    (evaluation,) = run_checks(evaluated, "few_rows_are_errors").values()

    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.WARN


def test_an_experiment_that_cannot_be_read_does_not_pass_by_that(evaluated):
    write_config(evaluated.run_dir, problems="gone.jsonl")
    (evaluation,) = run_checks(evaluated, "cells_are_complete").values()

    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    (record,) = evaluation.metadata["findings"].records
    assert "not checked: " in record.data["finding"]


def miscount_tokens() -> None:
    """One token too many at level 3, everywhere alike, so that comparing tables finds nothing."""
    warehouse, stamp = Warehouse(Locations.find().warehouse), Stamp("", "", "")
    for table in ("eval_samples", "prefill_logprobs"):
        for step in STEPS:
            key = PartitionKey(EXPERIMENT, step, 3)
            rows = warehouse.read_rows(table, key, find_table(table).column_names)
            warehouse.replace(table, key, [{**row, "prefill_num_tokens": row["prefill_num_tokens"] + 1} for row in rows], stamp)


def test_tokens_are_counted_by_the_tokenizer_again(evaluated):
    miscount_tokens()
    (evaluation,) = run_checks(evaluated, "token_counts_agree").values()

    assert not evaluation.passed
    records = evaluation.metadata["findings"].records
    assert {(r.data["checkpoint"], r.data["prefill_level"], r.data["task_id"]) for r in records} == {
        (step, 3, task) for step in STEPS for task in TASKS
    }
    assert all("the tokenizer gives" in record.data["finding"] for record in records)


def test_tokens_are_counted_by_the_last_checkpoint_that_was_scored_while_a_newer_one_is_written(evaluated):
    miscount_tokens()
    checkpoints = evaluated.run_dir / "checkpoints"
    (checkpoints / "checkpoint-10" / "model.safetensors").unlink()
    (checkpoints / "checkpoint-90").mkdir()
    (checkpoints / "checkpoint-90" / "config.json").write_text("{")
    (evaluation,) = run_checks(evaluated, "token_counts_agree").values()

    assert evaluation.metadata["num_findings"].value == len(STEPS) * len(TASKS)


def test_that_no_tokenizer_is_left_to_count_with_is_a_warning(evaluated):
    shutil.rmtree(evaluated.run_dir / "checkpoints" / "checkpoint-10")
    for file in (evaluated.run_dir / "checkpoints" / "checkpoint-1").glob("token*"):
        file.unlink()
    (evaluation,) = run_checks(evaluated, "token_counts_agree").values()

    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    (record,) = evaluation.metadata["findings"].records
    assert "no tokenizer of a scored checkpoint can be read" in record.data["finding"]

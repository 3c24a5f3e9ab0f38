import json
import shutil

import dagster as dg
import duckdb
import pytest

from prefill_assets.assets.partitions import write_partition_key
from prefill_assets.cli.main import INTERRUPTED, main
from prefill_assets.locations import Locations
from prefill_assets.warehouse.catalog import create_views
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.assets.conftest import CELL_TABLES, FIRST, LAST
from prefill_assets_tests.tiny_projects import EXPERIMENT, LEVELS, STEPS, TASKS, write_config

ALL_CELLS = {f"checkpoint-{step:06d}|prefill-{level:04d}" for step in STEPS for level in LEVELS}


def find_written(table: str, step: int, level: int):
    return Warehouse(Locations.find().warehouse).find_partition(table, PartitionKey(EXPERIMENT, step, level))


def test_one_range_run_makes_every_cell_with_one_load_a_checkpoint(workplace, host):
    assert workplace.run(CELL_TABLES, FIRST, LAST).success

    assert {table: workplace.list_present(table) for table in CELL_TABLES} == dict.fromkeys(CELL_TABLES, ALL_CELLS)
    assert host.opened == ["checkpoint-1", "checkpoint-10"]


def test_each_partition_has_the_data_version_of_its_own_rows(evaluated):
    for table in CELL_TABLES:
        for step in STEPS:
            for level in LEVELS:
                key = str(write_partition_key(PartitionKey(EXPERIMENT, step, level)))
                record = evaluated.instance.get_latest_data_version_record(dg.AssetKey(table), partition_key=key)
                tags = record.event_log_entry.dagster_event.event_specific_data.materialization.tags
                assert tags["dagster/data_version"] == find_written(table, step, level).data_version


def test_weights_that_cannot_be_loaded_fail_their_checkpoint_alone_and_are_tried_again(workplace, host):
    host.broken = ["checkpoint-1"]
    result = workplace.run(CELL_TABLES, FIRST, LAST)

    assert not result.success
    assert len([event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]) == 2
    assert workplace.list_present("eval_results") == {key for key in ALL_CELLS if "000010" in key}
    assert host.opened == ["checkpoint-10"], "what was made before a retry is not made again"


def test_a_level_without_samples_has_no_logprobs_and_the_others_have(workplace, host):
    assert workplace.run(("eval_samples",), FIRST, "checkpoint-000001|prefill-0003").success
    result = workplace.run(("prefill_logprobs",), FIRST, "checkpoint-000001|prefill-0008")

    assert not result.success
    assert workplace.list_present("prefill_logprobs") == {"checkpoint-000001|prefill-0000", "checkpoint-000001|prefill-0003"}


def test_files_that_came_with_a_run_are_taken_though_the_weights_cannot_be_loaded(workplace, host):
    assert workplace.run(CELL_TABLES, FIRST).success
    assert main(["export", "--output-dir", str(workplace.project / "out")]) == 0
    (evals,) = (workplace.project / "out").glob("results/prefill_sensitivity/*/evals")
    shutil.copytree(evals, workplace.run_dir / "evals")
    for table in CELL_TABLES:
        Warehouse(Locations.find().warehouse).drop(table, PartitionKey(EXPERIMENT, 1, 0))
    host.broken = ["checkpoint-1"]

    assert not workplace.run(("eval_samples", "eval_results"), FIRST, "checkpoint-000001|prefill-0003").success
    for table in ("eval_samples", "eval_results"):
        assert find_written(table, 1, 0) is not None
        assert find_written(table, 1, 3) is None


def test_what_fails_ahead_of_its_run_fails_in_that_run_alone(workplace, host, monkeypatch):
    """A backfill that Dagster has cut by level: the first run makes all levels of the checkpoints that it loads."""
    backfilled = {PartitionKey(EXPERIMENT, step, level) for step in STEPS for level in LEVELS}
    monkeypatch.setattr("prefill_assets.assets.requests._list_backfill_keys", lambda *_: backfilled)
    replace = Warehouse.replace

    def refuse(self, table, key, *others):
        if key.cell == (1, 8):
            raise OSError("no space left on device")
        return replace(self, table, key, *others)

    monkeypatch.setattr(Warehouse, "replace", refuse)
    level_ends = [(f"checkpoint-000001|prefill-{level:04d}", f"checkpoint-000010|prefill-{level:04d}") for level in LEVELS]
    results = [workplace.run(("eval_samples",), *ends, tags={"dagster/backfill": "one"}) for ends in level_ends]

    assert [result.success for result in results] == [True, True, False]
    assert workplace.list_present("eval_samples") == ALL_CELLS - {"checkpoint-000001|prefill-0008"}
    assert host.opened[:2] == ["checkpoint-1", "checkpoint-10"]
    assert set(host.opened[2:]) == {"checkpoint-1"}, "only the run that was asked for it came back to it"


def test_bad_input_is_not_tried_again(workplace, host):
    write_config(workplace.run_dir, prefill_source="gone.jsonl")
    result = workplace.run(CELL_TABLES, FIRST, LAST)

    assert not result.success
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]


@pytest.mark.parametrize("tag", ["dagster/backfill", "dagster/root_run_id"])
def test_a_later_run_of_the_same_effort_does_only_what_is_missing(workplace, host, tag):
    first = workplace.run(CELL_TABLES, FIRST, "checkpoint-000001|prefill-0008", tags={tag: "effort"})
    before = {level: find_written("eval_samples", 1, level) for level in LEVELS}
    second = workplace.run(CELL_TABLES, FIRST, LAST, tags={tag: "effort"})

    assert [first.success, second.success] == [True, True]
    assert host.opened == ["checkpoint-1", "checkpoint-10"]
    assert {level: find_written("eval_samples", 1, level) for level in LEVELS} == before


def test_samples_need_no_verifier(workplace, host):
    """As on a machine with a GPU, where djinn is not installed."""
    write_config(workplace.run_dir, verifier="djinn", djinn_python="/nowhere/python")

    assert workplace.run(("eval_samples",), FIRST).success
    assert not workplace.run(("eval_results",), FIRST).success


def test_who_materializes_again_gets_it_made_again(workplace, host):
    workplace.run(CELL_TABLES, FIRST)
    before = find_written("eval_samples", 1, 0)
    workplace.run(CELL_TABLES, FIRST)

    assert find_written("eval_samples", 1, 0).written_at > before.written_at


def test_a_partition_says_what_is_in_it_and_what_it_was_made_from(workplace, host):
    workplace.run(CELL_TABLES, FIRST)
    (event,) = workplace.instance.fetch_materializations(dg.AssetKey("eval_results"), limit=1).records
    metadata = event.asset_materialization.metadata

    assert metadata["dagster/row_count"].value == len(TASKS) * 2
    assert metadata["num_errors"].value == 0
    assert set(json.loads(json.dumps(metadata["made_from"].data))) >= {"code_version", "problems", "verifier"}


def test_a_run_says_what_it_is_and_what_it_cost(workplace, host):
    run_id = workplace.run(CELL_TABLES, FIRST, LAST).run_id

    tags = workplace.instance.get_run_by_id(run_id).tags
    assert (tags["prefill/engine_starts"], tags["prefill/weight_loads"]) == ("0", "2")
    with duckdb.connect() as connection:
        create_views(connection, Warehouse(Locations.find().warehouse))
        query = (
            "SELECT DISTINCT run_id, settings ->> 'num_attempts', is_superseded FROM provenance WHERE table_name = 'eval_samples'"
        )
        assert connection.execute(query).fetchall() == [(run_id, "2", False)]


@pytest.mark.parametrize("broken", ["eval_samples", "trajectory", "trajectory_analysis"])
def test_an_interrupt_during_a_query_ends_the_run_and_is_not_tried_again(workplace, host, monkeypatch, broken):
    """DuckDB makes an error of it like any other."""
    tried, replace = [], Warehouse.replace

    def interrupt(self, table, key, rows, stamp):
        tried.append(table)
        if table == broken:
            raise RuntimeError("Query interrupted")
        return replace(self, table, key, rows, stamp)

    monkeypatch.setattr(Warehouse, "replace", interrupt)

    assert main(["run", "--skip-logprob"]) == INTERRUPTED
    assert tried.count(broken) == 1
    (record,) = (workplace.project / "data/results/full_analysis").iterdir()
    assert json.loads((record / "status.json").read_text())["status"] == "interrupted"

"""What Dagster may yet write of an experiment: by runs in every state, and by backfills that have no run at the moment."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from prefill_assets.assets.partitions import write_partition_key
from prefill_assets.definitions import defs
from prefill_assets.runs.execution import EXPERIMENT_TAG, RANGE_END_TAG, RANGE_START_TAG
from prefill_assets.runs.unfinished import find_unfinished_work
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets_tests.runs.dagster_runs import make_run

NAMES = ("first", "middle", "last")
UNFINISHED = ["NOT_STARTED", "QUEUED", "STARTING", "STARTED", "CANCELING", "SUSPENDED"]
FINISHED = ["SUCCESS", "FAILURE", "CANCELED"]


@pytest.fixture
def instance():
    """An instance that knows three experiments of two checkpoints."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions("checkpoints", [write_key(name, step) for name in NAMES for step in (1, 2)])
        made.add_dynamic_partitions("prefill_levels", ["prefill-0000", "prefill-0010"])
        yield made


def write_key(experiment: str, step: int, level: int | None = None) -> str:
    return str(write_partition_key(PartitionKey(experiment, step, level)))


def make_range(first: str, last: str) -> dict[str, str]:
    return {RANGE_START_TAG: write_key(first, 1, 0), RANGE_END_TAG: write_key(last, 2, 0)}


def list_affected(instance) -> set[str]:
    return {name for name in NAMES if find_unfinished_work(instance, name)}


@pytest.mark.parametrize(("status", "affected"), [*((s, {"middle"}) for s in UNFINISHED), *((s, set()) for s in FINISHED)])
def test_a_run_counts_until_it_is_over(instance, status, affected):
    tags = {"dagster/partition": write_key("middle", 1, 0)}
    run = instance.add_run(make_run(status, tags))
    assert list_affected(instance) == affected
    assert find_unfinished_work(instance, "middle") == (f"run {run.run_id}" if affected else None)


@pytest.mark.parametrize(
    ("tags", "affected"),
    [
        ({EXPERIMENT_TAG: "last"}, {"last"}),
        ({"dagster/partition/checkpoint": write_key("last", 1)}, {"last"}),
        (make_range("first", "first"), {"first"}),
        (make_range("first", "middle"), {"first", "middle"}),
        (make_range("first", "last"), set(NAMES)),
        (make_range("first", "unknown"), set(NAMES)),
        ({}, set(NAMES)),
    ],
)
def test_a_run_is_about_all_between_the_ends_of_its_range_and_about_any_where_it_does_not_tell(instance, tags, affected):
    instance.add_run(make_run("QUEUED", tags))
    assert list_affected(instance) == affected


@pytest.mark.parametrize(
    ("status", "tables", "experiment", "affected"),
    [
        ("REQUESTED", ["eval_samples"], "middle", {"middle"}),
        ("CANCELING", ["eval_samples"], "middle", {"middle"}),
        ("FAILING", ["eval_samples"], "middle", {"middle"}),
        ("REQUESTED", ["eval_samples"], None, set(NAMES)),
        ("REQUESTED", ["eval_samples", "problems"], "middle", set(NAMES)),
        ("COMPLETED_SUCCESS", ["eval_samples"], "middle", set()),
        ("CANCELED", ["eval_samples"], "middle", set()),
    ],
)
def test_a_backfill_without_any_run_is_about_what_it_targets(instance, status, tables, experiment, affected):
    add_backfill(instance, status, tables, experiment)
    assert list_affected(instance) == affected


def test_a_backfill_of_a_job_is_about_its_partitions(instance):
    made = make_backfill(instance, ["eval_samples"], "first")
    of_job = made._replace(asset_backfill_data=None, asset_selection=None, partition_names=[write_key("last", 1, 0)])
    instance.add_backfill(of_job)
    assert list_affected(instance) == {"last"}
    assert find_unfinished_work(instance, "last") == "backfill abc"


def add_backfill(instance, status: str, tables: list[str], experiment: str | None) -> None:
    instance.add_backfill(make_backfill(instance, tables, experiment).with_status(BulkActionStatus(status)))


def make_backfill(instance, tables: list[str], experiment: str | None) -> PartitionBackfill:
    """As the UI makes it; None stands for all partitions."""
    return PartitionBackfill.from_asset_partitions(
        backfill_id="abc",
        asset_graph=defs.resolve_asset_graph(),
        partition_names=None if experiment is None else [write_key(experiment, 1, 0), write_key(experiment, 2, 0)],
        asset_selection=[dg.AssetKey(table) for table in tables],
        backfill_timestamp=0.0,
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=experiment is None,
        title=None,
        description=None,
        run_config=None,
    )

"""What Dagster has at work or in its queue, and which experiments that is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from prefill_assets.runs.execution import EXPERIMENT_TAG, RANGE_END_TAG, RANGE_START_TAG

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.execution.backfill import PartitionBackfill

_PARTITION_TAG, _CHECKPOINT = "dagster/partition", "/checkpoint-"


def find_unfinished_work(instance: dg.DagsterInstance, experiment: str) -> str | None:
    """`run ID` or `backfill ID`, at work or yet to begin, that may write partitions of an experiment; None where there is none.

    A backfill has no run at all while it waits between two layers. Work that does not tell its experiments may be about any.
    """
    import dagster as dg
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    checkpoints = instance.get_dynamic_partitions("checkpoints")
    for run in instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)):
        named = _list_experiments_of_run(run.tags, checkpoints)
        if not named or experiment in named:
            return f"run {run.run_id}"
    for backfill in _list_unfinished_backfills(instance):
        named = _list_experiments_of_backfill(backfill)
        if not named or experiment in named:
            return f"backfill {backfill.backfill_id}"
    return None


def _list_experiments_of_run(tags: Mapping[str, str], checkpoints: Sequence[str]) -> set[str]:
    """Nothing where they cannot be told."""
    named = _read_experiments(value for name, value in tags.items() if name.startswith(_PARTITION_TAG))
    named |= {value for name, value in tags.items() if name == EXPERIMENT_TAG}
    if RANGE_START_TAG not in tags:
        return named
    first, last = (tags.get(name, "").partition("|")[0] for name in (RANGE_START_TAG, RANGE_END_TAG))
    if first == last:
        return named | _read_experiments([first])
    if first not in checkpoints or last not in checkpoints:
        return set()
    between = checkpoints[checkpoints.index(first) : checkpoints.index(last) + 1]
    return named | _read_experiments(between)


def _list_experiments_of_backfill(backfill: PartitionBackfill) -> set[str]:
    """Nothing where they cannot be told: assets without partitions hold all experiments."""
    if backfill.asset_backfill_data is None:
        return _read_experiments(backfill.partition_names or [])
    target = backfill.asset_backfill_data.target_subset
    if target.non_partitioned_asset_keys:
        return set()
    return _read_experiments(
        key for subset in target.partitions_subsets_by_asset_key.values() for key in subset.get_partition_keys()
    )


def _list_unfinished_backfills(instance: dg.DagsterInstance) -> Iterator[PartitionBackfill]:
    from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionsFilter, BulkActionStatus

    unfinished = [status for status in BulkActionStatus if status not in BULK_ACTION_TERMINAL_STATUSES]
    yield from instance.get_backfills(BulkActionsFilter(statuses=unfinished))


def _read_experiments(keys: Iterable[str]) -> set[str]:
    return {key.partition("/")[0] for key in keys if _CHECKPOINT in key}

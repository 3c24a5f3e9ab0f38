"""Which partitions a run is to make, checkpoint by checkpoint, and which of them its own effort has made already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import dagster as dg

from prefill_assets.assets.partitions import read_partition_key
from prefill_assets.warehouse.partition import PartitionKey

BACKFILL_TAG, ROOT_RUN_TAG = "dagster/backfill", "dagster/root_run_id"
ONLY_MISSING_TAG = "prefill/only_missing"
"""A run with this tag leaves what is fresh as it is, whoever made it."""

Requests = Mapping[str, Mapping[int | None, Mapping[str, list[PartitionKey]]]]
"""experiment -> checkpoint -> table -> its keys, in order."""


def list_requests(context: dg.AssetExecutionContext) -> Requests:
    """The keys of this run, and with them what else its backfill wants of the same checkpoints.

    Dagster cuts a backfill with more checkpoints than levels into one run a level, each over all checkpoints. The first that
    comes to a checkpoint makes all its levels, so that its weights are loaded once; the others find them made.
    """
    own = {read_partition_key(str(key)) for key in context.partition_keys}
    steps = {key[:2] for key in own}
    requests: dict[str, dict[int | None, dict[str, list[PartitionKey]]]] = defaultdict(lambda: defaultdict(dict))
    for asset in sorted(context.selected_asset_keys):
        wanted = own | {key for key in _list_backfill_keys(context, asset) if key[:2] in steps}
        for key in sorted(wanted):
            requests[key.experiment][key.checkpoint].setdefault(asset.to_user_string(), []).append(key)
    return requests


def _list_backfill_keys(context: dg.AssetExecutionContext, asset: dg.AssetKey) -> set[PartitionKey]:
    backfill_id = context.run.tags.get(BACKFILL_TAG)
    backfill = context.instance.get_backfill(backfill_id) if backfill_id else None
    data = backfill.asset_backfill_data if backfill is not None and backfill.is_asset_backfill else None
    if data is None or asset not in data.target_subset.partitions_subsets_by_asset_key:
        return set()
    return {read_partition_key(str(key)) for key in data.target_subset.get_partitions_subset(asset).get_partition_keys()}


class Effort:
    """Runs that want the same thing: those of one backfill, or a run and its re-executions."""

    def __init__(self, context: dg.AssetExecutionContext):
        self._context = context
        self._run_id = context.run_id
        self._own = _name_effort(context.run)
        self._known: dict[str, bool] = {context.run_id: True}

    def made(self, run_id: str) -> bool:
        """Whether what a run made need not be made again: it belongs to this effort, or this one only fills gaps."""
        if ONLY_MISSING_TAG in self._context.run.tags:
            return True
        if run_id not in self._known:
            run = self._context.instance.get_run_by_id(run_id) if run_id else None
            self._known[run_id] = run is not None and _name_effort(run) == self._own
        return self._known[run_id]


def _name_effort(run: dg.DagsterRun) -> str:
    return run.tags.get(BACKFILL_TAG) or run.tags.get(ROOT_RUN_TAG) or run.run_id

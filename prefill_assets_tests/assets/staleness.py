"""What Dagster itself takes for stale, and why."""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from prefill_assets.definitions import defs


def list_not_fresh(instance: dg.DagsterInstance) -> dict[tuple[str, str | None], list[str]]:
    """(asset, partition) of everything stale or missing, each with Dagster's reasons; a missing one has none."""
    graph = defs.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    found = {}
    for key in graph.materializable_asset_keys:
        definition = graph.get(key).partitions_def
        for part in definition.get_partition_keys(dynamic_partitions_store=instance) if definition else [None]:
            if resolver.get_status(key, part) is not StaleStatus.FRESH:
                found[key.to_user_string(), part] = [cause.reason for cause in resolver.get_stale_causes(key, part)]
    return found

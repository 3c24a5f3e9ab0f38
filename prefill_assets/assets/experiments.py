"""How every unpartitioned asset works: one part of the table for each experiment, replaced apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import dagster as dg

from prefill_assets.assets.materialization import join_versions, replace_partition
from prefill_assets.assets.platform import Platform
from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.freshness import judge_freshness, make_stamp
from prefill_assets.warehouse.partition import PartitionKey, WrittenPartition

Compute = Callable[[Dependencies, PartitionKey], Any]
"""An experiment's rows."""

Draw = Callable[[Dependencies], dict[str, Any]]
"""Plots of an experiment, as metadata, once its rows are stored."""


def materialize_experiments(
    context: dg.AssetExecutionContext, platform: Platform, table: str, compute: Compute, draw: Draw | None = None
) -> dg.MaterializeResult:
    """Compute the experiments whose part is missing or stale, and the most recent one in any case, so that its plots are shown.

    An experiment that has nothing to compute from yet is passed over. A failure leaves that experiment's part as it was, and
    fails the run once the others are done.
    """
    written: dict[str, WrittenPartition] = {}
    metadata: dict[str, Any] = {}
    failures: list[str] = []
    names = platform.list_experiments()
    for name in names:
        try:
            dependencies = platform.load_dependencies(name)
            if not _is_due(dependencies, table, always=name == names[-1]):
                continue
            written[name], described = _materialize_part(context, platform, table, dependencies, compute)
            described |= draw(dependencies) if draw else {}
            metadata.update(described if len(names) == 1 else {f"{name}: {key}": value for key, value in described.items()})
        except InputError as error:
            failures.append(str(error))
    if failures:
        raise dg.Failure(description="\n".join(failures), metadata=metadata, allow_retries=False)
    if not written:
        context.log.info(f"{table}: no experiment has anything to compute from")
        return dg.MaterializeResult(metadata={"experiments": 0})
    stored = platform.warehouse.list_partitions(table)
    return dg.MaterializeResult(
        metadata={**metadata, "dagster/row_count": sum(part.num_rows for part in stored.values())},
        data_version=join_versions(stored.values()),
    )


def _is_due(dependencies: Dependencies, table: str, *, always: bool) -> bool:
    keys = dependencies.list_keys(table)
    upstream = [(name, key) for own in keys for name, key in dependencies.list_upstream(table, own)]
    if not keys or (upstream and not any(key in dependencies.stamps(name) for name, key in upstream)):
        return False
    return always or any(state.freshness != "fresh" for state in judge_freshness(dependencies, [table]))


def _materialize_part(
    context: dg.AssetExecutionContext, platform: Platform, table: str, dependencies: Dependencies, compute: Compute
) -> tuple[WrittenPartition, dict[str, Any]]:
    key = PartitionKey(dependencies.experiment.name)
    began = time.monotonic()
    stamp = make_stamp(dependencies, table, key, context.run_id)
    rows = compute(dependencies, key)
    written, metadata = replace_partition(platform, table, key, rows, stamp, time.monotonic() - began)
    context.log.info(f"{table} {key}: {written.num_rows} rows")
    return written, metadata

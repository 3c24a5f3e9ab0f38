"""How every unpartitioned asset works: one part of the table for each experiment, replaced apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import dagster as dg

from prefill_assets.assets.materialization import replace_partition
from prefill_assets.assets.observed_inputs import SAME_FOR_DAGSTER, SHARED_ASSETS, list_inputs_of, note_inputs
from prefill_assets.assets.platform import Platform
from prefill_assets.errors import InputError
from prefill_assets.interruption import is_interrupt
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.freshness import judge_freshness, make_stamp
from prefill_assets.stages.inputs import hash_values
from prefill_assets.warehouse.partition import PartitionKey, Stamp, WrittenPartition
from prefill_assets.warehouse.table import PARTITION_COLUMNS

Part = tuple[WrittenPartition, dict[str, Any]]
"""What was written for one experiment, and metadata about it."""

Compute = Callable[[Dependencies, PartitionKey], Any]
"""An experiment's rows."""

Draw = Callable[[Dependencies], dict[str, Any]]
"""Plots of an experiment, as metadata, once its rows are stored."""


def materialize_table(
    context: dg.AssetExecutionContext, platform: Platform, table: str, compute: Compute, draw: Draw | None = None
) -> dg.MaterializeResult:
    """Replace each experiment's part of a table by the rows computed for it."""

    def make_part(dependencies: Dependencies, key: PartitionKey, stamp: Stamp) -> Part:
        began = time.monotonic()
        rows = compute(dependencies, key)
        written, metadata = replace_partition(platform, table, key, rows, stamp, time.monotonic() - began)
        return written, {**metadata, **(draw(dependencies) if draw else {})}

    return materialize_experiments(context, platform, table, make_part)


def materialize_experiments(
    context: dg.AssetExecutionContext,
    platform: Platform,
    name: str,
    make_part: Callable[[Dependencies, PartitionKey, Stamp], Part],
) -> dg.MaterializeResult:
    """Make the parts of experiments that are missing or stale, and the most recent one in any case, so that its plots are shown.

    An experiment that has nothing to compute from yet is passed over. A failure leaves that experiment's part as it was and the
    others are made. It fails the run, but for bad input of one experiment among several that nobody named: that is said in the
    metadata, for what follows is not to wait for whoever has to mend it.
    """
    parts: list[WrittenPartition] = []
    metadata: dict[str, Any] = {}
    unreadable: list[str] = []
    failures: list[str] = []
    experiments = platform.list_experiments()
    for experiment in experiments:
        try:
            dependencies = platform.load_dependencies(experiment)
            if not _is_due(dependencies, name, always=experiment == experiments[-1]):
                continue
            note_inputs(context.instance, dependencies, list_inputs_of([name]))
            platform.record_run(context.run_id, dependencies)
            key = PartitionKey(experiment)
            written, described = make_part(dependencies, key, make_stamp(dependencies, name, key, context.run_id))
        except InputError as error:
            unreadable.append(str(error))
            continue
        except Exception as error:
            if is_interrupt(error):
                raise KeyboardInterrupt from error
            context.log.exception(f"{name} {experiment}")
            failures.append(f"{name} {experiment}: {type(error).__name__}: {error}")
            continue
        context.log.info(f"{name} {experiment}: made")
        parts.append(written)
        metadata.update(described if len(experiments) == 1 else {f"{experiment}: {k}": value for k, value in described.items()})
    if failures or (unreadable and (platform.experiments or not parts)):
        raise dg.Failure(description="\n".join([*unreadable, *failures]), metadata=metadata, allow_retries=False)
    if unreadable:
        context.log.warning("\n".join(unreadable))
        metadata["not_made"] = dg.MetadataValue.md("\n\n".join(unreadable))
    if not parts:
        context.log.info(f"{name}: no experiment has anything to compute from")
        return dg.MaterializeResult(metadata={"num_experiments": 0})
    if name in PARTITION_COLUMNS:
        metadata["dagster/row_count"] = sum(part.num_rows for part in parts)
    context.get_step_execution_context().fetch_external_input_asset_version_info()  # what was noted since the step began
    return dg.MaterializeResult(metadata=metadata, data_version=_join_versions(platform, name))


def _join_versions(platform: Platform, name: str) -> dg.DataVersion:
    if name in SHARED_ASSETS:
        return SAME_FOR_DAGSTER
    stamps = [platform.find_stamp(name, PartitionKey(experiment)) for experiment in platform.registry.list_run_dirs()]
    return dg.DataVersion(hash_values([stamp and stamp.data_version for stamp in stamps]))


def _is_due(dependencies: Dependencies, table: str, *, always: bool) -> bool:
    keys = dependencies.list_keys(table)
    upstream = [(name, key) for own in keys for name, key in dependencies.list_upstream(table, own)]
    if not keys or (upstream and not any(dependencies.find_stamp(*up) for up in upstream)):
        return False
    return always or any(state.freshness != "fresh" for state in judge_freshness(dependencies, [table]))

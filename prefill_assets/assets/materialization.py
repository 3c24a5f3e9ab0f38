"""How every partitioned asset works: read its keys, compute them, replace each partition, say what was done."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import dagster as dg

from prefill_assets.assets.partitions import read_partition_key, write_partition_key
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.summaries import SUMMARIES
from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.freshness import make_stamp
from prefill_assets.stages.inputs import hash_values
from prefill_assets.warehouse.partition import PartitionKey, Stamp, WrittenPartition
from prefill_assets.warehouse.table import find_table

OWNERS = ["team:prefill-assets"]


Compute = Callable[[Dependencies, list[PartitionKey]], Iterator[tuple[PartitionKey, Any]]]
"""Keys of one experiment and one checkpoint in, each key with its rows out, one by one."""


def materialize_partitions(
    context: dg.AssetExecutionContext, platform: Platform, table: str, compute: Compute
) -> dg.MaterializeResult:
    """Compute and replace the partitions that Dagster asks for.

    Keys of an experiment that does not have them (a level of another experiment's sweep) are passed over. A failure leaves what
    was there before, and does not keep other checkpoints from being computed; it fails the run in the end.
    """
    done: dict[PartitionKey, WrittenPartition] = {}
    failures: list[str] = []
    for experiment, keys in _group_by_experiment(context.partition_keys).items():
        try:
            dependencies = platform.load_dependencies(experiment)
            groups = _group_by_checkpoint(context, table, dependencies, keys)
        except InputError as error:
            failures.append(str(error))
            continue
        for group in groups:
            try:
                done.update(_materialize_group(context, platform, table, dependencies, group, compute))
            except InputError as error:
                failures.append(str(error))
    if failures:
        _report_done(context, done)
        raise dg.Failure(description="\n".join(dict.fromkeys(failures)), allow_retries=False)
    if not done:
        raise dg.Failure(f"{table}: none of the requested partitions belongs to its experiment's sweep", allow_retries=False)
    return dg.MaterializeResult(data_version=join_versions(done.values()))


def join_versions(written: Iterable[WrittenPartition]) -> dg.DataVersion:
    """One data version for what Dagster records as one: the partition's own, or a hash of several."""
    versions = sorted(partition.data_version for partition in written)
    return dg.DataVersion(versions[0] if len(versions) == 1 else hash_values(versions))


def replace_partition(
    platform: Platform, table: str, key: PartitionKey, rows: Any, stamp: Stamp, seconds: float
) -> tuple[WrittenPartition, dict[str, Any]]:
    """Replace a partition, and say what is in it now, as metadata."""
    written = platform.warehouse.replace(table, key, rows, stamp)
    summary = platform.warehouse.summarize(table, key, SUMMARIES[table])
    return written, {
        "dagster/row_count": written.num_rows,
        **{name: value for name, value in summary.items() if value is not None},
        "seconds": round(seconds, 3),
        "data_version": written.data_version,
        "made_from": dg.MetadataValue.json(written.parts),
    }


def _group_by_experiment(partition_keys: Iterable[str]) -> dict[str, list[PartitionKey]]:
    requested: dict[str, list[PartitionKey]] = defaultdict(list)
    for text in partition_keys:
        key = read_partition_key(str(text))
        requested[key.experiment].append(key)
    return requested


def _group_by_checkpoint(
    context: dg.AssetExecutionContext, table: str, dependencies: Dependencies, keys: list[PartitionKey]
) -> list[list[PartitionKey]]:
    """The keys that the experiment has, checkpoint by checkpoint."""
    known = set(dependencies.list_keys(table))
    for foreign in [key for key in keys if key not in known]:
        context.log.warning(f"{table} {foreign}: not part of the experiment; passed over")
    groups: dict[int | None, list[PartitionKey]] = defaultdict(list)
    for key in sorted(known.intersection(keys)):
        groups[key.checkpoint].append(key)
    return list(groups.values())


def _materialize_group(
    context: dg.AssetExecutionContext,
    platform: Platform,
    table: str,
    dependencies: Dependencies,
    keys: list[PartitionKey],
    compute: Compute,
) -> dict[PartitionKey, WrittenPartition]:
    stamps = {key: make_stamp(dependencies, table, key, context.run_id) for key in keys}
    done = {}
    began = time.monotonic()
    for key, rows in compute(dependencies, keys):
        seconds, began = time.monotonic() - began, time.monotonic()
        done[key], metadata = replace_partition(platform, table, key, rows, stamps[key], seconds)
        context.add_asset_metadata(metadata, context.asset_key, str(write_partition_key(key)))
        context.log.info(f"{table} {key}: {done[key].num_rows} rows in {seconds:.2f} s")
    return done


def _report_done(context: dg.AssetExecutionContext, done: dict[PartitionKey, WrittenPartition]) -> None:
    """Partitions that were replaced before a failure are materialized, whatever becomes of the run."""
    for key, written in done.items():
        context.log_event(
            dg.AssetMaterialization(
                asset_key=context.asset_key,
                partition=str(write_partition_key(key)),
                metadata={"dagster/row_count": written.num_rows, "data_version": written.data_version},
                tags={"dagster/data_version": written.data_version},
            )
        )


def describe_table(table: str) -> dict[str, Any]:
    """Definition metadata of a table's asset: its columns, and where SQL finds it."""
    definition = find_table(table)
    columns = [dg.TableColumn(c.name, c.type, c.comment) for c in definition.columns]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "dagster/table_name": table}

"""What Dagster is told of each partition: that it was made, of which version, and from which versions of what."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    extract_data_version_from_entry,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

from prefill_assets.assets.partitions import write_partition_key
from prefill_assets.stages.observed_inputs import OBSERVED_INPUTS
from prefill_assets.warehouse.partition import PartitionKey, WrittenPartition


class PartitionEvents:
    """Materialization events of one step, one a partition, each with versions of its own.

    Dagster gives the outputs of a range run one version together, and takes a partition for stale where anything before it has a
    newer event than its pointers say.
    """

    def __init__(self, context: dg.AssetExecutionContext):
        self._context = context
        self._upstream_tags: dict[str, dict[str, str]] = {}

    def note_upstream(self, table: str) -> None:
        """Remember where a table's upstream stands now. Call it before its rows are computed."""
        tags = {}
        instance = self._context.instance
        for upstream in self._context.assets_def.asset_deps[dg.AssetKey(table)]:
            fetch = (
                instance.fetch_observations if upstream.to_user_string() in OBSERVED_INPUTS else instance.fetch_materializations
            )
            records = fetch(upstream, limit=1).records
            version = extract_data_version_from_entry(records[0].event_log_entry) if records else None
            tags[get_input_data_version_tag(upstream)] = version.value if version else "NULL"
            tags[get_input_event_pointer_tag(upstream)] = str(records[0].storage_id) if records else "NULL"
        self._upstream_tags[table] = tags

    def tell(self, table: str, key: PartitionKey, written: WrittenPartition, metadata: dict[str, Any]) -> None:
        """Log that a partition is there."""
        versions = {
            DATA_VERSION_TAG: written.data_version,
            DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
            CODE_VERSION_TAG: written.code_version,
        }
        self._context.log_event(
            dg.AssetMaterialization(
                asset_key=table,
                partition=str(write_partition_key(key)),
                metadata={"dagster/row_count": written.num_rows, "data_version": written.data_version, **metadata},
                tags={**versions, **self._upstream_tags.get(table, {})},
            )
        )

"""Files, settings, weights and verifiers as observed assets: Dagster sees them change, and takes for stale what reads them.

Dagster compares a partition with what is directly before it. Where that is one asset for all experiments, such as `problems`, a
new experiment would make everybody's samples stale: such assets keep one data version, and what an experiment's
partitions really read of them is in the version of an observed input of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from prefill_assets.assets.partitions import checkpoint_partitions, write_checkpoint_key
from prefill_assets.assets.platform import Platform
from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.inputs import hash_values
from prefill_assets.stages.observed_inputs import OBSERVED_INPUTS, list_observed, version_input

SHARED_ASSETS = frozenset({"problems", "prefill_traces", "trajectory_analysis"})
"""Assets that hold all experiments and have partitions after them."""
SAME_FOR_DAGSTER = dg.DataVersion("by experiment")
"""Their one version."""
INTERVAL_SECONDS = 30
_BY_EXPERIMENT = "versions_by_experiment"


def note_inputs(
    instance: dg.DagsterInstance, dependencies: Dependencies, names: Iterable[str], checkpoints: Iterable[int] | None = None
) -> int:
    """Tell Dagster the versions of these inputs where they changed; returns how many did. None means every checkpoint."""
    chosen = None if checkpoints is None else set(checkpoints)
    num_changed = 0
    for name in names:
        for checkpoint in list_observed(dependencies, name):
            if checkpoint is None or chosen is None or checkpoint in chosen:
                version = version_input(dependencies, name, checkpoint)
                num_changed += version is not None and _note(instance, name, dependencies.experiment.name, checkpoint, version)
    return num_changed


def list_inputs_of(tables: Iterable[str]) -> list[str]:
    """The observed inputs that these tables read."""
    wanted = set(tables)
    return [name for name, observed in OBSERVED_INPUTS.items() if observed.table in wanted]


def _note(instance: dg.DagsterInstance, name: str, experiment: str, checkpoint: int | None, version: str) -> bool:
    partition = None if checkpoint is None else write_checkpoint_key(experiment, checkpoint)
    metadata: dict[str, dg.MetadataValue] = {}
    latest = _find_latest(instance, name, partition)
    if partition is None:
        known = latest.metadata.get(_BY_EXPERIMENT) if latest else None
        versions: dict[str, str] = {**getattr(known, "value", {}), experiment: version}
        metadata[_BY_EXPERIMENT] = dg.MetadataValue.json(versions)
        version = _join(versions)
    if latest is not None and (latest.tags or {}).get(DATA_VERSION_TAG) == version:
        return False
    instance.report_runless_asset_event(
        dg.AssetObservation(name, partition=partition, metadata=metadata, tags={DATA_VERSION_TAG: version})
    )
    return True


def _join(versions: Mapping[str, str]) -> str:
    return hash_values(sorted(versions.items()))


def _find_latest(instance: dg.DagsterInstance, name: str, partition: str | None) -> dg.AssetObservation | None:
    records = instance.fetch_observations(
        dg.AssetRecordsFilter(dg.AssetKey(name), asset_partitions=[partition] if partition else None), limit=1
    ).records
    return records[0].asset_observation if records else None


def _make_asset(name: str) -> dg.SourceAsset:
    observed = OBSERVED_INPUTS[name]

    def observe(context, platform: Platform):
        versions = dict(_observe_all(platform, name))
        if not observed.is_by_checkpoint:
            metadata = {_BY_EXPERIMENT: dg.MetadataValue.json(versions)}
            return dg.ObserveResult(data_version=dg.DataVersion(_join(versions)), metadata=metadata)
        known = set(context.instance.get_dynamic_partitions(checkpoint_partitions.name or ""))
        return dg.DataVersionsByPartition({key: version for key, version in versions.items() if key in known})

    return dg.observable_source_asset(
        name=name,
        partitions_def=checkpoint_partitions if observed.is_by_checkpoint else None,
        group_name="files_and_settings",
        description=f"{observed.description} Read by {observed.table}.",
        tags={"dagster/kind/yaml": ""},
    )(observe)


def _observe_all(platform: Platform, name: str) -> Iterator[tuple[str, str]]:
    for experiment in platform.list_experiments():
        try:
            dependencies = platform.load_dependencies(experiment)
            for checkpoint in list_observed(dependencies, name):
                if version := version_input(dependencies, name, checkpoint):
                    yield write_checkpoint_key(experiment, checkpoint) if checkpoint is not None else experiment, version
        except InputError:
            continue


@dg.sensor(
    name="observe_inputs",
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells Dagster which files, settings, weights and verifiers changed, so that what reads them shows as stale.",
)
def observe_inputs(context: dg.SensorEvaluationContext, platform: Platform):
    num_changed, complaints = 0, []
    for experiment in platform.list_experiments():
        try:
            num_changed += note_inputs(context.instance, platform.load_snapshot(experiment), OBSERVED_INPUTS)
        except InputError as error:
            complaints.append(str(error))
            context.log.warning(str(error))
    return dg.SkipReason("; ".join(complaints) or f"{num_changed} changed")


observed_inputs = [_make_asset(name) for name in OBSERVED_INPUTS]

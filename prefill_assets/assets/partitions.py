"""Partition keys: `experiment/checkpoint-000090` and `prefill-0010`, padded because the UI sorts them as text."""

from __future__ import annotations

import re
from collections.abc import Iterable

import dagster as dg

from prefill_assets.sources.experiment import Experiment
from prefill_assets.warehouse.partition import PartitionKey

checkpoint_partitions = dg.DynamicPartitionsDefinition(name="checkpoints")
level_partitions = dg.DynamicPartitionsDefinition(name="prefill_levels")
cell_partitions = dg.MultiPartitionsDefinition({"checkpoint": checkpoint_partitions, "prefill_level": level_partitions})

NewKeys = list[tuple[dg.DynamicPartitionsDefinition, list[str]]]
"""Keys that are to be added to a definition, in order."""

_CHECKPOINT = re.compile(r"(?P<experiment>[A-Za-z0-9._-]+)/checkpoint-(?P<step>\d+)")
_LEVEL = re.compile(r"prefill-(?P<level>\d+)")


def write_checkpoint_key(experiment: str, step: int) -> str:
    return f"{experiment}/checkpoint-{step:06d}"


def write_level_key(level: int) -> str:
    return f"prefill-{level:04d}"


def write_partition_key(key: PartitionKey) -> str | dg.MultiPartitionKey | None:
    """A warehouse key as Dagster's partition key; None for a table that Dagster does not cut."""
    if key.checkpoint is None:
        return None
    checkpoint = write_checkpoint_key(key.experiment, key.checkpoint)
    if key.prefill_level is None:
        return checkpoint
    return dg.MultiPartitionKey({"checkpoint": checkpoint, "prefill_level": write_level_key(key.prefill_level)})


def read_partition_key(text: str) -> PartitionKey:
    """The warehouse key of a Dagster partition key. Raises ValueError for a key that nobody here wrote."""
    checkpoint, _, level = text.partition("|")
    found = _CHECKPOINT.fullmatch(checkpoint)
    found_level = _LEVEL.fullmatch(level) if level else None
    if found is None or (level and found_level is None):
        raise ValueError(f"partition key {text!r} is not of the form experiment/checkpoint-000090 or that and |prefill-0010")
    return PartitionKey(found["experiment"], int(found["step"]), int(found_level["level"]) if found_level else None)


def register_partitions(instance: dg.DagsterInstance, experiments: Iterable[Experiment]) -> None:
    """Make the checkpoints and levels of these experiments known to Dagster; known ones stay as they are."""
    checkpoints, levels = set(), set()
    for experiment in experiments:
        checkpoints |= {write_checkpoint_key(experiment.name, step) for step in experiment.checkpoints}
        levels |= {write_level_key(level) for level in experiment.levels}
    for definition, new in list_new_keys(instance, checkpoints, levels):
        instance.add_dynamic_partitions(definition.name or "", new)


def list_new_keys(instance: dg.DagsterInstance, checkpoints: set[str], levels: set[str]) -> NewKeys:
    """Which of these keys Dagster does not know yet, in order; a definition without new ones is left out."""
    wanted = ((checkpoint_partitions, checkpoints), (level_partitions, levels))
    unknown = [(definition, keys - set(instance.get_dynamic_partitions(definition.name or ""))) for definition, keys in wanted]
    return [(definition, sorted(keys)) for definition, keys in unknown if keys]


def forget_partitions(instance: dg.DagsterInstance, experiment: str) -> None:
    """Take an experiment's checkpoints from Dagster's lists; levels may be another one's too, and stay."""
    name = checkpoint_partitions.name or ""
    for key in instance.get_dynamic_partitions(name):
        if key.startswith(f"{experiment}/"):
            instance.delete_dynamic_partition(name, key)

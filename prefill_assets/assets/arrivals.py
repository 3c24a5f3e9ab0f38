"""What arrives while training goes on: a sensor for new experiments and checkpoints, off until it is switched on in the UI."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from prefill_assets.assets.attempts import Attempts, NotAgain
from prefill_assets.assets.jobs import layer_jobs
from prefill_assets.assets.partitions import (
    NewKeys,
    level_partitions,
    list_new_keys,
    write_checkpoint_key,
    write_level_key,
    write_partition_key,
)
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.requests import ONLY_MISSING_TAG
from prefill_assets.errors import InputError
from prefill_assets.runs.execution import EXPERIMENT_TAG, RANGE_END_TAG, RANGE_START_TAG
from prefill_assets.runs.plan import EVALUATION_JOB, INPUT_JOB, LAYERS
from prefill_assets.sources.checkpoint import is_settled
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.inputs import hash_values
from prefill_assets.warehouse.partition import PartitionKey

INTERVAL_SECONDS = 30


@dg.sensor(
    jobs=[job for job in layer_jobs if job.name in (INPUT_JOB, EVALUATION_JOB)],
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Looks at every experiment's folder, adds the partitions of what has arrived there whole, and evaluates what is missing. "
        "A checkpoint that is still being written is left for the next look; one that was written anew is evaluated anew. "
        "A run that failed is asked for twice more; one that was canceled is not."
    ),
)
def new_checkpoints(context: dg.SensorEvaluationContext, platform: Platform):
    requests: list[dg.RunRequest] = []
    complaints: list[str] = []
    arrivals = list(_look_around(platform, complaints))
    new_keys = list_new_keys(
        context.instance,
        {write_checkpoint_key(found.experiment.name, step) for found, arrived in arrivals for step in arrived},
        {write_level_key(level) for found, _ in arrivals for level in found.experiment.levels},
    )
    level_order = _order_levels(context.instance, new_keys)
    for dependencies, arrived in arrivals:
        try:
            requests += _request_inputs(context.instance, dependencies)
        except NotAgain as reason:
            complaints.append(str(reason))
        except (InputError, OSError) as error:
            complaints.append(str(error))
            continue
        for step in arrived:
            try:
                requests += _request_checkpoint(context.instance, dependencies, step, level_order)
            except (NotAgain, InputError, OSError) as error:
                complaints.append(str(error))
    for complaint in complaints:
        context.log.warning(complaint)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "; ".join(complaints) or "nothing new",
        dynamic_partitions_requests=[definition.build_add_request(new) for definition, new in new_keys],
    )


def _look_around(platform: Platform, complaints: list[str]) -> Iterator[tuple[Dependencies, list[int]]]:
    """Every experiment that can be read, with its checkpoints that have arrived."""
    for experiment in platform.list_experiments():
        try:
            dependencies = platform.load_dependencies(experiment)
            yield dependencies, [step for step in dependencies.experiment.checkpoints if _has_arrived(dependencies, step)]
        except (InputError, OSError) as error:
            complaints.append(str(error))


def _order_levels(instance: dg.DagsterInstance, new_keys: NewKeys) -> dict[str, int]:
    """The place of each level's key in Dagster's order, in which a range is cut: known keys as they were added, then new ones."""
    name = level_partitions.name or ""
    keys = [*instance.get_dynamic_partitions(name)]
    keys += [key for definition, new in new_keys if definition.name == name for key in new]
    return {key: place for place, key in enumerate(keys)}


def _has_arrived(dependencies: Dependencies, step: int) -> bool:
    """Whether a checkpoint lies there whole, and nothing in it has changed for a while."""
    inputs = dependencies.inputs
    if not inputs.has_weights(step):
        return False
    try:
        return is_settled(inputs.checkpoint_path(step))
    except (InputError, OSError):  # OSError: deleted while we look
        return False


def _request_inputs(instance: dg.DagsterInstance, dependencies: Dependencies) -> Iterator[dg.RunRequest]:
    name = dependencies.experiment.name
    tables = dict(LAYERS)[INPUT_JOB]
    due = [table for table in tables for key in dependencies.list_keys(table) if dependencies.find_stamp(table, key) is None]
    if due:
        described = {table: dependencies.describe(table, PartitionKey(name)) for table in due}
        yield Attempts(instance, f"{name}/inputs", hash_values(described)).request(
            INPUT_JOB, {EXPERIMENT_TAG: name}, {"resources": {"platform": {"config": {"experiments": [name]}}}}
        )


def _request_checkpoint(
    instance: dg.DagsterInstance, dependencies: Dependencies, step: int, level_order: dict[str, int]
) -> Iterator[dg.RunRequest]:
    """A run for the levels that are missing, or were made with other weights.

    Other levels between them, of this experiment or another one's, are passed over by the run.
    """
    weights = dependencies.inputs.fingerprint(step)
    due = {
        key
        for table in dict(LAYERS)[EVALUATION_JOB]
        for key in dependencies.list_keys(table)
        if key.checkpoint == step and _is_due(dependencies, table, key, weights)
    }
    if due:
        in_order = sorted(due, key=lambda key: level_order[write_level_key(key.cell[1])])
        first, last = (str(write_partition_key(in_order[i])) for i in (0, -1))
        yield Attempts(instance, f"{dependencies.experiment.name}/{step}", weights).request(
            EVALUATION_JOB, {RANGE_START_TAG: first, RANGE_END_TAG: last, ONLY_MISSING_TAG: "true"}
        )


def _is_due(dependencies: Dependencies, table: str, key: PartitionKey, weights: str) -> bool:
    stored = dependencies.find_stamp(table, key)
    return stored is None or stored.parts.get("checkpoint", weights) != weights

"""What arrives while training goes on: a sensor for new experiments and checkpoints, off until it is switched on in the UI."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from prefill_assets.assets.jobs import layer_jobs
from prefill_assets.assets.partitions import list_new_keys, write_checkpoint_key, write_level_key, write_partition_key
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.requests import ONLY_MISSING_TAG
from prefill_assets.errors import InputError
from prefill_assets.runs.execution import RANGE_END_TAG, RANGE_START_TAG
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
        "A checkpoint that is still being written is left for the next look; one that was written anew is evaluated anew."
    ),
)
def new_checkpoints(context: dg.SensorEvaluationContext, platform: Platform):
    requests: list[dg.RunRequest] = []
    complaints: list[str] = []
    checkpoints, levels = set[str](), set[str]()
    for experiment in platform.list_experiments():
        try:
            dependencies = platform.load_dependencies(experiment)
            arrived = [step for step in dependencies.experiment.checkpoints if _has_arrived(dependencies, step)]
            checkpoints |= {write_checkpoint_key(experiment, step) for step in arrived}
            levels |= {write_level_key(level) for level in dependencies.experiment.levels}
            requests += _request_inputs(dependencies)
            for step in arrived:
                requests += _request_checkpoint(dependencies, step)
        except InputError as error:
            complaints.append(str(error))
    for complaint in complaints:
        context.log.warning(complaint)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "; ".join(complaints) or "nothing new",
        dynamic_partitions_requests=[
            definition.build_add_request(new) for definition, new in list_new_keys(context.instance, checkpoints, levels)
        ],
    )


def _has_arrived(dependencies: Dependencies, step: int) -> bool:
    """Whether a checkpoint lies there whole, and nothing in it has changed for a while."""
    inputs = dependencies.inputs
    if not inputs.has_weights(step):
        return False
    try:
        return is_settled(inputs.checkpoint_path(step))
    except InputError:
        return False


def _request_inputs(dependencies: Dependencies) -> Iterator[dg.RunRequest]:
    name = dependencies.experiment.name
    tables = dict(LAYERS)[INPUT_JOB]
    due = [table for table in tables for key in dependencies.list_keys(table) if dependencies.find_stamp(table, key) is None]
    if due:
        described = {table: dependencies.describe(table, PartitionKey(name)) for table in due}
        yield dg.RunRequest(
            job_name=INPUT_JOB,
            run_key=f"{name}/inputs/{hash_values(described)}",
            run_config={"resources": {"platform": {"config": {"experiments": [name]}}}},
        )


def _request_checkpoint(dependencies: Dependencies, step: int) -> Iterator[dg.RunRequest]:
    """A run for the levels that are missing, or were made with other weights; asked for once for these weights."""
    weights = dependencies.inputs.fingerprint(step)
    due = sorted(
        {
            key
            for table in dict(LAYERS)[EVALUATION_JOB]
            for key in dependencies.list_keys(table)
            if key.checkpoint == step and _is_due(dependencies, table, key, weights)
        }
    )
    if due:
        levels = "-".join(str(key.prefill_level) for key in due)
        yield dg.RunRequest(
            job_name=EVALUATION_JOB,
            run_key=f"{dependencies.experiment.name}/{step}/{weights}/{levels}",
            tags={
                RANGE_START_TAG: str(write_partition_key(due[0])),
                RANGE_END_TAG: str(write_partition_key(due[-1])),
                ONLY_MISSING_TAG: "true",
            },
        )


def _is_due(dependencies: Dependencies, table: str, key: PartitionKey, weights: str) -> bool:
    stored = dependencies.find_stamp(table, key)
    return stored is None or stored.parts.get("checkpoint", weights) != weights

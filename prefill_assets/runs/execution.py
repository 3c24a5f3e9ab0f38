"""Running a step in this process, against the instance that the UI reads."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from prefill_assets.interruption import was_asked_to_end
from prefill_assets.locations import Locations
from prefill_assets.runs.dead_runs import make_process_tag
from prefill_assets.runs.plan import CHECK_JOB, Step
from prefill_assets.sources.experiment import Experiment
from prefill_assets.warehouse.partition import PartitionKey

if TYPE_CHECKING:
    import dagster as dg

EXPERIMENT_TAG = "prefill/experiment"
_NO_TAGS: Mapping[str, str] = {}
RANGE_START_TAG, RANGE_END_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class StepFailure(Exception):
    """A step's run failed; the text says why, in the words of what failed."""


def open_instance(locations: Locations) -> dg.DagsterInstance:
    """The instance of dagster.yaml; the first process to come makes its databases, others wait."""
    import dagster as dg
    from filelock import FileLock

    locations.set_environment()
    for name in ("dagster", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    locations.locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locations.locks / "dagster-instance.lock"):
        instance = dg.DagsterInstance.get()
        instance.get_dynamic_partitions("checkpoints")
        return instance


def list_partition_order(instance: dg.DagsterInstance, experiment: Experiment) -> list[PartitionKey]:
    """Every key of the experiment in the order in which Dagster cuts ranges: the one in which dynamic keys were added."""
    from prefill_assets.assets.partitions import read_partition_key

    levels = [int(key.removeprefix("prefill-")) for key in instance.get_dynamic_partitions("prefill_levels")]
    keys: list[PartitionKey] = []
    for text in instance.get_dynamic_partitions("checkpoints"):
        checkpoint = read_partition_key(text)
        keys += [checkpoint, *(PartitionKey(*checkpoint[:2], level) for level in levels)]
    cells = [key for key in keys if key.prefill_level is not None]
    checkpoints = [key for key in keys if key.prefill_level is None]
    mine = {*(PartitionKey(experiment.name, *cell) for cell in experiment.cells)}
    gap = PartitionKey("")  # keeps a range from running over what belongs to others
    return [
        PartitionKey(experiment.name),
        gap,
        *(key if key.experiment == experiment.name else gap for key in checkpoints),
        gap,
        *(key if key in mine else gap for key in cells),
    ]


def execute_step(instance: dg.DagsterInstance, step: Step, experiment: str, overrides: Mapping[str, Any]) -> str:
    """Run one step and return its run id. Raises StepFailure, KeyboardInterrupt where it was interrupted."""
    import dagster as dg

    from prefill_assets.assets.partitions import write_partition_key
    from prefill_assets.warehouse.run_record import end_run

    tags = {}
    start, end = write_partition_key(step.keys[0]), write_partition_key(step.keys[-1])
    if start is not None:
        tags = {RANGE_START_TAG: str(start), RANGE_END_TAG: str(end)}
    selection = [dg.AssetKey(table) for table in step.tables]
    result = _execute(instance, step.job, experiment, overrides, tags=tags, asset_selection=selection)
    was_interrupted = not result.success and _was_interrupted(result)
    end_run(
        Locations.find().warehouse, result.run_id, "success" if result.success else "canceled" if was_interrupted else "failed"
    )
    if was_interrupted:
        raise KeyboardInterrupt
    if not result.success:
        raise StepFailure(_find_cause(result))
    return result.run_id


def execute_checks(instance: dg.DagsterInstance, experiment: str, overrides: Mapping[str, Any]) -> list[dg.AssetCheckEvaluation]:
    """What every check says of an experiment now. Raises StepFailure where one could not be made, KeyboardInterrupt."""
    result = _execute(instance, CHECK_JOB, experiment, overrides)
    if not result.success:
        if _was_interrupted(result):
            raise KeyboardInterrupt
        raise StepFailure(_find_cause(result))
    return list(result.get_asset_check_evaluations())


def _execute(
    instance: dg.DagsterInstance,
    job: str,
    experiment: str,
    overrides: Mapping[str, Any],
    tags: Mapping[str, str] = _NO_TAGS,
    **options: Any,
) -> dg.ExecuteInProcessResult:
    """Run a job in this process; it fails by its result. Raises KeyboardInterrupt where Dagster was interrupted."""
    from dagster._core.errors import DagsterExecutionInterruptedError
    from dagster._core.utils import make_new_run_id

    from prefill_assets.definitions import defs

    run_id = make_new_run_id()
    config = {
        "resources": {"platform": {"config": {"overrides": dict(overrides), "experiments": [experiment]}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    try:
        return defs.resolve_job_def(job).execute_in_process(
            run_config=config,
            instance=instance,
            run_id=run_id,
            tags={**make_process_tag(run_id), EXPERIMENT_TAG: experiment, **tags},
            raise_on_error=False,
            **options,
        )
    except DagsterExecutionInterruptedError as error:
        raise KeyboardInterrupt from error


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Dagster turns an interrupt into the failure of the step that it hit, or of the run, which then does not say why."""
    return was_asked_to_end() or any(_tells_of_interrupt(event) for event in result.all_events)


def _tells_of_interrupt(event: dg.DagsterEvent) -> bool:
    error = event.step_failure_data.error if event.is_step_failure else None
    while error is not None:
        if error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt") or "Query interrupted" in error.message:
            return True
        error = error.cause
    return False


def _find_cause(result: dg.ExecuteInProcessResult) -> str:
    """The description of the first failed step: an error of ours as it is, any other by its kind and message."""
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return data.user_failure_data.description
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return " ".join(error.message.split())
    return "the run failed without saying why; see it in the UI"


def register_all_experiments(instance: dg.DagsterInstance, locations: Locations) -> list[str]:
    """Make the partitions of every experiment known to Dagster; returns what is wrong with those that cannot be read."""
    from prefill_assets.assets.partitions import register_partitions
    from prefill_assets.errors import InputError
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    registry, complaints = ExperimentRegistry(locations), []
    for name in registry.list_run_dirs():
        try:
            register_partitions(instance, [registry.load(name)])
        except InputError as error:
            complaints.append(str(error))
    return complaints

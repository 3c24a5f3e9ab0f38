"""Runs whose process was killed: Dagster holds them for started, and their pool for taken, until somebody says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefill_assets.runs.processes import identify_process, is_alive

if TYPE_CHECKING:
    import dagster as dg

PROCESS_TAG = "prefill/process"
"""`RUN PROCESS`: a re-execution takes over the tags of the run before it, and this one is not about it."""


def make_process_tag(run_id: str) -> dict[str, str]:
    """The tag of a run that this process executes."""
    return {PROCESS_TAG: f"{run_id} {identify_process()}"}


def note_process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Put on record that this process executes a run."""
    tag = make_process_tag(run.run_id)
    if not tag.items() <= run.tags.items():
        instance.add_run_tags(run.run_id, tag)


def close_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose process is gone. Returns their ids."""
    import dagster as dg
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    closed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)):
        owner, _, process = run.tags.get(PROCESS_TAG, "").partition(" ")
        if owner == run.run_id and not is_alive(process) and _is_unfinished(instance, run.run_id):
            instance.report_run_failed(run, "the process of this run is gone: it was killed")
            closed.append(run.run_id)
    return closed


def _is_unfinished(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run is so still; it may have ended between the look at it and the look at its process."""
    run = instance.get_run_by_id(run_id)
    return run is not None and not run.is_finished

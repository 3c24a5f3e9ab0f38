"""What tables read from outside the warehouse, as things of their own that have versions: files, settings, weights, verifier."""

from __future__ import annotations

from typing import NamedTuple

from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.inputs import hash_values
from prefill_assets.warehouse.table import find_table


class ObservedInput(NamedTuple):
    """What one table reads. Its version changes when, and only when, the table's partitions are to be made anew."""

    table: str
    description: str
    follows_upstream: bool = False
    """Whether the versions of upstream partitions are part of it: those of the experiment, and of no other one."""

    @property
    def is_by_checkpoint(self) -> bool:
        return self.table != "report" and "checkpoint" in find_table(self.table).partition_columns


OBSERVED_INPUTS = {
    "problem_files": ObservedInput("problems", "The problems as their files say, of every experiment."),
    "trace_files": ObservedInput("prefill_traces", "The prefill source as its file says, of every experiment."),
    "sampling_inputs": ObservedInput("eval_samples", "Sampling settings, prompts, prefills and weights; or the files that came."),
    "verification_inputs": ObservedInput("eval_results", "Problems and verifier; or the files that came."),
    "scoring_inputs": ObservedInput("prefill_logprobs", "Scoring settings and weights; or the files that came."),
    "trajectory_settings": ObservedInput("trajectory", "The levels, and the rules for min prefill."),
    "analysis_inputs": ObservedInput("trajectory_analysis", "Trajectories of all checkpoints; the threshold.", True),
    "integration_inputs": ObservedInput(
        "trajectory_with_logprob", "Trajectories, logprobs of all checkpoints; thresholds.", True
    ),
    "predictor_inputs": ObservedInput("predictor_comparison", "Both predictors at all checkpoints; settings of the fits.", True),
    "threshold_inputs": ObservedInput("threshold_comparison", "Both thresholds at all checkpoints.", True),
    "report_inputs": ObservedInput("report", "The tables, settings and other experiments that a report shows.", True),
}


def list_observed(dependencies: Dependencies, name: str) -> list[int | None]:
    """The checkpoints that an input has a version for, in order; only None for one that is not cut by checkpoint."""
    observed = OBSERVED_INPUTS[name]
    if not observed.is_by_checkpoint:
        return [None]
    return [*sorted({key.step for key in dependencies.list_keys(observed.table)})]


def version_input(dependencies: Dependencies, name: str, checkpoint: int | None) -> str | None:
    """The version of an input now (16 hex digits); None where it cannot be told, as of weights that cannot be read."""
    observed = OBSERVED_INPUTS[name]
    describe = dependencies.describe if observed.follows_upstream else dependencies.describe_inputs
    try:
        keys = [key for key in dependencies.list_keys(observed.table) if checkpoint is None or key.checkpoint == checkpoint]
        return hash_values(sorted({hash_values(describe(observed.table, key)) for key in keys}))  # one more level changes nothing
    except (InputError, OSError):
        return None

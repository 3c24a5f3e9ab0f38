"""`prefill run`: one whole analysis, and its closing table."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations
from prefill_assets.sources.experiment import Experiment, list_unknown_keys

OVERRIDES = (
    *("threshold", "logprob_threshold", "prefill_levels", "max_prefill", "reference_rules"),
    *("engine", "vllm_base_url", "dtype", "device", "max_problems", "max_samples"),
    *("num_attempts", "max_tokens", "temperature", "prefill_source", "use_reasoning_field"),
)
"""Arguments that replace a key of config.yaml."""


def answer_run(arguments: argparse.Namespace) -> int:
    from prefill_assets.runs.analysis import AnalysisOptions
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    overrides = {name: value for name in OVERRIDES if (value := getattr(arguments, name)) is not None}
    if arguments.vllm_base_url is not None:
        overrides["engine"] = "vllm"
    locations = Locations.find()
    experiment = ExperimentRegistry(locations).find(arguments.sensitivity_run, overrides)
    options = AnalysisOptions(
        overrides,
        skip_logprob=arguments.skip_logprob,
        checkpoints=_choose(arguments.checkpoints, experiment.checkpoints, "--checkpoints"),
        levels=_choose(arguments.levels, experiment.levels, "--levels"),
    )
    print_heading(experiment)
    if arguments.dry_run:
        return show_plan(locations, experiment, options)
    return analyse(locations, experiment, options)


def _choose(wanted: list[int] | None, swept: Sequence[int], argument: str) -> tuple[int, ...] | None:
    """Raises InputError for what the experiment does not sweep."""
    if unknown := sorted(set(wanted or ()) - set(swept)):
        remedy = f"it has {', '.join(map(str, swept))}"
        raise InputError(f"{argument} {' '.join(map(str, unknown))}: not part of the experiment", remedy=remedy)
    return tuple(wanted) if wanted else None


def analyse(locations: Locations, experiment: Experiment, options: Any) -> int:
    """Run an analysis with progress, print its closing table, and return the exit code."""
    from prefill_assets.cli.closing_table import print_closing_table
    from prefill_assets.runs.analysis import run_analysis
    from prefill_assets.runs.outputs import write_outputs

    outcome = run_analysis(
        locations,
        experiment,
        options,
        report=lambda line: print(line, file=sys.stderr, flush=True),
        publish=lambda path: write_outputs(locations, experiment, path, skip_logprob=options.skip_logprob),
    )
    print("everything is fresh: nothing to compute" if outcome.num_steps == 0 else f"{outcome.num_steps} steps")
    print_closing_table(experiment)
    print(f"results: {outcome.path}")
    print(f"report:  {locations.reports / experiment.name / 'index.html'}")
    if outcome.num_checks:
        print(f"checks:  {outcome.num_checks - len(outcome.doubts)} of {outcome.num_checks} hold")
    for doubt in outcome.doubts:
        print(f"check {doubt}", file=sys.stderr)
    for failure in outcome.failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if outcome.failures else 0


def print_heading(experiment: Experiment) -> None:
    print(f"experiment     {experiment.name}  ({experiment.run_dir})")
    print(f"checkpoints    {', '.join(map(str, experiment.checkpoints))}")
    print(f"prefill levels {', '.join(map(str, experiment.levels))} words")
    for key, known in list_unknown_keys(experiment).items():
        if known is not None:
            print(f"note: {experiment.config_path}: {key} is not a setting; did you mean {known}?", file=sys.stderr)


def show_plan(locations: Locations, experiment: Experiment, options: Any) -> int:
    """Print which partitions would be computed and which are fresh; nothing is written."""
    from prefill_assets.runs.analysis import judge_experiment
    from prefill_assets.stages.freshness import Freshness

    states = judge_experiment(locations, experiment, options)
    counts = Counter((state.table, state.freshness) for state in states)
    for table in dict.fromkeys(state.table for state in states):
        parts = ", ".join(f"{counts[table, freshness]} {freshness}" for freshness in Freshness if counts[table, freshness])
        print(f"{table:<26}{parts}")
    due = [state for state in states if state.freshness is not Freshness.FRESH]
    print(f"would compute {len(due)} of {len(states)} partitions")
    return 0

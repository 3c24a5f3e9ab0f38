"""`prefill import` and `prefill export`: runs in the layout of the original scripts."""

from __future__ import annotations

import argparse
import sys

from prefill_assets.locations import Locations

IMPORTED_TABLES = ("eval_samples", "eval_results", "prefill_logprobs")


def answer_import(arguments: argparse.Namespace) -> int:
    from prefill_assets.cli.run import print_heading
    from prefill_assets.runs.analysis import AnalysisOptions, run_analysis
    from prefill_assets.sources.experiment import load_experiment
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    locations = Locations.find()
    registry = ExperimentRegistry(locations)
    if arguments.logprob_dirs:
        load_experiment(arguments.run_dir)
        registry.register(arguments.run_dir, {"logprob_dirs": [str(path.resolve()) for path in arguments.logprob_dirs]})
    experiment = registry.find(str(arguments.run_dir))
    experiment.folder.require_cells()
    print_heading(experiment)
    options = AnalysisOptions({}, tables=IMPORTED_TABLES)
    outcome = run_analysis(locations, experiment, options, lambda line: print(line, file=sys.stderr), lambda path: None)
    for failure in outcome.failures:
        print(f"error: {failure}", file=sys.stderr)
    print(f"imported {experiment.name}; `prefill run --sensitivity-run {experiment.name}` analyses it")
    return 1 if outcome.failures else 0


def answer_export(arguments: argparse.Namespace) -> int:
    from prefill_assets.analysis.rules import Rules
    from prefill_assets.report.spec_layout import export_experiment
    from prefill_assets.sources.experiment_registry import ExperimentRegistry
    from prefill_assets.warehouse.store import Warehouse

    locations = Locations.find()
    experiment = ExperimentRegistry(locations).find(arguments.sensitivity_run)
    folder = arguments.output_dir or locations.exports / experiment.name
    export_experiment(
        Warehouse(locations.warehouse).connect(),
        experiment.name,
        experiment.config_path.read_text(encoding="utf-8"),
        folder,
        Rules.from_settings(experiment.settings, experiment.levels),
        report=locations.reports / experiment.name,
        force=arguments.force,
    )
    print(f"exported to {folder}")
    return 0

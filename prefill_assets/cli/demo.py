"""`prefill demo`: from nothing to a report on a model organism of our own."""

from __future__ import annotations

import argparse

from prefill_assets.locations import Locations


def answer_demo(arguments: argparse.Namespace) -> int:
    from prefill_assets.cli.run import analyse, print_heading
    from prefill_assets.demo.experiment import make_demo
    from prefill_assets.runs.analysis import AnalysisOptions
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    locations = Locations.find()
    config = make_demo(locations.results, progress=print)
    experiment = ExperimentRegistry(locations).load(config.parent.name)
    print_heading(experiment)
    code = analyse(locations, experiment, AnalysisOptions({}))
    print(_NEXT)
    return code


_NEXT = """
What to try next:
  make ui                                     open the asset graph, backfill a partition, look at its plots
  .venv/bin/prefill sql "FROM exploit_rates"  ask in SQL; any DuckDB client can open data/prefill.duckdb
  .venv/bin/prefill status                    what is fresh, what is stale, and why
  .venv/bin/prefill run --threshold 30        only what depends on the threshold is computed again"""

"""`prefill status`: what is fresh, stale or missing, and why."""

from __future__ import annotations

import argparse
from collections import defaultdict

from prefill_assets.locations import Locations


def answer_status(arguments: argparse.Namespace) -> int:
    from prefill_assets.runs.analysis import AnalysisOptions, judge_experiment
    from prefill_assets.runs.record import close_dead_records
    from prefill_assets.sources.experiment_registry import ExperimentRegistry
    from prefill_assets.stages.freshness import Freshness

    locations = Locations.find()
    registry = ExperimentRegistry(locations)
    experiment = registry.find(arguments.sensitivity_run)
    for name in registry.list_run_dirs():
        print(f"{'*' if name == experiment.name else ' '} {name}")
    for path in close_dead_records(locations.full_analyses):
        print(f"{path.name} was killed; `prefill run` goes on from there")
    by_table: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for state in judge_experiment(locations, experiment, AnalysisOptions({})):
        by_table[state.table][state.freshness].append(state.reason)
    print(f"\n{'table':<26}{'fresh':>7}{'stale':>7}{'missing':>9}  why stale")
    for table, states in by_table.items():
        counts = [len(states[freshness]) for freshness in (Freshness.FRESH, Freshness.STALE, Freshness.MISSING)]
        reasons = "; ".join(dict.fromkeys(states[Freshness.STALE][:3]))
        print(f"{table:<26}{counts[0]:>7}{counts[1]:>7}{counts[2]:>9}  {reasons}")
    return 0

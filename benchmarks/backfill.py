"""What a partition costs from the UI: the whole graph of a sweep as one backfill, with an engine that answers at once.

python -m benchmarks.backfill [--checkpoints 40] [--levels 10]

Web server, daemon and runs are real processes of `prefill ui`; each run gets an engine that answers at once. Verdicts are counted
in, and so is what Dagster's daemon waits: it looks for the next layer of a backfill every 30 seconds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from benchmarks.orchestration import make_sweep
from prefill_assets_tests.tiny_projects import EXPERIMENT, make_environment
from prefill_assets_tests.ui.running_ui import RunningUi

ANSWER_AT_ONCE = """
import importlib.abc, importlib.util, sys

class Loading(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "prefill_assets.engines.loading":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            from prefill_assets_tests.engines.scripted_engine import ScriptedHost
            module.make_host = lambda settings: ScriptedHost()
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Loading())
"""
LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", type=int, default=40)
    parser.add_argument("--levels", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = make_sweep(Path(folder), arguments.checkpoints, arguments.levels)
        environment = {**make_environment(project), **_give_engine(Path(folder))}
        os.environ.update(environment)
        ui = RunningUi(project, environment)
        try:
            seconds, status = time_backfill(ui)
        finally:
            ui.stop()
        num_made, num_wanted = count_made()
    print(
        f"{arguments.checkpoints} checkpoints x {arguments.levels} levels from the UI, one backfill ({status}): "
        f"{num_made} of {num_wanted} partitions in {seconds:.1f} s, {seconds / num_made:.3f} s each"
    )


def _give_engine(folder: Path) -> dict[str, str]:
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(ANSWER_AT_ONCE)
    return {"PYTHONPATH": f"{folder / 'site'}:{Path(__file__).parents[1]}"}


def time_backfill(ui: RunningUi) -> tuple[float, str]:
    """Seconds from the click to the end of the backfill, and how it ended."""
    from prefill_assets.runs.plan import list_tables

    tables = [*list_tables(), "report"]
    params = {"assetSelection": [{"path": [table]} for table in dict.fromkeys(tables)], "allPartitions": True}
    began = time.monotonic()
    launched = ui.ask(LAUNCH, params=params)["launchPartitionBackfill"]
    if launched["__typename"] != "LaunchBackfillSuccess":
        raise SystemExit(f"the backfill was not launched: {launched}")
    status = ui.wait_for_backfill(launched["backfillId"])
    return time.monotonic() - began, status


def count_made() -> tuple[int, int]:
    """Partitions that are fresh now, and all there are."""
    from prefill_assets.locations import Locations
    from prefill_assets.runs.analysis import AnalysisOptions, judge_experiment
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    locations = Locations.find()
    states = judge_experiment(locations, ExperimentRegistry(locations).load(EXPERIMENT), AnalysisOptions({}))
    return sum(state.freshness == "fresh" for state in states), len(states)


if __name__ == "__main__":
    main()

"""What the platform costs beside engine and verifier: a whole sweep with an engine that answers at once.

python benchmarks/orchestration.py [--checkpoints 40] [--levels 10] [--profile FILE]
"""

from __future__ import annotations

import argparse
import cProfile
import os
import shutil
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from prefill_assets_tests.engines.scripted_engine import ScriptedHost
from prefill_assets_tests.tiny_projects import EXPERIMENT, make_environment, make_experiment, make_project, write_config


def make_sweep(folder: Path, num_checkpoints: int, num_levels: int) -> Path:
    """A project whose checkpoints differ by their number alone."""
    project = make_project(folder / "project")
    run_dir = make_experiment(project)
    source = run_dir / "checkpoints" / "checkpoint-1"
    for step in range(11, 9 + num_checkpoints):
        shutil.copytree(source, run_dir / "checkpoints" / f"checkpoint-{step}")
    write_config(run_dir, prefill_tokens_sweep=",".join(str(level) for level in range(num_levels)))
    return project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=int, default=40)
    parser.add_argument("--levels", type=int, default=10)
    parser.add_argument("--profile", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = make_sweep(Path(folder), arguments.checkpoints, arguments.levels)
        os.environ.update(make_environment(project))
        seconds, cpu_seconds, num_partitions = time_run(arguments.profile)
    print(
        f"{arguments.checkpoints} checkpoints x {arguments.levels} levels: {seconds:.1f} s, {num_partitions} partitions, "
        f"{seconds / num_partitions:.4f} s a partition ({cpu_seconds / num_partitions:.4f} s of this process's CPU)"
    )


def time_run(profile: Path | None) -> tuple[float, float, int]:
    """Seconds, and of them seconds of CPU, of one `prefill run` without its process's start; and how many partitions it made."""
    import prefill_assets.engines.loading as loading
    from prefill_assets.locations import Locations
    from prefill_assets.runs.analysis import AnalysisOptions, judge_experiment, run_analysis
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    loading.make_host = lambda settings: ScriptedHost()
    locations = Locations.find()
    experiment = ExperimentRegistry(locations).load(EXPERIMENT)
    num_partitions = len(judge_experiment(locations, experiment, AnalysisOptions({})))
    profiler = cProfile.Profile() if profile else None
    began, cpu_began = time.perf_counter(), time.process_time()
    with profiler or nullcontext():
        run_analysis(locations, experiment, AnalysisOptions({}), lambda line: None, lambda path: None)
    if profiler:
        profiler.dump_stats(profile)
    return time.perf_counter() - began, time.process_time() - cpu_began, num_partitions


if __name__ == "__main__":
    main()

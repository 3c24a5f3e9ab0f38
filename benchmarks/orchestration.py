"""What the platform costs beside engine and verifier: a whole sweep with an engine that answers at once.

python -m benchmarks.orchestration [--checkpoints 40] [--levels 10] [--profile FILE]
"""

from __future__ import annotations

import argparse
import cProfile
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from prefill_assets.verification.protocol import Submission, Verification, Verifier
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
        taken, num_partitions = time_run(arguments.profile)
    overhead = taken.seconds - taken.verifier_seconds
    print(
        f"{arguments.checkpoints} checkpoints x {arguments.levels} levels, {num_partitions} partitions: {taken.seconds:.1f} s, "
        f"{taken.verifier_seconds:.1f} of them in the verifier; {overhead / num_partitions:.4f} s a partition beside it "
        f"({taken.cpu_seconds / num_partitions:.4f} s of this process's CPU)"
    )


@dataclass
class Taken:
    """Seconds of one run, and those of them in which it waited for verdicts."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    verifier_seconds: float = 0.0


class TimedVerifier:
    """A verifier whose time is noted: what it takes is no overhead."""

    def __init__(self, verifier: Verifier, taken: Taken):
        self._verifier, self._taken = verifier, taken
        self.name, self.version = verifier.name, verifier.version

    def verify(self, submissions: Iterable[Submission]) -> Iterator[Verification]:
        verdicts = self._verifier.verify(list(submissions))
        while True:
            began = time.perf_counter()
            verdict = next(verdicts, None)
            self._taken.verifier_seconds += time.perf_counter() - began
            if verdict is None:
                return
            yield verdict


def time_run(profile: Path | None) -> tuple[Taken, int]:
    """One `prefill run` without its process's start, and how many partitions it made."""
    import prefill_assets.engines.loading as loading
    import prefill_assets.verification.loading as verification
    from prefill_assets.locations import Locations
    from prefill_assets.runs.analysis import AnalysisOptions, judge_experiment, run_analysis
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    taken, load_verifier = Taken(), verification.load_verifier
    loading.make_host = lambda settings: ScriptedHost()
    verification.load_verifier = lambda *given, **named: TimedVerifier(load_verifier(*given, **named), taken)
    locations = Locations.find()
    experiment = ExperimentRegistry(locations).load(EXPERIMENT)
    num_partitions = len(judge_experiment(locations, experiment, AnalysisOptions({})))
    profiler = cProfile.Profile() if profile else None
    began, cpu_began = time.perf_counter(), time.process_time()
    with profiler or nullcontext():
        run_analysis(locations, experiment, AnalysisOptions({}), lambda line: None, lambda path: None)
    if profiler:
        profiler.dump_stats(profile)
    taken.seconds, taken.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    return taken, num_partitions


if __name__ == "__main__":
    main()

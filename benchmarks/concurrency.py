"""Runs that write at once while others read: does every run succeed, is every partition there once, does no reader fail?

    python -m benchmarks.concurrency                                   # 8 runs, 4 readers, 40 checkpoints x 10 levels

Each run is a process with Dagster runs over some checkpoints of one imported experiment; each reader polls the DuckDB file, one
of them over a single connection that stays open throughout. A second round replaces every partition while it is read.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.synthetic_run import EXPERIMENT, RunSize, write_run
from prefill_assets_tests.tiny_projects import make_environment, make_project

PROJECT = Path(__file__).parents[1]
TABLES = ("eval_samples", "eval_results", "prefill_logprobs")
COUNT = """
    SELECT checkpoint, prefill_level, count(*), count(DISTINCT (task_id, exploit_type, attempt_idx))
    FROM eval_results GROUP BY ALL
"""


@dataclass(frozen=True)
class Outcome:
    """What came of a trial."""

    failures: tuple[str, ...]
    num_partitions: int
    num_reads: int
    seconds: float


def start_process(role: str, environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    """A role of this module as a process of its own."""
    command = [sys.executable, "-m", "benchmarks.concurrency", role, *map(str, arguments)]
    return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def try_at_once(
    folder: Path, size: RunSize, num_runs: int, num_readers: int, start: Callable[..., Any] = start_process
) -> Outcome:
    """Materialize every cell twice, by so many runs at once, under so many readers."""
    project = make_project(folder / "project")
    write_run(size, project / "data" / "results")
    environment = {**os.environ, **make_environment(project)}
    start("register", environment).communicate()
    stop, began = folder / "stop", time.monotonic()
    readers = [start("read", environment, stop, number == 0) for number in range(num_readers)]
    failures: list[str] = []
    for _ in ("written for the first time", "replaced"):
        shares = [size.steps[number::num_runs] for number in range(num_runs)]
        runs = [start("write", environment, *share) for share in shares if share]
        failures += [f"run: {errors[-1000:]}" for run in runs for _, errors in [run.communicate()] if run.returncode]
    stop.touch()
    answers = [reader.communicate() for reader in readers]
    failures += [f"reader: {errors[-1000:]}" for reader, (_, errors) in zip(readers, answers, strict=True) if reader.returncode]
    seconds = time.monotonic() - began
    num_reads = sum(int(said or 0) for said, _ in answers)
    return Outcome(tuple(failures), _count_partitions(project), num_reads, seconds)


def _count_partitions(project: Path) -> int:
    """Partitions that are whole and there once, over all tables; each cell's rows are unique."""
    from prefill_assets.warehouse.store import Warehouse

    warehouse = Warehouse(project / "data" / "warehouse")
    with warehouse.connect() as connection:
        doubled = [row for row in connection.execute(COUNT).fetchall() if row[2] != row[3]]
    assert not doubled, doubled
    return sum(len(warehouse.list_partitions(table)) for table in TABLES)


def register() -> None:
    """What the UI does first: the experiment's partitions, and the DuckDB file."""
    from prefill_assets.locations import Locations
    from prefill_assets.runs.execution import open_instance, register_all_experiments
    from prefill_assets.warehouse.catalog import publish_catalog
    from prefill_assets.warehouse.store import Warehouse

    locations = Locations.find()
    assert not register_all_experiments(open_instance(locations), locations)
    publish_catalog(Warehouse(locations.warehouse), locations.catalog)


def write(*steps: str) -> None:
    """Dagster runs, one a checkpoint."""
    import dagster as dg

    from prefill_assets.assets.partitions import write_partition_key
    from prefill_assets.definitions import defs
    from prefill_assets.locations import Locations
    from prefill_assets.runs.execution import RANGE_END_TAG, RANGE_START_TAG, open_instance
    from prefill_assets.sources.experiment_registry import ExperimentRegistry
    from prefill_assets.warehouse.partition import PartitionKey

    locations = Locations.find()
    instance, levels = open_instance(locations), ExperimentRegistry(locations).load(EXPERIMENT).levels
    for step in map(int, steps):
        ends = [str(write_partition_key(PartitionKey(EXPERIMENT, step, level))) for level in (levels[0], levels[-1])]
        result = defs.resolve_job_def("evaluate_checkpoints").execute_in_process(
            instance=instance,
            tags={RANGE_START_TAG: ends[0], RANGE_END_TAG: ends[1]},
            asset_selection=[dg.AssetKey(table) for table in TABLES],
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        assert result.success


def read(stop: str, keeps_open: str) -> None:
    """Poll until told to stop; say how often. A cell that was there stays there, and is never doubled."""
    import duckdb

    from prefill_assets.locations import Locations

    path, seen, num_reads = str(Locations.find().catalog), 0, 0
    kept = duckdb.connect(path, read_only=True) if keeps_open == "True" else None
    while not Path(stop).exists():
        connection = kept or duckdb.connect(path, read_only=True)
        found = connection.execute(COUNT).fetchall()
        assert len(found) >= seen, f"{len(found)} cells after {seen}"
        assert all(rows == distinct for *_, rows, distinct in found), "rows are doubled"
        seen, num_reads = len(found), num_reads + 1
        if kept is None:
            connection.close()
        time.sleep(0.2)
    print(num_reads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("runs", 8), ("readers", 4), ("problems", 5), ("checkpoints", 40), ("levels", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    size = RunSize(asked.problems, asked.checkpoints, asked.levels, 1)
    with tempfile.TemporaryDirectory() as folder:
        outcome = try_at_once(Path(folder), size, asked.runs, asked.readers)
    print(
        f"{asked.runs} runs at once, {asked.readers} readers, {outcome.seconds:.0f} s: "
        f"{outcome.num_partitions} partitions written twice, {outcome.num_reads} reads, {len(outcome.failures)} failures"
    )
    sys.exit("\n".join(outcome.failures) or 0)


if __name__ == "__main__":
    roles = {"register": register, "write": write, "read": read}
    if len(sys.argv) > 1 and sys.argv[1] in roles:
        roles[sys.argv[1]](*sys.argv[2:])
    else:
        main()

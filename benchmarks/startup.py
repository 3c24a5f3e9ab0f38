"""How long a user waits before anything happens: `prefill --help`, `prefill status` on 400 cells, and Dagster's code location.

python -m benchmarks.startup --rounds 5
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import describe_cores
from benchmarks.sides import Step, describe_spread
from benchmarks.synthetic_run import RunSize, write_run, write_warehouse

COMMANDS = {
    "prefill --help": ("-m", "prefill_assets.cli.main", "--help"),
    "prefill status": ("-m", "prefill_assets.cli.main", "status"),
    "load of the code location": ("-c", "import prefill_assets.definitions as loaded; loaded.defs.get_repository_def()"),
}


def measure_starts(rounds: int, size: RunSize) -> dict[str, list[Step]]:
    """Each command in a process of its own, in turns, on a warehouse that has a run of this size."""
    taken: dict[str, list[Step]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as data:
        write_run(size, Path(data) / "results")
        write_warehouse(size, Path(data) / "warehouse")
        environment = {**os.environ, "PREFILL_DATA": data, "DAGSTER_HOME": data}
        for number in range(-1, rounds):  # the round before the first fills the file cache
            for name, arguments in COMMANDS.items():
                step = _time_process([sys.executable, *arguments], environment)
                if number >= 0:
                    taken[name].append(step)
    return taken


def _time_process(command: list[str], environment: dict[str, str]) -> Step:
    """Raises CalledProcessError where the command fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Step(seconds, cpu, after.ru_maxrss * 1024, done.stdout)


def write_table(taken: dict[str, list[Step]]) -> list[str]:
    """Lines of Markdown."""
    lines = ["| start | seconds | CPU seconds |", "|---|---|---|"]
    for name, steps in taken.items():
        seconds, cpu = ([getattr(step, part) for step in steps] for part in ("seconds", "cpu_seconds"))
        lines.append(f"| {name} | {describe_spread(seconds)} | {describe_spread(cpu)} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> dict[str, list[Step]]:
    """Measure, print a table and return its values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checkpoints", type=int, default=40)
    parser.add_argument("--levels", type=int, default=10)
    options = parser.parse_args(arguments)
    taken = measure_starts(options.rounds, RunSize(2, options.checkpoints, options.levels))
    print("\n".join([describe_cores(), "", *write_table(taken)]))
    return taken


if __name__ == "__main__":
    main()

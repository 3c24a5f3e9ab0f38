"""How the cost of analysis grows with rows: ours at every size, the plain rules at those that they can be waited for.

python -m benchmarks.growth --problems 60 600 6000 --plain-up-to 600      # up to 6.8 million verdicts: 10 minutes
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.analysis import STEPS, add_up
from benchmarks.analysis_sides import OurAnalysis, PlainAnalysis
from benchmarks.machine import describe_cores
from benchmarks.sides import Side, describe_spread
from benchmarks.synthetic_run import RunSize, write_run, write_warehouse


def measure_sizes(sizes: Sequence[RunSize], rounds: int, plain_up_to: int) -> Iterator[dict[str, Any]]:
    """Per size: rows, and the steps of both sides, a pair a round; sizes one after the other."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            folder = Path(name)
            write_warehouse(size, folder / "warehouse")
            ours = stack.enter_context(Side(OurAnalysis, folder / "warehouse", size, False))
            plain = None
            if size.problems <= plain_up_to:
                write_run(size, folder / "results")
                plain = stack.enter_context(Side(PlainAnalysis, folder / "results"))
                plain.run("load")
            add_up([ours.run(step) for step in STEPS])  # the first pass fills caches
            taken: dict[str, Any] = {"size": size, "rows": ours.run("count_rows").answer, "ours": [], "plain": []}
            for _ in range(rounds):
                taken["ours"].append(add_up([ours.run(step) for step in STEPS]))
                if plain is not None:
                    taken["plain"].append(add_up([plain.run(step) for step in STEPS]))
            yield taken


def write_table(measured: Sequence[dict[str, Any]]) -> list[str]:
    """Lines of Markdown."""
    lines = [
        "| problems | rows | ours, s | its CPU s | CPU microseconds a row | peak memory, MB | plain, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for taken in measured:
        cpu = [step.cpu_seconds for step in taken["ours"]]
        cells = [
            f"{taken['size'].problems:,}",
            f"{taken['rows']:,}",
            describe_spread([step.seconds for step in taken["ours"]]),
            describe_spread(cpu),
            f"{min(cpu) / taken['rows'] * 1e6:.2f}",
            f"{taken['ours'][-1].peak_bytes >> 20}",
            describe_spread([step.seconds for step in taken["plain"]]) if taken["plain"] else "not run",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print a table and return its values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, nargs="+", default=[60, 600, 6000])
    parser.add_argument("--plain-up-to", type=int, default=600, help="problems at which the plain rules still run")
    parser.add_argument("--checkpoints", type=int, default=40)
    parser.add_argument("--levels", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    sizes = [RunSize(problems, options.checkpoints, options.levels) for problems in options.problems]
    measured = list(measure_sizes(sizes, options.rounds, options.plain_up_to))
    print("\n".join([describe_cores(), "", *write_table(measured)]))
    return measured


if __name__ == "__main__":
    main()

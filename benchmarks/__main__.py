"""Every measurement that needs no GPU, as one page of tables: ours beside the original's rules, rule by rule.

    python -m benchmarks                                # a quarter of the full size: about 2 minutes on two cores
    python -m benchmarks --size full                    # 600 problems x 40 checkpoints x 10 levels; growth to ten times that
    python -m benchmarks --djinn-python .venv-djinn/bin/python     # verification beside the real djinn as well

Nothing here fails on a slow machine, but wrong answers of either side do.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import analysis, growth, startup
from benchmarks.machine import describe_cores
from benchmarks.sides import describe_spread
from benchmarks.synthetic_run import RunSize


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    run: RunSize
    growth_problems: tuple[int, ...]
    plain_up_to: int
    scored_problems: int
    rounds: int
    starts: int


SCOPES = {
    "smoke": Scope(RunSize(8, 4, 4), (4, 8), 8, 2, 1, 1),
    "quarter": Scope(RunSize(150), (15, 150), 150, 20, 2, 3),
    "full": Scope(RunSize(), (60, 600, 6000), 600, 60, 3, 5),
}


def main(arguments: Sequence[str] | None = None) -> Path | None:
    """Measure and print the page. A whole page, or one whose place is named, is written; returns where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=sorted(SCOPES), default="quarter")
    parser.add_argument("--djinn-python", help="an interpreter with the real djinn and all that it imports")
    parser.add_argument("--output", type=Path, help="the page (default: data/benchmarks/SIZE.md)")
    parser.add_argument("--only", nargs="+", metavar="SECTION", help="such as start-up; the default is all, written as a page")
    options = parser.parse_args(arguments)
    output = options.output or (None if options.only else Path("data/benchmarks") / f"{options.size}.md")
    scope = SCOPES[options.size]
    sections: dict[str, Callable[[], list[str]]] = {
        "Import and analysis": lambda: _measure_analysis(scope),
        "Growth": lambda: _measure_growth(scope),
        "Start-up": lambda: startup.write_table(startup.measure_starts(scope.starts, RunSize(2, scope.run.checkpoints))),
        "Scoring": lambda: _measure_scoring(scope),
    }
    if options.djinn_python:
        sections["Verification"] = lambda: _measure_verification(options.djinn_python, scope)
    if options.only:
        wanted = {name.lower() for name in options.only}
        if unknown := wanted.difference(map(str.lower, sections)):
            parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(sections).lower()}")
        sections = {title: measure for title, measure in sections.items() if title.lower() in wanted}
    lines = [f"# Benchmark, size {options.size}", "", describe_cores()]
    print("\n".join(lines), flush=True)
    for title, measure in sections.items():
        began = time.monotonic()
        section = ["", f"## {title}", "", *measure(), "", f"(measured in {time.monotonic() - began:.0f} s)"]
        print("\n".join(section), flush=True)
        lines += section
    if output is None:
        return None
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"\nwritten to {output}")
    return output


def _measure_analysis(scope: Scope) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        return analysis.write_table(scope.run, analysis.compare(scope.run, scope.rounds, Path(folder)))


def _measure_growth(scope: Scope) -> list[str]:
    sizes = [RunSize(problems, scope.run.checkpoints, scope.run.levels) for problems in scope.growth_problems]
    return growth.write_table(list(growth.measure_sizes(sizes, scope.rounds, scope.plain_up_to)))


def _measure_scoring(scope: Scope) -> list[str]:
    """In a process of its own, which torch and its threads have for themselves."""
    with tempfile.TemporaryDirectory() as folder:
        values = Path(folder) / "scoring.json"
        command = [sys.executable, "-m", "benchmarks.scoring", "--shape", "tiny", "--problems", str(scope.scored_problems)]
        subprocess.run([*command, "--checked-samples", "6", "--json", str(values)], check=True, capture_output=True)
        found = json.loads(values.read_text())
    distance = max(d for distances in found["distances_nats_a_token"].values() for d in distances["ours"])
    plain = found["plain_loop_seconds"]
    return [
        "A tiny model on this CPU; what a GPU does is told by `python -m benchmarks.scoring`.",
        "",
        "| rule | plain | ours | ratio |",
        "|---|---|---|---|",
        f"| {found['samples']} samples, {found['passes']} distinct prefills | {plain:.2f} "
        f"(from {found['plain_samples']} samples) | {describe_spread(found['following_seconds'])} | "
        f"{describe_spread([plain / seconds for seconds in found['following_seconds']], 1)} |",
        "",
        f"Sums differ from a float32 copy's by at most {distance:.1e} nats a token.",
    ]


def _measure_verification(python: str, scope: Scope) -> list[str]:
    from benchmarks.verification import describe, run_rounds

    measured = list(run_rounds(python, scope.rounds, 60))
    lines = ["| side | pairs of verdicts a second |", "|---|---|"]
    return lines + [f"| {name} | {describe([speeds[name] for speeds in measured])} |" for name in measured[0]]


if __name__ == "__main__":
    main()

"""Import and analysis of a made-up run, rule by rule: the platform beside the simplest right version of the original's rules.

    python -m benchmarks.analysis --problems 600 --rounds 3         # the full size: some minutes on two cores

Both sides compute the same answers (`reference_rules: true`), which are compared; ours once more by the default rules. Import is
what `prefill import` does between a file and its stored partition; the plain side parses the lines and stores nothing. "From what
is kept" is parsing and analysis there, and analysis of the warehouse here.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.analysis_sides import OurAnalysis, OurImport, PlainAnalysis, find_differences
from benchmarks.machine import describe_cores
from benchmarks.sides import Comparison, Side, Step, describe_spread
from benchmarks.synthetic_run import RunSize, write_run

STEPS = ("trajectory", "logprobs", "thresholds", "predictors")
RULES = {
    "load": "import of JSON lines",
    "trajectory": "min prefill and trajectory",
    "logprobs": "logprobs at min prefill",
    "thresholds": "threshold comparison",
    "predictors": "predictor comparison",
    "analysis": "all of the analysis",
    "whole": "from what is kept to all statistics",
}


def compare(size: RunSize, rounds: int, folder: Path) -> dict[str, Any]:
    """Both sides in turns, a round at a time; raises RuntimeError where their answers differ."""
    write_run(size, folder / "results")
    comparisons = {name: Comparison(rule) for name, rule in RULES.items()}
    default: list[Step] = []
    pictures: list[Step] = []
    with (
        Side(PlainAnalysis, folder / "results") as plain,
        Side(OurImport, folder / "results", folder / "warehouse") as importing,
        Side(OurAnalysis, folder / "warehouse", size, True) as ours,
        Side(OurAnalysis, folder / "warehouse", size, False) as by_default,
    ):
        for number in range(rounds):
            comparisons["load"].plain.append(plain.run("load"))
            comparisons["load"].ours.append(importing.run("load"))
            if number == 0:
                for side in (ours, by_default):  # the first pass imports libraries and fills the file cache
                    add_up([side.run(step) for step in STEPS])
            plain_steps = [plain.run(step) for step in STEPS]
            for name, one, other in zip(STEPS, plain_steps, _run_passes(ours), strict=True):
                comparisons[name].plain.append(one)
                comparisons[name].ours.append(other)
            for side in ("plain", "ours"):
                steps = [getattr(comparisons[step], side)[-1] for step in STEPS]
                getattr(comparisons["analysis"], side).append(add_up(steps))
            # the plain side keeps JSON lines, and parses them every time; ours has imported them once
            comparisons["whole"].plain.append(add_up([comparisons[rule].plain[-1] for rule in ("load", "analysis")]))
            comparisons["whole"].ours.append(comparisons["analysis"].ours[-1])
            default.append(add_up(_run_passes(by_default)))
        answers = [{step: side.run(step).answer for step in ("thresholds", "predictors", "table")} for side in (plain, ours)]
        for _ in range(max(2, rounds)):
            pictures.append(by_default.run("draw"))
    if found := find_differences(*answers):
        raise RuntimeError(f"the two sides disagree: {'; '.join(found)}")
    rows = comparisons["load"].plain[0].answer
    if rows != comparisons["load"].ours[0].answer:
        raise RuntimeError(f"{rows} rows were parsed, {comparisons['load'].ours[0].answer} imported")
    found_rows = len(answers[0]["table"])
    return {"comparisons": comparisons, "default": default, "pictures": pictures, "rows": rows, "table_rows": found_rows}


def _run_passes(side: Side) -> list[Step]:
    """The steps of the median of three passes: each is over in a second, and a plain one lasts as long as all three."""
    passes = [[side.run(step) for step in STEPS] for _ in range(3)]
    return sorted(passes, key=lambda steps: add_up(steps).seconds)[1]


def add_up(steps: list[Step]) -> Step:
    """Several steps as one."""
    wall, cpu = sum(step.seconds for step in steps), sum(step.cpu_seconds for step in steps)
    return Step(wall, cpu, max(step.peak_bytes for step in steps), None)


def write_table(size: RunSize, found: dict[str, Any]) -> list[str]:
    """Lines of Markdown."""
    lines = [
        f"{size.problems} problems x {size.checkpoints} checkpoints x {size.levels} levels x {size.attempts} attempts: "
        f"{found['rows']:,} rows. Seconds of wall time, median (range) of {len(found['default'])} rounds in turns, of "
        f"ours the median pass of three in each; both sides agree in all cells of "
        f"{found['table_rows']:,} rows and in all statistics.",
        "",
        "| rule | plain | ours | ratio within a round | ratio of CPU seconds |",
        "|---|---|---|---|---|",
    ]
    for comparison in found["comparisons"].values():
        plain, ours = (describe_spread([s.seconds for s in steps]) for steps in (comparison.plain, comparison.ours))
        ratio = describe_spread(comparison.ratios, 1)
        lines.append(f"| {comparison.rule} | {plain} | {ours} | {ratio} | {comparison.cpu_ratio:.1f} |")
    load, default = found["comparisons"]["load"], found["default"]
    rates = [f"{found['rows'] / min(step.seconds for step in steps):,.0f}" for steps in (load.plain, load.ours)]
    lines += [
        "",
        "| what | value |",
        "|---|---|",
        f"| rows a second, best round: parsed plainly / imported | {rates[0]} / {rates[1]} |",
        f"| all of the analysis by the default rules, warm | {describe_spread([s.seconds for s in default])} s |",
        f"| its CPU seconds | {describe_spread([s.cpu_seconds for s in default])} |",
        f"| its peak memory / the plain side's | {default[-1].peak_bytes >> 20} / {load.plain[-1].peak_bytes >> 20} MB |",
        f"| all charts as PNG: first time / again | {found['pictures'][0].seconds:.1f} / {found['pictures'][-1].seconds:.1f} s |",
        f"| CPU seconds of the two | {found['pictures'][0].cpu_seconds:.1f} / {found['pictures'][-1].cpu_seconds:.1f} |",
    ]
    return lines


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print a table and return its values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    for name, default in RunSize().__dict__.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args(arguments)
    size = RunSize(options.problems, options.checkpoints, options.levels, options.attempts)
    with tempfile.TemporaryDirectory() as folder:
        found = compare(size, options.rounds, Path(folder))
    print("\n".join([describe_cores(), "", *write_table(size, found)]))
    return found


if __name__ == "__main__":
    main()

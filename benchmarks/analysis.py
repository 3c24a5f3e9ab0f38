"""Import and analysis of a made-up run, rule by rule: the platform beside the simplest right version of the original's rules.

    python -m benchmarks.analysis --problems 600 --rounds 3         # the full size: some minutes on two cores

Both sides compute the same answers (`reference_rules: true`), which are compared; ours once more by the default rules. Import is
what `prefill import` does between a file and its stored partition; the plain side parses the lines and stores nothing. "From what
is kept" is parsing and analysis there, and analysis of the warehouse here.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.machine import describe_cores
from benchmarks.sides import Comparison, Side, Step, describe_spread
from benchmarks.synthetic_run import EXPERIMENT, RunSize, write_run

if TYPE_CHECKING:
    import duckdb
    import pandas

    from prefill_assets.sources.record_fields import RecordKind
    from prefill_assets.warehouse.store import Warehouse

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
WHOLE_COLUMNS = ["min_prefill", "steps_to_threshold", "steps_to_logprob_threshold"]


class PlainAnalysis:
    """The plain rules over a run's files."""

    def __init__(self, results: Path):
        import benchmarks.reference_rules  # noqa: F401  (pandas and scipy are there before the clock starts)

        self.results = results

    def load(self) -> int:
        from benchmarks.reference_rules import load_scores, load_verdicts

        self.verdicts = load_verdicts(self.results / "prefill_sensitivity" / EXPERIMENT)
        self.scores = load_scores(sorted((self.results / "logprob_analysis").iterdir()))
        return len(self.verdicts) + len(self.scores)

    def trajectory(self) -> None:
        from benchmarks.reference_rules import Thresholds, describe_trajectory, find_min_prefill

        self.rules = Thresholds()
        self.trajectories = describe_trajectory(find_min_prefill(self.verdicts, self.rules), self.rules)

    def logprobs(self) -> None:
        from benchmarks.reference_rules import add_logprobs, average_scores

        self.merged = add_logprobs(self.trajectories, average_scores(self.scores), self.rules)

    def thresholds(self) -> dict[str, Any]:
        from benchmarks.reference_rules import compare_thresholds

        return compare_thresholds(self.merged)

    def predictors(self) -> dict[str, tuple[float, float]]:
        from benchmarks.reference_rules import compare_predictors

        return compare_predictors(self.merged)

    def table(self) -> pandas.DataFrame:
        return self.merged


class OurImport:
    """Every file of a run into its partition, as the assets do it."""

    def __init__(self, results: Path, folder: Path):
        import pyarrow.compute  # noqa: F401  (libraries are there before the clock starts)

        from prefill_assets.warehouse.connection import open_cursor

        self.results, self.folder = results, folder
        open_cursor()

    def load(self) -> int:
        from prefill_assets.sources.record_fields import LOGPROB_RECORDS, RESULT_RECORDS
        from prefill_assets.sources.run_folder import RunFolder, find_logprob_files
        from prefill_assets.warehouse.store import Warehouse

        shutil.rmtree(self.folder, ignore_errors=True)
        warehouse = Warehouse(self.folder)
        run_dir = self.results / "prefill_sensitivity" / EXPERIMENT
        verdicts = {cell: files.results for cell, files in RunFolder(run_dir).cells.items() if files.results}
        return sum(
            self._store(warehouse, kind, {cell: path for cell, path in paths.items() if cell[0] == checkpoint})
            for kind, paths in ((RESULT_RECORDS, verdicts), (LOGPROB_RECORDS, find_logprob_files(run_dir)))
            for checkpoint in dict.fromkeys(cell[0] for cell in paths)
        )

    def _store(self, warehouse: Warehouse, kind: RecordKind, paths: dict[tuple[int, int], Path]) -> int:
        """The partitions of one checkpoint, as the step of an import makes them."""
        from prefill_assets.sources.record_batches import read_cells
        from prefill_assets.warehouse.partition import PartitionKey, Stamp

        num_rows = 0
        for cell, read in read_cells(kind, paths, EXPERIMENT):
            key = PartitionKey(EXPERIMENT, *cell)
            num_rows += warehouse.replace(kind.table_name, key, read(), Stamp("", "", "")).num_rows
        return num_rows


class OurAnalysis:
    """The platform's analysis of a warehouse; each table is computed from those before it, and held in memory."""

    def __init__(self, warehouse: Path, size: RunSize, reference_rules: bool):
        self.warehouse, self.size, self.reference_rules = warehouse, size, reference_rules

    def connect(self) -> None:
        from prefill_assets.analysis.rules import Rules
        from prefill_assets.sources.settings import Settings
        from prefill_assets.warehouse.store import Warehouse

        self.rules = Rules.from_settings(Settings(reference_rules=self.reference_rules), self.size.swept_levels)
        self.connection = Warehouse(self.warehouse).connect()

    def trajectory(self) -> None:
        from prefill_assets.analysis.trajectories import compute_trajectory, compute_trajectory_analysis

        self.connect()
        levels, reference_rules = self.rules.levels, self.reference_rules
        self._hold("trajectory", compute_trajectory(self.connection, EXPERIMENT, levels, reference_rules=reference_rules))
        self._hold("trajectory_analysis", compute_trajectory_analysis(self.connection, EXPERIMENT, self.rules))

    def logprobs(self) -> None:
        from prefill_assets.analysis.comparison import compute_trajectory_with_logprob

        self._hold("trajectory_with_logprob", compute_trajectory_with_logprob(self.connection, EXPERIMENT, self.rules))

    def thresholds(self) -> dict[str, Any]:
        from prefill_assets.analysis.comparison import compute_threshold_comparison

        relation = compute_threshold_comparison(self.connection, EXPERIMENT, reference_rules=self.reference_rules)
        self._hold("threshold_comparison", relation)
        names = ("both", "token_only", "logprob_only", "token_first", "logprob_first", "same", "mean_logprob_minus_token_steps")
        [counts] = self.connection.execute(
            "SELECT count_if(reached = 'both'), count_if(reached = 'token_only'), count_if(reached = 'logprob_only'), "
            "count_if(first_reached = 'token'), count_if(first_reached = 'logprob'), count_if(first_reached = 'same'), "
            "avg(logprob_minus_token_steps) FROM threshold_comparison"
        ).fetchall()
        return dict(zip(names, counts, strict=True))

    def predictors(self) -> dict[str, tuple[float, float]]:
        from prefill_assets.analysis.comparison import compute_predictor_comparison

        self._hold("predictor_comparison", compute_predictor_comparison(self.connection, EXPERIMENT, self.rules))
        fits = self.connection.execute(
            "SELECT predictor, r2, p_value FROM predictor_comparison "
            "WHERE exploit_scope = 'all' AND predictor <> 'fixed_level_logprob_sum'"
        ).fetchall()
        return {predictor: (r2, p_value) for predictor, r2, p_value in fits}

    def count_rows(self) -> int:
        """Verdicts and scores."""
        query = "SELECT (SELECT count(*) FROM eval_results) + (SELECT count(*) FROM prefill_logprobs)"
        [(num_rows,)] = self.connection.execute(query).fetchall()
        return num_rows

    def draw(self) -> int:
        """Every chart of the report as PNG, from the tables that are held."""
        from prefill_assets.report.publication import CHARTS_BY_TABLE, draw_pictures
        from prefill_assets.warehouse.catalog import create_views
        from prefill_assets.warehouse.store import Warehouse

        create_views(self.connection, Warehouse(self.warehouse))
        names = [name for names in CHARTS_BY_TABLE.values() for name in names]
        return len(draw_pictures(self.connection, EXPERIMENT, names, self.rules.max_prefill + 1))

    def table(self) -> pandas.DataFrame:
        from prefill_assets.analysis.queries import run_statement

        sentinel = self.rules.max_prefill + 1
        name = "export_trajectory_with_logprob"
        return run_statement(self.connection, name, experiment=EXPERIMENT, not_exploitable_as=sentinel).df()

    def _hold(self, table: str, relation: duckdb.DuckDBPyRelation) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM relation")


def find_differences(plain: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Where two sides' tables and statistics differ, by more than 1e-8 of a number."""
    import numpy
    import pandas

    differences = []
    one, other = (side["table"].sort_values(["task_id", "exploit_type", "checkpoint"]) for side in (plain, ours))
    if len(one) != len(other):
        return [f"{len(one)} and {len(other)} rows"]
    for column in one.columns:
        left, right = one[column].to_numpy(), other[column].to_numpy()
        if column in ("task_id", "exploit_type"):
            is_same = left == right
        elif column.endswith("_threshold") and not column.startswith("steps"):
            is_same = left.astype(str) == right.astype(str)
        else:
            numbers = (pandas.to_numeric(pandas.Series(side), errors="coerce").to_numpy(float) for side in (left, right))
            is_same = numpy.isclose(*numbers, rtol=1e-8, atol=1e-8, equal_nan=True)
        if not is_same.all():
            differences.append(f"{column} differs in {(~is_same).sum()} of {len(one)} rows")
    for part in ("thresholds", "predictors"):
        for name, value in plain[part].items():
            if not numpy.allclose(numpy.array(value, float), numpy.array(ours[part][name], float), rtol=1e-7, atol=1e-300):
                differences.append(f"{name} is {value} and {ours[part][name]}")
    return differences


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

"""What the analysis benchmark compares: the plain rules over a run's files, and the platform's import and analysis of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.synthetic_run import EXPERIMENT, RunSize

if TYPE_CHECKING:
    import duckdb
    import pandas

    from prefill_assets.sources.record_fields import RecordKind
    from prefill_assets.warehouse.store import Warehouse


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

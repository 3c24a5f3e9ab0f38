"""Every simulated run of `examples/`, in every setting, against what the original scripts wrote and printed."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import duckdb
import pytest

from prefill_assets.analysis.correlations import correlate_min_prefill_with_steps
from prefill_assets.analysis.reference_export import to_trajectory_csv, to_trajectory_with_logprob_csv
from prefill_assets_tests.analysis.run_folder import load_run
from prefill_assets_tests.analysis.tables import EXPERIMENT, compute_all, make_rules
from prefill_assets_tests.examples.write_runs import RUNS, write_run

EXPECTED = Path(__file__).parents[1] / "examples" / "expected"
SETTINGS = [(name, setting) for name, run in RUNS.items() for setting in run.settings]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for number, (name, run) in enumerate(RUNS.items()):
        write_run(run, folder / name, seed=number)
    return folder


@pytest.mark.parametrize(("name", "setting"), SETTINGS, ids=["-".join(pair) for pair in SETTINGS])
def test_cells_and_printed_statistics_are_the_originals(
    connection: duckdb.DuckDBPyConnection, runs: Path, tmp_path: Path, name: str, setting: str
) -> None:
    expected = EXPECTED / name / setting
    levels = load_run(connection, runs / name / "results", EXPERIMENT)
    rules = make_rules(levels, reference_rules=True, **RUNS[name].settings[setting])
    compute_all(connection, rules)
    to_trajectory_csv(connection, EXPERIMENT, rules, tmp_path / "trajectory_analysis.csv")
    to_trajectory_with_logprob_csv(connection, EXPERIMENT, rules, tmp_path / "trajectory_with_logprob.csv")

    keys = _read_csv(tmp_path / "trajectory_analysis.csv")
    assert keys
    for file in ("trajectory_analysis.csv", "trajectory_with_logprob.csv"):
        if (expected / file).exists():
            _assert_same_cells(_read_csv(expected / file), _read_csv(tmp_path / file), lost_keys="logprob" in file)
    printed = json.loads((expected / "summary.json").read_text())["printed"]
    for statistic, value in printed.items():
        assert _describe(connection, rules, statistic) == _printed(value), statistic


def test_expectations_are_there_for_all_but_the_runs_that_the_original_could_not_read() -> None:
    def lacks(file: str) -> set[str]:
        return {name for name, setting in SETTINGS if not (EXPECTED / name / setting / file).exists()}

    assert lacks("summary.json") == set()
    assert lacks("trajectory_analysis.csv") == {"null_verdicts"}
    assert lacks("trajectory_with_logprob.csv") == {"null_verdicts", "digit_ids"}


def test_null_verdict_that_crashed_the_original_did_not_exploit(connection: duckdb.DuckDBPyConnection, runs: Path) -> None:
    levels = load_run(connection, runs / "null_verdicts" / "results", EXPERIMENT)
    compute_all(connection, make_rules(levels, reference_rules=True), judge=False)
    as_table = connection.sql("SELECT task_id, checkpoint, min_prefill FROM trajectory ORDER BY ALL").fetchall()
    connection.execute("UPDATE eval_results SET exploit_success = false WHERE exploit_success IS NULL")
    for table in ("trajectory", "trajectory_analysis", "trajectory_with_logprob", "threshold_comparison"):
        connection.execute(f"DELETE FROM {table}")
    compute_all(connection, make_rules(levels, reference_rules=True), judge=False)
    assert connection.sql("SELECT task_id, checkpoint, min_prefill FROM trajectory ORDER BY ALL").fetchall() == as_table


def _assert_same_cells(expected: list[dict[str, str]], ours: list[dict[str, str]], *, lost_keys: bool) -> None:
    """Row by row, in the original's order. Its second file wrote keys such as `NA` as empty."""
    assert len(ours) == len(expected)
    for row, own in zip(expected, ours, strict=True):
        for column, text in row.items():
            if column in ("task_id", "exploit_type"):
                assert own[column] == text or (lost_keys and text == ""), (row, own)
            elif text in ("True", "False", ""):
                assert own[column] == text, (column, row, own)
            else:
                assert math.isclose(float(own[column]), float(text), rel_tol=1e-8, abs_tol=1e-8), (column, row, own)


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _printed(value: object) -> object:
    """The text that was printed: `nan` stands for undefined."""
    return value if isinstance(value, int) else tuple(value) if isinstance(value, list) else value


def _describe(connection: duckdb.DuckDBPyConnection, rules, statistic: str) -> object:
    if statistic == "min_prefill_vs_steps_r_p":
        fit = correlate_min_prefill_with_steps(connection, EXPERIMENT, rules)
        return (_round(fit.r, 3), _round(fit.p_value, 4))
    if statistic.endswith("_r2_p"):
        predictor = {"min_prefill_r2_p": "min_prefill", "logprob_sum_r2_p": "min_prefill_logprob_sum"}[statistic]
        query = "SELECT r2, p_value FROM predictor_comparison WHERE exploit_scope = 'all' AND predictor = $predictor"
        ((r2, p_value),) = connection.execute(query, {"predictor": predictor}).fetchall()
        return (_round(r2, 4), _round(p_value, 4))
    query = {
        "total_problems": "count(DISTINCT (task_id, exploit_type)) FROM trajectory_analysis",
        "ever_reach": "count(DISTINCT (task_id, exploit_type)) FROM trajectory_analysis WHERE ever_reaches_threshold",
        "both": "count(*) FROM threshold_comparison WHERE reached = 'both'",
        "token_only": "count(*) FROM threshold_comparison WHERE reached = 'token_only'",
        "logprob_only": "count(*) FROM threshold_comparison WHERE reached = 'logprob_only'",
        "token_first": "count(*) FROM threshold_comparison WHERE first_reached = 'token'",
        "logprob_first": "count(*) FROM threshold_comparison WHERE first_reached = 'logprob'",
        "same": "count(*) FROM threshold_comparison WHERE first_reached = 'same'",
        "mean_logprob_minus_token_steps": "printf('%.1f', avg(logprob_minus_token_steps)) FROM threshold_comparison",
    }[statistic]
    return connection.sql(f"SELECT {query}").fetchall()[0][0]


def _round(value: float | None, digits: int) -> str:
    return "nan" if value is None else f"{value:.{digits}f}"

import pandas as pd

from prefill_assets.report.page_tables import build_problem_table, build_rate_table, build_tables, build_threshold_table

from .conftest import CHECKPOINTS, EXPERIMENT, LEVELS


def test_errors_stand_beside_the_rates():
    rates = pd.DataFrame(
        [(1, 0, 113, 9, 1, 0.0796), (1, 10, 0, 0, 4, None), (90, 0, 10, 5, 0, 0.5)],
        columns=["checkpoint", "prefill_level", "num_attempts", "num_exploits", "num_errors", "exploit_rate"],
    ).assign(experiment="a", exploit_rate_low=None, exploit_rate_high=None)
    table = build_rate_table("a", rates)
    assert table.columns == ("training step", "0 words", "10 words")
    assert table.rows == [("1", "8.0 % (9/113, 1 error)", "unknown (0/0, 4 errors)"), ("90", "50.0 % (5/10)", "–")]


def test_of_a_whole_run(tables):
    rates, fits, survival, thresholds, problems = build_tables(EXPERIMENT, tables)
    assert (len(rates.rows), len(rates.columns)) == (len(CHECKPOINTS), 1 + len(LEVELS))
    assert len(fits.rows) == len(survival.rows) == 6
    assert sum(int(row[1]) for row in thresholds.rows) == len(problems.rows) == 16
    for table in (rates, fits, survival, thresholds, problems):
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert "nan" not in str(table.rows)


def test_tables_without_rows(spoiled):
    for state in (spoiled.empty, spoiled.absent, spoiled.foreign, {}):
        assert all(table.rows == [] for table in build_tables(EXPERIMENT, state))


def test_nulls_are_dashes(spoiled):
    _, fits, survival, _, problems = build_tables(EXPERIMENT, spoiled.null)
    assert fits.rows[0][2:5] == ("–", "–", "–")
    assert survival.rows[0][2:5] == ("–", "–", "–")
    assert problems.rows[0][2:] == ("–", "–", "–")


def test_shares_are_of_all_problems():
    rows = pd.DataFrame(
        {
            "experiment": "a",
            "reached": ["both", "neither"],
            "first_reached": ["token", None],
            "logprob_minus_token_steps": [9, None],
        }
    )
    assert build_threshold_table("a", rows).rows[0] == ("both, token first", "1", "50.0 %")


def test_a_long_problem_table_is_cut_and_says_so():
    rows = pd.DataFrame({"task_id": [f"t{i}" for i in range(1200)]}).assign(
        experiment="a", exploit_type="x", reached="both", token_threshold_checkpoint=90, logprob_threshold_checkpoint=1,
        logprob_minus_token_steps=-89,
    )  # fmt: skip
    table = build_problem_table("a", rows)
    assert len(table.rows) == 1000
    assert table.note == "The first 1,000 of 1,200 problems."
    assert table.rows[0] == ("t0", "x", "90", "1", "−89")

"""Hand-made problems, one rule each."""

from __future__ import annotations

import duckdb
import pytest

from prefill_assets.analysis.trajectories import compute_trajectory
from prefill_assets_tests.analysis.run_folder import store
from prefill_assets_tests.analysis.tables import EXPERIMENT, LEVELS, compute_all, fill, make_rules, read_rows, verdict

E = "error"


def describe(connection: duckdb.DuckDBPyConnection, cells: dict[int, object], **settings) -> dict:
    """The one row of `trajectory_analysis` for these verdicts by level; E is an error row, None an unknown verdict."""
    fill(connection, [_record(1, level, outcome) for level, outcome in cells.items()])
    compute_all(connection, make_rules(**settings), judge=False)
    (row,) = read_rows(connection, "trajectory_analysis")
    return row


def _record(checkpoint: int, level: int, outcome: object) -> dict:
    return verdict(checkpoint, level, None, error="boom") if outcome == E else verdict(checkpoint, level, outcome)


NO, YES = False, True


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # exploitable, min_prefill, lower, upper, at_threshold, accessibility
        ({0: NO, 10: NO, 30: YES, 100: NO}, (True, 30, 30, 30, False, 1 - 20 / 90)),
        ({0: NO, 10: NO, 30: NO, 100: YES}, (True, 100, 100, 100, False, 0.0)),
        ({0: YES}, (True, 0, 0, 0, True, 1.0)),
        ({0: NO, 10: YES, 30: E, 100: NO}, (True, 10, 10, 10, True, 1.0)),
        ({0: NO, 10: NO, 30: NO, 100: NO}, (False, None, None, None, False, 0.0)),
        ({0: E, 10: YES}, (True, None, 0, 10, True, 1.0)),
        ({0: NO, 10: NO, 30: E, 100: YES}, (True, None, 30, 100, False, None)),
        ({0: NO, 30: NO, 100: YES}, (True, None, 10, 100, None, None)),
        ({0: NO, 10: NO, 30: NO, 100: None}, (None, None, 100, None, False, None)),
        ({0: E, 10: None}, (None, None, 0, None, None, None)),
        ({0: NO, 10: NO, 30: NO, 100: NO, 300: YES}, (False, None, None, None, False, 0.0)),
    ],
)
def test_state_from_what_was_tested(connection, cells, expected) -> None:
    row = describe(connection, cells)
    names = ("exploitable", "min_prefill", "min_prefill_lower", "min_prefill_upper", "at_threshold", "accessibility")
    assert tuple(row[name] for name in names) == pytest.approx(expected)


@pytest.mark.parametrize(("threshold", "accessibility"), [(0, 0.7), (29, 1 - 1 / 71), (30, 1.0), (100, 1.0), (1000, 1.0)])
def test_accessibility_falls_from_the_threshold_to_the_highest_level(connection, threshold, accessibility) -> None:
    row = describe(connection, {0: NO, 10: NO, 30: YES, 100: YES}, threshold=threshold)
    assert row["accessibility"] == pytest.approx(accessibility)


def test_steps_count_to_the_first_known_crossing_and_end_with_a_relapse(connection) -> None:
    by_checkpoint = {2: NO, 9: None, 10: YES, 27: NO, 56: None, 100: YES}
    others = [verdict(checkpoint, level, NO) for checkpoint in by_checkpoint for level in (0, 30, 100)]
    fill(connection, others + [verdict(checkpoint, 10, success) for checkpoint, success in by_checkpoint.items()])
    compute_all(connection, make_rules(), judge=False)
    rows = {row["checkpoint"]: row for row in read_rows(connection, "trajectory_analysis")}
    assert [rows[c]["at_threshold"] for c in by_checkpoint] == [False, None, True, False, None, True]
    assert [rows[c]["steps_to_threshold"] for c in by_checkpoint] == [8, 1, 0, None, None, 0]
    assert [rows[c]["relapsed"] for c in by_checkpoint] == [False, False, False, True, None, False]
    assert {row["first_threshold_checkpoint"] for row in rows.values()} == {10}
    assert {row["ever_reaches_threshold"] for row in rows.values()} == {True}


@pytest.mark.parametrize(("last", "ever"), [(NO, False), (None, None), (E, None), (YES, True)])
def test_never_reaching_is_known_only_if_every_state_is(connection, last, ever) -> None:
    fill(connection, [verdict(1, level, NO) for level in LEVELS] + [_record(2, level, last) for level in LEVELS])
    compute_all(connection, make_rules(), judge=False)
    assert {row["ever_reaches_threshold"] for row in read_rows(connection, "trajectory_analysis")} == {ever}


@pytest.mark.parametrize(
    ("cells", "exploitable", "min_prefill"),
    [
        ({30: NO, 100: YES}, True, 100),
        ({0: E, 10: E, 30: YES}, True, 30),
        ({0: E}, False, None),
        ({10: None}, False, None),
        ({0: NO, 300: YES}, True, 300),
    ],
)
def test_reference_rules_take_errors_for_failures_and_skip_what_is_untested(connection, cells, exploitable, min_prefill) -> None:
    row = describe(connection, cells, reference_rules=True)
    assert (row["exploitable"], row["min_prefill"], row["at_threshold"]) == (exploitable, min_prefill, False)


def test_reference_rules_believe_an_error_row_that_says_it_exploited(connection) -> None:
    fill(connection, [verdict(1, 0, False), verdict(1, 10, True, error="boom")])
    believed = compute_trajectory(connection, EXPERIMENT, LEVELS, reference_rules=True).to_dicts()[0]
    assert {believed[name] for name in ("min_prefill", "min_prefill_lower", "min_prefill_upper")} == {10}
    assert (believed["exploitable"], believed["num_exploits"], believed["num_errors"]) == (True, 0, 1)
    assert compute_trajectory(connection, EXPERIMENT, LEVELS).to_dicts()[0]["min_prefill_upper"] is None


def test_counts_keep_errors_apart_from_attempts(connection) -> None:
    outcomes = (YES, NO, None, E, NO)
    records = [{**_record(1, 10, outcome), "attempt_idx": i} for i, outcome in enumerate(outcomes)]
    fill(connection, [*records, verdict(1, 30, None, error="boom")])
    store(connection, "trajectory", compute_trajectory(connection, EXPERIMENT, LEVELS))
    (row,) = read_rows(connection, "trajectory")
    counts = ("num_levels_tested", "num_attempts", "num_exploits", "num_errors")
    assert [row[name] for name in counts] == [1, 3, 1, 3]


def test_checkpoints_and_experiments_are_kept_apart(connection) -> None:
    foreign = [verdict(1, level, YES, experiment="other") for level in LEVELS]
    fill(connection, [verdict(c, level, NO) for c in (1, 2, 3) for level in LEVELS] + foreign)
    one = compute_trajectory(connection, EXPERIMENT, LEVELS, checkpoints=[2])
    assert [row[:2] for row in one.fetchall()] == [(EXPERIMENT, 2)]
    assert len(compute_trajectory(connection, EXPERIMENT, LEVELS)) == 3
    compute_all(connection, make_rules(), judge=False)
    assert {row["experiment"] for row in read_rows(connection, "trajectory_with_logprob")} == {EXPERIMENT}
    assert len(compute_trajectory(connection, "nobody", LEVELS)) == 0


def test_result_is_not_changed_by_what_happens_to_the_tables_later(connection) -> None:
    fill(connection, [verdict(1, level, NO) for level in LEVELS])
    relation = compute_trajectory(connection, EXPERIMENT, LEVELS)
    connection.execute("DELETE FROM eval_results")
    assert len(relation.fetchall()) == 1

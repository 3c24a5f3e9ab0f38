from __future__ import annotations

import math

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefill_assets_tests.analysis import slow_tables
from prefill_assets_tests.analysis.run_folder import create_tables
from prefill_assets_tests.analysis.tables import compute_all, empty_tables, fill, make_rules, read_rows, score, verdict

PROBLEMS = (("a", "k"), ("a", "l"), ("NA", "k"), ("007", "None"), ("", "k"))
CHECKPOINTS = (2, 9, 10, 100)
SUMS = (-200.0, -60.5, -55.39, -20.3, -0.5, 0.0, None, math.nan, -math.inf, math.inf)


@pytest.fixture(scope="module")
def shared_connection():
    with duckdb.connect() as opened:
        create_tables(opened)
        yield opened


@st.composite
def experiments(draw: st.DrawFn):
    """(levels, verdicts, scores): any cells missing, any attempts broken, with levels outside the sweep."""
    levels = sorted(draw(st.sets(st.sampled_from((0, 5, 10, 30, 100)), min_size=1, max_size=4)))
    checkpoints = draw(st.sets(st.sampled_from(CHECKPOINTS), min_size=1))
    problems = draw(st.sets(st.sampled_from(PROBLEMS), min_size=1, max_size=3))
    outcomes = st.sampled_from((True, False, False, None, "error", "error and true", "lost", "lost"))
    found, scored = [], []
    for task, kind in sorted(problems):
        for checkpoint in sorted(checkpoints):
            for level in (*levels, 300):
                for attempt in range(2):
                    outcome = draw(outcomes)
                    if outcome != "lost":
                        success = {"error": None, "error and true": True}.get(outcome, outcome)
                        error = "boom" if isinstance(outcome, str) else None
                        found.append(verdict(checkpoint, level, success, task=task, kind=kind, attempt=attempt, error=error))
                    total = draw(st.sampled_from((*SUMS, "lost", "error")))
                    if total != "lost":
                        error, total = ("boom", -1.0) if total == "error" else (None, total)
                        scored.append(score(checkpoint, level, total, task=task, kind=kind, attempt=attempt, error=error))
    return levels, found, scored


@settings(max_examples=40, deadline=None)
@given(
    experiment=experiments(),
    threshold=st.sampled_from((0, 7, 10, 30, 100, 1000)),
    logprob_threshold=st.sampled_from((-55.39, -20.3, 0.0, 5.0)),
    prefill_levels=st.sampled_from((None, (10,), (0, 10, 100))),
    fixed_prefill_level=st.sampled_from((None, 0, 30)),
)
def test_every_cell_is_that_of_the_slow_version(shared_connection, experiment, **chosen) -> None:
    levels, found, scored = experiment
    rules = make_rules(levels, **chosen)
    empty_tables(shared_connection)
    fill(shared_connection, found, scored)
    compute_all(shared_connection, rules, judge=False)

    trajectory = slow_tables.describe_trajectory(found, levels)
    analysis = slow_tables.describe_analysis(trajectory, rules)
    merged = slow_tables.describe_with_logprob(analysis, scored, rules)
    expected = {
        "trajectory": trajectory,
        "trajectory_analysis": analysis,
        "trajectory_with_logprob": merged,
        "threshold_comparison": slow_tables.describe_thresholds(merged),
    }
    for table, slow_rows in expected.items():
        rows = read_rows(shared_connection, table)
        assert len(rows) == len(slow_rows)
        for row, slow_row in zip(rows, slow_rows, strict=True):
            assert row == pytest.approx({"experiment": "sweep", **{n: slow_row[n] for n in row if n != "experiment"}}, abs=1e-9)

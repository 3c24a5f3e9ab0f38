"""Hand-made problems for the comparison, and the six rows against fits of the slow tables' rows."""

from __future__ import annotations

import math
import random

import numpy
import pytest

from prefill_assets.analysis.comparison import compute_predictor_comparison
from prefill_assets.analysis.correlations import correlate_accessibilities, correlate_min_prefill_with_steps
from prefill_assets.analysis.rules import Rules
from prefill_assets_tests.analysis import slow_tables
from prefill_assets_tests.analysis.tables import (
    EXPERIMENT,
    LEVELS,
    compute_all,
    fill,
    make_rules,
    read_rows,
    score,
    verdict,
)

CHECKPOINTS = (1, 10, 17, 27, 35, 56, 90)


def sweep(checkpoint: int, min_prefill: int | None, **key) -> list[dict]:
    """Verdicts of a fully tested state."""
    return [verdict(checkpoint, level, min_prefill is not None and level >= min_prefill, **key) for level in LEVELS]


def test_empty_prefill_has_logprob_zero_without_a_row(connection) -> None:
    fill(connection, sweep(1, 0) + sweep(2, 10), [score(1, 0, -7.0), score(2, 10, -40.0)])
    compute_all(connection, make_rules(), judge=False)
    first, second = read_rows(connection, "trajectory_with_logprob")
    assert (first["min_prefill_logprob_sum"], first["min_prefill_logprob_mean"], first["at_logprob_threshold"]) == (
        0.0,
        None,
        True,
    )
    assert (first["accessibility_logprob"], second["accessibility_logprob"]) == (1.0, 0.0)


@pytest.mark.parametrize("threshold", [5.0, 0.0])
def test_empty_prefill_is_compared_as_zero(connection, threshold) -> None:
    fill(connection, sweep(1, 0))
    compute_all(connection, make_rules(logprob_threshold=threshold), judge=False)
    (row,) = read_rows(connection, "trajectory_with_logprob")
    assert row["at_logprob_threshold"] is (threshold <= 0)


@pytest.mark.parametrize(
    ("scores", "total"),
    [
        ([-50.0, -60.0, -70.0], -60.0),
        ([-50.0, math.nan, None], -50.0),
        ([-50.0, -math.inf, math.inf], -50.0),
        ([math.nan, -math.inf], None),
        ([], None),
    ],
)
def test_sum_is_the_mean_of_what_is_known(connection, scores, total) -> None:
    broken = score(1, 30, -1.0, attempt=9, error="CUDA out of memory")
    foreign = score(1, 30, -1.0, experiment="other")
    fill(connection, sweep(1, 30), [broken, foreign, *(score(1, 30, value, attempt=i) for i, value in enumerate(scores))])
    compute_all(connection, make_rules(), judge=False)
    (row,) = read_rows(connection, "trajectory_with_logprob")
    assert row["min_prefill_logprob_sum"] == total
    assert row["min_prefill_logprob_mean"] == (None if total is None else total / 10)
    assert row["at_logprob_threshold"] == (None if total is None else total >= -55.39)


def test_not_exploitable_has_no_logprob_state(connection) -> None:
    fill(connection, sweep(1, None) + sweep(2, 100), [score(c, level, -1.0) for c in (1, 2) for level in LEVELS])
    compute_all(connection, make_rules(), judge=False)
    first, second = read_rows(connection, "trajectory_with_logprob")
    assert (first["min_prefill_logprob_sum"], first["at_logprob_threshold"], first["at_threshold"]) == (None, None, False)
    assert (first["steps_to_logprob_threshold"], second["steps_to_logprob_threshold"]) == (1, 0)


def test_only_the_chosen_levels_are_matched_and_the_fixed_level_stands_apart(connection) -> None:
    fill(connection, sweep(1, 30), [score(1, level, -float(level)) for level in LEVELS])
    compute_all(connection, make_rules(prefill_levels=[10, 100]), judge=False)
    (row,) = read_rows(connection, "trajectory_with_logprob")
    assert (row["min_prefill_logprob_sum"], row["fixed_prefill_level"], row["fixed_level_logprob_sum"]) == (None, 10, -10.0)


def test_threshold_comparison_of_each_kind(connection) -> None:
    plan = {  # task: (min_prefill, sum) at checkpoints 1 and 2
        "both": [(30, -90.0), (10, -90.0), (10, -20.0)],
        "logprob_only": [(30, -20.0), (30, -20.0), (30, -20.0)],
        "neither": [(None, -20.0), (100, -90.0), (None, -20.0)],
        "same": [(30, -90.0), (30, -90.0), (10, -20.0)],
        "token_only": [(10, -90.0), (10, -90.0), (10, -90.0)],
    }
    for task, states in plan.items():
        for checkpoint, (level, total) in enumerate(states, start=1):
            scores = [score(checkpoint, at, total, task=task) for at in LEVELS if at]
            fill(connection, sweep(checkpoint, level, task=task), scores)
    compute_all(connection, make_rules(), judge=False)
    rows = {row["task_id"]: tuple(row.values())[3:] for row in read_rows(connection, "threshold_comparison")}
    assert rows == {
        "both": (2, 3, "both", "token", 1),
        "logprob_only": (None, 1, "logprob_only", None, None),
        "neither": (None, None, "neither", None, None),
        "same": (3, 3, "both", "same", 0),
        "token_only": (1, None, "token_only", None, None),
    }


def simulate(seed: int, num_problems: int = 24) -> tuple[list[dict], list[dict]]:
    chance = random.Random(seed)
    verdicts, scores = [], []
    for number in range(num_problems):
        key = {"task": f"t{number:02}", "kind": ("bypass", "leak", "resource_exhaustion")[number % 3]}
        ease = chance.uniform(-0.6, 0.6)
        for step, checkpoint in enumerate(CHECKPOINTS):
            for level in LEVELS:
                odds = 0.3 * (step / 7 + level / 200) * (1 + ease)
                for attempt in range(2):
                    broken = {"error": "boom", "exploit_success": None} if chance.random() < 0.25 else {}
                    verdicts.append({**verdict(checkpoint, level, chance.random() < odds, attempt=attempt, **key), **broken})
                if level and chance.random() < 0.95:
                    scores.append(score(checkpoint, level, -level * (5 - step / 2) + chance.gauss(0, 5) - 20 * ease, **key))
    return verdicts, scores


@pytest.mark.parametrize("scope", ["all", "intentional"])
@pytest.mark.parametrize("predictor", ["min_prefill", "min_prefill_logprob_sum", "fixed_level_logprob_sum"])
def test_predictor_rows_are_chosen_and_fitted_as_documented(connection, scope, predictor) -> None:
    verdicts, scores = simulate(seed=3)
    rules = make_rules()
    fill(connection, verdicts, scores)
    compute_all(connection, rules)
    query = "FROM predictor_comparison WHERE exploit_scope = $scope AND predictor = $predictor"
    relation = connection.sql(query, params={"scope": scope, "predictor": predictor})
    ours = dict(zip(relation.columns, relation.fetchall()[0], strict=True))

    slow = _slow_rows(verdicts, scores, rules, scope)
    main = ("steps_to_threshold", "min_prefill", "min_prefill_logprob_sum", predictor)
    fitted = [row for row in slow if row["at_threshold"] is False and all(row[name] is not None for name in main)]
    x, y, base = ([float(row[name]) for row in fitted] for name in (predictor, "steps_to_threshold", "min_prefill"))
    r2, base_r2 = numpy.corrcoef(x, y)[0, 1] ** 2, numpy.corrcoef(base, y)[0, 1] ** 2
    slope, intercept = numpy.polyfit(x, y, 1)
    assert ours["num_rows"] == len(fitted) > 10
    assert ours["num_problems"] == len({(row["task_id"], row["exploit_type"]) for row in fitted})
    assert [ours[n] for n in ("r2", "slope", "intercept")] == pytest.approx([r2, slope, intercept])
    assert ours["r2_difference"] == pytest.approx(r2 - base_r2, abs=1e-12)
    assert ours["r2_relative_difference"] == pytest.approx((r2 - base_r2) / base_r2, abs=1e-12)
    assert ours["r2_low"] <= ours["r2_high"]

    compared = [row for row in slow if row["at_threshold"] is False and all(row[name] is not None for name in main[1:])]
    at_risk = [_at_risk(row, slow) for row in compared]
    known = [pair for pair in at_risk if pair is not None]
    assert ours["num_survival_rows"] == len(known)
    assert ours["num_censored_rows"] == sum(not crossed for _, crossed in known) > 0
    assert 0 < ours["concordance"] < 1


def _slow_rows(verdicts: list[dict], scores: list[dict], rules: Rules, scope: str) -> list[dict]:
    analysis = slow_tables.describe_analysis(slow_tables.describe_trajectory(verdicts, LEVELS), rules)
    rows = slow_tables.describe_with_logprob(analysis, scores, rules)
    return [row for row in rows if scope == "all" or row["exploit_type"] not in rules.unintentional_exploit_types]


def _at_risk(row: dict, rows: list[dict]) -> tuple[int, bool] | None:
    """(steps, crossed), or None past a crossing and at the last known state."""
    own = [r for r in rows if (r["task_id"], r["exploit_type"]) == (row["task_id"], row["exploit_type"])]
    first, last = row["first_threshold_checkpoint"], max(r["checkpoint"] for r in own if r["at_threshold"] is not None)
    steps = (last if first is None else first) - row["checkpoint"]
    return (steps, first is not None) if steps > 0 else None


def test_better_early_indicators_have_a_concordance_above_one_half(connection) -> None:
    for number in range(8):  # the later a problem crosses, the longer and the less likely its prefill before
        crossing = CHECKPOINTS[number % 6 + 1]
        for checkpoint in CHECKPOINTS:
            key = {"task": f"t{number}"}
            level = 10 if checkpoint >= crossing else 30 if crossing - checkpoint < 20 else 100
            fill(
                connection,
                sweep(checkpoint, level, **key),
                [score(checkpoint, n, -n - crossing + checkpoint, **key) for n in LEVELS],
            )
    compute_all(connection, make_rules())
    rows = {row["predictor"]: row for row in read_rows(connection, "predictor_comparison") if row["exploit_scope"] == "all"}
    assert rows["min_prefill"]["concordance"] > 0.7
    assert rows["min_prefill_logprob_sum"]["concordance"] > 0.9
    assert rows["fixed_level_logprob_sum"]["concordance"] == 1.0
    assert rows["min_prefill"]["slope"] > 0 > rows["min_prefill_logprob_sum"]["slope"]


@pytest.mark.parametrize("reference_rules", [False, True])
@pytest.mark.parametrize("states", [{}, {1: 10}, {1: None, 2: None}, {1: 30, 2: 10}, {1: 30, 2: 30, 3: 30, 4: 10}])
def test_degenerate_experiments_give_six_rows_of_unknowns(connection, states, reference_rules) -> None:
    for checkpoint, level in states.items():
        fill(connection, sweep(checkpoint, level), [score(checkpoint, at, -float(at)) for at in LEVELS])
    compute_all(connection, make_rules(reference_rules=reference_rules))
    rows = read_rows(connection, "predictor_comparison")
    assert len(rows) == 6
    assert all(row["r2_low"] is None and row["cox_p_value"] is None for row in rows)
    assert {row["r2"] for row in rows} <= ({None, 0.0} if reference_rules else {None})


def test_equal_seeds_give_equal_tables(connection) -> None:
    fill(connection, *simulate(seed=5))
    compute_all(connection, make_rules())
    again = compute_predictor_comparison(connection, EXPERIMENT, make_rules()).fetchall()
    assert again == connection.sql("FROM predictor_comparison").fetchall()
    other = compute_predictor_comparison(connection, EXPERIMENT, make_rules(seed=1)).fetchall()
    assert [row[:9] for row in other] == [row[:9] for row in again]
    assert [row[9] for row in other] != [row[9] for row in again]


def test_correlations_leave_out_what_is_unknown(connection) -> None:
    verdicts, scores = simulate(seed=7)
    fill(connection, verdicts, scores)
    rules = make_rules()
    compute_all(connection, rules, judge=False)
    slow = _slow_rows(verdicts, scores, rules, "all")
    for fit, x_name, y_name, rows in (
        (correlate_accessibilities(connection, EXPERIMENT), "accessibility", "accessibility_logprob", slow),
        (
            correlate_min_prefill_with_steps(connection, EXPERIMENT, rules),
            "min_prefill",
            "steps_to_threshold",
            [row for row in slow if row["at_threshold"] is False],
        ),
    ):
        pairs = [(row[x_name], row[y_name]) for row in rows if row[x_name] is not None and row[y_name] is not None]
        assert fit.num_rows == len(pairs)
        assert fit.r == pytest.approx(numpy.corrcoef(numpy.array(pairs, dtype=float).T)[0, 1])

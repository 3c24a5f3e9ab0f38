"""Trajectories and comparisons of which a claim does not hold."""

from __future__ import annotations

import pytest

from prefill_assets_tests.checks.sound_warehouse import TASKS, find, make_predictors, make_rows, make_trajectory, put

OTHERS = {"min_prefill_logprob_sum": {"num_survival_rows": 3}, "fixed_level_logprob_sum": {"num_survival_rows": 2}}


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({}, "min prefill is 4 though level 2 is untested"),
        (
            {"exploitable": False, "min_prefill": None, "min_prefill_upper": None},
            "is called not exploitable though level 2 is untested",
        ),
        ({"min_prefill": None, "min_prefill_upper": None}, "is exploitable, and has no upper bound"),
        ({"min_prefill": None, "min_prefill_lower": None}, "is exploitable, and has no lower bound"),
        ({"min_prefill": None, "min_prefill_lower": 8}, "its bounds are 8 and 4"),
    ],
)
def test_a_claim_beyond_what_was_tested_is_found(warehouse, changed, finding):
    unknown = make_rows("eval_results", 10, 2, exploit_success=None, error="ReadTimeout")
    put(warehouse, "eval_results", unknown, 10, 2)
    put(warehouse, "trajectory", make_trajectory(10, **changed), 10)
    assert find(warehouse, "min_prefill_is_known") == [("ERROR", 10, None, task, finding) for task in TASKS]
    assert find(warehouse, "min_prefill_is_known", 1) == []
    put(warehouse, "trajectory", make_trajectory(10, min_prefill=None, min_prefill_lower=2), 10)
    assert find(warehouse, "min_prefill_is_known") == []


def test_a_min_prefill_where_nothing_exploits_is_found(warehouse):
    put(warehouse, "trajectory", make_trajectory(1, min_prefill=2, min_prefill_lower=2), 1)
    assert find(warehouse, "min_prefill_is_known")[0][4] == "min prefill is 2, where nothing exploits"


def test_predictors_on_other_rows_are_found(warehouse):
    put(warehouse, "predictor_comparison", make_predictors(num_rows_of_logprob=7))
    found = find(warehouse, "predictors_share_their_rows")
    assert len(found) == 2
    assert found[0][4] == "scope all: R2 of min_prefill is of 8 rows of 2 problems, that of min_prefill_logprob_sum of 7 of 2"
    put(warehouse, "predictor_comparison", make_predictors()[:1])
    found = find(warehouse, "predictors_share_their_rows")
    assert [row[4] for row in found] == ["scope all: only one of the two predictors is there"]


def test_predictors_whose_survival_fits_are_of_other_rows_are_found(warehouse):
    put(warehouse, "predictor_comparison", [{**row, **OTHERS.get(row["predictor"], {})} for row in make_predictors()])
    assert [row[4] for row in find(warehouse, "predictors_share_their_rows")] == [
        f"scope {scope}: the survival fit of min_prefill is of 8 rows, 1 of them censored, "
        "that of min_prefill_logprob_sum of 3, 1"
        for scope in ("all", "intentional")
    ]

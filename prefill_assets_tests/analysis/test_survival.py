from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from prefill_assets.analysis.survival import fit_survival


def slow_concordance(steps, later, crossed) -> float | None:
    """Harrell's C over every pair of which the earlier is a crossing."""
    wins, pairs = 0.0, 0
    for i in range(len(steps)):
        for j in range(len(steps)):
            comparable = crossed[i] and (steps[i] < steps[j] or (steps[i] == steps[j] and not crossed[j]))
            if comparable:
                pairs += 1
                wins += 1.0 if later[i] < later[j] else 0.5 if later[i] == later[j] else 0.0
    return wins / pairs if pairs else None


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 6), st.sampled_from((10.0, 30.0, 100.0)), st.booleans()), min_size=2, max_size=12),
    higher_is_later=st.booleans(),
)
def test_concordance_is_that_of_all_pairs_and_nothing_raises(rows, higher_is_later) -> None:
    steps, predictor, crossed = (numpy.array(column) for column in zip(*rows, strict=True))
    problem = numpy.arange(len(rows)) // 2
    fit = fit_survival(problem, predictor, steps.astype(float), crossed, higher_is_later=higher_is_later)
    tied = {s for s in steps[crossed] if (steps[crossed] == s).sum() > 1}
    if not tied:  # pairs of crossings at one time are counted in other ways by other authors
        expected = slow_concordance(steps, predictor if higher_is_later else -predictor, crossed)
        assert fit.concordance == pytest.approx(expected)
    assert (fit.num_rows, fit.num_censored) == (len(rows), int((~crossed).sum()))


def test_cox_coefficient_maximises_the_partial_likelihood() -> None:
    chance = numpy.random.default_rng(2)
    x = chance.normal(size=60)
    order = numpy.argsort(1.5 * x + chance.gumbel(size=60))[::-1]
    steps = numpy.empty(60)
    steps[order] = numpy.arange(1.0, 61.0)
    crossed = chance.random(60) < 0.7
    scaled = (x - x.mean()) / x.std(ddof=1)

    def loss(beta: float) -> float:
        return -sum(
            beta * scaled[i] - numpy.log(numpy.exp(beta * scaled[steps >= steps[i]]).sum()) for i in range(60) if crossed[i]
        )

    fit = fit_survival(numpy.arange(60), x, steps, crossed, higher_is_later=False)
    assert fit.log_hazard_ratio == pytest.approx(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x, abs=1e-4)
    assert fit.log_hazard_ratio > 0
    assert fit.p_value < 0.01


def test_copies_of_a_problem_are_no_further_evidence() -> None:
    chance = numpy.random.default_rng(6)
    x, crossed = chance.normal(size=40), chance.random(40) < 0.8
    steps = numpy.exp(-0.4 * x + chance.normal(size=40)) * 100 + numpy.arange(40)
    once = fit_survival(numpy.arange(40), x, steps, crossed, higher_is_later=False)
    copies = [numpy.repeat(column, 10) for column in (numpy.arange(40), x, steps, crossed)]
    clustered = fit_survival(*copies, higher_is_later=False)
    as_if_independent = fit_survival(numpy.arange(400), *copies[1:], higher_is_later=False)
    assert clustered.p_value == pytest.approx(once.p_value, rel=0.5)
    assert as_if_independent.p_value < once.p_value / 100


@pytest.mark.parametrize(
    ("problem", "x", "steps", "crossed"),
    [
        ([], [], [], []),
        ([0], [1], [5], [True]),
        ([0, 0, 0], [1, 2, 3], [3, 2, 1], [True] * 3),
        ([0, 1, 2], [1, 2, 3], [3, 2, 1], [False] * 3),
        ([0, 1, 2], [7, 7, 7], [3, 2, 1], [True] * 3),
        ([0, 1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4], [True] * 4),
    ],
)
def test_degenerate_rows_have_no_cox_fit(problem, x, steps, crossed) -> None:
    columns = numpy.array(problem), numpy.array(x, dtype=float), numpy.array(steps, dtype=float), numpy.array(crossed, dtype=bool)
    fit = fit_survival(*columns, higher_is_later=True)
    assert (fit.log_hazard_ratio, fit.p_value) == (None, None)

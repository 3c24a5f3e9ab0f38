from __future__ import annotations

import warnings

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter

from prefill_assets.analysis.cox_variance import compute_score_residuals, estimate_clustered_variance


def slow_residuals(x, steps, crossed, coefficient: float) -> list[float]:
    """Row by row and event by event, with Efron's weights written out."""
    risk = [float(numpy.exp(coefficient * value)) for value in x]
    residuals = [0.0] * len(x)
    for time in sorted({t for t, c in zip(steps, crossed, strict=True) if c}):
        tied = [i for i in range(len(x)) if steps[i] == time and crossed[i]]
        later = [i for i in range(len(x)) if steps[i] >= time]
        for k in range(len(tied)):
            weight = {i: risk[i] * (1 - k / len(tied) if i in tied else 1.0) for i in later}
            total = sum(weight.values())
            mean = sum(weight[i] * x[i] for i in later) / total
            for i in tied:
                residuals[i] += (x[i] - mean) / len(tied)
            for i in later:
                residuals[i] -= weight[i] / total * (x[i] - mean)
    return residuals


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 5), st.floats(-2, 2), st.booleans()), min_size=1, max_size=14),
    coefficient=st.floats(-1.5, 1.5),
)
def test_residuals_are_those_of_the_slow_version(rows, coefficient: float) -> None:
    steps, x, crossed = (numpy.array(column) for column in zip(*rows, strict=True))
    ours = compute_score_residuals(x, steps.astype(float), crossed, coefficient)
    assert ours == pytest.approx(numpy.array(slow_residuals(x, steps, crossed, coefficient)), abs=1e-9)


def simulate(tied: bool) -> dict[str, numpy.ndarray]:
    chance = numpy.random.default_rng(8)
    x = chance.normal(size=80)
    steps = numpy.exp(-0.5 * x + chance.gumbel(size=80)) * 20
    return {
        "x": (x - x.mean()) / x.std(ddof=1),
        "steps": numpy.ceil(steps / 15) if tied else steps,
        "crossed": chance.random(80) < 0.7,
        "problem": numpy.arange(80) // 4,
    }


def test_without_ties_the_variance_is_that_of_lifelines() -> None:
    columns = simulate(tied=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = CoxPHFitter().fit(pandas.DataFrame(columns), "steps", "crossed", cluster_col="problem", formula="x")
    coefficient, model_variance = float(fit.params_["x"]), float(fit.variance_matrix_.iloc[0, 0])
    ours = estimate_clustered_variance(
        columns["problem"], columns["x"], columns["steps"], columns["crossed"], coefficient, model_variance
    )
    assert ours**0.5 == pytest.approx(float(fit.standard_errors_["x"]), rel=1e-6)


def test_residuals_sum_to_zero_at_a_tied_fit_and_do_not_depend_on_row_order() -> None:
    columns = simulate(tied=True)
    fit = CoxPHFitter().fit(pandas.DataFrame(columns)[["x", "steps", "crossed"]], "steps", "crossed")
    arrays = columns["x"], columns["steps"], columns["crossed"]
    residuals = compute_score_residuals(*arrays, float(fit.params_["x"]))
    assert residuals.sum() == pytest.approx(0, abs=1e-4)
    order = numpy.random.default_rng(1).permutation(80)
    shuffled = compute_score_residuals(*(column[order] for column in arrays), float(fit.params_["x"]))
    assert shuffled == pytest.approx(residuals[order])

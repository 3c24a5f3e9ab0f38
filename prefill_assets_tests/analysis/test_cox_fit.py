from __future__ import annotations

import math
import warnings

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter

from prefill_assets.analysis.cox_fit import fit_cox


def slow_log_likelihood(x, steps, crossed, coefficient: float) -> float:
    """Efron's partial likelihood, event by event."""
    total = 0.0
    for time in sorted({t for t, c in zip(steps, crossed, strict=True) if c}):
        tied = [i for i in range(len(x)) if steps[i] == time and crossed[i]]
        at_risk = sum(math.exp(coefficient * x[i]) for i in range(len(x)) if steps[i] >= time)
        own = sum(math.exp(coefficient * x[i]) for i in tied)
        total += sum(coefficient * x[i] for i in tied) - sum(math.log(at_risk - k / len(tied) * own) for k in range(len(tied)))
    return total


def simulate(seed: int, rows: int, tied: bool, effect: float) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    chance = numpy.random.default_rng(seed)
    x = chance.normal(size=rows)
    steps = numpy.exp(-effect * x + chance.gumbel(size=rows)) * 20
    return (x - x.mean()) / x.std(ddof=1), numpy.ceil(steps / 15) if tied else steps, chance.random(rows) < 0.7


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("effect", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("rows", [12, 300])
def test_fit_is_that_of_lifelines(rows: int, effect: float, tied: bool) -> None:
    x, steps, crossed = simulate(7, rows, tied, effect)
    ours = fit_cox(x, steps, crossed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows_of_x = pandas.DataFrame({"x": x, "steps": steps, "crossed": crossed})
        theirs = CoxPHFitter().fit(rows_of_x, "steps", "crossed", fit_options={"precision": 1e-12, "r_precision": 1e-14})
    assert ours is not None
    assert ours.coefficient == pytest.approx(float(theirs.params_["x"]), abs=1e-6)
    assert ours.model_variance == pytest.approx(float(theirs.variance_matrix_.iloc[0, 0]), rel=1e-5)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 3), st.booleans()), min_size=2, max_size=12),
    tail=st.floats(0, 1),
)
def test_fit_is_the_maximum_of_the_likelihood_or_there_is_none(rows, tail: float) -> None:
    steps, x, crossed = (numpy.array(column) for column in zip(*rows, strict=True))
    fit = fit_cox(x.astype(float), steps.astype(float), crossed)

    def height(coefficient: float) -> float:
        return slow_log_likelihood(x.tolist(), steps.tolist(), crossed.tolist(), coefficient)

    if fit is None:  # flat, or still climbing where no experiment could tell any more
        ends = height(-12), height(-8), height(8), height(12)
        assert max(ends) >= height(0) - 1e-9
        assert ends[0] >= ends[1] - 1e-9 or ends[3] >= ends[2] - 1e-9
    else:
        assert height(fit.coefficient) >= max(height(fit.coefficient + d) for d in (-1 - tail, -0.1, 0.1, 1 + tail)) - 1e-9

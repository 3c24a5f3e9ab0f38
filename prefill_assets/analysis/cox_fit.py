"""The Cox coefficient of one predictor: the maximum of Efron's partial likelihood, by Newton's method.

lifelines finds the same value (a test says so), but takes a second and 140 MB to be imported and a baseline hazard that
nothing here asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prefill_assets.analysis.risk_sets import RiskSets

if TYPE_CHECKING:
    import numpy

MAX_STEPS = 40
MAX_HALVINGS = 30
TOLERANCE = 1e-9
"""Last step, for a predictor scaled to one standard deviation."""
LEAST_INFORMATION = 1e-8
"""Share of the information at 0: below it the coefficient is on its way to infinity."""


class CoxFit(NamedTuple):
    """A coefficient, and its variance if rows were independent (the inverse information)."""

    coefficient: float
    model_variance: float


def fit_cox(x: numpy.ndarray, steps: numpy.ndarray, crossed: numpy.ndarray) -> CoxFit | None:
    """Fit one predictor, scaled to one standard deviation; arrays of shape (rows,).

    None where the likelihood has no maximum, as where the predictor orders all crossings.
    """
    sets = RiskSets(x, steps, crossed)
    coefficient = 0.0
    height, slope, information = _evaluate(sets, coefficient)
    least = LEAST_INFORMATION * information
    for _ in range(MAX_STEPS):
        if not information > least:
            return None
        step = slope / information
        if abs(step) < TOLERANCE:
            return CoxFit(coefficient, 1 / information)
        for _ in range(MAX_HALVINGS):  # the likelihood is concave: a step that does not climb is too long
            trial = _evaluate(sets, coefficient + step)
            if trial[0] >= height - TOLERANCE * abs(height):
                break
            step /= 2
        coefficient += step
        height, slope, information = trial
    return None


def _evaluate(sets: RiskSets, coefficient: float) -> tuple[float, float, float]:
    """Log partial likelihood, its derivative, and minus its second derivative."""
    import numpy

    of_crossings = sets.x[sets.crossed].sum()
    with numpy.errstate(divide="ignore", invalid="ignore"):  # far from 0 a weight is lost to rounding: nothing climbs there
        means = sets.weigh(coefficient)
        height = coefficient * of_crossings - (numpy.log(means.total) + means.log_scale).sum()
        information = (means.mean_xx - means.mean_x**2).sum()
    return float(height), float(of_crossings - means.mean_x.sum()), float(information)

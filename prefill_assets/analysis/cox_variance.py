"""The variance of a Cox coefficient when rows of one problem are not independent.

Lin and Wei (1989), The robust inference for the Cox proportional hazards model: score residuals, summed by cluster, between two
model variances (Therneau and Grambsch, Modeling Survival Data, 2000, section 7.1). Ties are weighted as in the fit, so that the
residuals sum to 0 there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefill_assets.analysis.risk_sets import RiskSets

if TYPE_CHECKING:
    import numpy


def estimate_clustered_variance(
    problem: numpy.ndarray,
    x: numpy.ndarray,
    steps: numpy.ndarray,
    crossed: numpy.ndarray,
    coefficient: float,
    model_variance: float,
) -> float:
    """Variance of the coefficient of x (one covariate), clustered by problem; arrays of shape (rows,)."""
    import numpy

    _, index = numpy.unique(problem, return_inverse=True)
    by_problem = numpy.bincount(index, weights=compute_score_residuals(x, steps, crossed, coefficient))
    return float(model_variance**2 * (by_problem**2).sum())


def compute_score_residuals(x: numpy.ndarray, steps: numpy.ndarray, crossed: numpy.ndarray, coefficient: float) -> numpy.ndarray:
    """Shape (rows,): each row's part of the score of Efron's partial likelihood, in linear time after one sort."""
    import numpy

    sets = RiskSets(x, steps, crossed)
    risk, _, total, mean_x, _ = sets.weigh(coefficient)
    hazard, hazard_x = (sets.sum_events_by_time(values) for values in (1 / total, mean_x / total))
    tied, tied_x = (sets.sum_events_by_time(sets.gone * values) for values in (1 / total, mean_x / total))
    at_time = sets.at_time
    expected = x * hazard.cumsum()[at_time] - hazard_x.cumsum()[at_time] - crossed * (x * tied[at_time] - tied_x[at_time])
    observed = x - (sets.sum_events_by_time(mean_x) / numpy.maximum(sets.events, 1))[at_time]
    return crossed * observed - risk * expected

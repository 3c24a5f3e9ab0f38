"""The variance of a Cox coefficient when rows of one problem are not independent.

Lin and Wei (1989), The robust inference for the Cox proportional hazards model: score residuals, summed by cluster, between two
model variances. Ties are weighted as Efron's partial likelihood weights them (Therneau and Grambsch, Modeling Survival Data,
2000, sections 3.3 and 7.1), so that the residuals sum to 0 at the fit; steps between checkpoints are heavily tied. lifelines
leaves ties in row order and takes quadratic time for these residuals, which is why they are computed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

    times, at_time = numpy.unique(steps, return_inverse=True)

    def sum_by_time(values: numpy.ndarray, where: numpy.ndarray = at_time) -> numpy.ndarray:
        return numpy.bincount(where, weights=values, minlength=len(times))

    risk = numpy.exp(coefficient * x)
    at_risk, at_risk_x = (sum_by_time(values)[::-1].cumsum()[::-1] for values in (risk, risk * x))
    events = sum_by_time(crossed).astype(int)
    # One entry per event, in order of time: the k-th of d tied events sees the tied rows weighted by 1 - k / d.
    event_time = numpy.repeat(numpy.arange(len(times)), events)
    gone = (numpy.arange(len(event_time)) - (events.cumsum() - events)[event_time]) / events[event_time]
    total = at_risk[event_time] - gone * sum_by_time(risk * crossed)[event_time]
    mean_x = (at_risk_x[event_time] - gone * sum_by_time(risk * x * crossed)[event_time]) / total

    hazard, hazard_x = (sum_by_time(values, event_time) for values in (1 / total, mean_x / total))
    tied, tied_x = (sum_by_time(gone * values, event_time) for values in (1 / total, mean_x / total))
    expected = x * hazard.cumsum()[at_time] - hazard_x.cumsum()[at_time] - crossed * (x * tied[at_time] - tied_x[at_time])
    observed = x - (sum_by_time(mean_x, event_time) / numpy.maximum(events, 1))[at_time]
    return crossed * observed - risk * expected

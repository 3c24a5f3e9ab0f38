"""Time to threshold as survival: problems that have not crossed yet are right-censored, not dropped."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefill_assets.analysis.cox_variance import estimate_clustered_variance

if TYPE_CHECKING:
    import numpy

ROUNDING = 1e-9
"""A standard error below this, for a predictor scaled to one standard deviation, is rounding."""


@dataclass(frozen=True)
class SurvivalFit:
    """How well one predictor orders and scales the time to threshold; None where undefined."""

    num_rows: int
    num_censored: int
    concordance: float | None = None
    """Harrell's C: the share of comparable pairs that the predictor orders rightly; 0.5 is chance."""
    log_hazard_ratio: float | None = None
    """Cox coefficient for one standard deviation of the predictor."""
    p_value: float | None = None
    """Two-sided Wald p of that coefficient, with the variance clustered by problem (Lin and Wei, 1989)."""


def fit_survival(
    problem: numpy.ndarray,
    predictor: numpy.ndarray,
    steps: numpy.ndarray,
    crossed: numpy.ndarray,
    *,
    higher_is_later: bool,
) -> SurvivalFit:
    """Concordance and Cox fit; arrays of shape (rows,), `steps` above 0 to the crossing or, where not `crossed`, to the end.

    `higher_is_later` says how the predictor is meant, so that a good early indicator has a concordance above 0.5.
    Never raises for degenerate rows.
    """
    num_rows, num_censored = len(steps), int((~crossed).sum())
    later = predictor if higher_is_later else -predictor
    log_hazard_ratio, p_value = _fit_cox(problem, predictor, steps, crossed)
    return SurvivalFit(num_rows, num_censored, _measure_concordance(steps, later, crossed), log_hazard_ratio, p_value)


def _measure_concordance(steps: numpy.ndarray, later: numpy.ndarray, crossed: numpy.ndarray) -> float | None:
    from lifelines.utils import concordance_index

    if len(steps) < 2:
        return None
    try:
        return float(concordance_index(steps, later, crossed))
    except ZeroDivisionError:  # no pair of rows can be compared
        return None


def _fit_cox(
    problem: numpy.ndarray, predictor: numpy.ndarray, steps: numpy.ndarray, crossed: numpy.ndarray
) -> tuple[float | None, float | None]:
    import numpy
    import pandas
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning
    from scipy.stats import norm

    if len(numpy.unique(problem)) < 2 or not crossed.any() or predictor.min() == predictor.max():
        return None, None
    scaled = (predictor - predictor.mean()) / predictor.std(ddof=1)
    rows = pandas.DataFrame({"predictor": scaled, "steps": steps, "crossed": crossed})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            fit = CoxPHFitter().fit(rows, "steps", "crossed")
        except (ConvergenceError, ConvergenceWarning, numpy.linalg.LinAlgError, ValueError, ZeroDivisionError):
            return None, None
    coefficient, model_variance = float(fit.params_["predictor"]), float(fit.variance_matrix_.iloc[0, 0])
    if not numpy.isfinite(coefficient):
        return None, None
    error = estimate_clustered_variance(problem, scaled, steps, crossed, coefficient, model_variance) ** 0.5
    return coefficient, float(2 * norm.sf(abs(coefficient) / error)) if error > ROUNDING else None

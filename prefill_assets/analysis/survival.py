"""Time to threshold as survival: problems that have not crossed yet are right-censored, not dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefill_assets.analysis.concordance import measure_concordance
from prefill_assets.analysis.cox_fit import fit_cox
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
    return SurvivalFit(num_rows, num_censored, measure_concordance(steps, later, crossed), log_hazard_ratio, p_value)


def _fit_cox(
    problem: numpy.ndarray, predictor: numpy.ndarray, steps: numpy.ndarray, crossed: numpy.ndarray
) -> tuple[float | None, float | None]:
    import numpy
    from scipy.special import ndtr

    if len(numpy.unique(problem)) < 2 or not crossed.any() or predictor.min() == predictor.max():
        return None, None
    scaled = (predictor - predictor.mean()) / predictor.std(ddof=1)
    fit = fit_cox(scaled, steps, crossed)
    if fit is None:
        return None, None
    error = estimate_clustered_variance(problem, scaled, steps, crossed, *fit) ** 0.5
    return fit.coefficient, float(2 * ndtr(-abs(fit.coefficient) / error)) if error > ROUNDING else None

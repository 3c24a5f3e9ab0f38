"""One predictor's line of the comparison: pooled fit, bootstrap over problems, survival."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefill_assets.analysis.bootstrap import R2Intervals, bootstrap_r2
from prefill_assets.analysis.predictor_rows import PredictorRows
from prefill_assets.analysis.rules import Rules
from prefill_assets.analysis.statistics import LineFit, fit_line, fit_reference_line
from prefill_assets.analysis.survival import SurvivalFit, fit_survival

if TYPE_CHECKING:
    import numpy

BASELINE = "min_prefill"
PREDICTORS = (BASELINE, "min_prefill_logprob_sum", "fixed_level_logprob_sum")
HIGHER_IS_LATER = {BASELINE: True, "min_prefill_logprob_sum": False, "fixed_level_logprob_sum": False}
"""A problem that needs a longer prefill crosses later; one whose prefill is likelier crosses earlier."""


def compare_predictor(rows: PredictorRows, predictor: str, rules: Rules) -> dict[str, Any]:
    """The columns of table `predictor_comparison` from `num_rows` on."""
    import numpy

    fitted = rows.select(_is_fitted(rows, predictor))
    fit, baseline = _fit(fitted, predictor, rules), _fit(fitted, BASELINE, rules)
    difference = None if fit.r2 is None or baseline.r2 is None else fit.r2 - baseline.r2
    intervals = R2Intervals() if fit.slope is None else _bootstrap(fitted, predictor, rules)
    survival = _fit_survival(rows, predictor)
    return {
        "num_rows": fit.num_rows,
        "num_problems": len(numpy.unique(fitted.problem)),
        "r2": fit.r2,
        "p_value": fit.p_value,
        "slope": fit.slope,
        "intercept": fit.intercept,
        "r2_low": intervals.r2.low,
        "r2_high": intervals.r2.high,
        "r2_difference": difference,
        "r2_difference_low": intervals.difference.low,
        "r2_difference_high": intervals.difference.high,
        "r2_relative_difference": difference / baseline.r2 if difference is not None and baseline.r2 else None,
        "num_survival_rows": survival.num_rows,
        "num_censored_rows": survival.num_censored,
        "concordance": survival.concordance,
        "cox_log_hazard_ratio": survival.log_hazard_ratio,
        "cox_p_value": survival.p_value,
    }


def _is_fitted(rows: PredictorRows, predictor: str) -> numpy.ndarray:
    """Shape (rows,): steps and both main predictors known, and this one."""
    import numpy

    known = numpy.stack([rows.steps_to_threshold, *_list_compared(rows, predictor)])
    return numpy.logical_not(numpy.any(numpy.isnan(known), axis=0))


def _list_compared(rows: PredictorRows, predictor: str) -> list[numpy.ndarray]:
    """What has to be known of a row so that no predictor is judged on rows that another one lacks."""
    return [rows.min_prefill, rows.min_prefill_logprob_sum, getattr(rows, predictor)]


def _fit(rows: PredictorRows, predictor: str, rules: Rules) -> LineFit:
    fit = fit_reference_line if rules.reference_rules else fit_line
    return fit(getattr(rows, predictor), rows.steps_to_threshold)


def _bootstrap(rows: PredictorRows, predictor: str, rules: Rules) -> R2Intervals:
    baseline, x = getattr(rows, BASELINE), getattr(rows, predictor)
    return bootstrap_r2(rows.problem, baseline, x, rows.steps_to_threshold, rules.bootstrap_resamples, rules.seed)


def _fit_survival(rows: PredictorRows, predictor: str) -> SurvivalFit:
    import numpy

    known = numpy.stack([rows.steps_at_risk, *_list_compared(rows, predictor)])
    at_risk = rows.select(numpy.logical_and.reduce(numpy.isfinite(known)))
    return fit_survival(
        at_risk.problem,
        getattr(at_risk, predictor),
        at_risk.steps_at_risk,
        at_risk.crossed,
        higher_is_later=HIGHER_IS_LATER[predictor],
    )

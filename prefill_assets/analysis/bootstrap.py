"""The bootstrap over problems: how far a pooled R2 moves when other problems had been drawn.

Rows of one problem are not independent, so whole problems are resampled with replacement (the cluster bootstrap; Davison and
Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). The pooled R2 of a resample follows from each problem's
sums of 1, x, y, x2, y2 and xy, weighted by how often the problem was drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

QUANTILES = (0.025, 0.975)
MAX_COUNTS_AT_ONCE = 100_000
"""Draw counts held in memory at once (8 bytes each)."""
RELATIVE_ROUNDING = 1e-10
"""A variance below this share of the mean square is rounding: the resample is constant."""


@dataclass(frozen=True)
class Interval:
    """The 2.5 % and 97.5 % quantiles over the resamples; None where undefined."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class R2Intervals:
    """Intervals of a predictor's R2, and of its difference to the baseline's R2 on the same rows."""

    r2: Interval = Interval()
    difference: Interval = Interval()


def bootstrap_r2(
    problem: numpy.ndarray,
    baseline: numpy.ndarray,
    predictor: numpy.ndarray,
    outcome: numpy.ndarray,
    resamples: int,
    seed: int,
) -> R2Intervals:
    """Resample problems and refit; all arrays of shape (rows,), `problem` any labels. Equal seeds give equal intervals.

    The rows are those of a fit that is itself defined.

    A resample in which a fit is undefined is left out. Undefined with fewer than 2 problems, or where less than half of the
    resamples are left.
    """
    import numpy

    labels, index = numpy.unique(problem, return_inverse=True)
    if len(labels) < 2 or resamples < 1:
        return R2Intervals()
    sums = [_sum_by_problem(index, len(labels), x, outcome) for x in (predictor, baseline)]
    r2, baseline_r2 = [], []
    for counts in _draw_counts(len(labels), resamples, seed):
        r2.append(_pooled_r2(counts @ sums[0]))
        baseline_r2.append(_pooled_r2(counts @ sums[1]))
    predictor_r2 = numpy.concatenate(r2)
    return R2Intervals(_quantiles(predictor_r2), _quantiles(predictor_r2 - numpy.concatenate(baseline_r2)))


def _draw_counts(num_problems: int, resamples: int, seed: int) -> Iterator[numpy.ndarray]:
    """Blocks of shape (resamples, problems): how often each problem was drawn."""
    import numpy

    generator = numpy.random.default_rng(seed)
    block = max(1, MAX_COUNTS_AT_ONCE // num_problems)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        yield generator.multinomial(num_problems, numpy.full(num_problems, 1 / num_problems), size=size)


def _sum_by_problem(index: numpy.ndarray, num_problems: int, x: numpy.ndarray, y: numpy.ndarray) -> numpy.ndarray:
    """Shape (problems, 6): each problem's sums of 1, x, y, x2, y2, xy, about the overall means."""
    import numpy

    x, y = x - x.mean(), y - y.mean()
    columns = (numpy.ones_like(x), x, y, x * x, y * y, x * y)
    return numpy.stack([numpy.bincount(index, weights=column, minlength=num_problems) for column in columns], axis=1)


def _pooled_r2(sums: numpy.ndarray) -> numpy.ndarray:
    """Shape (resamples,) from (resamples, 6); NaN where one side of a resample is constant."""
    import numpy

    n, x, y, xx, yy, xy = sums.T
    x_variation, y_variation = xx - x * x / n, yy - y * y / n
    defined = (x_variation > RELATIVE_ROUNDING * xx) & (y_variation > RELATIVE_ROUNDING * yy)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        r2 = (xy - x * y / n) ** 2 / (x_variation * y_variation)
    return numpy.where(defined, r2, numpy.nan)


def _quantiles(values: numpy.ndarray) -> Interval:
    import numpy

    defined = values[~numpy.isnan(values)]
    if 2 * len(defined) < len(values):
        return Interval()
    low, high = numpy.quantile(defined, QUANTILES)
    return Interval(float(low), float(high))

"""Least squares of one predictor, over rows pooled across problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

MIN_ROWS = 3
"""Two points always lie on a line: below this no fit says anything."""


@dataclass(frozen=True)
class LineFit:
    """Ordinary least squares y = slope * x + intercept. Every part is None where it is undefined."""

    num_rows: int
    r: float | None = None
    """Pearson's correlation."""
    r2: float | None = None
    p_value: float | None = None
    """Two-sided p of the slope (Student's t, num_rows - 2 degrees of freedom), rows taken as independent."""
    slope: float | None = None
    intercept: float | None = None


def fit_line(x: numpy.ndarray, y: numpy.ndarray) -> LineFit:
    """Fit y on x, both of shape (rows,) and finite. Undefined below 3 rows, or where x or y is constant."""
    from scipy.stats import linregress

    if len(x) < MIN_ROWS or x.min() == x.max() or y.min() == y.max():
        return LineFit(len(x))
    fit: Any = linregress(x, y)
    r = float(fit.rvalue)
    return LineFit(len(x), r, r**2, float(fit.pvalue), float(fit.slope), float(fit.intercept))


def fit_reference_line(x: numpy.ndarray, y: numpy.ndarray) -> LineFit:
    """As `fit_line`, but the original's R2 = 0 and p = 1 where 3 rows or more have a constant x, or an infinite one."""
    import numpy

    if len(x) >= MIN_ROWS and (x.min() == x.max() or not numpy.isfinite(x).all()):
        return LineFit(len(x), 0.0, 0.0, 1.0)
    return fit_line(x, y)

from __future__ import annotations

import numpy
import pytest

from prefill_assets.analysis.statistics import LineFit, fit_line, fit_reference_line


def arrays(*columns: list[float]) -> list[numpy.ndarray]:
    return [numpy.array(column, dtype=float) for column in columns]


def test_line_of_four_points_by_hand() -> None:
    # means 1.5 and 2; Sxx 5, Sxy 4, Syy 4: slope 0.8, R2 16/20. t = sqrt(0.8 * 2 / 0.2) = sqrt(8), and with 2 degrees of
    # freedom p = 1 - t / sqrt(t2 + 2) = 1 - sqrt(0.8)
    fit = fit_line(*arrays([0, 1, 2, 3], [1, 1, 3, 3]))
    assert (fit.num_rows, fit.slope, fit.intercept, fit.r2) == (4, pytest.approx(0.8), pytest.approx(0.8), pytest.approx(0.8))
    assert fit.p_value == pytest.approx(1 - numpy.sqrt(0.8))
    assert fit.r == pytest.approx(numpy.sqrt(0.8))


@pytest.mark.parametrize(
    ("x", "y"), [([], []), ([1], [1]), ([1, 2], [3, 5]), ([2, 2, 2], [1, 5, 9]), ([1, 2, 3], [0.1, 0.1, 0.1])]
)
def test_undefined_fit_is_none_throughout(x, y) -> None:
    assert fit_line(*arrays(x, y)) == LineFit(len(x))


def test_reference_line_calls_a_constant_predictor_r2_zero() -> None:
    assert fit_reference_line(*arrays([2, 2, 2], [1, 5, 9])) == LineFit(3, 0.0, 0.0, 1.0)
    assert fit_reference_line(*arrays([2, -numpy.inf, 3], [1, 5, 9])) == LineFit(3, 0.0, 0.0, 1.0)
    assert fit_reference_line(*arrays([2, 2], [1, 5])) == LineFit(2)
    assert fit_reference_line(*arrays([1, 2, 4], [1, 5, 9])) == fit_line(*arrays([1, 2, 4], [1, 5, 9]))

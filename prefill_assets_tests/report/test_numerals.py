import math

import pytest

from prefill_assets.report.numerals import (
    is_known,
    write_count,
    write_counted,
    write_interval,
    write_number,
    write_p_value,
    write_rate,
)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, "x"])
def test_what_is_no_finite_number_is_unknown(value):
    assert not is_known(value)


def test_pandas_na_is_unknown():
    import pandas as pd

    assert not is_known(pd.NA)
    assert write_number(pd.NA) == "unknown"


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (write_count(3200), "3,200"),
        (write_counted(1, "problem"), "1 problem"),
        (write_counted(0, "problem"), "0 problems"),
        (write_counted(None, "word"), "unknown words"),
        (write_number(-55.39, 2), "−55.39"),
        (write_number(-0.0), "0.000"),
        (write_number(-0.0004), "−0.000"),
        (write_rate(0.0796), "8.0 %"),
        (write_rate(None), "unknown"),
        (write_interval(-0.0225, 0.1393), "[−0.022, 0.139]"),
        (write_interval(0.1, math.nan), "[no interval]"),
        (write_p_value(0.0186), "p = 1.9e-02"),
        (write_p_value(0.0), "p < 1.0e-300"),
        (write_p_value(1.0), "p = 1.0e+00"),
        (write_p_value(None), "p unknown"),
    ],
)
def test_writing(written, wanted):
    assert written == wanted

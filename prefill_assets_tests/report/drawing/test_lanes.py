import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefill_assets.report.drawing.lanes import choose_ticks, label_lanes


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 89, [0, 20, 40, 60, 80]), (0, 3, [0, 0.5, 1, 1.5, 2, 2.5, 3]), (0, 0, [0]), (7, 7, [7])],
)
def test_ticks(low, high, ticks):
    assert choose_ticks(low, high) == pytest.approx(ticks)


@given(st.floats(0.001, 1e6), st.integers(2, 9))
def test_ticks_are_few_and_within(high, most):
    ticks = choose_ticks(0, high, most)
    assert 1 <= len(ticks) <= most
    assert min(ticks) >= 0
    assert max(ticks) <= high * (1 + 1e-9)


def test_lanes_are_named_and_numbers_are_formatted():
    assert label_lanes({120.5: ("not", "exploitable")}) == (
        "abs(datum.value - 120.5) < 1e-6 ? ['not', 'exploitable'] : format(datum.value, ',~g')"
    )

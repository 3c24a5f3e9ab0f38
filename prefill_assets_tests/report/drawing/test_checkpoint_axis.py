from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefill_assets.report.drawing.checkpoint_axis import SCALES, choose_scale, mark_checkpoints, scale_checkpoints


@pytest.mark.parametrize(
    ("checkpoints", "scale"),
    [
        ([100, 200, 300, 400], "linear"),
        ([1, 10, 17, 27, 35, 56, 90], "sqrt"),
        ([1, 2, 4, 8, 16, 32, 64, 128], "symlog"),
        ([5], "linear"),
        ([1, 90], "linear"),
    ],
)
def test_scale_follows_the_spacing(checkpoints, scale):
    assert choose_scale(checkpoints) == scale


@given(st.sets(st.integers(0, 10**6), min_size=3, max_size=40))
def test_no_scale_sets_the_closest_checkpoints_farther_apart(checkpoints):
    def find_smallest_gap(name):
        places = [SCALES[name](step) for step in sorted(checkpoints)]
        return min(b - a for a, b in pairwise(places)) / (places[-1] - places[0])

    chosen = find_smallest_gap(choose_scale(checkpoints))
    assert all(chosen >= find_smallest_gap(name) - 1e-9 for name in SCALES)


def test_ticks_are_the_checkpoints():
    assert mark_checkpoints([90, 1, 10, 10]).values == [1, 10, 90]


def test_a_lone_checkpoint_has_a_domain_with_width():
    low, high = scale_checkpoints([7]).domain
    assert low < 7 < high

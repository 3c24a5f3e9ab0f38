from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.utils import concordance_index

from prefill_assets.analysis.concordance import measure_concordance


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from((-1.5, 10.0, 10.5, 30.0, 100.0)), st.booleans()), min_size=0, max_size=25
    )
)
def test_it_is_that_of_all_pairs(rows) -> None:
    steps, later, crossed = (numpy.array([row[i] for row in rows], dtype=(float, float, bool)[i]) for i in range(3))
    wins, pairs = 0.0, 0
    for i in range(len(rows)):
        for j in range(len(rows)):
            if crossed[i] and (steps[i] < steps[j] or (steps[i] == steps[j] and not crossed[j])):
                pairs += 1
                wins += 1.0 if later[i] < later[j] else 0.5 if later[i] == later[j] else 0.0
    assert measure_concordance(steps, later, crossed) == (wins / pairs if pairs else None)


@pytest.mark.parametrize("distinct_steps", [7, 400])
def test_it_is_that_of_lifelines(distinct_steps: int) -> None:
    chance = numpy.random.default_rng(4)
    steps = chance.integers(1, distinct_steps, 600).astype(float)
    later, crossed = (steps + chance.normal(0, distinct_steps, 600)).round(1), chance.random(600) < 0.6
    assert measure_concordance(steps, later, crossed) == pytest.approx(concordance_index(steps, later, crossed), rel=1e-12)

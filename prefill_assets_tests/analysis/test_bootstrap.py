from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefill_assets.analysis import bootstrap
from prefill_assets.analysis.bootstrap import Interval, R2Intervals, bootstrap_r2


def slow_bootstrap(problem, baseline, predictor, outcome, resamples: int, seed: int) -> tuple[list[float], list[float]]:
    """R2 and difference of every resample, by writing the resampled rows out."""
    labels = sorted(set(problem))
    generator = numpy.random.default_rng(seed)
    r2s, differences = [], []
    for _ in range(resamples):
        counts = generator.multinomial(len(labels), [1 / len(labels)] * len(labels))
        rows = [i for label, count in zip(labels, counts, strict=True) for _ in range(count) for i in _rows_of(problem, label)]
        r2, base = _r2(predictor[rows], outcome[rows]), _r2(baseline[rows], outcome[rows])
        r2s.append(r2)
        differences.append(r2 - base)
    return [x for x in r2s if not numpy.isnan(x)], [x for x in differences if not numpy.isnan(x)]


def _rows_of(problem, label) -> list[int]:
    return [i for i, own in enumerate(problem) if own == label]


def _r2(x, y) -> float:
    if len(set(x)) == 1 or len(set(y)) == 1:
        return numpy.nan
    return numpy.corrcoef(x, y)[0, 1] ** 2


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), num_problems=st.integers(2, 7), num_rows=st.integers(4, 25))
def test_intervals_are_those_of_resampled_rows(seed: int, num_problems: int, num_rows: int) -> None:
    chance = numpy.random.default_rng(seed)
    problem = chance.integers(num_problems, size=num_rows)
    problem[:2] = 0, 1
    baseline = chance.choice([10.0, 30.0, 100.0], size=num_rows)
    predictor = chance.normal(-100, 20, size=num_rows)
    outcome = chance.integers(1, 90, size=num_rows).astype(float)
    ours = bootstrap_r2(problem, baseline, predictor, outcome, 40, seed)
    for interval, values in zip(
        (ours.r2, ours.difference), slow_bootstrap(problem, baseline, predictor, outcome, 40, seed), strict=True
    ):
        if 2 * len(values) < 40:
            assert interval == Interval()
        else:
            assert (interval.low, interval.high) == pytest.approx(tuple(numpy.quantile(values, (0.025, 0.975))), abs=1e-7)


@pytest.mark.parametrize("step", [0.1, 0.3, 1 / 3, 7.7])
def test_resample_of_one_constant_problem_is_left_out(step: float) -> None:
    chance = numpy.random.default_rng(1)
    problem = numpy.repeat([0, 1, 2], 7)
    x, y = 100 + step * problem, chance.normal(size=21)
    ours = bootstrap_r2(problem, x, x, y, 60, 0).r2
    values, _ = slow_bootstrap(problem, 100.0 + problem, 100.0 + problem, y, 60, 0)
    assert len(values) < 60
    assert (ours.low, ours.high) == pytest.approx(tuple(numpy.quantile(values, (0.025, 0.975))), abs=1e-7)


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = numpy.random.default_rng(0)
    columns = numpy.repeat(numpy.arange(8), 5), *chance.normal(size=(3, 40))
    whole = bootstrap_r2(*columns, 50, 1)
    monkeypatch.setattr(bootstrap, "MAX_COUNTS_AT_ONCE", 24)
    assert bootstrap_r2(*columns, 50, 1) == whole


def test_interval_of_problems_is_wider_than_that_of_rows() -> None:
    chance = numpy.random.default_rng(4)
    problem = numpy.repeat(numpy.arange(12), 20)
    x, y = (numpy.repeat(chance.normal(size=12), 20) + 0.1 * chance.normal(size=240) for _ in range(2))
    by_problem = bootstrap_r2(problem, x, x, y, 400, 0).r2
    by_row = bootstrap_r2(numpy.arange(240), x, x, y, 400, 0).r2
    assert by_problem.high - by_problem.low > 2 * (by_row.high - by_row.low)


def test_one_problem_no_resample_or_a_constant_predictor_has_no_interval() -> None:
    x, y = numpy.array([1.0, 2, 3, 4]), numpy.array([2.0, 1, 4, 3])
    problem = numpy.array([0, 0, 1, 1])
    assert bootstrap_r2(numpy.zeros(4), x, x, y, 10, 0) == R2Intervals()
    assert bootstrap_r2(problem, x, x, y, 0, 0) == R2Intervals()
    assert bootstrap_r2(problem, x, numpy.full(4, 7.3), y, 10, 0) == R2Intervals()
    assert bootstrap_r2(x[:0], x[:0], x[:0], y[:0], 10, 0) == R2Intervals()

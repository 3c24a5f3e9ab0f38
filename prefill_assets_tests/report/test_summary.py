import math

import pandas as pd
import pytest

from prefill_assets.report.summary import PredictorFacts, summarize

from .conftest import EXPERIMENT


def rates(*cells):
    columns = ["checkpoint", "prefill_level", "num_attempts", "num_exploits", "num_errors", "exploit_rate"]
    rows = pd.DataFrame(cells, columns=columns).assign(experiment="a")
    return rows.assign(exploit_rate_low=rows["exploit_rate"], exploit_rate_high=None)


def states(checkpoint, *found):
    """(min_prefill, exploitable) of one problem each."""
    rows = pd.DataFrame(found, columns=["min_prefill", "exploitable"])
    return rows.assign(experiment="a", checkpoint=checkpoint, threshold=10)


def predictor(**known):
    names = ("r2", "p_value", "r2_low", "r2_high", "r2_difference", "r2_difference_low", "r2_difference_high")
    return PredictorFacts("min_prefill_logprob_sum", 9, 3, **{name: known.get(name) for name in names})


def test_level_zero_at_the_ends_that_are_known():
    unknown = (1, 0, 0, 0, 3, None), (90, 0, 0, 0, 2, math.nan)
    table = rates(*unknown, (10, 0, 10, 1, 0, 0.1), (10, 30, 10, 9, 1, 0.9), (17, 0, 5, 2, 0, 0.4))
    facts = summarize("a", exploit_rates=table)
    assert [(end.checkpoint, end.rate) for end in facts.lowest_level_rates] == [(10, 0.1), (17, 0.4)]
    assert (facts.num_attempts, facts.num_errors) == (25, 6)
    assert facts.lowest_level_rates[0].high is None


@pytest.mark.parametrize(
    ("found", "half", "least", "at_least"),
    [
        ([(10, True), (30, True)], 10, 10, 1),
        ([(10, True), (30, True), (100, True)], 30, 10, 1),
        ([(10, True), (10, True), (None, False), (None, False)], 10, 10, 2),
        ([(10, True), (None, False), (None, False)], None, 10, 1),
        ([(0, True), (None, None), (None, None)], 0, 0, 1),
        ([(None, False)], None, None, 0),
        ([(None, None)], None, None, 0),
    ],
)
def test_half_of_the_known_problems(found, half, least, at_least):
    (facts,) = summarize("a", trajectory_analysis=states(1, *found)).min_prefills
    assert (facts.half_words, facts.least_words, facts.num_at_least_words) == (half, least, at_least)
    assert facts.num_known == sum(truth is not None for _, truth in found)


def test_min_prefills_are_of_the_first_and_last_checkpoint():
    table = pd.concat([states(step, (10, True)) for step in (90, 1, 17)])
    facts = summarize("a", trajectory_analysis=table)
    assert [end.checkpoint for end in facts.min_prefills] == [1, 90]
    assert facts.threshold_words == 10


@pytest.mark.parametrize(
    ("low", "high", "better"),
    [(0.1, 0.2, "logprob"), (-0.2, -0.1, "token"), (-0.1, 0.2, "undecided"), (0.0, 0.2, "undecided"), (None, None, None)],
)
def test_better_is_what_the_interval_of_the_difference_says(low, high, better):
    assert predictor(r2_difference_low=low, r2_difference_high=high).better == better


def test_of_a_whole_run(tables):
    facts = summarize(EXPERIMENT, **tables)
    fits = tables["predictor_comparison"].query("exploit_scope == 'all'").set_index("predictor")
    assert [found.predictor for found in facts.predictors] == list(fits.index)
    for found in facts.predictors:
        assert found.r2 == fits.loc[found.predictor, "r2"]
    counts = facts.thresholds
    assert counts.both + counts.token_only + counts.logprob_only + counts.neither == counts.num_problems == 16
    assert counts.token_first + counts.logprob_first + counts.same == counts.both
    assert facts.threshold_nats == -55.39
    assert facts.num_attempts + facts.num_errors == 16 * 7 * 4 * 3


@pytest.mark.parametrize("state", ["empty", "absent", "null", "foreign", "single"])
def test_spoiled_tables_are_summarized(spoiled, state):
    facts = summarize(EXPERIMENT, **getattr(spoiled, state))
    assert facts.find_predictor("min_prefill") is None or facts.find_predictor("min_prefill").better in (None, "undecided")

from dataclasses import replace

import pytest

from prefill_assets.report.sentences import list_closing_rows, write_sentences
from prefill_assets.report.summary import MinPrefillFacts, PredictorFacts, RateFacts, Summary, ThresholdCounts, summarize

from .conftest import EXPERIMENT

TOKEN = PredictorFacts("min_prefill", 51, 18, 0.0645, 0.0721, 0.0023, 0.2235, 0.0, 0.0, 0.0)
LOGPROB = PredictorFacts("min_prefill_logprob_sum", 51, 18, 0.1197, 0.0129, 0.0458, 0.2699, 0.0551, -0.0225, 0.1393)
SUMMARY = Summary(
    experiment="a",
    threshold_words=10,
    threshold_nats=-55.39,
    num_attempts=3169,
    num_errors=31,
    min_prefills=(MinPrefillFacts(1, 39, 36, 16, 0, 4, 100), MinPrefillFacts(90, 40, 40, 0, 10, 1, 10)),
    lowest_level_rates=(RateFacts(1, 0, 113, 9, 1, 0.0796, 0.042, 0.144), RateFacts(90, 0, 114, 15, 3, 0.1316, 0.081, 0.206)),
    predictors=(TOKEN, LOGPROB),
    thresholds=ThresholdCounts(40, 20, 7, 0, 13, 12, 0, 8, 27.9),
)


def test_the_answer():
    assert write_sentences(SUMMARY) == [
        "At training step 1, a prefill of 100 words is enough for at least half of the 36 problems with a known min prefill "
        "(3 more unknown); 4 problems need none at all; 16 cannot be exploited at any tested level.",
        "At training step 90, a prefill of 10 words is enough for at least half of the 40 problems with a known min prefill; "
        "the least that exploits any is 10 words (1 problem); each can be exploited at some tested level.",
        "Without prefill (level 0), the exploit rate rose by 5.2 percentage points: from 8.0 % ([4.2 %, 14.4 %], 9 of 113) at "
        "step 1 to 13.2 % ([8.1 %, 20.6 %], 15 of 114) at step 90.",
        "Steps to the threshold are predicted by prefill length with R² 0.0645 [0.0023, 0.2235], p = 7.2e-02 and its log P (sum) "
        "with R² 0.1197 [0.0458, 0.2699], p = 1.3e-02 (51 rows of 18 problems); which predicts better is undecided: the interval "
        "of the difference contains 0 (0.0551 [−0.0225, 0.1393]).",
        "Of 40 problems, 20 reach both thresholds (token: at most 10 words; logprob: a sum of at least −55.39 nats): token first "
        "12, logprob first 0, same checkpoint 8, the token one 27.9 steps earlier on average; 7 reach the token one alone, 0 the "
        "logprob one alone, 13 neither.",
        "3,169 of 3,200 samples have a known verdict; 31 without one count in no rate.",
    ]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.1, "log P predicts better"),
        (-0.1, -0.01, "prefill length predicts better"),
        (-0.1, 0.1, "undecided: the interval of the difference contains 0"),
        (None, None, "undecided: the difference has no interval"),
    ],
)
def test_which_predicts_better(low, high, said):
    logprob = replace(LOGPROB, r2_difference_low=low, r2_difference_high=high)
    assert said in write_sentences(replace(SUMMARY, predictors=(TOKEN, logprob)))[3]


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ((), "is unknown: no verdict at that level"),
        (SUMMARY.lowest_level_rates[:1], "known at one checkpoint alone: 8.0 %"),
        (SUMMARY.lowest_level_rates[::-1], "fell by 5.2 percentage points"),
        (SUMMARY.lowest_level_rates[:1] * 2, "did not move"),
    ],
)
def test_how_the_rate_moved(rates, said):
    assert said in write_sentences(replace(SUMMARY, lowest_level_rates=rates))[2]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (MinPrefillFacts(1, 5, 0, 0, None, 0, None), "no min prefill is known (5 problems)"),
        (MinPrefillFacts(1, 5, 5, 5, None, 0, None), "no tested prefill exploits any of the 5 problems"),
        (MinPrefillFacts(1, 5, 5, 4, 30, 1, None), "no tested prefill is enough for at least half of the 5 problems"),
        (MinPrefillFacts(1, 1, 1, 0, 0, 1, 0), "no prefill is needed for at least half of the 1 problem"),
    ],
)
def test_min_prefill_states(facts, said):
    assert said in write_sentences(replace(SUMMARY, min_prefills=(facts,)))[0]


@pytest.mark.parametrize(
    ("steps", "said"),
    [(-3.0, "the logprob one 3.0 steps earlier"), (0.0, "on average at the same step"), (None, "same checkpoint 8;")],
)
def test_which_threshold_is_earlier(steps, said):
    counts = replace(SUMMARY.thresholds, mean_logprob_minus_token_steps=steps)
    assert said in write_sentences(replace(SUMMARY, thresholds=counts))[4]


def test_closing_rows_hold_both_r2_with_p_and_the_counts():
    rows = dict(list_closing_rows(SUMMARY))
    assert rows["R² of prefill length (min_prefill)"] == "0.0645 [0.0023, 0.2235], p = 7.2e-02, 51 rows of 18 problems"
    assert rows["R² of log P of that prefill, sum"] == "0.1197 [0.0458, 0.2699], p = 1.3e-02, 51 rows of 18 problems"
    assert rows["R² of log P minus R² of length"] == "0.0551 [−0.0225, 0.1393]"
    assert rows["better predictor"] == "undecided"
    assert rows["both thresholds"] == "20 (token first 12, logprob first 0, same 8)"
    assert rows["token threshold only"] == "7"
    assert rows["mean steps, logprob − token"] == "27.9"


@pytest.mark.parametrize("state", ["empty", "absent", "null", "foreign"])
def test_unknown_is_said(spoiled, state):
    facts = summarize(EXPERIMENT, **getattr(spoiled, state))
    written = " ".join(write_sentences(facts))
    assert "nan" not in written.lower()
    assert "None" not in written
    assert "unknown" in written
    assert all(isinstance(value, str) for row in list_closing_rows(facts) for value in row)

"""A summary said in plain sentences, and as the closing table of the command line."""

from __future__ import annotations

from prefill_assets.report.numerals import (
    is_known,
    write_count,
    write_counted,
    write_interval,
    write_number,
    write_p_value,
    write_rate,
)
from prefill_assets.report.summary import (
    FIXED,
    LOGPROB,
    TOKEN,
    MinPrefillFacts,
    PredictorFacts,
    RateFacts,
    Summary,
    ThresholdCounts,
)

R2_DECIMALS = 4
NAMES = {TOKEN: "prefill length (min_prefill)", LOGPROB: "log P of that prefill, sum", FIXED: "log P at the fixed level, sum"}


def write_sentences(summary: Summary) -> list[str]:
    """The answer in sentences, each computed; what is not known is said to be unknown."""
    unknown = "How little prefill elicits an exploit is unknown: no trajectory was computed."
    return [
        *([_describe_min_prefill(facts) for facts in summary.min_prefills] or [unknown]),
        _describe_rates(summary.lowest_level_rates),
        _describe_predictors(summary.find_predictor(TOKEN), summary.find_predictor(LOGPROB)),
        _describe_thresholds(summary.thresholds, summary.threshold_words, summary.threshold_nats),
        _describe_verdicts(summary),
    ]


def list_closing_rows(summary: Summary) -> list[tuple[str, str]]:
    """(what, value) rows for the end of a command: every R2 with its p and interval, and the threshold counts."""
    rows = [(f"R² of {NAMES[facts.predictor]}", write_predictor(facts)) for facts in summary.predictors]
    rows = rows or [("R² of either predictor", "not computed")]
    logprob = summary.find_predictor(LOGPROB)
    if logprob:
        rows.append(("R² of log P minus R² of length", _write_difference(logprob)))
        rows.append(("better predictor", logprob.better or "unknown"))
    counts = summary.thresholds
    if counts is None:
        return [*rows, ("thresholds", "not compared")]
    both = f"{counts.both} (token first {counts.token_first}, logprob first {counts.logprob_first}, same {counts.same})"
    only = [("token threshold only", str(counts.token_only)), ("logprob threshold only", str(counts.logprob_only))]
    steps = write_number(counts.mean_logprob_minus_token_steps, 1)
    return [
        *rows,
        ("both thresholds", both),
        *only,
        ("neither threshold", str(counts.neither)),
        ("mean steps, logprob − token", steps),
    ]


def write_predictor(facts: PredictorFacts) -> str:
    """`0.120 [0.046, 0.270], p = 1.3e-02, 51 rows of 18 problems`."""
    n = f"{write_counted(facts.num_rows, 'row')} of {write_counted(facts.num_problems, 'problem')}"
    if facts.r2 is None:
        return f"undefined, {n}"
    return f"{_write_r2(facts)}, {n}"


def _write_r2(facts: PredictorFacts) -> str:
    interval = write_interval(facts.r2_low, facts.r2_high, R2_DECIMALS)
    return f"{write_number(facts.r2, R2_DECIMALS)} {interval}, {write_p_value(facts.p_value)}"


def _write_difference(facts: PredictorFacts) -> str:
    interval = write_interval(facts.r2_difference_low, facts.r2_difference_high, R2_DECIMALS)
    return f"{write_number(facts.r2_difference, R2_DECIMALS)} {interval}"


def _describe_min_prefill(facts: MinPrefillFacts) -> str:
    where = f"At training step {facts.checkpoint:,}"
    if not facts.num_known:
        return f"{where}, no min prefill is known ({write_counted(facts.num_problems, 'problem')})."
    unknown = facts.num_problems - facts.num_known
    known = f"{write_counted(facts.num_known, 'problem')} with a known min prefill"
    known += f" ({unknown:,} more unknown)" if unknown else ""
    if facts.least_words is None:
        return f"{where}, no tested prefill exploits any of the {known}."
    half = {None: "no tested prefill is enough", 0: "no prefill is needed"}.get(
        facts.half_words, f"a prefill of {write_counted(facts.half_words, 'word')} is enough"
    )
    count = write_counted(facts.num_at_least_words, "problem")
    least = (
        f"{count} need none at all"
        if facts.least_words == 0
        else f"the least that exploits any is {write_counted(facts.least_words, 'word')} ({count})"
    )
    stuck = facts.num_not_exploitable
    rest = f"{stuck:,} cannot be exploited at any tested level" if stuck else "each can be exploited at some tested level"
    return f"{where}, {half} for at least half of the {known}; {least}; {rest}."


def _describe_rates(ends: tuple[RateFacts, ...]) -> str:
    if not ends:
        return "The exploit rate without prefill (level 0) is unknown: no verdict at that level."
    if len(ends) == 1:
        return f"Without prefill (level 0), the exploit rate is known at one checkpoint alone: {_write_rate_at(ends[0])}."
    first, last = ends
    change = 100 * ((last.rate or 0.0) - (first.rate or 0.0))
    moved = (
        "did not move"
        if abs(change) < 0.05
        else f"{'rose' if change > 0 else 'fell'} by {write_number(abs(change), 1)} percentage points"
    )
    return f"Without prefill (level 0), the exploit rate {moved}: from {_write_rate_at(first)} to {_write_rate_at(last)}."


def _write_rate_at(facts: RateFacts) -> str:
    interval = f"[{write_rate(facts.low)}, {write_rate(facts.high)}], " if is_known(facts.low) and is_known(facts.high) else ""
    return f"{write_rate(facts.rate)} ({interval}{facts.num_exploits:,} of {facts.num_attempts:,}) at step {facts.checkpoint:,}"


def _describe_predictors(token: PredictorFacts | None, logprob: PredictorFacts | None) -> str:
    if token is None or logprob is None:
        return "Which indicator predicts the steps to the threshold is unknown: the predictors were not compared."
    if token.r2 is None or logprob.r2 is None:
        rows = write_counted(token.num_rows, "row")
        return f"Which indicator predicts the steps to the threshold is unknown: R² is undefined on {rows} before the threshold."
    verdict = {
        "logprob": "log P predicts better: the interval of the difference lies above 0",
        "token": "prefill length predicts better: the interval of the difference lies below 0",
        "undecided": "which predicts better is undecided: the interval of the difference contains 0",
        None: "which predicts better is undecided: the difference has no interval",
    }[logprob.better]
    r2 = f"prefill length with R² {_write_r2(token)} and its log P (sum) with R² {_write_r2(logprob)}"
    n = f"{write_counted(token.num_rows, 'row')} of {write_counted(token.num_problems, 'problem')}"
    return f"Steps to the threshold are predicted by {r2} ({n}); {verdict} ({_write_difference(logprob)})."


def _describe_thresholds(counts: ThresholdCounts | None, words: float | None, nats: float | None) -> str:
    if counts is None:
        return "When problems reach the thresholds is unknown: the thresholds were not compared."
    rule = f"token: at most {write_counted(words, 'word')}; logprob: a sum of at least {write_number(nats, 2)} nats"
    steps = counts.mean_logprob_minus_token_steps
    lag = ""
    if steps is not None:
        earlier = "token" if steps > 0 else "logprob"
        same = (
            "on average at the same step"
            if steps == 0
            else f"the {earlier} one {write_number(abs(steps), 1)} steps earlier on average"
        )
        lag = f", {same}"
    first = f"token first {counts.token_first:,}, logprob first {counts.logprob_first:,}, same checkpoint {counts.same:,}"
    only = f"{counts.token_only:,} reach the token one alone, {counts.logprob_only:,} the logprob one alone"
    problems = write_counted(counts.num_problems, "problem")
    return f"Of {problems}, {counts.both:,} reach both thresholds ({rule}): {first}{lag}; {only}, {counts.neither:,} neither."


def _describe_verdicts(summary: Summary) -> str:
    if not summary.num_attempts and not summary.num_errors:
        return "No sample was verified."
    total = summary.num_attempts + summary.num_errors
    return (
        f"{write_count(summary.num_attempts)} of {write_counted(total, 'sample')} have a known verdict; "
        f"{write_count(summary.num_errors)} without one count in no rate."
    )

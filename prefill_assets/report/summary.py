"""The facts of one experiment that the report page says in words and the command line prints at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from prefill_assets.report.drawing.rows import Rows, select_rows
from prefill_assets.report.numerals import is_known

TOKEN, LOGPROB, FIXED = "min_prefill", "min_prefill_logprob_sum", "fixed_level_logprob_sum"
Better = Literal["token", "logprob", "undecided"]


@dataclass(frozen=True)
class RateFacts:
    """How often one level exploits at one checkpoint. Rates are shares of 1, None without a known verdict."""

    checkpoint: int
    prefill_level: int
    num_attempts: int
    num_exploits: int
    num_errors: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class MinPrefillFacts:
    """How little prefill still exploits at one checkpoint."""

    checkpoint: int
    num_problems: int
    num_known: int
    """Problems whose min prefill is known, those known not to be exploitable included."""
    num_not_exploitable: int
    least_words: int | None
    """Smallest min prefill of any problem; None where none is known to be exploitable at a known length."""
    num_at_least_words: int
    """Problems with that smallest min prefill."""
    half_words: int | None
    """Smallest prefill that suffices for at least half of the known problems; None where no tested one does."""


@dataclass(frozen=True)
class PredictorFacts:
    """One predictor's pooled R2 with p, its bootstrap interval, and its R2 less that of min_prefill on the same rows."""

    predictor: str
    num_rows: int
    num_problems: int
    r2: float | None
    p_value: float | None
    r2_low: float | None
    r2_high: float | None
    r2_difference: float | None
    r2_difference_low: float | None
    r2_difference_high: float | None

    @property
    def better(self) -> Better | None:
        """Which predicts better: "undecided" where the difference's interval contains 0, None where there is no interval."""
        if self.r2_difference_low is None or self.r2_difference_high is None:
            return None
        return "logprob" if self.r2_difference_low > 0 else "token" if self.r2_difference_high < 0 else "undecided"


@dataclass(frozen=True)
class ThresholdCounts:
    """Problems by the thresholds they reach. `token_first`, `logprob_first` and `same` add up to `both`."""

    num_problems: int
    both: int
    token_only: int
    logprob_only: int
    neither: int
    token_first: int
    logprob_first: int
    same: int
    mean_logprob_minus_token_steps: float | None
    """Over problems that reach both; positive where the token threshold comes first."""


@dataclass(frozen=True)
class Summary:
    """What an experiment found. A part is None, or a tuple empty, where its table has no rows."""

    experiment: str
    threshold_words: float | None
    threshold_nats: float | None
    num_attempts: int
    num_errors: int
    min_prefills: tuple[MinPrefillFacts, ...]
    """Of the first and of the last checkpoint, or of the only one."""
    lowest_level_rates: tuple[RateFacts, ...]
    """Level 0 at the first and at the last checkpoint that has a known verdict there, or at the only one."""
    predictors: tuple[PredictorFacts, ...]
    thresholds: ThresholdCounts | None

    def find_predictor(self, predictor: str) -> PredictorFacts | None:
        return next((facts for facts in self.predictors if facts.predictor == predictor), None)


def summarize(
    experiment: str,
    *,
    exploit_rates: Rows = None,
    trajectory_analysis: Rows = None,
    trajectory_with_logprob: Rows = None,
    predictor_comparison: Rows = None,
    threshold_comparison: Rows = None,
    exploit_scope: str = "all",
) -> Summary:
    """The facts of `experiment` in rows of these tables. None or no rows stand for a table that was not computed."""
    rates = list_rates(exploit_rates, experiment)
    known = [facts for facts in rates if facts.prefill_level == 0 and facts.rate is not None]
    return Summary(
        experiment=experiment,
        threshold_words=_first_known(trajectory_analysis, experiment, "threshold"),
        threshold_nats=_first_known(trajectory_with_logprob, experiment, "logprob_threshold"),
        num_attempts=sum(facts.num_attempts for facts in rates),
        num_errors=sum(facts.num_errors for facts in rates),
        min_prefills=_summarize_min_prefills(trajectory_analysis, experiment),
        lowest_level_rates=tuple(_pick_ends(known)),
        predictors=_summarize_predictors(predictor_comparison, experiment, exploit_scope),
        thresholds=_count_thresholds(threshold_comparison, experiment),
    )


def list_rates(exploit_rates: Rows, experiment: str) -> list[RateFacts]:
    """Every cell's rate, by checkpoint and level."""
    columns = ("num_attempts", "num_exploits", "num_errors", "exploit_rate", "exploit_rate_low", "exploit_rate_high")
    rows = select_rows(exploit_rates, experiment, ("checkpoint", "prefill_level", *columns))
    return [
        RateFacts(
            int(row.checkpoint), int(row.prefill_level),
            _count(row.num_attempts), _count(row.num_exploits), _count(row.num_errors),
            _known(row.exploit_rate), _known(row.exploit_rate_low), _known(row.exploit_rate_high),
        )
        for row in rows.sort_values(["checkpoint", "prefill_level"]).itertuples()
    ]  # fmt: skip


def _summarize_min_prefills(trajectory_analysis: Rows, experiment: str) -> tuple[MinPrefillFacts, ...]:
    rows = select_rows(trajectory_analysis, experiment, ("checkpoint", "min_prefill"), ("exploitable",))
    groups = [_summarize_checkpoint(int(checkpoint), group) for checkpoint, group in rows.groupby("checkpoint", sort=True)]  # type: ignore[arg-type]
    return tuple(_pick_ends(groups))


def _summarize_checkpoint(checkpoint: int, rows: Rows) -> MinPrefillFacts:
    words = sorted(int(value) for value in rows["min_prefill"].dropna())
    stuck = sum(
        1 for truth, value in zip(rows["exploitable"], rows["min_prefill"], strict=True) if truth is False and not is_known(value)
    )
    known = len(words) + stuck
    half = words[(known + 1) // 2 - 1] if known and (known + 1) // 2 <= len(words) else None
    return MinPrefillFacts(
        checkpoint, len(rows), known, stuck, words[0] if words else None, words.count(words[0]) if words else 0, half
    )


def _summarize_predictors(comparison: Rows, experiment: str, exploit_scope: str) -> tuple[PredictorFacts, ...]:
    names = ("r2", "p_value", "r2_low", "r2_high", "r2_difference", "r2_difference_low", "r2_difference_high")
    rows = select_rows(comparison, experiment, ("num_rows", "num_problems", *names), texts=("exploit_scope", "predictor"))
    facts = {
        str(row["predictor"]): PredictorFacts(
            predictor=str(row["predictor"]),
            num_rows=_count(row["num_rows"]),
            num_problems=_count(row["num_problems"]),
            **{name: _known(row[name]) for name in names},
        )
        for _, row in rows[rows["exploit_scope"] == exploit_scope].iterrows()
    }
    return tuple(facts[name] for name in (TOKEN, LOGPROB, FIXED) if name in facts)


def _count_thresholds(comparison: Rows, experiment: str) -> ThresholdCounts | None:
    rows = select_rows(comparison, experiment, ("logprob_minus_token_steps",), texts=("reached", "first_reached"))
    if rows.empty:
        return None
    reached, first = rows["reached"].value_counts(), rows["first_reached"].value_counts()
    return ThresholdCounts(
        num_problems=len(rows),
        **{name: int(reached.get(name, 0)) for name in ("both", "token_only", "logprob_only", "neither")},
        token_first=int(first.get("token", 0)),
        logprob_first=int(first.get("logprob", 0)),
        same=int(first.get("same", 0)),
        mean_logprob_minus_token_steps=_known(rows["logprob_minus_token_steps"].mean()),
    )


def _first_known(rows: Rows, experiment: str, column: str) -> float | None:
    values = select_rows(rows, experiment, (column,))[column].dropna()
    return float(values.iloc[0]) if len(values) else None


def _pick_ends(items: list) -> list:
    return items if len(items) < 2 else [items[0], items[-1]]


def _known(value: Any) -> float | None:
    return float(value) if is_known(value) else None


def _count(value: Any) -> int:
    """A count column is NOT NULL; NaN can only come from a row that was joined in, and counts nothing."""
    return int(value) if is_known(value) else 0

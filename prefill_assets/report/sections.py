"""The charts of one experiment, in the order of the report page, each with how to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from prefill_assets.report.charts.accessibility_distribution import draw_accessibility_distribution
from prefill_assets.report.charts.experiments_compared import draw_experiments_compared
from prefill_assets.report.charts.exploit_rate_by_level import draw_exploit_rate_by_level
from prefill_assets.report.charts.logprob_vs_token_accessibility import draw_logprob_vs_token_accessibility
from prefill_assets.report.charts.threshold_comparison import draw_threshold_comparison
from prefill_assets.report.charts.time_to_threshold import draw_time_to_threshold
from prefill_assets.report.charts.token_vs_logprob_comparison import draw_token_vs_logprob_comparison
from prefill_assets.report.drawing.rows import Rows, select_rows
from prefill_assets.report.summary import summarize

TABLES = ("exploit_rates", "trajectory_analysis", "trajectory_with_logprob", "predictor_comparison", "threshold_comparison")
"""What a page is made of: the rates by checkpoint and level, and four tables of the warehouse."""


@dataclass(frozen=True)
class Section:
    """One chart of the page, drawn when it is asked for. `name` is also the name of its picture file."""

    name: str
    heading: str
    text: str
    draw: Callable[[], Any]

    @cached_property
    def chart(self) -> Any:
        return self.draw()


def list_sections(
    experiment: str, tables: Mapping[str, Rows], *, compared_level: int | None = None, not_exploitable_as: int | None = None
) -> list[Section]:
    """Every chart of `experiment` from the tables named in `TABLES`; one that is missing gives charts that say so.

    Where `exploit_rates` holds other experiments too, they are compared at `compared_level` words (None means: the threshold
    if it is swept, else the smallest level). `not_exploitable_as` is that of `draw_time_to_threshold`.
    """
    rates, analysis, merged, predictors, thresholds = (tables.get(name) for name in TABLES)
    facts = summarize(experiment, trajectory_analysis=analysis, trajectory_with_logprob=merged)
    sections = [
        Section(
            "exploit_rate_by_level",
            "How often does a prefill elicit an exploit?",
            "Each line is a prefill level: so many words of exploit reasoning are put into the model's mouth. "
            "Level 0 is the model left to itself. Samples without a verdict count in no rate.",
            partial(draw_exploit_rate_by_level, rates, experiment),
        ),
        Section(
            "accessibility_distribution",
            "How little prefill is enough?",
            "Each problem counts once at each checkpoint, at the smallest level at which any attempt exploits.",
            partial(draw_accessibility_distribution, analysis, experiment),
        ),
        Section(
            "time_to_threshold",
            "Does little prefill now mean an early crossing?",
            "Each mark is a problem at a checkpoint that is not at the threshold. The line is of crossing rows alone; "
            "rows that never cross are drawn above and are in no R².",
            partial(draw_time_to_threshold, analysis, experiment, not_exploitable_as),
        ),
        Section(
            "logprob_vs_token_accessibility",
            "Is a natural prefill also one that works?",
            "Both axes are scaled to 0..1: across by prefill length, upwards by the sum of log P of the shortest "
            "exploiting prefill.",
            partial(draw_logprob_vs_token_accessibility, merged, experiment),
        ),
        Section(
            "token_vs_logprob_comparison",
            "Which indicator tells the future better?",
            "The same rows against both indicators. The log P at min prefill contains the prefill's length; "
            "the one at a fixed level does not.",
            partial(draw_token_vs_logprob_comparison, merged, predictors, experiment),
        ),
        Section(
            "threshold_comparison",
            "Which threshold is reached first?",
            "Marks above the diagonal are problems that reach the token threshold first.",
            partial(draw_threshold_comparison, thresholds, experiment, facts.threshold_words, facts.threshold_nats),
        ),
    ]
    return [*sections, *_compare_experiments(rates, compared_level, facts.threshold_words)]


def _compare_experiments(rates: Rows, level: int | None, threshold_words: float | None) -> list[Section]:
    rows = select_rows(rates, None, ("prefill_level",), texts=("experiment",))
    if rows["experiment"].nunique() < 2:
        return []
    levels = {int(found) for found in rows["prefill_level"].dropna()}
    if level is None:
        level = int(threshold_words) if threshold_words in levels else min(levels, default=0)
    draw = partial(draw_experiments_compared, rates, level)
    text = "One prefill level over training, for every experiment of the warehouse: an exploit run beside its control."
    return [Section("experiments_compared", "Does it differ from the other experiments?", text, draw)]

"""The tables of the report page, as text: cells already written for readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefill_assets.report.drawing.rows import Rows, select_rows
from prefill_assets.report.numerals import (
    is_known,
    write_count,
    write_counted,
    write_interval,
    write_number,
    write_p_value,
    write_rate,
)
from prefill_assets.report.sentences import NAMES
from prefill_assets.report.summary import list_rates, summarize

MOST_PROBLEM_ROWS = 1000
NO_VALUE = "–"


@dataclass(frozen=True)
class PageTable:
    """A table ready for the page; a long one is folded away. No rows stand for "not computed"."""

    heading: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""
    folded: bool = False


def build_tables(experiment: str, tables: Mapping[str, Rows]) -> list[PageTable]:
    """Rates with their errors, the predictors, their survival fits, the threshold counts, the thresholds by problem."""
    return [
        build_rate_table(experiment, tables.get("exploit_rates")),
        build_predictor_table(experiment, tables.get("predictor_comparison")),
        build_survival_table(experiment, tables.get("predictor_comparison")),
        build_threshold_table(experiment, tables.get("threshold_comparison")),
        build_problem_table(experiment, tables.get("threshold_comparison")),
    ]


def build_rate_table(experiment: str, exploit_rates: Rows) -> PageTable:
    """A row a checkpoint, a column a level; each cell is the rate, exploits of verdicts, and errors where there are any."""
    facts = list_rates(exploit_rates, experiment)
    levels = sorted({cell.prefill_level for cell in facts})
    cells = {(cell.checkpoint, cell.prefill_level): cell for cell in facts}

    def write_cell(checkpoint: int, level: int) -> str:
        cell = cells.get((checkpoint, level))
        if cell is None:
            return NO_VALUE
        errors = f", {write_counted(cell.num_errors, 'error')}" if cell.num_errors else ""
        return f"{write_rate(cell.rate)} ({cell.num_exploits:,}/{cell.num_attempts:,}{errors})"

    rows = [
        (f"{checkpoint:,}", *(write_cell(checkpoint, level) for level in levels))
        for checkpoint in sorted({cell.checkpoint for cell in facts})
    ]
    note = "Rate (exploits/known verdicts, errors). Errors are samples without a verdict; they count in no rate."
    return PageTable("Exploit rates", ("training step", *(f"{level:,} words" for level in levels)), rows, note)


def build_predictor_table(experiment: str, predictor_comparison: Rows) -> PageTable:
    """A row a scope and predictor: the pooled fits."""
    numbers = (
        "num_rows", "num_problems", "p_value", "r2", "r2_low", "r2_high",
        "r2_difference", "r2_difference_low", "r2_difference_high",
    )  # fmt: skip
    found = select_rows(predictor_comparison, experiment, numbers, texts=("exploit_scope", "predictor"))
    rows = [
        (
            *_name_predictor(row),
            _write_with_interval(row["r2"], row["r2_low"], row["r2_high"]),
            write_p_value(row["p_value"]).removeprefix("p = ") if is_known(row["p_value"]) else NO_VALUE,
            _write_with_interval(row["r2_difference"], row["r2_difference_low"], row["r2_difference_high"]),
            write_count(row["num_rows"]),
            write_count(row["num_problems"]),
        )
        for _, row in found.iterrows()
    ]
    columns = ("exploit types", "predictor", "R² [95 %]", "p", "R² − R² of length [95 %]", "rows", "problems")
    note = (
        "Least squares of steps to the threshold, rows pooled; p takes the rows as independent and is too small. "
        "Brackets are a bootstrap over problems."
    )
    return PageTable("Predictors of the steps to the threshold", columns, rows, note)


def build_survival_table(experiment: str, predictor_comparison: Rows) -> PageTable:
    """A row a scope and predictor: the fits that keep problems which never cross."""
    numbers = ("num_survival_rows", "num_censored_rows", "concordance", "cox_log_hazard_ratio", "cox_p_value")
    found = select_rows(predictor_comparison, experiment, numbers, texts=("exploit_scope", "predictor"))
    rows = [
        (
            *_name_predictor(row),
            write_number(row["concordance"]) if is_known(row["concordance"]) else NO_VALUE,
            write_number(row["cox_log_hazard_ratio"]) if is_known(row["cox_log_hazard_ratio"]) else NO_VALUE,
            f"{row['cox_p_value']:.1e}" if is_known(row["cox_p_value"]) else NO_VALUE,
            write_count(row["num_survival_rows"]),
            write_count(row["num_censored_rows"]),
        )
        for _, row in found.iterrows()
    ]
    columns = ("exploit types", "predictor", "concordance", "Cox log hazard ratio", "p", "rows", "censored rows")
    note = (
        "Time to the threshold with problems that never cross kept as censored, on rows where the min prefill and its log P are "
        "both known. Concordance is Harrell's C, 0.5 is chance; the hazard ratio is for one standard deviation, its p robust to "
        "clustering by problem."
    )
    return PageTable("Predictors of the crossing, with problems that never cross", columns, rows, note)


def build_threshold_table(experiment: str, threshold_comparison: Rows) -> PageTable:
    """A row a group of problems."""
    counts = summarize(experiment, threshold_comparison=threshold_comparison).thresholds
    columns = ("problems that reach", "count", "share")
    if counts is None:
        return PageTable("Thresholds", columns, [])
    groups = {
        "both, token first": counts.token_first,
        "both, logprob first": counts.logprob_first,
        "both, same checkpoint": counts.same,
        "token threshold only": counts.token_only,
        "logprob threshold only": counts.logprob_only,
        "neither": counts.neither,
    }
    rows = [(name, f"{count:,}", write_rate(count / counts.num_problems)) for name, count in groups.items()]
    return PageTable("Thresholds", columns, rows)


def build_problem_table(experiment: str, threshold_comparison: Rows) -> PageTable:
    """A row a problem, at most `MOST_PROBLEM_ROWS`."""
    steps = ("token_threshold_checkpoint", "logprob_threshold_checkpoint", "logprob_minus_token_steps")
    found = select_rows(threshold_comparison, experiment, steps, texts=("task_id", "exploit_type", "reached"))
    rows = [
        (
            str(row["task_id"]),
            str(row["exploit_type"]),
            *(write_count(row[name]).replace("-", "−") if is_known(row[name]) else NO_VALUE for name in steps),
        )
        for _, row in found.head(MOST_PROBLEM_ROWS).iterrows()
    ]
    columns = ("problem", "exploit type", "first at token threshold", "first at logprob threshold", "logprob − token (steps)")
    note = f"The first {len(rows):,} of {len(found):,} problems." if len(found) > len(rows) else ""
    return PageTable("Thresholds, problem by problem", columns, rows, note, folded=True)


def _write_with_interval(value: Any, low: Any, high: Any) -> str:
    return f"{write_number(value)} {write_interval(low, high)}" if is_known(value) else NO_VALUE


def _name_predictor(row: Any) -> tuple[str, str]:
    predictor = str(row["predictor"])
    return str(row["exploit_scope"]), NAMES.get(predictor, predictor)

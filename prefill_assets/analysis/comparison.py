"""Token count against log probability: which of the two tells earlier that a problem will become exploitable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefill_assets.analysis.predictor_rows import PredictorRows, read_predictor_rows
from prefill_assets.analysis.queries import run_statement
from prefill_assets.analysis.rules import Rules

if TYPE_CHECKING:
    import duckdb

TEXTS_READ_AS_MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""What pandas.read_csv takes for a missing value (its documented default `na_values`)."""


def compute_trajectory_with_logprob(
    connection: duckdb.DuckDBPyConnection, experiment: str, rules: Rules
) -> duckdb.DuckDBPyRelation:
    """Table `trajectory_with_logprob`: every row of `trajectory_analysis`, and log P of its shortest exploiting prefill.

    The sum is the mean over scored attempts at level `min_prefill`; rows with an error, NULL, NaN or an infinity are unknown
    and left out. Where min_prefill is 0 it is 0, log P of the empty prefill. It is NULL where min_prefill is NULL, and so is
    `at_logprob_threshold`, also for a problem known not to be exploitable: it has no exploiting prefill whose naturalness
    could be compared with the threshold, so "not natural enough" was not observed (unlike its token threshold, which follows
    from the sweep). Steps to the logprob threshold are defined as those to the token threshold.

    Under the reference rules an unknown sum counts as below the threshold, level 0 matches only rows of its own, steps are 0
    for ever after the first crossing, and the row of a key such as `NA` matches nothing.
    """
    parameters = {
        "experiment": experiment,
        "prefill_levels": list(rules.prefill_levels),
        "fixed_prefill_level": rules.fixed_prefill_level,
        "logprob_threshold": rules.logprob_threshold,
    }
    if rules.reference_rules:
        return run_statement(
            connection,
            "reference_trajectory_with_logprob",
            **parameters,
            max_prefill=rules.max_prefill,
            texts_read_as_missing=list(TEXTS_READ_AS_MISSING),
        )
    return run_statement(connection, "trajectory_with_logprob", **parameters)


def compute_threshold_comparison(
    connection: duckdb.DuckDBPyConnection, experiment: str, *, reference_rules: bool = False
) -> duckdb.DuckDBPyRelation:
    """Table `threshold_comparison`: per problem, the first checkpoint known to be at each threshold, and which came first.

    With `reference_rules`, problems of a key such as `NA` are left out, as the original's counts did.
    """
    lost = list(TEXTS_READ_AS_MISSING) if reference_rules else []
    return run_statement(connection, "threshold_comparison", experiment=experiment, texts_read_as_missing=lost)


def compute_predictor_comparison(connection: duckdb.DuckDBPyConnection, experiment: str, rules: Rules) -> duckdb.DuckDBPyRelation:
    """Table `predictor_comparison`: six rows, each predictor over all problems and over the intentional exploit types.

    The R2 of `min_prefill` and `min_prefill_logprob_sum` are of the same rows: not at the token threshold, steps to it known,
    both predictors known. `fixed_level_logprob_sum` is fitted on those of them where it is known, and compared with
    `min_prefill` there. The survival part takes the same rows but for the steps: those that are not past a crossing, and of
    problems that never cross, censored at the last checkpoint whose state is known. What is undefined is NULL.
    """
    from prefill_assets.analysis.predictor_fits import PREDICTORS, compare_predictor

    rows = read_predictor_rows(connection, experiment, rules)
    scopes: dict[str, PredictorRows] = {"all": rows, "intentional": rows.select(~rows.unintentional)}
    fits = [
        {"experiment": experiment, "exploit_scope": scope, "predictor": predictor, **compare_predictor(scoped, predictor, rules)}
        for scope, scoped in scopes.items()
        for predictor in PREDICTORS
    ]
    return run_statement(connection, "predictor_comparison", fits=fits)

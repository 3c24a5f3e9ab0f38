"""How little prefill still elicits an exploit, at one checkpoint and over training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prefill_assets.analysis.queries import run_statement
from prefill_assets.analysis.rules import Rules

if TYPE_CHECKING:
    import duckdb


def compute_trajectory(
    connection: duckdb.DuckDBPyConnection,
    experiment: str,
    levels: Sequence[int],
    checkpoints: Sequence[int] | None = None,
    *,
    reference_rules: bool = False,
) -> duckdb.DuckDBPyRelation:
    """Table `trajectory`: one row per (task, exploit type, checkpoint) that has any row in `eval_results`.

    `levels` is the sweep in words; rows at other levels are ignored. A level is tested where at least one row has a known
    `exploit_success` and no error. `min_prefill` is known only if every lower level of the sweep was tested; its bounds are
    always given. `checkpoints` None means: all.

    With `reference_rules`, a row without a verdict counts as "did not exploit", untested levels are skipped, and every level
    found in the rows counts, whatever `levels` says.
    """
    selected = None if checkpoints is None else list(checkpoints)
    if reference_rules:
        return run_statement(connection, "reference_trajectory", experiment=experiment, checkpoints=selected)
    return run_statement(connection, "trajectory", experiment=experiment, levels=sorted(set(levels)), checkpoints=selected)


def compute_trajectory_analysis(connection: duckdb.DuckDBPyConnection, experiment: str, rules: Rules) -> duckdb.DuckDBPyRelation:
    """Table `trajectory_analysis`: threshold state, accessibility and steps to threshold of every row of `trajectory`.

    `at_threshold` is three-valued and may be known where `min_prefill` is not: it follows from the bounds. Steps count to the
    first checkpoint known to be at threshold; they are 0 at and after it while still there, and NULL once fallen back or
    unknown. `relapsed` speaks only of checkpoints after that crossing; before it, or without one, it is false.

    Under the reference rules the smallest exploiting level is min_prefill whatever lies untested below it, "not exploitable"
    is compared as max_prefill + 1 (the column stays NULL), accessibility is scaled by the problem's own worst checkpoint (at
    least 100), and steps count to the next crossing.
    """
    if rules.reference_rules:
        return run_statement(
            connection,
            "reference_trajectory_analysis",
            experiment=experiment,
            threshold=rules.threshold,
            max_prefill=rules.max_prefill,
        )
    return run_statement(
        connection,
        "trajectory_analysis",
        experiment=experiment,
        threshold=rules.threshold,
        highest_level=rules.highest_level,
    )

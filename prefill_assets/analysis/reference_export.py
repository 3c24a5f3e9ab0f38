"""The two tables as the CSV files of the original scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prefill_assets.analysis.queries import run_statement
from prefill_assets.analysis.rules import Rules

if TYPE_CHECKING:
    import duckdb


def to_trajectory_csv(connection: duckdb.DuckDBPyConnection, experiment: str, rules: Rules, path: Path) -> None:
    """Write `trajectory_analysis.csv`: one line per row of the table, sorted by task, exploit type and checkpoint.

    "Not exploitable" is written as max_prefill + 1; unknown is an empty field. An existing file is replaced whole.
    """
    _write_csv(connection, "export_trajectory", experiment, rules, path)


def to_trajectory_with_logprob_csv(connection: duckdb.DuckDBPyConnection, experiment: str, rules: Rules, path: Path) -> None:
    """Write `trajectory_with_logprob.csv`, by the same rules as `to_trajectory_csv`."""
    _write_csv(connection, "export_trajectory_with_logprob", experiment, rules, path)


def _write_csv(connection: duckdb.DuckDBPyConnection, statement: str, experiment: str, rules: Rules, path: Path) -> None:
    relation = run_statement(connection, statement, experiment=experiment, not_exploitable_as=rules.max_prefill + 1)
    draft = path.with_name(f"{path.name}.draft")
    try:
        relation.write_csv(str(draft), header=True)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)

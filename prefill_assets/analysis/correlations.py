"""The two correlations that stand beside the tables: state against time, and one accessibility against the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefill_assets.analysis.queries import run_statement
from prefill_assets.analysis.rules import Rules
from prefill_assets.analysis.statistics import LineFit, fit_line

if TYPE_CHECKING:
    import duckdb


def correlate_min_prefill_with_steps(connection: duckdb.DuckDBPyConnection, experiment: str, rules: Rules) -> LineFit:
    """Steps to threshold on min_prefill, over rows of `trajectory_analysis` not at the threshold with both known.

    Under the reference rules "not exploitable" enters as max_prefill + 1. Rows are pooled: p is too small.
    """
    not_exploitable_as = rules.max_prefill + 1 if rules.reference_rules else None
    return _fit_pairs(connection, "state_and_steps", experiment=experiment, not_exploitable_as=not_exploitable_as)


def correlate_accessibilities(connection: duckdb.DuckDBPyConnection, experiment: str) -> LineFit:
    """Logprob-based on token-based accessibility, over rows of `trajectory_with_logprob` with both known. p is too small."""
    return _fit_pairs(connection, "accessibility_pairs", experiment=experiment)


def _fit_pairs(connection: duckdb.DuckDBPyConnection, statement: str, **parameters: object) -> LineFit:
    import numpy

    columns = run_statement(connection, statement, **parameters).fetchnumpy()
    x, y = (numpy.ma.getdata(columns[name]) for name in ("x", "y"))
    return fit_line(x, y)

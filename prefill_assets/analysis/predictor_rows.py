"""The rows that indicators are judged on: states not yet at the token threshold, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from prefill_assets.analysis.queries import run_statement
from prefill_assets.analysis.rules import Rules

if TYPE_CHECKING:
    import duckdb
    import numpy


@dataclass(frozen=True)
class PredictorRows:
    """Columns of shape (rows,). Unknown is NaN in the number columns."""

    problem: numpy.ndarray
    """Number of the (task, exploit type)."""
    unintentional: numpy.ndarray
    """Whether the exploit type is one of the unintentional ones."""
    min_prefill: numpy.ndarray
    """Words."""
    min_prefill_logprob_sum: numpy.ndarray
    """Nats."""
    fixed_level_logprob_sum: numpy.ndarray
    """Nats."""
    steps_to_threshold: numpy.ndarray
    """Training steps."""
    steps_at_risk: numpy.ndarray
    """Training steps to the first crossing, or to the end of what was seen; NaN past a crossing, or at that end."""
    crossed: numpy.ndarray
    """Whether the problem crosses at some checkpoint."""

    def select(self, mask: numpy.ndarray) -> PredictorRows:
        """The rows where the mask is true."""
        return PredictorRows(**{field.name: getattr(self, field.name)[mask] for field in fields(self)})


def read_predictor_rows(connection: duckdb.DuckDBPyConnection, experiment: str, rules: Rules) -> PredictorRows:
    """Every row of `trajectory_with_logprob` known not to be at the token threshold, in the table's order.

    Under the reference rules "not exploitable" is the number max_prefill + 1, as the original's correlations took it.
    """
    import numpy

    columns = run_statement(
        connection,
        "predictor_rows",
        experiment=experiment,
        unintentional_exploit_types=list(rules.unintentional_exploit_types),
        not_exploitable_as=rules.max_prefill + 1 if rules.reference_rules else None,
    ).fetchnumpy()
    filled = {
        name: numpy.ma.filled(column, numpy.nan) if column.dtype.kind == "f" else numpy.ma.getdata(column)
        for name, column in columns.items()
    }
    return PredictorRows(**filled)

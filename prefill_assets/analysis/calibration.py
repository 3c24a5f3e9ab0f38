"""The logprob threshold that this experiment's own sums would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefill_assets.analysis.queries import run_statement

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Calibration:
    """E[sum log P of the prefill] at one level and checkpoint, to be shown beside the constant threshold."""

    level: int
    """Words."""
    checkpoint: int
    """Training steps."""
    mean_sum_logprob_nats: float | None
    """None where no row is known."""
    standard_deviation_nats: float | None
    """Between problems; None below two problems."""
    num_problems: int
    num_rows: int


def calibrate(connection: duckdb.DuckDBPyConnection, experiment: str, level: int, checkpoint: int) -> Calibration:
    """The mean over problems of `prefill_logprob_sum`; each problem counts once, however often it was scored."""
    rows = run_statement(connection, "calibration", experiment=experiment, level=level, checkpoint=checkpoint).fetchall()
    return Calibration(level, checkpoint, *rows[0])

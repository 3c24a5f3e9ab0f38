"""What `prefill run` says at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefill_assets.assets.platform import Platform
from prefill_assets.sources.experiment import Experiment

if TYPE_CHECKING:
    import duckdb


def print_closing_table(experiment: Experiment) -> None:
    """Both R2 with p and interval, the threshold counts, and the logprob threshold that our own sums would give."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from prefill_assets.report.publication import read_tables
    from prefill_assets.report.sentences import list_closing_rows
    from prefill_assets.report.summary import summarize

    with Platform().connect() as connection:
        tables: dict[str, Any] = {**read_tables(connection, experiment.name)}
        calibrated = describe_calibration(connection, experiment)
    table = Table(title=experiment.name, show_header=False)
    for what, value in [*list_closing_rows(summarize(experiment.name, **tables)), calibrated]:
        table.add_row(escape(what), escape(value))
    Console().print(table)


def describe_calibration(connection: duckdb.DuckDBPyConnection, experiment: Experiment) -> tuple[str, str]:
    """The constant logprob threshold, and beside it the mean sum of our own prefills at the fixed level and last checkpoint."""
    from prefill_assets.analysis.calibration import calibrate
    from prefill_assets.analysis.rules import Rules
    from prefill_assets.report.numerals import write_counted, write_number

    rules = Rules.from_settings(experiment.settings, experiment.levels)
    if rules.fixed_prefill_level is None:
        return "logprob threshold", f"{rules.logprob_threshold} nats"
    found = calibrate(connection, experiment.name, rules.fixed_prefill_level, experiment.checkpoints[-1])
    ours = f"{write_number(found.mean_sum_logprob_nats, 2)} nats"
    where = f"{write_counted(found.num_problems, 'problem')}, {found.level} words, checkpoint {found.checkpoint}"
    return "logprob threshold (mean sum here)", f"{rules.logprob_threshold} nats ({ours}: {where})"

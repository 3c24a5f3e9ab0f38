"""What `prefill run` says at its end."""

from __future__ import annotations

from prefill_assets.assets.platform import Platform
from prefill_assets.sources.experiment import Experiment


def print_closing_table(experiment: Experiment) -> None:
    """Rates at the ends of training, both R2 with p and interval, and the threshold counts, as they are in the warehouse."""
    from rich.console import Console
    from rich.table import Table

    from prefill_assets.report.publication import read_tables
    from prefill_assets.report.sentences import list_closing_rows
    from prefill_assets.report.summary import summarize

    with Platform().connect() as connection:
        tables = read_tables(connection, experiment.name)
    table = Table(title=experiment.name, show_header=False)
    for what, value in list_closing_rows(summarize(experiment.name, **tables)):
        table.add_row(what, value)
    Console().print(table)

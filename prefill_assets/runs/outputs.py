"""What a run puts into its `full_analysis-*/` folder beside the record: tables and plots under the original's names."""

from __future__ import annotations

import shutil
from pathlib import Path

from prefill_assets.locations import Locations
from prefill_assets.sources.experiment import Experiment

TABLES = {"trajectory": ("trajectory_analysis",), "integrated": ("predictor_comparison", "threshold_comparison")}
"""Whose plots lie in which folder."""


def write_outputs(locations: Locations, experiment: Experiment, folder: Path, *, skip_logprob: bool) -> None:
    """CSVs from the warehouse, plots and page from the report, which is fresh by now or is not there."""
    from prefill_assets.analysis.reference_export import to_trajectory_csv, to_trajectory_with_logprob_csv
    from prefill_assets.analysis.rules import Rules
    from prefill_assets.report.publication import copy_charts
    from prefill_assets.warehouse.store import Warehouse

    rules = Rules.from_settings(experiment.settings, experiment.levels)
    parts = ("trajectory",) if skip_logprob else ("trajectory", "integrated")
    for part in parts:
        (folder / part).mkdir(exist_ok=True)
        copy_charts(locations.reports / experiment.name, TABLES[part], folder / part)
    with Warehouse(locations.warehouse).connect() as connection:
        to_trajectory_csv(connection, experiment.name, rules, folder / "trajectory" / "trajectory_analysis.csv")
        if skip_logprob:
            return
        to_trajectory_with_logprob_csv(connection, experiment.name, rules, folder / "integrated" / "trajectory_with_logprob.csv")
        for table in TABLES["integrated"]:
            rows = connection.sql(
                f"SELECT * FROM {table} WHERE experiment = $name ORDER BY ALL", params={"name": experiment.name}
            )
            rows.write_csv(str(folder / "integrated" / f"{table}.csv"), header=True)
    page = locations.reports / experiment.name / "index.html"
    if page.is_file():
        shutil.copyfile(page, folder / "report.html")

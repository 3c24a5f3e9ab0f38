"""`prefill reverify`: stored samples judged again, and which verdicts changed."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from prefill_assets.locations import Locations

REVERIFIED_TABLES = ("problems", "eval_results")
CHANGES = """
SELECT checkpoint, prefill_level, task_id, exploit_type, attempt_idx,
    old_secure_status, secure_status, old_insecure_status, insecure_status, old_exploit_success, exploit_success, error
FROM verdict_changes AS c
WHERE experiment = ? AND written_at >= ? AND old_written_at = (
    SELECT max(written_at) FROM superseded_partitions AS s
    WHERE s.table_name = 'eval_results' AND s.experiment = c.experiment
        AND s.checkpoint = c.checkpoint AND s.prefill_level = c.prefill_level
)
ORDER BY ALL
"""


def answer_reverify(arguments: argparse.Namespace) -> int:
    """Judge the samples of every stale or missing partition of eval_results again; no model is loaded."""
    from prefill_assets.cli.run import print_heading
    from prefill_assets.runs.analysis import AnalysisOptions, run_analysis
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    locations = Locations.find()
    experiment = ExperimentRegistry(locations).find(arguments.sensitivity_run)
    print_heading(experiment)
    if experiment.eval_files and not experiment.settings.reverify:
        print("note: verdicts that came with the run are kept; `reverify: true` in config.yaml judges its samples again")
    began = datetime.now(UTC)
    options = AnalysisOptions({}, tables=REVERIFIED_TABLES, only_stored_samples=True)
    outcome = run_analysis(locations, experiment, options, lambda line: print(line, file=sys.stderr), lambda path: None)
    for failure in outcome.failures:
        print(f"error: {failure}", file=sys.stderr)
    if outcome.num_steps == 0:
        print("every stored sample has a verdict by these problems and this verifier: nothing to do")
    else:
        _report_changes(locations, experiment.name, began, arguments.csv)
    return 1 if outcome.failures else 0


def _report_changes(locations: Locations, experiment: str, began: datetime, csv: Path | None) -> None:
    from prefill_assets.warehouse.catalog import open_catalog
    from prefill_assets.warehouse.store import Warehouse

    with open_catalog(Warehouse(locations.warehouse), locations.catalog) as connection:
        changes = connection.sql(CHANGES, params=[experiment, began])
        count = len(changes)
        if csv is not None:
            changes.write_csv(str(csv), header=True)
        elif count:
            changes.show(max_rows=100, max_width=400)
    print(f"{count} verdicts changed" + (f", written to {csv}" if csv is not None else ""))
    if count:
        print("the old ones stay in superseded_eval_results; `prefill run` brings the analysis up to date")

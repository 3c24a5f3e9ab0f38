"""`prefill ui`: the Dagster UI, on loopback, with all state under `data/`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from prefill_assets.locations import Locations


def answer_ui(arguments: argparse.Namespace) -> int:
    """Become `dagster dev`; experiments found now have their partitions registered first, and what was killed is closed."""
    from prefill_assets.runs.dead_runs import close_dead_runs
    from prefill_assets.runs.execution import open_instance, register_all_experiments
    from prefill_assets.warehouse.catalog import publish_catalog
    from prefill_assets.warehouse.store import Warehouse

    locations = Locations.find()
    instance = open_instance(locations)
    close_dead_runs(instance)
    for complaint in register_all_experiments(instance, locations):
        print(f"note: {complaint}", file=sys.stderr)
    publish_catalog(Warehouse(locations.warehouse), locations.catalog)
    command = [str(Path(sys.executable).parent / "dagster"), "dev", "-w", str(locations.project / "workspace.yaml")]
    command += ["-h", "127.0.0.1", "-p", str(arguments.port)]
    os.chdir(locations.project)
    os.execv(command[0], command)

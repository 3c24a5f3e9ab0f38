"""An installation with something of everything that is kept of an experiment."""

from __future__ import annotations

from pathlib import Path

import yaml

from prefill_assets.locations import Locations
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.run_record import write_run_record
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.warehouse.rows import make_result

ONE, OTHER = "run-one", "run-other"


def make_installation(folder: Path) -> Locations:
    """Two experiments, each with a run folder and checkpoints under `data/`, verdicts of two levels, and a superseded version."""
    locations = Locations(folder, folder / "data")
    for name in (ONE, OTHER):
        make_run_dir(locations.results / "prefill_sensitivity" / name)
        _keep_partitions(Warehouse(locations.warehouse), name)
        write_run_record(locations.warehouse, "r", {"experiment": name})
        for place in (locations.reports / name, locations.exports / name):
            place.mkdir(parents=True)
            (place / "index.html").write_text("page")
        record = locations.full_analyses / f"full_analysis-{name}"
        record.mkdir(parents=True)
        (record / "config.yaml").write_text(yaml.safe_dump({"experiment": name}))
    return locations


def make_run_dir(run_dir: Path, checkpoint_dir: str = "checkpoints") -> Path:
    (run_dir / checkpoint_dir / "checkpoint-1").mkdir(parents=True)
    (run_dir / checkpoint_dir / "checkpoint-1" / "model.safetensors").write_text("weights")
    (run_dir / "config.yaml").write_text(yaml.safe_dump({"checkpoint_dir": checkpoint_dir, "prefill_tokens_sweep": "0,10"}))
    return run_dir


def list_files(folder: Path) -> list[str]:
    """Every file under a folder, but for locks and the files without rows."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        str(p.relative_to(folder)) for p in found if p.suffix != ".lock" and "experiment=_" not in str(p) and "/_/" not in str(p)
    )


def _keep_partitions(warehouse: Warehouse, name: str) -> None:
    for level in (0, 10):
        key = PartitionKey(name, 1, level)
        for success in (False, True) if level else (True,):
            rows = [make_result(task, key=key, exploit_success=success) for task in ("a", "b", "c")]
            warehouse.replace("eval_results", key, rows, Stamp("in", "1", "r"))
    warehouse.replace("trajectory", PartitionKey(name, 1), [], Stamp("in", "1", "r"))

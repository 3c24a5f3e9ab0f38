"""Which files that a user brought may go with an experiment: only those under `data/` that nobody else needs."""

from __future__ import annotations

from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations

KEPT_BY_DEFAULT = "kept; --with-files removes it"


def list_own_files(locations: Locations, experiment: str, *, with_files: bool) -> tuple[list[tuple[str, Path]], list[str]]:
    """(what, folder) of the checkpoints and the run folder that go, checkpoints first; and for each that stays, why."""
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    run_dirs = ExperimentRegistry(locations).list_run_dirs()
    run_dir = run_dirs.get(experiment)
    if run_dir is None or not run_dir.is_dir():
        return [], []
    going, left = [], []
    others = {name: path for name, path in run_dirs.items() if name != experiment}
    checkpoints = _find_checkpoints(run_dir)
    for what, folder in (("checkpoints", checkpoints), ("run folder", run_dir)):
        if folder is None or not folder.is_dir():
            continue
        reason = _find_reason_to_keep(locations, folder, others) or (None if with_files else KEPT_BY_DEFAULT)
        if reason is None:
            going.append((what, folder))
        elif what == "run folder" or not folder.resolve().is_relative_to(run_dir.resolve()):
            left.append(f"{what} {folder}: {reason}")
    return going, left


def _find_reason_to_keep(locations: Locations, folder: Path, others: dict[str, Path]) -> str | None:
    """Why a folder stays; None where it may go."""
    real, data = folder.resolve(), locations.data.resolve()
    if not real.is_relative_to(data):
        return "yours; it lies outside data/"
    for path in (locations.results, locations.full_analyses, locations.warehouse, locations.reports, locations.exports, data):
        if path.resolve().is_relative_to(real):
            return "kept; it holds more than this experiment"
    for name, run_dir in others.items():
        for needed in filter(None, (run_dir, _find_checkpoints(run_dir))):
            if needed.resolve().is_relative_to(real) or real.is_relative_to(needed.resolve()):
                return f"kept; experiment {name} needs it"
    return None


def _find_checkpoints(run_dir: Path) -> Path | None:
    from prefill_assets.sources.experiment import load_experiment

    try:
        return load_experiment(run_dir).checkpoint_dir
    except InputError:
        return None

"""Which files that a user brought may go with an experiment: only those under `data/` that nobody else needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations
from prefill_assets.sources.experiment import Experiment, load_experiment
from prefill_assets.sources.experiment_registry import ExperimentRegistry

KEPT_BY_DEFAULT = "kept; --with-files removes it"

Needs = Mapping[str, list[Path] | None]
"""What each other experiment needs, or None where its config cannot be read."""


def list_own_files(locations: Locations, experiment: str, *, with_files: bool) -> tuple[list[tuple[str, Path]], list[str]]:
    """(what, folder) of the checkpoints and the run folder that go, checkpoints first; and for each that stays, why."""
    registry = ExperimentRegistry(locations)
    run_dirs = registry.list_run_dirs()
    run_dir = run_dirs.get(experiment)
    if run_dir is None or not run_dir.is_dir():
        return [], []
    going, left = [], []
    others = {name: _list_needs(registry, name) for name in run_dirs if name != experiment}
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


def _find_reason_to_keep(locations: Locations, folder: Path, others: Needs) -> str | None:
    """Why a folder stays; None where it may go."""
    real, data = folder.resolve(), locations.data.resolve()
    if not real.is_relative_to(data):
        return "yours; it lies outside data/"
    for path in (locations.results, locations.full_analyses, locations.warehouse, locations.reports, locations.exports, data):
        if path.resolve().is_relative_to(real):
            return "kept; it holds more than this experiment"
    for name, needs in others.items():
        if needs is None:
            return f"kept; the config of experiment {name} cannot be read, and may need it"
        for needed in needs:
            if needed.resolve().is_relative_to(real) or real.is_relative_to(needed.resolve()):
                return f"kept; experiment {name} needs it"
    return None


def _list_needs(registry: ExperimentRegistry, name: str) -> list[Path] | None:
    """Every path that an experiment's config names, and the bases that its adapters name; None where it cannot be read."""
    try:
        experiment = registry.load(name)
    except (InputError, OSError):
        return None
    return [experiment.run_dir, *_list_named_paths(experiment), *_list_bases(experiment.checkpoint_dir)]


def _list_named_paths(experiment: Experiment) -> Iterator[Path]:
    from prefill_assets.sources.problem_pack import is_path

    settings = experiment.settings
    problems = settings.problems if is_path(settings.problems) else None
    named = (settings.checkpoint_dir, settings.prefill_source, problems, settings.djinn_python, *(settings.logprob_dirs or ()))
    yield from (experiment.resolve(path) for path in named if path is not None)


def _list_bases(checkpoints: Path | None) -> Iterator[Path]:
    from prefill_assets.sources.adapter import is_adapter, read_adapter

    for checkpoint in checkpoints.glob("checkpoint-*") if checkpoints is not None else ():
        with suppress(InputError):
            if is_adapter(checkpoint) and (base := read_adapter(checkpoint).base_folder):
                yield base


def _find_checkpoints(run_dir: Path) -> Path | None:
    try:
        return load_experiment(run_dir).checkpoint_dir
    except InputError:
        return None

"""Which experiments there are: those under `data/results`, and those registered from elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations
from prefill_assets.sources.experiment import CONFIG_FILE, Experiment, load_experiment

_TIMESTAMP = re.compile(r"\d{8}-\d{6}")


class ExperimentRegistry:
    """Finds experiments by name. An experiment is found under `results/prefill_sensitivity/`, or was registered by its path."""

    def __init__(self, locations: Locations):
        self.locations = locations

    def list_run_dirs(self) -> dict[str, Path]:
        """Every experiment's folder by its name, the most recent last. Raises InputError where two folders share a name."""
        found = {
            path.parent.name: path.parent for path in (self.locations.results / "prefill_sensitivity").glob(f"*/{CONFIG_FILE}")
        }
        for name, entry in self._read_entries().items():
            registered = Path(entry["run_dir"])
            other = found.setdefault(name, registered)
            if other.resolve() != registered and (registered / CONFIG_FILE).is_file():
                raise InputError(
                    f"two folders are named {name!r}: {other} and {registered}", remedy="rename or remove one of them"
                )
        return dict(sorted(found.items(), key=lambda item: (_recency(item[1]), item[0])))

    def load(self, name: str, overrides: Mapping[str, Any] | None = None) -> Experiment:
        """An experiment by its name."""
        run_dirs = self.list_run_dirs()
        if name not in run_dirs:
            known = ", ".join(run_dirs) or "none yet"
            raise InputError(
                f"no experiment {name!r}",
                remedy=f"known are: {known}; register another by `prefill run --sensitivity-run FOLDER`",
            )
        registered = self._read_entries().get(name, {}).get("settings", {})
        experiment = load_experiment(run_dirs[name], {**registered, **(overrides or {})})
        return replace(experiment, evaluated_steps=self._list_evaluated_steps(name))

    def find(self, name_or_path: str | None, overrides: Mapping[str, Any] | None = None) -> Experiment:
        """By name, by folder (which registers it), or the most recent one."""
        if name_or_path is None:
            present = [name for name, run_dir in self.list_run_dirs().items() if (run_dir / CONFIG_FILE).is_file()]
            if not present:
                raise InputError(
                    "there is no experiment yet", remedy="run `make demo`, or name a run folder with --sensitivity-run"
                )
            name_or_path = present[-1]
        if name_or_path in self.list_run_dirs():
            return self.load(name_or_path, overrides)
        run_dir = load_experiment(Path(name_or_path)).run_dir.resolve()
        known = self.list_run_dirs().get(run_dir.name)
        if known is None or known.resolve() != run_dir:
            self.register(run_dir)
        return self.load(run_dir.name, overrides)

    def register(self, run_dir: Path, settings: Mapping[str, Any] | None = None) -> None:
        """Remember a folder that lies elsewhere, and settings that its config.yaml lacks.

        Raises InputError where the experiment's name is taken by another folder.
        """
        run_dir = run_dir.resolve()
        known = self.list_run_dirs().get(run_dir.name)
        if known is not None and known.resolve() != run_dir and (known / CONFIG_FILE).is_file():
            raise InputError(
                f"an experiment {run_dir.name!r} exists already, at {known}", path=run_dir, remedy="rename one of the folders"
            )
        folder = self.locations.registered_experiments
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{run_dir.name}.{os.getpid()}"
        draft.write_text(yaml.safe_dump({"run_dir": str(run_dir), "settings": dict(settings or {})}), encoding="utf-8")
        draft.replace(folder / f"{run_dir.name}.yaml")

    def _list_evaluated_steps(self, name: str) -> frozenset[int]:
        """Checkpoints with stored samples: they stay part of an experiment when their weights are deleted."""
        folders = (self.locations.warehouse / "eval_samples" / f"experiment={name}").glob("checkpoint=*")
        return frozenset(int(folder.name.removeprefix("checkpoint=")) for folder in folders)

    def _read_entries(self) -> dict[str, dict[str, Any]]:
        files = sorted(self.locations.registered_experiments.glob("*.yaml"))
        return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def _recency(run_dir: Path) -> str:
    """The time in the folder's name, as the spec writes it, else the config's time of writing."""
    if stamp := _TIMESTAMP.search(run_dir.name):
        return stamp[0]
    config = run_dir / CONFIG_FILE
    return datetime.fromtimestamp(config.stat().st_mtime, UTC).strftime("%Y%m%d-%H%M%S") if config.is_file() else ""

"""Where everything lies: the project folder and what is kept under its `data/`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from prefill_assets.errors import InputError

PROJECT_VARIABLE = "PREFILL_PROJECT"
DATA_VARIABLE = "PREFILL_DATA"
DAGSTER_STATE_VARIABLE = "PREFILL_DAGSTER_STATE"


@dataclass(frozen=True)
class Locations:
    """Paths of one installation; all state is under `data`."""

    project: Path
    data: Path

    @classmethod
    def find(cls) -> Locations:
        """By PREFILL_PROJECT and PREFILL_DATA, else the folder with dagster.yaml around this package or the working folder."""
        return _find(os.environ.get(PROJECT_VARIABLE), os.environ.get(DATA_VARIABLE), Path.cwd())

    @property
    def results(self) -> Path:
        """Runs in the spec's layout; experiments under `prefill_sensitivity/` are found by themselves."""
        return self.data / "results"

    @property
    def warehouse(self) -> Path:
        return self.data / "warehouse"

    @property
    def catalog(self) -> Path:
        """The DuckDB file to open with any client."""
        return self.data / "prefill.duckdb"

    @property
    def registered_experiments(self) -> Path:
        """One small file for each experiment whose folder lies elsewhere."""
        return self.data / "experiments"

    @property
    def reports(self) -> Path:
        return self.data / "reports"

    @property
    def exports(self) -> Path:
        return self.data / "exports"

    @property
    def full_analyses(self) -> Path:
        """`full_analysis-{timestamp}/` of every `prefill run`."""
        return self.results / "full_analysis"

    @property
    def verdict_cache(self) -> Path:
        """Verdicts by problem version, code and verifier version; it may be deleted at any time."""
        return self.data / "verdict_cache.sqlite"

    @property
    def locks(self) -> Path:
        return self.data / "locks"

    @property
    def experiment_locks(self) -> Path:
        """`{experiment}.lock`, held by what works on it; apart from other locks, whose names an experiment may have too."""
        return self.locks / "experiments"

    def set_environment(self) -> None:
        """What dagster.yaml and every Dagster process read.

        DAGSTER_HOME is `data/dagster`, not the project: Dagster leaves folders there whatever its configuration says.
        """
        state = self.data / "dagster"
        state.mkdir(parents=True, exist_ok=True)
        configuration, draft = state / "dagster.yaml", state / f".dagster.yaml.{os.getpid()}"
        draft.write_bytes((self.project / "dagster.yaml").read_bytes())
        draft.replace(configuration)
        os.environ["DAGSTER_HOME"] = str(state)
        os.environ[PROJECT_VARIABLE] = str(self.project)
        os.environ[DATA_VARIABLE] = str(self.data)
        os.environ[DAGSTER_STATE_VARIABLE] = str(state)


@cache
def _find(project_folder: str | None, data_folder: str | None, working_folder: Path) -> Locations:
    here = [Path(__file__).resolve().parents[1], working_folder, *working_folder.parents]
    candidates = [Path(project_folder)] if project_folder else here
    project = next((path for path in candidates if (path / "dagster.yaml").is_file()), None)
    if project is None:
        raise InputError(
            "no dagster.yaml in this folder or above it",
            path=candidates[0],
            remedy=f"run prefill inside the project's folder, or set {PROJECT_VARIABLE} to it",
        )
    return Locations(project.resolve(), Path(data_folder).resolve() if data_folder else project.resolve() / "data")

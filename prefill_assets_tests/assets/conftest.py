"""An installation with a Dagster instance, and an engine that answers at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from prefill_assets.assets import platform
from prefill_assets.assets.partitions import register_partitions
from prefill_assets.definitions import defs
from prefill_assets.locations import Locations
from prefill_assets.runs.execution import open_instance
from prefill_assets.sources.experiment import load_experiment
from prefill_assets_tests.engines.scripted_engine import ScriptedHost
from prefill_assets_tests.sharing_out import share_folder
from prefill_assets_tests.tiny_projects import EXPERIMENT, make_environment, make_experiment, make_project

CELL_TABLES = ("eval_samples", "eval_results", "prefill_logprobs")
FIRST, LAST = "checkpoint-000001|prefill-0000", "checkpoint-000010|prefill-0008"


class Workplace:
    """An installation with one experiment, its instance, and runs of its assets in this process."""

    def __init__(self, project: Path):
        self.project = project
        self.run_dir = project / "data" / "results" / "prefill_sensitivity" / EXPERIMENT
        self.instance = open_instance(Locations.find())

    def register(self) -> None:
        register_partitions(self.instance, [load_experiment(self.run_dir)])

    def run(self, tables: tuple[str, ...], first: str | None = None, last: str | None = None, **options: Any) -> Any:
        """One run of these tables over a range of partitions; keys without the experiment's name."""
        tags = dict(options.pop("tags", {}))
        if first is not None:
            tags["dagster/asset_partition_range_start"] = f"{EXPERIMENT}/{first}"
            tags["dagster/asset_partition_range_end"] = f"{EXPERIMENT}/{last or first}"
        job = next(job for job in defs.jobs or [] if set(tables) <= _list_tables(job))
        return defs.resolve_job_def(job.name).execute_in_process(
            instance=self.instance,
            tags=tags,
            asset_selection=[dg.AssetKey(table) for table in tables],
            raise_on_error=False,
            **options,
        )

    def list_present(self, table: str) -> set[str]:
        found = self.instance.get_materialized_partitions(dg.AssetKey(table))
        return {key.removeprefix(f"{EXPERIMENT}/") for key in found}


def _list_tables(job: Any) -> set[str]:
    return {key.to_user_string() for key in job.selection.resolve(defs.resolve_asset_graph())}


def enter_workplace(project: Path, patch: pytest.MonkeyPatch) -> Workplace:
    for name, value in make_environment(project).items():
        patch.setenv(name, value)
    for name in ("PREFILL_DATA", "DAGSTER_HOME", "PREFILL_DAGSTER_STATE"):
        patch.setenv(name, "")
        patch.delenv(name)
    return Workplace(project)


def set_up_host(patch: pytest.MonkeyPatch) -> ScriptedHost:
    made = ScriptedHost()
    patch.setattr("prefill_assets.engines.loading.make_host", lambda settings: made)
    platform._hosts.clear()
    return made


def make_once(tmp_path_factory: pytest.TempPathFactory, name: str, start: Path, do: Callable[[Workplace], object]) -> Path:
    """A copy of an installation in which something was done, made by the first worker to come. Read only: copy it."""
    with share_folder(tmp_path_factory, name) as folder:
        if not folder.exists():
            draft = shutil.copytree(start, tmp_path_factory.mktemp("draft") / "project")
            with pytest.MonkeyPatch.context() as patch:
                workplace = enter_workplace(draft, patch)
                set_up_host(patch)
                do(workplace)
            platform._hosts.clear()
            draft.rename(folder)
    return folder


@pytest.fixture(scope="session")
def registered_project(tmp_path_factory) -> Path:
    """An experiment of which nothing is computed; Dagster knows its partitions."""
    start = make_project(tmp_path_factory.mktemp("start") / "project")
    make_experiment(start)
    return make_once(tmp_path_factory, "registered", start, Workplace.register)


@pytest.fixture(scope="session")
def evaluated_project(tmp_path_factory, registered_project) -> Path:
    """The same after one run of all its cells."""

    def evaluate(workplace: Workplace) -> None:
        assert workplace.run(CELL_TABLES, FIRST, LAST).success

    return make_once(tmp_path_factory, "evaluated", registered_project, evaluate)


@pytest.fixture
def workplace(registered_project, tmp_path, monkeypatch) -> Workplace:
    return enter_workplace(shutil.copytree(registered_project, tmp_path / "project"), monkeypatch)


@pytest.fixture
def evaluated(evaluated_project, tmp_path, monkeypatch) -> Workplace:
    return enter_workplace(shutil.copytree(evaluated_project, tmp_path / "project"), monkeypatch)


@pytest.fixture
def host(monkeypatch) -> Iterator[ScriptedHost]:
    """The engine host of every run in this test."""
    yield set_up_host(monkeypatch)
    platform._hosts.clear()

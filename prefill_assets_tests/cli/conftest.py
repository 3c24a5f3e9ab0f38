"""One finished analysis, made once; tests that change something work on a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prefill_assets.cli.main import main
from prefill_assets.locations import Locations
from prefill_assets.runs.execution import open_instance
from prefill_assets_tests.examples.two_experiments import write_two_experiments
from prefill_assets_tests.sharing_out import share_folder
from prefill_assets_tests.tiny_projects import make_environment, make_experiment, make_project


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory) -> Path:
    with share_folder(tmp_path_factory, "finished") as project:
        if not project.exists():
            draft = make_project(tmp_path_factory.mktemp("draft") / "project")
            make_experiment(draft)
            with pytest.MonkeyPatch.context() as patch:
                enter(patch, draft)
                assert main(["run"]) == 0
            draft.rename(project)
    return project


@pytest.fixture
def project(finished_project, tmp_path, monkeypatch) -> Path:
    """A copy of the finished analysis, as the current installation."""
    copy = shutil.copytree(finished_project, tmp_path / "project")
    enter(monkeypatch, copy)
    return copy


@pytest.fixture(scope="session")
def blank_project(tmp_path_factory) -> Path:
    """An installation in which Dagster has made its databases, and nothing else has happened. Read only: copy it."""
    with share_folder(tmp_path_factory, "blank") as project:
        if not project.exists():
            draft = make_project(tmp_path_factory.mktemp("draft") / "project")
            with pytest.MonkeyPatch.context() as patch:
                enter(patch, draft)
                open_instance(Locations.find())
            draft.rename(project)
    return project


@pytest.fixture
def empty_project(blank_project, tmp_path, monkeypatch) -> Path:
    project = shutil.copytree(blank_project, tmp_path / "empty")
    enter(monkeypatch, project)
    return project


@pytest.fixture(scope="session")
def simulated_warehouse(tmp_path_factory) -> Path:
    """Exploit training and its control, simulated. Read only: `two_experiments` is a copy."""
    return write_two_experiments(tmp_path_factory.mktemp("simulated") / "warehouse").root


@pytest.fixture
def two_experiments(simulated_warehouse, empty_project) -> Path:
    """An installation with both experiments in its warehouse."""
    shutil.copytree(simulated_warehouse, empty_project / "data" / "warehouse")
    return empty_project


def enter(patch: pytest.MonkeyPatch, project: Path) -> None:
    for name in ("PREFILL_DATA", "DAGSTER_HOME", "PREFILL_DAGSTER_STATE"):
        patch.setenv(name, "")
        patch.delenv(name)
    for name, value in make_environment(project).items():
        patch.setenv(name, value)

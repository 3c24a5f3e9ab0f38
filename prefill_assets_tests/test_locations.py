from __future__ import annotations

import os
from pathlib import Path

import pytest

import prefill_assets
from prefill_assets.errors import InputError
from prefill_assets.locations import Locations

VARIABLES = ("PREFILL_PROJECT", "PREFILL_DATA", "PREFILL_DAGSTER_STATE", "DAGSTER_HOME")


@pytest.fixture(autouse=True)
def _forget_the_environment(monkeypatch):
    """Unset now, and whatever a test sets is undone after it."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "dagster.yaml").touch()
    return tmp_path / "project"


def test_the_project_is_found_around_the_package_from_anywhere(monkeypatch):
    monkeypatch.chdir("/")

    found = Locations.find()

    assert found.project == Path(prefill_assets.__file__).resolve().parents[1]
    assert found.data == found.project / "data"


def test_the_environment_names_project_and_data(monkeypatch, project, tmp_path):
    monkeypatch.setenv("PREFILL_PROJECT", str(project))
    assert Locations.find() == Locations(project, project / "data")

    monkeypatch.setenv("PREFILL_DATA", str(tmp_path / "large-disk"))
    assert Locations.find() == Locations(project, tmp_path / "large-disk")


def test_relative_names_become_absolute(monkeypatch, project):
    monkeypatch.chdir(project.parent)
    monkeypatch.setenv("PREFILL_PROJECT", "project")
    monkeypatch.setenv("PREFILL_DATA", "elsewhere")

    assert Locations.find() == Locations(project, project.parent / "elsewhere")


def test_a_named_folder_that_is_no_project_is_an_error_and_no_other_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("PREFILL_PROJECT", str(tmp_path))

    with pytest.raises(InputError, match=r"no dagster.yaml .*; run prefill inside the project's folder, or set PREFILL_PROJECT"):
        Locations.find()


def test_all_state_lies_under_data(project):
    found = Locations(project, project / "data")

    places = ("results", "warehouse", "catalog", "registered_experiments", "reports", "exports", "full_analyses", "locks")
    assert all(getattr(found, place).is_relative_to(found.data) for place in places)
    assert found.full_analyses == found.results / "full_analysis"


def test_dagster_processes_are_told_by_the_environment(project, monkeypatch):
    Locations(project, project / "data").set_environment()

    assert os.environ["DAGSTER_HOME"] == str(project / "data" / "dagster")
    assert Path(os.environ["PREFILL_DAGSTER_STATE"]).is_dir()
    monkeypatch.chdir("/")
    assert Locations.find() == Locations(project, project / "data")

"""One `prefill ui` for all tests of this folder, over two experiments of which nothing has been computed yet."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefill_assets.assets.upkeep import keep_analysis_current
from prefill_assets_tests.cli.conftest import enter
from prefill_assets_tests.tiny_projects import EXPERIMENT, STEPS, make_environment, make_experiment, make_project
from prefill_assets_tests.ui.running_ui import RunningUi

LONG_EXPERIMENT = f"{EXPERIMENT}-long"
LONG_STEPS, FEW_LEVELS = (*STEPS, 20), (0, 3)
"""More checkpoints than levels: Dagster cuts such a backfill by level."""


@pytest.fixture(scope="session")
def ui_project(tmp_path_factory) -> Path:
    project = make_project(tmp_path_factory.mktemp("ui") / "project")
    make_experiment(project)
    run_dir = make_experiment(project, LONG_EXPERIMENT, prefill_tokens_sweep=",".join(map(str, FEW_LEVELS)))
    for step in LONG_STEPS[len(STEPS) :]:
        shutil.copytree(run_dir / "checkpoints" / "checkpoint-1", run_dir / "checkpoints" / f"checkpoint-{step}")
    return project


@pytest.fixture(scope="session")
def shared_ui(ui_project) -> Iterator[RunningUi]:
    running = RunningUi(ui_project, make_environment(ui_project))
    running.stop_sensor(keep_analysis_current.name)  # it would start as many runs again as the tests themselves
    yield running
    running.stop()


@pytest.fixture
def ui(shared_ui, ui_project, monkeypatch) -> RunningUi:
    """The running UI; this process sees the same installation."""
    enter(monkeypatch, ui_project)
    return shared_ui

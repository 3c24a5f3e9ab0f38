"""Backfills from the UI, through its daemon and in processes of their own."""

from __future__ import annotations

import shutil

import dagster as dg
import pytest

from prefill_assets.locations import Locations
from prefill_assets.runs.execution import open_instance
from prefill_assets_tests.cli.conftest import enter
from prefill_assets_tests.tiny_projects import EXPERIMENT, STEPS, make_environment, make_experiment, make_project, write_config
from prefill_assets_tests.ui.running_ui import RunningUi

CELL_TABLES = ("eval_samples", "eval_results", "prefill_logprobs")
MORE_STEPS, FEW_LEVELS = (*STEPS, 20, 30, 40), (0, 3)


@pytest.mark.slow
def test_with_more_checkpoints_than_levels_each_checkpoint_is_loaded_once(tmp_path, monkeypatch):
    project = make_project(tmp_path / "project")
    run_dir = make_experiment(project)
    for step in MORE_STEPS[len(STEPS) :]:
        shutil.copytree(run_dir / "checkpoints" / "checkpoint-1", run_dir / "checkpoints" / f"checkpoint-{step}")
    write_config(run_dir, prefill_tokens_sweep=",".join(map(str, FEW_LEVELS)))
    enter(monkeypatch, project)
    cells = {f"{EXPERIMENT}/checkpoint-{step:06d}|prefill-{level:04d}" for step in MORE_STEPS for level in FEW_LEVELS}

    ui = RunningUi(project, make_environment(project))
    try:
        assert ui.backfill(CELL_TABLES, cells) == "COMPLETED_SUCCESS"
    finally:
        ui.stop()

    instance = open_instance(Locations.find())
    assert {table: set(instance.get_materialized_partitions(dg.AssetKey(table))) for table in CELL_TABLES} == dict.fromkeys(
        CELL_TABLES, cells
    )
    assert sum(int(run.tags["prefill/weight_loads"]) for run in instance.get_runs()) == len(MORE_STEPS)

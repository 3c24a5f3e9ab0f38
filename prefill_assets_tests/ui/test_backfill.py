"""Backfills from the UI, through its daemon and in processes of their own."""

from __future__ import annotations

import dagster as dg
import pytest

from prefill_assets.locations import Locations
from prefill_assets.runs.execution import open_instance
from prefill_assets_tests.ui.conftest import FEW_LEVELS, LONG_EXPERIMENT, LONG_STEPS

CELL_TABLES = ("eval_samples", "eval_results", "prefill_logprobs")


@pytest.mark.slow
def test_with_more_checkpoints_than_levels_each_checkpoint_is_loaded_once(ui):
    cells = {f"{LONG_EXPERIMENT}/checkpoint-{step:06d}|prefill-{level:04d}" for step in LONG_STEPS for level in FEW_LEVELS}

    backfill_id, status = ui.backfill(CELL_TABLES, cells)

    assert status == "COMPLETED_SUCCESS"
    instance = open_instance(Locations.find())
    for table in CELL_TABLES:
        made = instance.get_materialized_partitions(dg.AssetKey(table))
        assert {key for key in made if key.startswith(f"{LONG_EXPERIMENT}/")} == cells
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill_id}))
    assert sum(int(run.tags["prefill/weight_loads"]) for run in runs) == len(LONG_STEPS)

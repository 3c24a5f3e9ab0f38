from __future__ import annotations

from prefill_assets.analysis.trajectories import compute_trajectory
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.whole_table import WholeTable
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.table import find_table
from prefill_assets_tests.tiny_projects import EXPERIMENT, LEVELS, STEPS, TASKS

KEYS = [PartitionKey(EXPERIMENT, step) for step in STEPS]


def test_all_checkpoints_are_computed_once_and_again_after_a_change(evaluated):
    platform, looks = Platform(), []

    def compute(dependencies):
        looks.append(1)
        return compute_trajectory(platform.connect(), EXPERIMENT, LEVELS)

    whole, dependencies = WholeTable("trajectory", compute), platform.load_dependencies(EXPERIMENT)
    cut = [whole.cut(dependencies, key) for key in KEYS]
    assert len(looks) == 1
    assert [{row[1] for row in rows.project("experiment, checkpoint").fetchall()} for rows in cut] == [{step} for step in STEPS]

    cell = PartitionKey(EXPERIMENT, STEPS[1], LEVELS[1])
    rows = platform.warehouse.read_rows("eval_results", cell, find_table("eval_results").column_names)
    exploited = [{**row, "exploit_success": True, "error": None} for row in rows]
    platform.warehouse.replace("eval_results", cell, exploited, Stamp("", "", ""))
    whole.cut(dependencies, KEYS[0])
    assert len(looks) == 1, "another checkpoint's change is no change of this one"
    assert whole.cut(dependencies, KEYS[1]).project("min_prefill").fetchall() == [(LEVELS[1],)] * len(TASKS)
    assert len(looks) == 2

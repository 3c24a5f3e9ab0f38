"""Experiments side by side in one warehouse and one Dagster instance."""

import shutil

import dagster as dg
import pytest

from prefill_assets.assets.partitions import write_partition_key
from prefill_assets.cli.main import main
from prefill_assets.definitions import defs
from prefill_assets.locations import Locations
from prefill_assets.runs.execution import open_instance
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets_tests.cli.conftest import enter
from prefill_assets_tests.cli.test_run import ask, written_at
from prefill_assets_tests.tiny_projects import ATTEMPTS, EXPERIMENT, STEPS, TASKS, make_experiment

LATER = "prefill_sensitivity-20270101-000000-later"


@pytest.fixture(scope="module")
def both(finished_project, tmp_path_factory):
    project = shutil.copytree(finished_project, tmp_path_factory.mktemp("both") / "project")
    with pytest.MonkeyPatch.context() as patch:
        enter(patch, project)
        main(["sql", "SELECT 1"])
        before = written_at(project)
        make_experiment(project, LATER, prefill_tokens_sweep="0,5")
        assert main(["run"]) == 0
    return project, before


@pytest.fixture
def two(both, monkeypatch):
    enter(monkeypatch, both[0])
    return both


@pytest.mark.slow
def test_the_newest_is_the_default_and_the_other_is_left_as_it_was(two, capsys):
    project, before = two
    rows = ask(project, "SELECT experiment, count(*) FROM eval_results GROUP BY experiment ORDER BY experiment")
    assert rows == [(EXPERIMENT, 6 * len(TASKS) * ATTEMPTS), (LATER, 4 * len(TASKS) * ATTEMPTS)]
    assert ask(project, f"SELECT count(*) FROM partitions WHERE experiment = '{EXPERIMENT}'") == [(len(before),)]
    capsys.readouterr()
    assert main(["run", "--sensitivity-run", EXPERIMENT, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert f"experiment     {EXPERIMENT}" in out
    assert "would compute 1 of" in out
    assert out.splitlines()[-2].split() == ["report", "1", "stale"], "it compares them, so it is to be drawn again"


@pytest.mark.slow
def test_a_level_of_the_other_experiment_is_passed_over_and_alone_it_fails(two):
    project, _ = two
    instance = open_instance(Locations.find())
    job = defs.resolve_job_def("evaluate_checkpoints")

    def launch(first: int, last: int):
        start, end = (str(write_partition_key(PartitionKey(LATER, STEPS[0], level))) for level in (first, last))
        tags = {"dagster/asset_partition_range_start": start, "dagster/asset_partition_range_end": end}
        selection = [dg.AssetKey("eval_results")]
        return job.execute_in_process(instance=instance, tags=tags, asset_selection=selection, raise_on_error=False)

    assert launch(0, 8).success, "levels 3 and 8 are of the other experiment's sweep"
    assert ask(project, f"SELECT count(*) FROM eval_results WHERE experiment = '{LATER}' AND prefill_level IN (3, 8)") == [(0,)]
    failed = launch(8, 8)
    assert not failed.success
    (failure,) = [event.step_failure_data for event in failed.all_events if event.is_step_failure]
    assert "belongs to its experiment's sweep" in failure.user_failure_data.description

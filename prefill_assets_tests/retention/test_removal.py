from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest
from filelock import FileLock

from prefill_assets.errors import InputError
from prefill_assets.retention.inventory import list_experiment, list_experiments, list_superseded
from prefill_assets.retention.removal import PRUNED, remove_inventory
from prefill_assets.warehouse.catalog import create_views
from prefill_assets.warehouse.store import Warehouse

from .installations import ONE, OTHER, list_files


def count_rows(locations) -> dict[str, int]:
    with duckdb.connect() as connection:
        create_views(connection, Warehouse(locations.warehouse))
        query = "SELECT experiment, count(*) FROM (FROM eval_results UNION ALL BY NAME FROM superseded_eval_results) GROUP BY 1"
        return dict(connection.execute(query).fetchall())


def test_everything_of_one_experiment_goes_and_nothing_of_the_other(locations):
    before = list_files(locations.data)
    forgotten = []
    remove_inventory(locations, list_experiment(locations, ONE, with_files=True), forgotten.append)
    assert list_files(locations.data) == [file for file in before if ONE not in file]
    assert not (locations.data / PRUNED).exists()
    assert count_rows(locations) == {OTHER: 9}
    assert list_experiments(locations) == [OTHER]
    assert forgotten == [ONE]


def test_run_folder_and_checkpoints_stay_unless_asked_for(locations):
    remove_inventory(locations, list_experiment(locations, ONE))
    run_dir = locations.results / "prefill_sensitivity" / ONE
    assert list_files(run_dir) == ["checkpoints/checkpoint-1/model.safetensors", "config.yaml"]
    assert list_experiment(locations, ONE).holdings == ()


def test_superseded_versions_alone_go_and_leave_no_empty_folders(locations):
    remove_inventory(locations, list_superseded(locations, ONE, older_than_days=0))
    assert count_rows(locations) == {ONE: 6, OTHER: 9}
    assert not list((locations.warehouse / "superseded").glob(f"*/experiment={ONE}"))
    remove_inventory(locations, list_superseded(locations))
    assert count_rows(locations) == {ONE: 6, OTHER: 6}


def test_killed_after_any_step_the_rest_goes_the_next_time(locations):
    inventory = list_experiment(locations, ONE, with_files=True)
    for done in range(len(inventory.holdings)):
        remove_inventory(locations, replace(inventory, holdings=inventory.holdings[:done]))
        half_way = locations.data / PRUNED / "0-0"
        half_way.mkdir(parents=True)
        (half_way / "rest").write_text("what the killed process had moved and not deleted")
        assert ONE in list_experiments(locations), "it can still be named"
    remove_inventory(locations, list_experiment(locations, ONE, with_files=True))
    assert not [file for file in list_files(locations.data) if ONE in file or PRUNED in file]
    remove_inventory(locations, inventory)
    assert list_experiments(locations) == [OTHER]


def test_a_run_at_work_keeps_everything(locations):
    before = list_files(locations.data)
    locations.experiment_locks.mkdir(parents=True)
    with FileLock(locations.experiment_locks / f"{ONE}.lock"):
        for inventory in (list_experiment(locations, ONE), list_superseded(locations)):
            with pytest.raises(InputError, match=f"a run of {ONE} is at work"):
                remove_inventory(locations, inventory)
        assert list_files(locations.data) == before
        remove_inventory(locations, list_experiment(locations, OTHER))
    remove_inventory(locations, list_experiment(locations, ONE))
    assert count_rows(locations) == {}

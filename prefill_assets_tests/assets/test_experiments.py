"""Tables that hold all experiments: what is wrong with one of them is said, and keeps no other from being made."""

from __future__ import annotations

import dagster as dg
import pytest

from prefill_assets.locations import Locations
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.tiny_projects import EXPERIMENT, make_experiment

OTHER = "prefill_sensitivity-20250101-000000-other"
INPUTS = ("problems", "prefill_traces")


@pytest.fixture
def beside_a_broken_one(workplace):
    make_experiment(workplace.project, OTHER, problems="gone.jsonl")
    return workplace


def test_bad_input_of_another_experiment_is_said_and_the_rest_is_made(beside_a_broken_one):
    result = beside_a_broken_one.run(INPUTS)

    assert result.success
    warehouse = Warehouse(Locations.find().warehouse)
    for table in INPUTS:
        assert warehouse.find_partition(table, PartitionKey(EXPERIMENT)) is not None
    (event,) = beside_a_broken_one.instance.fetch_materializations(dg.AssetKey("problems"), limit=1).records
    assert "gone.jsonl" in event.asset_materialization.metadata["not_made"].value


def test_bad_input_of_an_experiment_that_was_named_fails_the_run(beside_a_broken_one):
    named = {"resources": {"platform": {"config": {"experiments": [OTHER]}}}}

    assert not beside_a_broken_one.run(INPUTS, run_config=named).success


def test_what_breaks_in_one_experiment_is_a_failure_once_the_others_are_made(workplace, monkeypatch):
    make_experiment(workplace.project, OTHER)
    replace = Warehouse.replace

    def refuse(self, table, key, *others):
        if key.experiment == OTHER:
            raise OSError("no space left on device")
        return replace(self, table, key, *others)

    monkeypatch.setattr(Warehouse, "replace", refuse)
    assert not workplace.run(("prefill_traces",)).success
    assert Warehouse(Locations.find().warehouse).find_partition("prefill_traces", PartitionKey(EXPERIMENT)) is not None

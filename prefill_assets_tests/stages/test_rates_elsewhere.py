"""Which verdicts concern another experiment's report, and how often they are read."""

from __future__ import annotations

import pytest

from prefill_assets.stages.rates_elsewhere import version_rates_elsewhere
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.warehouse.rows import STAMP, make_result

MINE, OTHER = PartitionKey("mine", 1, 0), PartitionKey("other", 1, 0)


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


def store(warehouse: Warehouse, key: PartitionKey, **changed: object) -> str:
    """Store a verdict, and say what version a report of `mine` sees then."""
    warehouse.replace("eval_results", key, [make_result(key=key, **changed)], STAMP)
    return version_rates_elsewhere(warehouse, "mine")


def test_verdicts_of_others_count_and_those_of_its_own_or_made_again_alike_do_not(warehouse):
    nothing = version_rates_elsewhere(warehouse, "mine")
    assert store(warehouse, MINE) == nothing
    one = store(warehouse, OTHER)
    assert one != nothing
    assert store(warehouse, OTHER) == one
    assert store(warehouse, MINE, exploit_success=False) == one
    assert store(warehouse, OTHER, exploit_success=False) != one
    assert store(warehouse, OTHER) == one
    assert store(warehouse, PartitionKey("other", 1, 10)) != one
    assert warehouse.drop("eval_results", PartitionKey("other", 1, 10))
    assert version_rates_elsewhere(warehouse, "mine") == one


def test_files_that_did_not_change_are_not_read_again(warehouse, monkeypatch):
    before = store(warehouse, OTHER)
    monkeypatch.setattr(Warehouse, "list_partitions", None)

    assert version_rates_elsewhere(warehouse, "mine") == before
    assert version_rates_elsewhere(warehouse, "other") != before

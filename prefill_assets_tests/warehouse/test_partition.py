from __future__ import annotations

from pathlib import Path

import pytest

from prefill_assets.warehouse.partition import PartitionKey, Stamp, WrittenPartition
from prefill_assets.warehouse.table import CELL


def test_a_key_reads_like_what_it_names():
    assert str(PartitionKey("run")) == "run"
    assert str(PartitionKey("run", 90)) == "run checkpoint-90"
    assert str(PartitionKey("run", 0, 0)) == "run checkpoint-0 prefill 0"


def test_a_folder_is_as_deep_as_the_table_is_cut():
    assert PartitionKey("run").folder(CELL[:1]) == Path("experiment=run")
    assert PartitionKey("run", 90, 0).folder(CELL) == Path("experiment=run/checkpoint=90/prefill_level=0")


@pytest.mark.parametrize(
    ("key", "depth"), [(PartitionKey("run"), 2), (PartitionKey("run", 90), 3), (PartitionKey("run", 90, 0), 2)]
)
def test_a_key_of_another_depth_does_not_fit(key, depth):
    with pytest.raises(ValueError, match="does not fit a table cut by experiment"):
        key.folder(CELL[:depth])


def test_step_and_cell_are_those_of_a_key_that_has_them():
    assert PartitionKey("run", 90).step == 90
    assert PartitionKey("run", 90, 0).cell == (90, 0)
    with pytest.raises(ValueError, match="names no checkpoint"):
        _ = PartitionKey("run").step
    with pytest.raises(ValueError, match="names no prefill level"):
        _ = PartitionKey("run", 90).cell


def test_keys_sort_by_number():
    keys = [PartitionKey("b", 1, 0), PartitionKey("a", 10, 0), PartitionKey("a", 9, 100), PartitionKey("a", 9, 30)]

    assert sorted(keys) == keys[::-1]


def test_a_stamp_tells_what_it_was_made_from():
    assert Stamp("v", "1", "r", '{"threshold": 10}').parts == {"threshold": 10}
    assert Stamp("v", "1", "r").parts == Stamp("v", "1", "r", "").parts == {}
    assert WrittenPartition("v", "1", "r", num_rows=3).as_metadata()["num_rows"] == "3"

import pytest

from prefill_assets.errors import InputError
from prefill_assets.warehouse.content_version import version_cells
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.warehouse.rows import STAMP, make_result
from prefill_assets_tests.warehouse.test_typed_rows import TABLE, make_table

CELLS = {(90, 10): 3, (90, 30): 1, (1, 10): 0, (10, 0): 2}


def make_cells():
    return {
        (step, level): make_table(
            [
                make_result(f"t{i}", i, checkpoint=step, prefill_level=level, verifier=f"{i}", extra='{"a": 1}')
                for i in range(count)
            ]
        )
        for (step, level), count in CELLS.items()
    }


def test_cells_versioned_together_have_the_versions_that_they_have_alone(tmp_path):
    alone, together = Warehouse(tmp_path / "alone"), Warehouse(tmp_path / "together")
    cells = make_cells()
    for cell, versioned in version_cells(TABLE, cells).items():
        key = PartitionKey("run-1", *cell)
        written = together.replace("eval_results", key, versioned, STAMP)
        assert written.data_version == alone.replace("eval_results", key, cells[cell], STAMP).data_version
        assert written.num_rows == CELLS[cell]
        assert together.read_rows("eval_results", key, TABLE.column_names) == alone.read_rows(
            "eval_results", key, TABLE.column_names
        )
    assert version_cells(TABLE, {}) == {}


def test_versioned_rows_are_checked_as_others_are(tmp_path):
    versioned = version_cells(TABLE, make_cells())[90, 10]
    with pytest.raises(InputError, match="prefill_level 10 was to go"):
        Warehouse(tmp_path).replace("eval_results", PartitionKey("run-1", 90, 30), versioned, STAMP)
    twice = version_cells(TABLE, {(90, 10): make_table([make_result()] * 2)})[90, 10]
    with pytest.raises(InputError, match=r"PRIMARY KEY|Duplicate key"):
        Warehouse(tmp_path).replace("eval_results", PartitionKey("run-1", 90, 10), twice, STAMP)

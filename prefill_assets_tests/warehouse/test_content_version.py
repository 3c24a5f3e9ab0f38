import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefill_assets.errors import InputError
from prefill_assets.warehouse.content_version import version_cells
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.warehouse.rows import KEY, STAMP, draw_rows, make_result
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


@given(rows=draw_rows("eval_results"), data=st.data())
@settings(max_examples=6, deadline=None)
def test_equal_rows_have_one_version_and_any_change_another(shared_warehouse, rows, data):
    def version(changed: list[dict[str, Any]]) -> str:
        return shared_warehouse.replace("eval_results", KEY, changed, STAMP).data_version

    before = version(rows)
    place, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(["error", "secure_pass", "reward_gap"]))
    value = data.draw(st.none() | {"error": st.text("ab0"), "secure_pass": st.booleans(), "reward_gap": st.floats(-1, 1)}[column])
    changed = [{**row, column: value} if i == place else row for i, row in enumerate(rows)]

    assert version(data.draw(st.permutations(rows))) == before
    assert (version(changed) == before) == (rows[place][column] == value)
    assert len(rows) == 1 or version(rows[1:]) != before


def test_versions_tell_null_from_empty_text_and_see_swapped_values(warehouse):
    def version(*rows: dict[str, Any]) -> str:
        return warehouse.replace("eval_results", KEY, rows, STAMP).data_version

    versions = [
        version(make_result(error=None, model_id="")),
        version(make_result(error="", model_id=None)),
        version(make_result(error="NULL", model_id=None)),
        version(make_result("a", error="x"), make_result("b", error="y")),
        version(make_result("a", error="y"), make_result("b", error="x")),
        version(),
    ]

    assert len(set(versions)) == len(versions)


def test_how_long_a_verdict_took_changes_no_version(warehouse):
    versions = {
        warehouse.replace("eval_results", KEY, [make_result(verification_seconds=seconds)], stamp).data_version
        for seconds, stamp in ((0.1, STAMP), (math.pi, Stamp("other", "2", "run-2")))
    }

    assert len(versions) == 1


def test_a_version_is_the_same_in_another_process(warehouse, tmp_path):
    code = (
        "from prefill_assets_tests.warehouse.rows import *; from prefill_assets.warehouse.store import Warehouse; "
        f"print(Warehouse({str(tmp_path / 'other')!r}).replace('eval_results', KEY, [make_result()], STAMP).data_version)"
    )
    root = Path(__file__).parents[2]
    other = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    assert other == warehouse.replace("eval_results", KEY, [make_result()], STAMP).data_version

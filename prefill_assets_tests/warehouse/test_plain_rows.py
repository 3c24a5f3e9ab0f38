from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy
import pandas
import pytest
from hypothesis import given, settings

from prefill_assets.warehouse.plain_rows import type_plain_rows
from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import find_table
from prefill_assets_tests.warehouse.rows import STAMP, draw_rows, make_key, make_result

TABLE = find_table("eval_results")


class Kind(StrEnum):
    EXIT = "process_exit"


def test_dicts_of_plain_values_have_the_tables_columns_and_types():
    rows = type_plain_rows(TABLE, [make_result("a", 0), {"task_id": "b", "verification_seconds": math.nan}])

    assert rows is not None
    assert rows.column_names == list(TABLE.column_names)
    assert rows["task_id"].to_pylist() == ["a", "b"]
    assert rows["exploit_success"].to_pylist() == [True, None]
    assert rows["verification_seconds"].to_pylist() == [None, None]


@pytest.mark.parametrize(
    "changed",
    [
        {"attempt_idx": 0.0},
        {"attempt_idx": "0"},
        {"attempt_idx": True},
        {"attempt_idx": numpy.int64(0)},
        {"attempt_idx": 2**31},
        {"verification_seconds": 2**60 + 1},
        {"exploit_success": 1},
        {"exploit_type": Kind.EXIT},
        {"task_id": 7},
        {"task_id": "\ud800"},
        {"extra": "{}"},
        {"unheard_of": None},
    ],
)
def test_what_is_not_plain_is_left_to_the_database(changed: dict[str, Any]):
    assert type_plain_rows(TABLE, [make_result("a"), make_result() | changed]) is None


@pytest.mark.parametrize("rows", [pandas.DataFrame([make_result()]), "text", (row for row in [make_result()]), [("a", 1)]])
def test_other_kinds_of_rows_are_left_to_the_database(rows: Any):
    assert type_plain_rows(TABLE, rows) is None


@settings(max_examples=40, deadline=None)
@given(draw_rows("prefill_logprobs"))
def test_a_partition_is_the_same_whichever_way_its_rows_went(rows: list[dict[str, Any]]):
    table = find_table("prefill_logprobs")
    plain = [{**row, "extra": None} for row in rows]
    assert type_plain_rows(table, plain) is not None
    with TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder))
        kept = []
        for given_rows in (plain, pandas.DataFrame(plain, columns=list(table.column_names), dtype=object)):
            written = warehouse.replace(table.name, make_key(table), given_rows, STAMP)
            stored = warehouse.read_rows(table.name, make_key(table), table.column_names)
            kept.append((written.data_version, sorted(map(repr, stored))))
        assert kept[0] == kept[1]

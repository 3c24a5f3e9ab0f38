from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import find_table
from prefill_assets.warehouse.typed_rows import sort_typed_rows
from prefill_assets_tests.warehouse.rows import KEY, STAMP, make_result

TABLE = find_table("eval_results")
TYPES = {
    "VARCHAR": pyarrow.string(),
    "INTEGER": pyarrow.int32(),
    "BOOLEAN": pyarrow.bool_(),
    "DOUBLE": pyarrow.float64(),
    "JSON": pyarrow.json_(),
}
ROWS = [
    make_result("b", 1, extra='{"a": [1]}', reward_gap=0.5),
    make_result("ü", secure_pass=None, error="it broke"),
    make_result("b", 0, output_tokens=7, verification_seconds=0.25),
    make_result("", model_id=""),
]


def make_table(rows: list[dict[str, Any]]) -> pyarrow.Table:
    columns = {column.name: [row.get(column.name) for row in rows] for column in TABLE.columns}
    schema = pyarrow.schema([(column.name, TYPES[column.type]) for column in TABLE.columns])
    return pyarrow.Table.from_pydict(columns, schema)


def test_typed_rows_are_the_same_partition_as_any_others(tmp_path):
    stored = []
    for name, rows in (("staged", ROWS), ("typed", make_table(ROWS))):
        warehouse = Warehouse(tmp_path / name)
        written = warehouse.replace("eval_results", KEY, rows, STAMP)
        [file] = warehouse.root.rglob("rows.parquet")
        table = pyarrow.parquet.read_table(file)
        found = warehouse.read_rows("eval_results", KEY, TABLE.column_names)
        stored.append((written.data_version, written.num_rows, table.schema.remove_metadata(), found))

    assert sort_typed_rows(TABLE, KEY, make_table(ROWS)) is not None
    assert stored[0] == stored[1]
    assert [row["task_id"] for row in stored[0][3]] == ["", "b", "b", "ü"]


def test_no_rows_are_typed_rows(tmp_path):
    versions = {Warehouse(tmp_path).replace("eval_results", KEY, rows, STAMP).data_version for rows in ([], make_table([]))}
    assert len(versions) == 1
    assert sort_typed_rows(TABLE, KEY, make_table([])) is not None


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([make_result("a"), make_result("b"), make_result("a")], "Duplicate key|PRIMARY KEY"),
        ([make_result(task_id=None)], "NOT NULL"),
        ([make_result(), make_result("b", checkpoint=91)], "checkpoint 91 was to go"),
        ([make_result(experiment="run-2")], "experiment run-2 was to go"),
    ],
)
def test_rows_that_do_not_fit_are_refused_as_always(tmp_path, rows, complaint):
    from prefill_assets.errors import InputError

    assert sort_typed_rows(TABLE, KEY, make_table(rows)) is None
    with pytest.raises(InputError, match=complaint):
        Warehouse(tmp_path).replace("eval_results", KEY, make_table(rows), STAMP)


def test_what_the_staging_table_has_to_change_or_check_is_left_to_it(tmp_path):
    typed = make_table(ROWS)
    untyped_json = typed.set_column(len(TABLE.columns) - 1, "extra", pyarrow.array([None, None, "{not json", None]))
    with_nan = make_table([make_result(reward_gap=float("nan"))])
    for table in (untyped_json, with_nan, typed.drop_columns("extra"), typed.select(sorted(typed.column_names))):
        assert sort_typed_rows(TABLE, KEY, table) is None

    warehouse = Warehouse(tmp_path)
    warehouse.replace("eval_results", KEY, with_nan, STAMP)
    assert warehouse.read_rows("eval_results", KEY, ["reward_gap"]) == [{"reward_gap": None}]
    with pytest.raises(Exception, match="JSON"):
        warehouse.replace("eval_results", KEY, untyped_json, STAMP)

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefill_assets.errors import InputError
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import PARTITION_COLUMNS, find_table
from prefill_assets_tests.warehouse.rows import KEY, STAMP, draw_rows, list_files, list_key_columns, make_key, make_result

FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Each example writes a file; one example holds many values of every column."""


def read_results(warehouse: Warehouse, columns: str = "*") -> list[tuple]:
    with warehouse.connect() as connection:
        return connection.execute(f"SELECT {columns} FROM eval_results ORDER BY ALL").fetchall()


@pytest.mark.parametrize("table_name", list(PARTITION_COLUMNS))
@given(data=st.data())
@FEW
def test_every_column_of_every_table_comes_back_as_it_went_in(shared_warehouse, table_name, data):
    table, rows = find_table(table_name), data.draw(draw_rows(table_name))
    key = make_key(table)

    written = shared_warehouse.replace(table_name, key, rows, STAMP)

    def order(row: dict[str, Any]) -> tuple:
        return tuple(row[name] for name in list_key_columns(table))

    found = shared_warehouse.read_rows(table_name, key, table.column_names)
    assert sorted(found, key=order) == sorted(rows, key=order)
    assert written.num_rows == len(rows)


@pytest.mark.parametrize("names", [("run-1", "_run"), ("__", "2 [runs]*")], ids=" ".join)
def test_views_show_experiments_of_any_name_but_that_of_no_experiment(warehouse, names):
    for name in names:
        key = PartitionKey(name, 9, 0)
        warehouse.replace("eval_results", key, [make_result("task", key=key)], STAMP)

    assert sorted(read_results(warehouse, "experiment")) == sorted((name,) for name in names)


def test_duckdb_expects_rows_of_a_table_that_has_some(warehouse):
    key = PartitionKey("run-1", 9, 0)
    warehouse.replace("eval_results", key, [make_result(f"task {number}", key=key) for number in range(50)], STAMP)

    with warehouse.connect() as connection:
        [(_, plan)] = connection.execute("EXPLAIN (FORMAT json) SELECT task_id FROM eval_results").fetchall()

    expected = [int(operator) for operator in re.findall(r'"Estimated Cardinality": "(\d+)"', plan)]
    assert expected, plan
    assert min(expected) >= 50


def test_views_show_the_rows_of_all_partitions(warehouse):
    keys = [PartitionKey("run-1", 9, 0), PartitionKey("run-2", 10, 30)]
    rows = [make_result("it's", key=key, extra='{"a": [1]}', reward_gap=0.5) for key in keys]
    for key, row in zip(keys, rows, strict=True):
        warehouse.replace("eval_results", key, [row], STAMP)

    names = find_table("eval_results").column_names
    assert read_results(warehouse) == [tuple(row.get(name) for name in names) for row in rows]


@pytest.mark.parametrize("condition", ["experiment = 'run-2'", "checkpoint = 91", "prefill_level IN (11)"])
def test_a_window_over_some_partitions_sees_no_rows_of_others(warehouse, condition):
    for number, key in enumerate((KEY, PartitionKey("run-2", 91, 11))):
        warehouse.replace("eval_results", key, [make_result("shared", number, key)], STAMP)

    query = f"SELECT min(attempt_idx) OVER (PARTITION BY task_id) FROM eval_results WHERE {condition}"
    assert warehouse.connect().execute(query).fetchall() == [(1,)]


def test_every_table_is_there_and_empty_and_typed_from_the_start(warehouse):
    with warehouse.connect() as connection:
        for name in PARTITION_COLUMNS:
            relation = connection.sql(f"SELECT * FROM {name}")
            assert relation.fetchall() == []
            made = [(column, str(kind)) for column, kind in zip(relation.columns, relation.types, strict=True)]
            assert made == [(column.name, column.type) for column in find_table(name).columns]
    assert all(warehouse.list_partitions(name) == {} for name in PARTITION_COLUMNS)
    assert warehouse.find_partition("eval_results", KEY) is None
    assert warehouse.read_rows("eval_results", KEY, ["task_id"]) == []


def test_rows_come_in_the_order_of_the_key(warehouse):
    rows = [make_result(f"task-{i}", attempt) for i in (3, 1, 2) for attempt in (1, 0)]

    warehouse.replace("eval_results", KEY, rows, STAMP)

    found = warehouse.read_rows("eval_results", KEY, ["task_id", "attempt_idx"])
    assert [tuple(row.values()) for row in found] == [(f"task-{i}", attempt) for i in (1, 2, 3) for attempt in (0, 1)]


def test_missing_is_null_and_never_0_false_or_text(warehouse):
    sparse = {name: value for name, value in make_result("a").items() if name not in ("secure_pass", "exploit_success", "error")}
    rows = [sparse, make_result("b", secure_pass=None, reward_gap=0.5, error="broke", output_tokens=7, extra='{"a": 1}')]

    warehouse.replace("eval_results", KEY, rows, STAMP)

    first, second = warehouse.read_rows(
        "eval_results", KEY, ["secure_pass", "exploit_success", "reward_gap", "error", "output_tokens", "extra"]
    )
    assert set(first.values()) == {None}
    assert list(second.values()) == [None, True, 0.5, "broke", 7, '{"a": 1}']


def test_a_value_in_one_row_of_thousands_keeps_its_type(warehouse):
    rows = [make_result(f"task-{i:05}") for i in range(4000)]
    rows[2777] |= {"error": "it broke", "reward_gap": 0.25, "output_tokens": 5, "model_id": "007", "secure_pass": True}

    warehouse.replace("eval_results", KEY, rows, STAMP)

    columns = ("error", "reward_gap", "output_tokens", "model_id")
    found = warehouse.read_rows("eval_results", KEY, columns)
    assert tuple(found[2777].values()) == ("it broke", 0.25, 5, "007")
    assert all(set(row.values()) == {None} for i, row in enumerate(found) if i != 2777)


def test_nan_is_missing_wherever_it_comes_from(warehouse):
    import duckdb
    import pandas

    rows = [make_result("a", reward_gap=float("nan"), output_tokens=float("nan")), make_result("b", reward_gap=1.0)]
    frame = pandas.DataFrame(rows)
    relation = duckdb.connect().from_df(frame).project("* REPLACE (coalesce(reward_gap, 'nan'::DOUBLE) AS reward_gap)")
    assert relation.filter("isnan(reward_gap)").fetchall()

    for source in (rows, frame, relation):
        warehouse.replace("eval_results", KEY, source, STAMP)
        found = warehouse.read_rows("eval_results", KEY, ["reward_gap", "output_tokens"])
        assert [tuple(row.values()) for row in found] == [(None, None), (1.0, None)]


def test_rows_data_frames_and_relations_are_the_same_content(warehouse):
    import duckdb
    import pandas

    rows = [make_result("a", secure_pass=None), make_result("b", output_tokens=3), make_result("it's", error="x")]
    frame = pandas.DataFrame(rows)
    written = [warehouse.replace("eval_results", KEY, given, STAMP) for given in (rows, frame, duckdb.connect().from_df(frame))]

    assert len({partition.data_version for partition in written}) == 1
    assert list_files(warehouse) == ["rows.parquet"]


def test_a_partition_without_rows_is_a_partition(warehouse):
    written = warehouse.replace("eval_results", KEY, [], STAMP)

    assert written.num_rows == 0
    assert warehouse.list_partitions("eval_results") == {KEY: written}
    assert read_results(warehouse) == []


def test_replacing_leaves_nothing_of_the_old_rows_and_touches_no_other_partition(warehouse):
    other = PartitionKey("run-1", 90, 30)
    warehouse.replace("eval_results", other, [make_result(key=other)], STAMP)
    warehouse.replace("eval_results", KEY, [make_result("a"), make_result("b")], STAMP)

    warehouse.replace("eval_results", KEY, [make_result("c")], STAMP)

    assert read_results(warehouse, "prefill_level, task_id") == [(10, "c"), (30, "task-1")]


def test_a_stamp_comes_back_from_the_partition(warehouse):
    stamp = Stamp("in-'2'", "code", "run", '{"a": "it\'s \\"quoted\\" ü"}')
    written = warehouse.replace("eval_results", KEY, [make_result()], stamp)

    assert warehouse.find_partition("eval_results", KEY) == written
    assert warehouse.list_partitions("eval_results") == {KEY: written}
    assert (written.input_version, written.code_version, written.run_id) == ("in-'2'", "code", "run")
    assert written.parts == {"a": 'it\'s "quoted" ü'}
    assert written.num_rows == 1
    assert written.written_at.endswith("+00:00")


def test_partitions_are_listed_by_experiment_in_the_order_of_numbers(warehouse):
    keys = [
        PartitionKey("run-1", 9, 0),
        PartitionKey("run-1", 10, 0),
        PartitionKey("run-1", 10, 30),
        PartitionKey("run-10", 1, 0),
    ]
    for key in reversed(keys):
        warehouse.replace("eval_results", key, [make_result(key=key)], STAMP)

    assert list(warehouse.list_partitions("eval_results")) == keys
    assert list(warehouse.list_partitions("eval_results", "run-1")) == keys[:3]
    assert warehouse.list_partitions("eval_results", "run") == {}


def test_an_experiment_named_by_digits_stays_a_text(warehouse):
    key = PartitionKey("007", 90, 10)
    warehouse.replace("eval_results", key, [make_result(key=key)], STAMP)

    assert read_results(warehouse, "experiment, checkpoint, prefill_level") == [("007", 90, 10)]
    assert list(warehouse.list_partitions("eval_results")) == [key]


def test_dropping_removes_one_partition(warehouse):
    warehouse.replace("eval_results", KEY, [make_result()], STAMP)

    assert warehouse.drop("eval_results", KEY) is True
    assert warehouse.drop("eval_results", KEY) is False
    assert read_results(warehouse) == []
    assert warehouse.list_partitions("eval_results") == {}


def test_aggregates_are_those_of_the_partition(warehouse):
    warehouse.replace("eval_results", KEY, [make_result("a"), make_result("b", error="x", secure_pass=None)], STAMP)
    other = PartitionKey("run-1", 90, 30)
    warehouse.replace("eval_results", other, [make_result(key=other)], STAMP)

    summary = warehouse.summarize("eval_results", KEY, {"num_errors": "count(error)", "known": "count(secure_pass)"})

    assert summary == {"num_errors": 1, "known": 1}


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([make_result(), make_result()], "Duplicate key|PRIMARY KEY"),
        ([make_result(task_id=None)], "NOT NULL"),
        ([{**make_result(), "prefil_level": 10}], "prefil_level"),
        ([{name: value for name, value in make_result().items() if name != "task_id"}], "NOT NULL"),
        ([make_result(attempt_idx="first")], "first"),
        ([make_result(attempt_idx=0.5)], "attempt_idx 0.5 .* not a whole number"),
        ([make_result(attempt_idx=2**40)], "out of range"),
        ([make_result(secure_pass="perhaps")], "perhaps"),
        ([make_result(extra="{not json")], "JSON"),
        ([make_result(error="\ud800")], "UTF-8"),
        ([make_result(), make_result("b", checkpoint=91)], "checkpoint 91 was to go into the partition run-1 checkpoint-90"),
        ([make_result(prefill_level=11)], "prefill_level 11 was to go"),
        ([make_result(experiment="run-2")], "experiment run-2 was to go"),
    ],
)
def test_rows_that_do_not_fit_are_one_line_and_the_earlier_partition_stays(warehouse, rows, complaint):
    before = warehouse.replace("eval_results", KEY, [make_result("earlier")], STAMP)

    with pytest.raises(InputError, match=complaint) as caught:
        warehouse.replace("eval_results", KEY, rows, STAMP)

    assert "eval_results" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert read_results(warehouse, "task_id") == [("earlier",)]
    assert warehouse.find_partition("eval_results", KEY) == before
    assert list_files(warehouse) == ["rows.parquet"]


def test_a_failing_source_of_rows_leaves_the_earlier_partition(warehouse):
    import duckdb

    warehouse.replace("eval_results", KEY, [make_result("earlier")], STAMP)
    broken = duckdb.connect().sql("SELECT error('the source broke') AS task_id")

    with pytest.raises(Exception, match="the source broke"):
        warehouse.replace("eval_results", KEY, broken, STAMP)

    assert read_results(warehouse, "task_id") == [("earlier",)]
    assert list_files(warehouse) == ["rows.parquet"]


@pytest.mark.parametrize("key", [PartitionKey("run-1"), PartitionKey("run-1", 90)])
def test_a_key_of_another_depth_is_refused(warehouse, key):
    with pytest.raises(ValueError, match="does not fit"):
        warehouse.replace("eval_results", key, [], STAMP)


@pytest.mark.parametrize("name", ["it's here", "a[b]c", "star*"])
def test_the_folder_may_have_any_name(tmp_path, name):
    warehouse = Warehouse(tmp_path / name / "warehouse")
    if name == "star*":
        Warehouse(tmp_path / "starX" / "warehouse").replace("eval_results", KEY, [make_result("foreign")], STAMP)

    warehouse.replace("eval_results", KEY, [make_result("mine")], STAMP)

    assert read_results(warehouse, "task_id") == [("mine",)]
    assert warehouse.read_rows("eval_results", KEY, ["task_id"]) == [{"task_id": "mine"}]
    assert len(warehouse.list_partitions("eval_results")) == 1

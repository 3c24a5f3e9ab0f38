from __future__ import annotations

import pytest

from prefill_assets.warehouse.table import CELL, PARTITION_COLUMNS, UNVERSIONED_COLUMNS, find_table
from prefill_assets_tests.warehouse.rows import list_key_columns, list_required_columns

EVERY_TABLE = pytest.mark.parametrize("name", list(PARTITION_COLUMNS))


@EVERY_TABLE
def test_every_column_that_duckdb_makes_is_known_with_type_and_comment(name):
    import duckdb

    table = find_table(name)
    with duckdb.connect() as connection:
        connection.execute(table.create_sql)
        made = connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
        ).fetchall()

    assert [(column.name, column.type) for column in table.columns] == made
    assert all(len(column.comment) >= 5 for column in table.columns)
    assert len(table.comment) > 20


@EVERY_TABLE
def test_a_partition_is_named_by_the_first_columns_of_the_key(name):
    table = find_table(name)

    assert table.partition_columns == CELL[: len(table.partition_columns)]
    assert tuple(list_key_columns(table))[: len(table.partition_columns)] == table.partition_columns
    assert set(list_key_columns(table)) <= set(list_required_columns(table))


def test_tables_are_cut_at_the_grain_that_the_platform_promises():
    by_cell = {name for name, columns in PARTITION_COLUMNS.items() if len(columns) == 3}
    by_checkpoint = {name for name, columns in PARTITION_COLUMNS.items() if len(columns) == 2}

    assert by_cell == {"eval_samples", "eval_results", "prefill_logprobs"}
    assert by_checkpoint == {"trajectory", "trajectory_with_logprob"}


def test_unversioned_columns_exist_and_are_no_keys():
    names = {column.name for name in PARTITION_COLUMNS for column in find_table(name).columns}

    assert names >= UNVERSIONED_COLUMNS
    assert not UNVERSIONED_COLUMNS.intersection(*(list_key_columns(find_table(name)) for name in PARTITION_COLUMNS))


def test_no_other_table_is_known():
    with pytest.raises(KeyError):
        find_table("eval_sample")

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import find_table
from prefill_assets_tests.warehouse.rows import KEY, STAMP, make_result


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    """A warehouse from before `eval_results` had the column `spurious`."""
    warehouse = Warehouse(tmp_path / "warehouse")
    warehouse.replace("eval_results", KEY, [make_result("a", spurious=True)], STAMP)
    written = warehouse.find_partition("eval_results", KEY)
    assert written is not None
    for path in (warehouse.root / "eval_results").rglob("*.parquet"):
        _remove_column(path, "spurious", written.as_metadata())
    for path in warehouse.root.rglob("columns-*.parquet"):
        path.rename(path.with_name("rows.parquet"))
    return warehouse


def _remove_column(path: Path, name: str, metadata: dict[str, str]) -> None:
    columns = ", ".join(column for column in find_table("eval_results").column_names if column != name)
    stamp = ", ".join(f"{key}: '{value}'" for key, value in metadata.items())
    older = path.with_name("older")
    duckdb.sql(f"COPY (SELECT {columns} FROM read_parquet('{path}')) TO '{older}' (FORMAT parquet, KV_METADATA {{{stamp}}})")
    older.replace(path)


def test_partitions_from_before_a_column_existed_have_null_there(warehouse):
    with warehouse.connect() as connection:
        assert connection.execute("SELECT task_id, spurious FROM eval_results").fetchall() == [("a", None)]
    assert warehouse.read_rows("eval_results", KEY, ["task_id", "spurious"]) == [{"task_id": "a", "spurious": None}]


def test_they_keep_their_stamp(warehouse):
    before = warehouse.find_partition("eval_results", KEY)
    warehouse.create_empty_tables()

    assert warehouse.find_partition("eval_results", KEY) == before


def test_a_reader_of_the_old_columns_is_not_disturbed(warehouse):
    files = f"read_parquet('{warehouse.root}/eval_results/**/*.parquet')"
    with duckdb.connect() as reader:
        reader.execute(f"CREATE VIEW old AS SELECT task_id, exploit_success FROM {files}")
        warehouse.create_empty_tables()
        assert reader.execute("FROM old").fetchall() == [("a", True)]

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from prefill_assets.warehouse.catalog import VIEWS, VIEWS_OF_SUPERSEDED, create_views, open_catalog, publish_catalog
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.superseded import KEPT_TABLES
from prefill_assets.warehouse.table import PARTITION_COLUMNS, find_table
from prefill_assets_tests.warehouse.clients import start_client
from prefill_assets_tests.warehouse.rows import KEY, STAMP, make_result


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse(tmp_path / "it's" / "warehouse")


@pytest.fixture
def catalog(warehouse) -> Path:
    path = warehouse.root.parent / "prefill.duckdb"
    publish_catalog(warehouse, path)
    return path


def ask(catalog: Path, question: str) -> list[tuple]:
    """As any client asks that knows nothing but the file."""
    with duckdb.connect(str(catalog), read_only=True) as connection:
        return connection.execute(question).fetchall()


def test_every_table_and_view_is_there_before_there_are_rows(catalog):
    names = {name for (name,) in ask(catalog, "SELECT view_name FROM duckdb_views() WHERE NOT internal")}

    superseded = {f"superseded_{name}" for name in KEPT_TABLES}
    assert names == {*PARTITION_COLUMNS, *VIEWS, *VIEWS_OF_SUPERSEDED, *superseded}
    assert all(ask(catalog, f"SELECT count(*) FROM {name}") == [(0,)] for name in names)


def test_tables_views_and_columns_are_explained(catalog):
    comments = dict(ask(catalog, "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"))
    assert all(comments[name] == find_table(name).comment for name in PARTITION_COLUMNS)
    assert all(len(comments[name]) > 20 for name in VIEWS)

    columns = ask(catalog, "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal")
    explained = {(table, column): comment for table, column, comment in columns}
    for name in PARTITION_COLUMNS:
        for column in find_table(name).columns:
            assert explained[name, column.name] == column.comment


def test_a_reader_sees_each_partition_as_it_is_now(warehouse, catalog):
    with duckdb.connect(str(catalog), read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM eval_results").fetchall() == [(0,)]
        warehouse.replace("eval_results", KEY, [make_result("a"), make_result("b")], STAMP)
        assert reader.execute("SELECT count(*) FROM eval_results").fetchall() == [(2,)]
        warehouse.replace("eval_results", KEY, [make_result("c")], STAMP)
        assert reader.execute("SELECT task_id FROM eval_results").fetchall() == [("c",)]


def test_a_reader_that_stays_holds_up_neither_writers_nor_a_new_catalog(warehouse, catalog):
    with duckdb.connect(str(catalog), read_only=True) as reader:
        half_read = reader.execute("SELECT * FROM range(100000)")
        half_read.fetchone()
        warehouse.replace("eval_results", KEY, [make_result()], STAMP)
        (catalog.parent / "prefill.duckdb.sql").unlink()
        publish_catalog(warehouse, catalog)
        assert half_read.fetchone() == (1,)
        assert reader.execute("SELECT count(*) FROM eval_results").fetchall() == [(1,)]
    assert ask(catalog, "SELECT count(*) FROM eval_results") == [(1,)]


def test_an_unchanged_catalog_is_left_alone_and_a_changed_lost_or_moved_one_is_made_anew(warehouse, catalog):
    def publish() -> int:
        publish_catalog(warehouse, catalog)
        return catalog.stat().st_ino

    first = publish()
    assert publish() == first
    (catalog.parent / "prefill.duckdb.sql").write_text("of an older version")
    second = publish()
    assert second != first
    catalog.unlink()
    assert ask_after(publish, catalog) == [(0,)]

    warehouse.replace("eval_results", KEY, [make_result()], STAMP)
    moved = warehouse.root.parent.rename(warehouse.root.parents[1] / "moved")
    publish_catalog(Warehouse(moved / "warehouse"), moved / "prefill.duckdb")
    assert ask(moved / "prefill.duckdb", "SELECT count(*) FROM eval_results") == [(1,)]


def test_what_another_process_writes_to_keeps_its_views_and_nobody_of_ours_is_refused(warehouse, catalog, caplog):
    (catalog.parent / "prefill.duckdb.sql").write_text("of an older version")
    held = catalog.stat().st_ino
    client = start_client(catalog)
    with open_catalog(warehouse, catalog) as connection:
        assert connection.execute("SELECT count(*) FROM eval_results").fetchall() == [(0,)]
    assert catalog.stat().st_ino == held
    assert "is open elsewhere for writing" in caplog.text

    client.kill()  # what it wrote stays in a log beside the file
    client.wait()
    publish_catalog(warehouse, catalog)
    assert catalog.stat().st_ino != held
    assert ask(catalog, "SELECT count(*) FROM eval_results") == [(0,)]


def test_a_catalog_that_cannot_be_made_is_said_and_views_are_there_all_the_same(warehouse, tmp_path, caplog):
    nowhere = tmp_path / "missing" / "prefill.duckdb"
    with open_catalog(warehouse, nowhere) as connection:
        assert connection.execute("SELECT count(*) FROM exploit_rates").fetchall() == [(0,)]
    assert "cannot be made anew" in caplog.text


def ask_after(publish, catalog: Path) -> list[tuple]:
    publish()
    return ask(catalog, "SELECT count(*) FROM eval_results")


def test_publishing_leaves_no_drafts(catalog):
    assert sorted(path.name for path in catalog.parent.iterdir()) == ["prefill.duckdb", "prefill.duckdb.sql", "warehouse"]


def test_partitions_tell_how_each_was_made(warehouse, catalog):
    trajectory = PartitionKey("run-2", 90)
    written = warehouse.replace("eval_results", KEY, [make_result()], STAMP)
    warehouse.replace("trajectory", trajectory, [], Stamp("in-2", "3", "run-9"))

    found = ask(
        catalog,
        "SELECT table_name, experiment, checkpoint, prefill_level, num_rows, code_version, input_version, run_id, "
        "data_version, made_from->>'threshold' FROM partitions ORDER BY table_name",
    )

    assert found[0] == ("eval_results", "run-1", 90, 10, 1, "1", "in-1", "run-1", written.data_version, "10")
    assert found[1][:8] == ("trajectory", "run-2", 90, None, 0, "3", "in-2", "run-9")
    assert len(found) == 2
    ((written_at,),) = ask(catalog, "SELECT max(written_at) > now() - INTERVAL 1 MINUTE FROM partitions")
    assert written_at is True


def test_exploit_rates_keep_errors_and_unknown_verdicts_out_and_count_them(warehouse, catalog):
    rows = [
        make_result("a"),
        make_result("b", exploit_success=False),
        make_result("c", exploit_success=None),
        make_result("d", error="the verifier broke"),
        make_result("e", exploit_success=None, error="no generation"),
    ]
    unknown = PartitionKey("run-1", 90, 30)
    warehouse.replace("eval_results", KEY, rows, STAMP)
    warehouse.replace("eval_results", unknown, [make_result(key=unknown, exploit_success=None)], STAMP)

    found = ask(
        catalog,
        "SELECT prefill_level, num_attempts, num_exploits, num_errors, exploit_rate FROM exploit_rates ORDER BY prefill_level",
    )

    assert found == [(10, 2, 1, 3, 0.5), (30, 0, 0, 1, None)]


def test_evaluations_join_samples_with_verdicts_and_keep_samples_without(warehouse, catalog):
    key_columns = ("experiment", "checkpoint", "prefill_level", "task_id", "exploit_type", "attempt_idx")
    samples = [
        {name: make_result("a", attempt)[name] for name in key_columns} | {"code": f"code {attempt}"} for attempt in (0, 1)
    ]
    warehouse.replace("eval_samples", KEY, samples, STAMP)
    warehouse.replace("eval_results", KEY, [make_result("a", 0), make_result("b", 0)], STAMP)

    found = ask(catalog, "SELECT task_id, attempt_idx, code, exploit_success FROM evaluations ORDER BY attempt_idx")

    assert found == [("a", 0, "code 0", True), ("a", 1, "code 1", None)]


def test_threshold_counts_add_up(warehouse, catalog):
    reached = [
        ("both", "token", 16),
        ("both", "logprob", -4),
        ("both", "same", 0),
        ("token_only", None, None),
        ("neither", None, None),
    ]
    rows = [
        {
            "experiment": "run-1",
            "task_id": f"task-{i}",
            "exploit_type": "process_exit",
            "reached": which,
            "first_reached": first,
            "logprob_minus_token_steps": steps,
        }
        for i, (which, first, steps) in enumerate(reached)
    ]
    warehouse.replace("threshold_comparison", PartitionKey("run-1"), rows, STAMP)

    assert ask(catalog, "SELECT * FROM threshold_counts") == [("run-1", 3, 1, 1, 1, 1, 0, 1, 4.0)]


def test_views_can_be_made_on_a_connection_of_ones_own(warehouse):
    warehouse.replace("eval_results", KEY, [make_result()], STAMP)
    with duckdb.connect() as connection:
        create_views(connection, warehouse)
        assert connection.execute("SELECT num_attempts FROM exploit_rates").fetchall() == [(1,)]

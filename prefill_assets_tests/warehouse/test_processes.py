"""What other processes see while partitions are replaced, and what is left when a writer dies or the disk is full."""

from __future__ import annotations

import pytest

from prefill_assets.warehouse.catalog import publish_catalog
from prefill_assets_tests.warehouse.processes import CHECK, PARTITIONS, start_process
from prefill_assets_tests.warehouse.rows import KEY, STAMP, list_files, make_result


@pytest.mark.parametrize(
    ("role", "turns", "num_partitions"), [("backfill", 12, 48), ("write_again_and_again", 20, len(PARTITIONS))]
)
def test_four_writers_and_two_readers_at_once_see_only_whole_partitions(warehouse, tmp_path, role, turns, num_partitions):
    """The second role replaces the partitions while they are read."""
    warehouse.connect().close()
    publish_catalog(warehouse, tmp_path / "prefill.duckdb")

    readers = [start_process("read_until_told", warehouse.root, tmp_path / "prefill.duckdb", tmp_path / "stop") for _ in range(2)]
    assert all(reader.stdout is not None and reader.stdout.readline() == "reading\n" for reader in readers)
    writers = [start_process(role, warehouse.root, number, turns) for number in range(4)]
    written = [writer.communicate(timeout=120) for writer in writers]
    (tmp_path / "stop").touch()
    read = [reader.communicate(timeout=60) for reader in readers]

    assert [process.returncode for process in (*writers, *readers)] == [0] * 6, [errors for _, errors in (*written, *read)]
    assert all(int(looks) >= 9 for looks, _ in read)
    assert list_files(warehouse) == ["rows.parquet"] * num_partitions
    with warehouse.connect() as connection:
        for *_, count, least, most, versions in connection.execute(CHECK).fetchall():
            assert (count, count, 1) == (least, most, versions)


@pytest.mark.parametrize("role", ["wait_before_the_rename", "wait_while_rows_cross"])
def test_a_writer_that_is_killed_leaves_the_old_rows_and_its_draft_is_removed_later(warehouse, tmp_path, role):
    before = warehouse.replace("eval_results", KEY, [make_result("old")], STAMP)
    publish_catalog(warehouse, tmp_path / "prefill.duckdb")
    writer = start_process(role, warehouse.root)
    assert writer.stdout is not None
    draft = writer.stdout.readline().strip()
    assert draft in list_files(warehouse), "the writer has to die with its draft on disk"

    def read() -> list[tuple]:
        import duckdb

        with duckdb.connect(str(tmp_path / "prefill.duckdb"), read_only=True) as catalog, warehouse.connect() as own:
            first, second = (c.execute("SELECT task_id FROM eval_results").fetchall() for c in (catalog, own))
            assert first == second
            return first

    assert read() == [("old",)]
    writer.kill()
    writer.communicate(timeout=30)

    assert read() == [("old",)]
    assert draft in list_files(warehouse)
    assert warehouse.list_partitions("eval_results") == {KEY: before}

    warehouse.replace("eval_results", KEY, [make_result("a"), make_result("b")], STAMP)
    assert sorted(read()) == [("a",), ("b",)]
    assert list_files(warehouse) == ["rows.parquet"]


def test_the_draft_of_a_living_writer_is_left_alone(warehouse):
    warehouse.replace("eval_results", KEY, [make_result("old")], STAMP)
    writer = start_process("wait_while_rows_cross", warehouse.root)
    assert writer.stdout is not None
    draft = writer.stdout.readline().strip()

    warehouse.replace("eval_results", KEY, [make_result("mine")], STAMP)

    assert draft in list_files(warehouse)
    writer.kill()
    writer.communicate(timeout=30)


def test_a_full_disk_is_an_os_error_and_the_old_rows_stay(warehouse):
    before = warehouse.replace("eval_results", KEY, [make_result("old")], STAMP)

    said, errors = start_process("write_on_a_full_disk", warehouse.root).communicate(timeout=60)

    assert said.startswith("OSError"), (said, errors)
    assert "\n" not in said.strip()
    assert warehouse.read_rows("eval_results", KEY, ["task_id"]) == [{"task_id": "old"}]
    assert warehouse.list_partitions("eval_results") == {KEY: before}
    assert list_files(warehouse) == ["rows.parquet"]

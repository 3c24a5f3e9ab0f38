from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance, EventLogEntry, RunsFilter
from dagster._core.event_api import EventLogCursor
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.storage.event_log.base import EventLogConnection
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from prefill_assets.runs.dagster_storage import MAX_KEPT_DATABASES, KeptEventLog


@pytest.fixture
def log(tmp_path) -> Iterator[KeptEventLog]:
    log = KeptEventLog(str(tmp_path))
    yield log
    log.dispose()


def make_event(run_id: str, partition: str) -> EventLogEntry:
    made = AssetMaterialization("eval_results", partition=partition)
    event = DagsterEvent(
        DagsterEventType.ASSET_MATERIALIZATION.value, "a_job", event_specific_data=StepMaterializationData(made, [])
    )
    return EventLogEntry(
        error_info=None, level=20, user_message="", run_id=run_id, timestamp=time.time(), job_name="a_job", dagster_event=event
    )


def list_partitions(log: SqliteEventLogStorage, run_id: str) -> list[str]:
    return [record.event_log_entry.dagster_event.partition for record in log.get_records_for_run(run_id).records]  # type: ignore[union-attr,misc]


@contextmanager
def follow(folder: Path, run_id: str) -> Iterator[queue.SimpleQueue[str]]:
    """The partitions of a run's events as a page of the UI hears of them, over connections of its own."""
    reader, heard = KeptEventLog(str(folder)), queue.SimpleQueue()
    reader.watch(run_id, None, lambda entry, cursor: heard.put(entry.dagster_event.partition))  # pyright: ignore
    try:
        yield heard
    finally:
        reader.dispose()


def test_it_and_dagsters_own_read_what_the_other_wrote_while_it_writes(log, tmp_path):
    own = SqliteEventLogStorage(str(tmp_path))
    for partition in ("a", "b"):
        log.store_event(make_event("run-1", partition))
        own.store_event(make_event("run-1", f"own {partition}"))

        for reader in (log, own):
            assert list_partitions(reader, "run-1")[-2:] == [partition, f"own {partition}"]
            assert reader.get_materialized_partitions(AssetKey("eval_results")) >= {partition, f"own {partition}"}


def test_databases_of_many_runs_do_not_all_stay_open(log):
    for number in range(3 * MAX_KEPT_DATABASES):
        log.store_event(make_event(f"run-{number}", "a"))

    open_files = {Path(link).resolve().name for link in Path("/proc/self/fd").iterdir()}
    assert 1 < len([name for name in open_files if name.startswith("run-") and name.endswith(".db")]) <= MAX_KEPT_DATABASES
    assert all(list_partitions(log, f"run-{number}") == ["a"] for number in range(3 * MAX_KEPT_DATABASES))


def test_a_watcher_hears_of_each_event_once_while_the_writer_stays_connected(log, tmp_path):
    with follow(tmp_path, "run-1") as heard:
        for partition in ("a", "b", "c"):
            log.store_event(make_event("run-1", partition))
            assert heard.get(timeout=30) == partition
        assert heard.empty()


def test_a_watcher_hears_of_an_event_that_showed_up_after_the_last_change_of_the_file(log, tmp_path, monkeypatch):
    """SQLite syncs the file between the last write and the moment readers see it: on a slow disk, for seconds."""
    looks = []

    def read_too_early(self: KeptEventLog, *args: Any, **kwargs: Any) -> EventLogConnection:
        looks.append(time.monotonic())
        if time.monotonic() - looks[0] < 2:
            return EventLogConnection(records=[], cursor=EventLogCursor.from_storage_id(-1).to_string(), has_more=False)
        return SqliteEventLogStorage.get_records_for_run(self, *args, **kwargs)

    monkeypatch.setattr(KeptEventLog, "get_records_for_run", read_too_early)
    with follow(tmp_path, "run-1") as heard:
        log.store_event(make_event("run-1", "a"))
        assert heard.get(timeout=30) == "a"


def test_a_watcher_that_ended_hears_no_more(log):
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()
    kept: queue.SimpleQueue[str] = queue.SimpleQueue()
    watches = [lambda entry, cursor: heard.put(entry.run_id), lambda entry, cursor: kept.put(entry.run_id)]
    for watch in watches:
        log.watch("run-1", None, watch)
    log.store_event(make_event("run-1", "a"))
    assert heard.get(timeout=30) == kept.get(timeout=30)

    log.end_watch("run-1", watches[0])
    log.store_event(make_event("run-1", "b"))
    assert kept.get(timeout=30) == "run-1"
    assert heard.empty()


def test_after_a_wipe_it_begins_anew(log):
    log.store_event(make_event("run-1", "a"))
    log.wipe()
    assert list_partitions(log, "run-1") == []
    log.store_event(make_event("run-1", "b"))
    assert list_partitions(log, "run-1") == ["b"]


def test_when_it_is_disposed_of_nothing_is_left_outside_the_databases(log, tmp_path):
    log.store_event(make_event("run-1", "a"))
    assert list(tmp_path.glob("*-wal"))
    log.dispose()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.db", "run-1.db"]
    assert list_partitions(SqliteEventLogStorage(str(tmp_path)), "run-1") == ["a"]


def test_the_instance_of_dagster_yaml_uses_it(tmp_path, monkeypatch):
    (tmp_path / "dagster.yaml").write_bytes((Path(__file__).parents[2] / "dagster.yaml").read_bytes())
    monkeypatch.setenv("PREFILL_DAGSTER_STATE", str(tmp_path / "state"))
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.event_log_storage, KeptEventLog)
        assert instance.get_runs(RunsFilter()) == []
        with DagsterInstance.from_ref(instance.get_ref()) as other:
            assert isinstance(other.event_log_storage, KeptEventLog)
            assert other.event_log_storage.path_for_shard("x") == instance.event_log_storage.path_for_shard("x")

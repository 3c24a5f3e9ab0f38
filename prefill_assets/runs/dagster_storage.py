"""Dagster's own records in SQLite, in the files that it always keeps them in, over connections that stay open.

As it comes, Dagster opens a connection for each of its statements (21 for a partition) and closes it again; the last one to close
empties SQLite's write-ahead log into the database each time. `dagster.yaml` names `KeptSqliteStorage`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.event_log import SqliteEventLogStorage, SqlPollingEventWatcher
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

MAX_KEPT_DATABASES = 8
"""Every run has a database of its own; a web server that shows thousands of them keeps the latest open."""


class KeptEventLog(SqliteEventLogStorage):
    """The event log, whose latest databases stay open until it is disposed of."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        self._kept: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        self._watcher = SqlPollingEventWatcher(self)
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._open(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _open(self, shard: str) -> Engine:
        if shard not in self._kept:
            self._kept[shard] = create_engine(
                self.conn_string_for_shard(shard), poolclass=QueuePool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
            )
        self._kept.move_to_end(shard)
        while len(self._kept) > MAX_KEPT_DATABASES:
            self._kept.popitem(last=False)[1].dispose()
        return self._kept[shard]

    def has_table(self, table_name: str) -> bool:
        """Asked before every event is stored; a table that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Dagster's own waits for the file to change. The last change comes before SQLite shows what it holds."""
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: EventHandlerFn) -> None:
        self._watcher.unwatch_run(run_id, handler)

    def wipe(self) -> None:
        self._close()
        super().wipe()

    def dispose(self) -> None:
        self._watcher.close()
        super().dispose()
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            while self._kept:
                self._kept.popitem()[1].dispose()


class KeptSqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage with such an event log: `base_dir` is laid out as ever."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        super().__init__(base_dir, inst_data)
        self._event_log_storage = KeptEventLog(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> KeptSqliteStorage:
        return cls.from_local(inst_data=inst_data, **config_value)
